package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/risk/mysqlrisk"
	"github.com/hongbao/hongbao/risk/redisrisk"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// maxGrabWindows bounds the windows of rules about grabs that a process remembers.
const maxGrabWindows = 1 << 16

// openRisk makes the rules of this process, where it has some.
func (a *App) openRisk() (err error) {
	cfg := a.cfg
	a.Reviews = mysqlrisk.New(a.Cluster, a.Ledger, cfg.Now)
	if cfg.Rules == nil {
		return nil
	}
	stopped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "hongbao", Name: "risk_stopped_total",
		Help: "Claims of money that a rule has stopped, by rule and what it said.",
	}, []string{"rule", "verdict"})
	if err := cfg.Registerer.Register(stopped); err != nil {
		return err
	}
	for _, r := range cfg.Rules.Rules {
		if r.Then != risk.Allow {
			stopped.WithLabelValues(r.Name, string(r.Then))
		}
	}
	a.Risk, err = risk.NewService(risk.Config{
		Rules: *cfg.Rules, Windows: redisrisk.New(a.Redis), Grabs: risk.NewMemory(maxGrabWindows, cfg.Now),
		Reviews: a.Reviews, Requests: a.Ledger, Now: cfg.Now,
		Stopped: func(rule string, v risk.Verdict) { stopped.WithLabelValues(rule, string(v)).Inc() },
	})
	return err
}

// Past are the claims from a time on that were carried out. Error: shards.ErrUnavailable, or that there are too many.
func (a *App) Past(ctx context.Context, since time.Time) ([]risk.Past, error) {
	return a.Reviews.Past(ctx, mysqlrisk.History{
		Holds: map[ledger.Subject]risk.Kind{envelope.Subject: risk.Envelope, transfer.Subject: risk.Transfer,
			collection.Subject: risk.Payment},
		Grabs: envelope.Subject, OpenFor: a.cfg.Limits.OpenFor,
	}, since)
}
