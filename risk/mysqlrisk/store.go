// Package mysqlrisk keeps the reviews of rules on MySQL, and reads from the ledger what was claimed in the past.
package mysqlrisk

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Store is risk.Reviews on the shards. It is safe for concurrent use.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
	now     func() time.Time
}

var _ risk.Reviews = (*Store)(nil)

// New makes a Store.
func New(c *shards.Cluster, l *mysqlledger.Ledger, now func() time.Time) *Store {
	return &Store{cluster: c, ledger: l, now: now}
}

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "risk_version"})
}

const columns = "id, user, request_id, fingerprint, kind, payee, currency, amount, rule, version, state, at, " +
	"decided_by, reason, decided_at"

func (s *Store) table(shard int) string { return s.cluster.Table(shard, "risk_reviews") }

func scan(row *sql.Rows) (w risk.Waiting, err error) {
	var at, decided int64
	err = row.Scan(&w.ID, &w.User, &w.RequestID, &w.Fingerprint, &w.Kind, &w.Payee, &w.Amount.Currency,
		&w.Amount.Minor, &w.Rule, &w.Version, &w.State, &at, &w.By, &w.Reason, &decided)
	if w.At = rows.Millis(at); decided != 0 {
		w.DecidedAt = rows.Millis(decided)
	}
	return w, err
}

func (s *Store) find(ctx context.Context, q rows.Querier, shard int, rest string, args ...any) ([]risk.Waiting, error) {
	return rows.Select(ctx, q, scan, "SELECT "+columns+" FROM "+s.table(shard)+" "+rest, args...)
}

// Ask implements risk.Reviews. Of calls that come at once, a few more than MaxOpenReviews may be open. Error:
// shards.ErrUnavailable.
func (s *Store) Ask(ctx context.Context, w risk.Waiting) (found risk.Waiting, full bool, err error) {
	shard := s.cluster.ForUser(w.User)
	if w.ID, err = s.ledger.NewID(w.User); err != nil {
		return found, false, err
	}
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		found, full, err = s.ask(ctx, tx, shard, w)
		return err
	})
	if err != nil {
		return risk.Waiting{}, false, fmt.Errorf("review of a call of %s: %w", w.User, err)
	}
	if found.Fingerprint != w.Fingerprint && !full {
		return risk.Waiting{}, false, refusal.New(refusal.CodeRequestConflict,
			"request_id %q was used before for something else: use a new one for each new request", w.RequestID)
	}
	return found, full, nil
}

func (s *Store) ask(ctx context.Context, tx *sql.Tx, shard int, w risk.Waiting) (risk.Waiting, bool, error) {
	const same = "WHERE user = ? AND request_id = ? AND kind = ?"
	found, err := s.find(ctx, tx, shard, same, w.User, w.RequestID, string(w.Kind))
	if err != nil || len(found) == 1 {
		return first(found), false, err
	}
	var open int
	err = tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+s.table(shard)+" WHERE user = ? AND state = ?", w.User,
		string(risk.ReviewOpen)).Scan(&open)
	if err != nil || open >= risk.MaxOpenReviews {
		return risk.Waiting{}, err == nil, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+s.table(shard)+" ("+columns+") VALUES "+rows.In(15)+
		" ON DUPLICATE KEY UPDATE id = id", w.ID, w.User, w.RequestID, w.Fingerprint, string(w.Kind), w.Payee,
		string(w.Amount.Currency), w.Amount.Minor, w.Rule, w.Version, string(w.State), w.At.UnixMilli(), "", "", 0)
	if err != nil {
		return risk.Waiting{}, false, err
	}
	if found, err = s.find(ctx, tx, shard, same, w.User, w.RequestID, string(w.Kind)); err == nil && len(found) != 1 {
		err = errors.New("mysqlrisk: a review is not where it was written")
	}
	return first(found), false, err
}

func first(found []risk.Waiting) (w risk.Waiting) {
	if len(found) > 0 {
		w = found[0]
	}
	return w
}

// Decide implements risk.Reviews. Error: shards.ErrUnavailable.
func (s *Store) Decide(ctx context.Context, d risk.Decision) (w risk.Waiting, err error) {
	if err := d.Check(); err != nil {
		return w, err
	}
	shard, ok := s.cluster.ShardOf(d.ID)
	if !ok {
		return w, errUnknown(d.ID)
	}
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		found, err := s.find(ctx, tx, shard, "WHERE id = ? FOR UPDATE", d.ID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errUnknown(d.ID)
		}
		if w = found[0]; w.State == d.To {
			return nil
		}
		if w.State != risk.ReviewOpen {
			return refusal.New(risk.CodeReviewDecided, "review %d was %s before", d.ID, w.State)
		}
		w.State, w.By, w.Reason, w.DecidedAt = d.To, d.By, d.Reason, rows.Millis(s.now().UnixMilli())
		_, err = tx.ExecContext(ctx, "UPDATE "+s.table(shard)+
			" SET state = ?, decided_by = ?, reason = ?, decided_at = ? WHERE id = ?", string(w.State), w.By, w.Reason,
			w.DecidedAt.UnixMilli(), d.ID)
		return err
	})
	if err != nil {
		return risk.Waiting{}, fmt.Errorf("review %d: %w", d.ID, err)
	}
	return w, nil
}

func errUnknown(id int64) error {
	return refusal.New(risk.CodeReviewUnknown, "there is no review %d", id)
}

// List implements risk.Reviews. Error: shards.ErrUnavailable.
func (s *Store) List(ctx context.Context, state risk.ReviewState, after int64, limit int) ([]risk.Waiting, error) {
	var all []risk.Waiting
	for _, shard := range s.cluster.All() {
		some, err := s.find(ctx, s.cluster.DB(shard), shard, "WHERE state = ? AND id > ? ORDER BY id LIMIT ?",
			string(state), after, limit)
		if err != nil {
			return nil, shards.Classify(fmt.Errorf("reviews of shard %d: %w", shard, err))
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b risk.Waiting) int { return cmp.Compare(a.ID, b.ID) })
	return all[:min(limit, len(all))], nil
}
