package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// How workers audit without being asked.
const (
	// auditShard is whose worker audits.
	auditShard = 0
	auditLook  = 5 * time.Second // between looks whether it is time
	// auditLease is how long an audit may take; a worker that dies in one keeps others from auditing for so long.
	auditLease = 20 * time.Minute
	// firstAudit is the longest that an installation waits for its first one.
	firstAudit = 5 * time.Minute

	auditRunnerKey = "hongbao:audit:runner"
	auditLastKey   = "hongbao:audit:last"
)

// LastAudit is the latest audit that a worker made of its own accord.
type LastAudit struct {
	At     time.Time          `json:"at"` // when it ended
	Took   time.Duration      `json:"took"`
	FullAt time.Time          `json:"full_at"` // when the latest ended that read everything
	Report ledger.AuditReport `json:"report"`
}

// auditGauges say how the latest audit of this worker ended.
type auditGauges struct {
	found, seconds, at prometheus.Gauge
	failed             prometheus.Counter
}

func newAuditGauges(r prometheus.Registerer) (auditGauges, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "hongbao", Name: name, Help: help})
	}
	g := auditGauges{
		found:   gauge("audit_discrepancies", "Discrepancies that the latest audit of this worker has named."),
		seconds: gauge("audit_seconds", "How long the latest audit of this worker took."),
		at: gauge("audit_timestamp_seconds",
			"When the latest audit of this worker ended, in Unix seconds; 0 for never."),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hongbao", Name: "audits_failed_total",
			Help: "Audits of this worker that could not read all the books."}),
	}
	return g, errors.Join(r.Register(g.found), r.Register(g.seconds), r.Register(g.at), r.Register(g.failed))
}

// LastAudit returns the latest audit of a worker. known is false where there is none, or Redis has lost it.
func (a *App) LastAudit(ctx context.Context) (last LastAudit, known bool, err error) {
	text, err := a.Redis.Do(ctx, a.Redis.B().Get().Key(auditLastKey).Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return last, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil {
		return LastAudit{}, false, fmt.Errorf("the latest audit: %w", err)
	}
	return last, true, nil
}

// auditJob audits every so often, until the context ends.
func (a *App) auditJob(ctx context.Context) {
	if a.cfg.AuditEvery <= 0 {
		return
	}
	began := a.cfg.Now()
	job := loop.Job{Name: "audit", Log: a.cfg.Log, Interval: min(auditLook, a.cfg.AuditEvery)}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		last, known, err := a.LastAudit(ctx)
		if err != nil {
			return false, err
		}
		due := last.At.Add(a.cfg.AuditEvery)
		if !known {
			due = began.Add(min(a.cfg.AuditEvery, firstAudit))
		}
		if a.cfg.Now().Before(due) {
			return false, nil
		}
		return false, a.auditOnce(ctx)
	})
}

// auditOnce audits unless another worker does.
func (a *App) auditOnce(ctx context.Context) error {
	me := rand.Text()
	err := a.Redis.Do(ctx, a.Redis.B().Set().Key(auditRunnerKey).Value(me).Nx().Px(auditLease).Build()).Error()
	if rueidis.IsRedisNil(err) {
		return nil // another one does
	}
	if err != nil {
		return err
	}
	defer a.endAudit(ctx, me)
	bound, cancel := context.WithTimeout(ctx, auditLease)
	defer cancel()
	began := time.Now()
	report, fullAt, err := a.auditNext(bound)
	if err != nil {
		a.audits.failed.Inc()
		return err
	}
	last := LastAudit{At: a.cfg.Now().UTC(), Took: time.Since(began), FullAt: fullAt, Report: report}
	if !report.Incremental {
		last.FullAt = last.At
	}
	text, err := json.Marshal(last)
	if err != nil {
		return err
	}
	a.audits.found.Set(float64(report.Found))
	a.audits.seconds.Set(last.Took.Seconds())
	a.audits.at.Set(float64(last.At.Unix()))
	if !report.Balanced() {
		a.cfg.Log.Error("the books do not balance", "discrepancies", report.Found, "first", report.Discrepancies[0])
	}
	return a.Redis.Do(ctx, a.Redis.B().Set().Key(auditLastKey).Value(string(text)).Build()).Error()
}

// auditNext audits what no seal covers, and seals what it has read. It audits in full when that is due, after an audit
// that found something, and when it finds something itself: so what only a full one finds is not forgotten an hour
// later. fullAt is when the latest full one before this was.
func (a *App) auditNext(ctx context.Context) (report ledger.AuditReport, fullAt time.Time, err error) {
	last, known, err := a.LastAudit(ctx)
	if err != nil {
		return report, fullAt, err
	}
	next := audit.Options{Seal: true, Incremental: known && last.Report.Balanced() &&
		a.cfg.Now().Before(last.FullAt.Add(a.cfg.FullAuditEvery))}
	report, err = a.AuditWith(ctx, next)
	if err == nil && next.Incremental && !report.Balanced() {
		report, err = a.AuditWith(ctx, audit.Options{Seal: true})
	}
	return report, last.FullAt, err
}

// endAudit lets others audit again. A lease that has ended may be another worker's by now.
func (a *App) endAudit(ctx context.Context, me string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditLook)
	defer cancel()
	holds, err := a.Redis.Do(ctx, a.Redis.B().Get().Key(auditRunnerKey).Build()).ToString()
	if err == nil && holds == me {
		err = a.Redis.Do(ctx, a.Redis.B().Del().Key(auditRunnerKey).Build()).Error()
	}
	if err != nil && !rueidis.IsRedisNil(err) {
		a.cfg.Log.Warn("other workers can audit only when the lease of this one has ended", "error", err)
	}
}
