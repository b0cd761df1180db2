package mysqlwebhook

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/webhook"
)

type metrics struct {
	attempts *prometheus.CounterVec
	took     prometheus.Histogram
	oldest   *prometheus.GaugeVec
	disabled *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	const namespace, subsystem = "hongbao", "webhook"
	m := metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "attempts_total", Help: "Attempts to deliver, by what came of them."}, []string{"outcome"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "attempt_seconds", Help: "How long attempts took.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2.5, 10)}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "oldest_due_seconds", Help: "How long the oldest delivery of a shard, to an active endpoint that " +
				"did not ask for a pause, has been due; 0 for none."}, []string{"shard"}),
		disabled: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "disabled_total", Help: "Endpoints that were disabled by an answer or by failure."},
			[]string{"reason"}),
	}
	for _, o := range []webhook.Outcome{
		webhook.OutcomeDelivered, webhook.OutcomeFailed, webhook.OutcomeThrottled, webhook.OutcomeGone,
	} {
		m.attempts.WithLabelValues(string(o))
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.attempts), r.Register(m.took), r.Register(m.oldest), r.Register(m.disabled))
}
