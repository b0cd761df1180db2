package mysqlledger

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	posts, rejections prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hongbao", Subsystem: "ledger", Name: name,
			Help: help})
	}
	m := metrics{
		posts:      counter("posts_total", "Parts of holds that were posted."),
		rejections: counter("rejections_total", "Posts that contradicted the ledger and were kept aside."),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.posts), r.Register(m.rejections))
}
