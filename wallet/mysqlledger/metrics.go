package mysqlledger

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	posts, credits, rejections, suspensions prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hongbao", Subsystem: "ledger", Name: name, Help: help})
	}
	m := metrics{
		posts:       counter("posts_total", "Parts of holds that were posted."),
		credits:     counter("credits_total", "Posts that reached their payee's wallet."),
		rejections:  counter("rejections_total", "Posts that contradicted the ledger and were kept aside."),
		suspensions: counter("suspensions_total", "Times that delivery to a shard failed and was put off."),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.posts), r.Register(m.credits), r.Register(m.rejections), r.Register(m.suspensions))
}
