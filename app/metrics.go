package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/hongbao/hongbao/internal/loop"
)

// backlogInterval is how often a worker looks how far behind its shards are.
const backlogInterval = 5 * time.Second

// backlogGauges say how far behind the shards of a worker are, by shard. Whoever owns a shard reports it, so a shard
// that nobody owns is missing.
type backlogGauges struct {
	settleEntries, settleAge, relayEntries, clearingAge *prometheus.GaugeVec
}

func newBacklogGauges(r prometheus.Registerer) (backlogGauges, error) {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "hongbao", Name: name, Help: help},
			[]string{"shard"})
	}
	g := backlogGauges{
		settleEntries: gauge("settle_backlog_entries", "Grabs of a shard that are acknowledged and not settled."),
		settleAge:     gauge("settle_backlog_seconds", "Age of the oldest of them; 0 for none."),
		relayEntries:  gauge("relay_backlog_entries", "Grabs of a shard that listeners have not been told."),
		clearingAge:   gauge("clearing_age_seconds", "Age of the oldest credit that is on its way; 0 for none."),
	}
	return g, errors.Join(r.Register(g.settleEntries), r.Register(g.settleAge), r.Register(g.relayEntries),
		r.Register(g.clearingAge))
}

func newRebuildCounter(r prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "hongbao", Name: "buckets_rebuilt_total",
		Help: "Buckets of pots that were rebuilt from the ledger because Redis had forgotten something, by reason.",
	}, []string{"reason"})
	return c, r.Register(c)
}

// reportBacklog reports on one shard until the context ends.
func (a *App) reportBacklog(ctx context.Context, shard int) {
	label, g := strconv.Itoa(shard), a.backlogs
	defer func() {
		for _, gauge := range []*prometheus.GaugeVec{g.settleEntries, g.settleAge, g.relayEntries, g.clearingAge} {
			gauge.DeleteLabelValues(label)
		}
	}()
	job := loop.Job{Name: "backlog", Log: a.cfg.Log.With("shard", shard), Interval: backlogInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		b, err := a.backlog(ctx, shard)
		if err != nil {
			return false, err
		}
		g.settleEntries.WithLabelValues(label).Set(float64(b.SettleEntries))
		g.settleAge.WithLabelValues(label).Set(b.SettleAge.Seconds())
		g.relayEntries.WithLabelValues(label).Set(float64(b.RelayEntries))
		g.clearingAge.WithLabelValues(label).Set(b.ClearingAge.Seconds())
		return false, nil
	})
}

// registerStores registers what this process knows of the installation and of its connections to MySQL.
func (a *App) registerStores() error {
	shards := prometheus.NewGauge(prometheus.GaugeOpts{Name: "hongbao_shards", Help: "Shards of the installation."})
	shards.Set(float64(a.Installation.Shards))
	if err := a.cfg.Registerer.Register(shards); err != nil {
		return err
	}
	for server := range a.Cluster.Servers() {
		pool := collectors.NewDBStatsCollector(a.Cluster.ServerDB(server), fmt.Sprintf("mysql-%d", server))
		if err := a.cfg.Registerer.Register(pool); err != nil {
			return err
		}
	}
	return nil
}
