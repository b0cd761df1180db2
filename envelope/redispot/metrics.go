package redispot

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/envelope"
)

type metrics struct {
	batch    prometheus.Histogram
	outcomes map[envelope.Outcome]prometheus.Counter
	hits     prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	const batchBuckets = 9 // 1, 2, 4 … 256
	takes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hongbao_pot_takes_total", Help: "Grabs answered, by outcome.",
	}, []string{"outcome"})
	m := metrics{
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hongbao_pot_take_batch_size", Help: "Grabs that went to Redis in one script call.",
			Buckets: prometheus.ExponentialBuckets(1, 2, batchBuckets),
		}),
		outcomes: map[envelope.Outcome]prometheus.Counter{},
		hits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hongbao_pot_final_hits_total", Help: "Grabs answered from memory because nothing in the pot can " +
				"change any more.",
		}),
	}
	for _, o := range []envelope.Outcome{envelope.Won, envelope.AlreadyWon, envelope.Empty, envelope.Expired} {
		m.outcomes[o] = takes.WithLabelValues(string(o))
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{takes, m.batch, m.hits} {
		if err := r.Register(c); err != nil {
			return metrics{}, fmt.Errorf("redispot: metrics: %w", err)
		}
	}
	return m, nil
}
