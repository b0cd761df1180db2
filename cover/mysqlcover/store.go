// Package mysqlcover keeps covers in the shards of a ledger, each on the shard of its merchant.
package mysqlcover

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Store is a cover.Store. It is safe for concurrent use. Every method may fail with shards.ErrUnavailable.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
	events  merchant.ServerEvents
}

var _ cover.Store = (*Store)(nil)

// New makes a Store, which tells merchants' servers of what changes. It makes no connection.
func New(c *shards.Cluster, l *mysqlledger.Ledger, e merchant.ServerEvents) *Store {
	return &Store{c, l, e}
}

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "cover_version"})
}

// tables are the full names of a shard's tables.
type tables struct{ covers, history, images, uses, purges, reports string }

func (s *Store) tables(shard int) tables {
	return tables{
		covers: s.cluster.Table(shard, "covers"), history: s.cluster.Table(shard, "cover_history"),
		images: s.cluster.Table(shard, "cover_images"), uses: s.cluster.Table(shard, "cover_uses"),
		purges: s.cluster.Table(shard, "cover_purges"), reports: s.cluster.Table(shard, "cover_reports"),
	}
}

// nowMillis is the time by the database's clock.
const nowMillis = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"

func now(ctx context.Context, q rows.Querier) (time.Time, error) {
	var ms int64
	err := q.QueryRowContext(ctx, "SELECT "+nowMillis).Scan(&ms)
	return rows.Millis(ms), err
}

// Create implements cover.Store.
func (s *Store) Create(
	ctx context.Context, account string, id int64, r ledger.Request, f func(time.Time) (cover.Edit, error),
) (cover.Cover, error) {
	var e cover.Edit
	err := s.ledger.SQLTx(ctx, id, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, account, r, id); err != nil {
			return err
		}
		at, err := now(ctx, tx.SQL())
		if err != nil {
			return err
		}
		if e, err = f(at); err != nil {
			return err
		}
		t := s.tables(tx.Shard())
		if err := room(ctx, tx.SQL(), t, e.Cover); err != nil {
			return err
		}
		err = insertCover(ctx, tx.SQL(), t, e.Cover)
		if shards.IsDuplicate(err) {
			return mysqlledger.ErrIDExists
		}
		if err != nil {
			return err
		}
		return s.carryOut(ctx, tx, e)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		c, _, err := s.Get(ctx, before.Reference)
		return c, err
	}
	if err != nil {
		return cover.Cover{}, fmt.Errorf("cover %d: %w", id, err)
	}
	e.History = 1
	return e.Cover, nil
}

// room refuses another cover where a side has as many as it may have. The requests of a side wait for one another only
// where they are the same, so a few more than that may come about.
func room(ctx context.Context, tx *sql.Tx, t tables, c cover.Cover) error {
	var n int
	err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.covers+
		" WHERE merchant = ? AND mode = ? AND state NOT IN (?, ?)", c.Merchant, string(c.Mode),
		string(cover.StateExpired), string(cover.StateTakenDown)).Scan(&n)
	if err == nil && n >= cover.MaxCovers {
		err = cover.ErrTooMany
	}
	return err
}

// Update implements cover.Store.
func (s *Store) Update(
	ctx context.Context, id int64, by string, side cover.Side, request ledger.Request,
	f func(cover.Cover, time.Time) (cover.Edit, error),
) (c cover.Cover, err error) {
	if _, ok := s.cluster.ShardOf(id); !ok {
		return c, cover.ErrNotFound
	}
	err = s.ledger.SQLTx(ctx, id, func(tx *mysqlledger.Tx) error {
		t := s.tables(tx.Shard())
		found, at, err := read(ctx, tx.SQL(), t, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		c = found
		repeated, err := before(ctx, tx.SQL(), t, id, by, side, request)
		if err != nil || repeated {
			return err
		}
		e, err := f(found, at)
		if err != nil {
			return err
		}
		if err := updateCover(ctx, tx.SQL(), t, e.Cover); err != nil {
			return err
		}
		c = e.Cover
		c.History = found.History + 1
		return s.carryOut(ctx, tx, e)
	})
	if err != nil {
		return cover.Cover{}, err
	}
	return c, nil
}

// before says whether a change was made with the same request. Refusal: request_conflict.
func before(
	ctx context.Context, q rows.Querier, t tables, id int64, by string, side cover.Side, request ledger.Request,
) (repeated bool, err error) {
	var fingerprint []byte
	err = q.QueryRowContext(ctx, "SELECT fingerprint FROM "+t.history+
		" WHERE cover = ? AND side = ? AND changed_by = ? AND request_id = ?",
		id, string(side), by, request.ID).Scan(&fingerprint)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err == nil && !bytes.Equal(fingerprint, request.Fingerprint[:]):
		err = refusal.New(refusal.CodeRequestConflict,
			"request_id %q was used before for something else: use a new one for each new request", request.ID)
	}
	return err == nil, err
}

