package app_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/membership"
)

// A worker reports how far behind its shards are, and nothing of shards that it has given up.
func TestAWorkerReportsItsBacklog(t *testing.T) {
	s := apptest.New(t, nil)
	metrics := s.Config().Registerer.(*prometheus.Registry)
	gauges := func(name string) (shards int, sum float64) {
		families, err := metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name {
					shards++
					sum += m.GetGauge().GetValue()
				}
			}
		}
		return shards, sum
	}
	if n, _ := gauges("hongbao_clearing_age_seconds"); n != 0 {
		t.Fatalf("%d shards are reported before there is a worker", n)
	}
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	sent, err := s.Envelopes.Send(t.Context(), "alice", envelope.Order{RequestID: "r", Group: "g",
		Kind: string(envelope.Lucky), Total: 100, Currency: "CNY", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Envelopes.Grab(t.Context(), "bob", sent.ID); err != nil {
		t.Fatal(err)
	}
	worker, err := membership.New(s.Redis, membership.Config{Key: "workers", Worker: "w", Partitions: 4},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop := apptest.Start(t, func(ctx context.Context) { s.Work(ctx, worker) })
	apptest.Until(t, "all shards are reported, and the grab is settled", func() bool {
		n, _ := gauges("hongbao_settle_backlog_seconds")
		entries, _ := gauges("hongbao_relay_backlog_entries")
		ages, _ := gauges("hongbao_clearing_age_seconds")
		return n == 4 && entries == 4 && ages == 4
	})
	stop()
	if n, _ := gauges("hongbao_settle_backlog_entries"); n != 0 {
		t.Errorf("%d shards are still reported by a worker that has stopped", n)
	}
}
