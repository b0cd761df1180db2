package outbox

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	delivered   *prometheus.CounterVec
	suspensions prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	const namespace, subsystem = "hongbao", "outbox"
	m := metrics{
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "delivered_total", Help: "Items that reached their shard, by the kind of their message."}, []string{
			"kind"}),
		suspensions: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "suspensions_total", Help: "Times that delivery to a shard failed and was put off."}),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.delivered), r.Register(m.suspensions))
}