// carryOut writes what belongs to an edit beside the cover's row, which is locked or new: e.History is as before.
func (s *Store) carryOut(ctx context.Context, tx *mysqlledger.Tx, e cover.Edit) error {
	t := s.tables(tx.Shard())
	if err := images(ctx, tx.SQL(), t, e); err != nil {
		return err
	}
	if err := writeChange(ctx, tx.SQL(), t, e.ID, e.History+1, e.Change); err != nil {
		return err
	}
	if err := tx.Publish(ctx, e.Events...); err != nil {
		return err
	}
	return s.events.Publish(ctx, tx, e.ServerEvents...)
}

// read reads a cover, and the time; tail is FOR UPDATE or nothing. Error: cover.ErrNotFound.
func read(ctx context.Context, q rows.Querier, t tables, id int64, tail string) (cover.Cover, time.Time, error) {
	var at int64
	found, err := rows.Select(ctx, q, func(row *sql.Rows) (cover.Cover, error) { return scanCover(row, &at) },
		"SELECT "+coverColumns+", "+nowMillis+" FROM "+t.covers+" WHERE id = ?"+tail, id)
	if err == nil && len(found) == 0 {
		err = cover.ErrNotFound
	}
	if err != nil {
		return cover.Cover{}, time.Time{}, err
	}
	return found[0], rows.Millis(at), nil
}

// Get implements cover.Store.
func (s *Store) Get(ctx context.Context, id int64) (cover.Cover, time.Time, error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return cover.Cover{}, time.Time{}, cover.ErrNotFound
	}
	c, at, err := read(ctx, s.cluster.DB(shard), s.tables(shard), id, "")
	if err != nil && !errors.Is(err, cover.ErrNotFound) {
		err = shards.Classify(fmt.Errorf("cover %d: %w", id, err))
	}
	return c, at, err
}

// OfMerchant implements cover.Store.
func (s *Store) OfMerchant(
	ctx context.Context, of int64, m merchant.Mode, before int64, limit int,
) ([]cover.Cover, error) {
	shard, ok := s.cluster.ShardOf(of)
	if !ok {
		return nil, nil
	}
	found, err := rows.Select(ctx, s.cluster.DB(shard), plainCover, "SELECT "+coverColumns+" FROM "+
		s.tables(shard).covers+" WHERE merchant = ? AND mode = ? AND id < ? ORDER BY id DESC LIMIT ?", of, string(m),
		rows.Below(before), limit)
	return found, classify(err, "covers of merchant %d", of)
}

// InState implements cover.Store.
func (s *Store) InState(
	ctx context.Context, state cover.State, appealed bool, before int64, limit int,
) ([]cover.Cover, error) {
	condition, args := "state = ?", []any{string(state)}
	if appealed {
		condition, args = "state = ? AND appeal = ?", append(args, string(cover.AppealOpen))
	}
	return newest(ctx, s, before, limit, func(c cover.Cover) int64 { return c.ID },
		func(shard int, before int64) ([]cover.Cover, error) {
			return rows.Select(ctx, s.cluster.DB(shard), plainCover, "SELECT "+coverColumns+" FROM "+
				s.tables(shard).covers+" WHERE "+condition+" AND id < ? ORDER BY id DESC LIMIT ?",
				append(slices.Clone(args), before, limit)...)
		})
}

// newest is a page over all shards, the highest id first: an operator's, so one shard after another will do.
func newest[T any](
	_ context.Context, s *Store, before int64, limit int, id func(T) int64, page func(int, int64) ([]T, error),
) ([]T, error) {
	var all []T
	for shard := range s.cluster.Shards() {
		some, err := page(shard, rows.Below(before))
		if err != nil {
			return nil, classify(err, "a list of shard %d", shard)
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b T) int {
		if id(a) > id(b) {
			return -1
		}
		return 1
	})
	return all[:min(limit, len(all))], nil
}

// History implements cover.Store.
func (s *Store) History(ctx context.Context, id, before int64, limit int) ([]cover.Change, error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return nil, cover.ErrNotFound
	}
	changes, err := rows.Select(ctx, s.cluster.DB(shard), scanChange, "SELECT "+changeColumns+" FROM "+
		s.tables(shard).history+" WHERE cover = ? AND seq < ? ORDER BY seq DESC LIMIT ?", id, rows.Below(before), limit)
	return changes, classify(err, "history of cover %d", id)
}

// Due implements cover.Store.
func (s *Store) Due(ctx context.Context, shard int, clocks []merchant.TestClock, limit int) ([]int64, error) {
	due, args := "usable_until <= "+nowMillis, []any{string(cover.StateApproved)}
	for i, c := range clocks { // in each condition the beginning of the index of_merchant
		if args = append(args, c.Merchant, string(merchant.Test), c.Ahead.Milliseconds()); i == 0 {
			due = "FALSE"
		}
		due += " OR merchant = ? AND mode = ? AND usable_until <= " + nowMillis + " + ?"
	}
	ids, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[int64], "SELECT id FROM "+s.tables(shard).covers+
		" WHERE state = ? AND ("+due+") ORDER BY usable_until LIMIT ?", append(args, limit)...)
	return ids, classify(err, "covers of shard %d that are due", shard)
}

func classify(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return shards.Classify(fmt.Errorf(format+": %w", append(args, err)...))
}
