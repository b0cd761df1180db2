// Package mysqlcollection keeps collections in the shards of a ledger, each on the shard of its collector.
package mysqlcollection

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// MaxParts bounds a collection.
const MaxParts = 500

// Store is a collection.Store. It is safe for concurrent use. Every method may fail with shards.ErrUnavailable.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
}

var _ collection.Store = (*Store)(nil)

// New makes a Store. It makes no connection.
func New(c *shards.Cluster, l *mysqlledger.Ledger) *Store { return &Store{cluster: c, ledger: l} }

// Migrate brings the tables of every shard up to date, after those of the ledger; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "collection_version"})
}

// tables are the full names of a shard's tables.
type tables struct{ collections, parts string }

func (s *Store) tables(shard int) tables {
	return tables{collections: s.cluster.Table(shard, "collections"), parts: s.cluster.Table(shard, "collection_parts")}
}

// Open stores a collection with its index entries and events, in one transaction on its collector's shard. If the
// request was already carried out, the collection of that time is returned as it is now. Refusal: request_conflict. Any
// other error, except shards.ErrUnavailable, says that the collection is malformed or that its id exists.
func (s *Store) Open(
	ctx context.Context, r ledger.Request, c collection.Collection, index []ledger.IndexEntry, events []ledger.Event,
) (collection.Collection, error) {
	if err := s.check(c); err != nil {
		return collection.Collection{}, err
	}
	err := s.ledger.SQLTx(ctx, c.ID, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, c.Collector, r, c.ID); err != nil {
			return err
		}
		if err := insert(ctx, tx.SQL(), s.tables(tx.Shard()), c); err != nil {
			return err
		}
		if err := tx.Index(ctx, index...); err != nil {
			return err
		}
		return tx.Publish(ctx, events...)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return s.Get(ctx, before.Reference)
	}
	if err != nil {
		return collection.Collection{}, fmt.Errorf("collection %d: %w", c.ID, err)
	}
	return c, nil
}

func insert(ctx context.Context, tx *sql.Tx, t tables, c collection.Collection) error {
	args := make([]any, 0, 7*len(c.Parts))
	for _, p := range c.Parts {
		args = append(args, c.ID, p.Member, p.Minor, string(p.State), 0, 0, p.At.UnixMilli())
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.collections+" ("+collectionColumns+", reminded) VALUES "+rows.In(14),
		c.ID, c.Group, c.Collector, string(c.Kind), string(c.Currency), c.Total, c.Due, 0, c.Note, string(c.State),
		c.CreatedAt.UnixMilli(), c.RemindAt.UnixMilli(), 0, 0)
	if shards.IsDuplicate(err) {
		return mysqlledger.ErrIDExists
	}
	if err != nil {
		return err
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+t.parts+" (collection, "+partColumns+")", 7, args, "")
}

func (s *Store) check(c collection.Collection) error {
	shard, ok := s.cluster.ShardOf(c.ID)
	if !ok || shard != s.cluster.ForUser(c.Collector) {
		return fmt.Errorf("mysqlcollection: collection %d: the id is not one for collector %q", c.ID, c.Collector)
	}
	if err := errors.Join(refusal.CheckID("collector", c.Collector), refusal.CheckID("group", c.Group)); err != nil {
		return err
	}
	if _, err := ledger.NewAmount(c.Total, string(c.Currency)); err != nil {
		return err
	}
	var due, all int64
	members := map[string]bool{}
	for _, p := range c.Parts {
		if err := refusal.CheckID("member", p.Member); err != nil {
			return err
		}
		own := p.State == collection.PartOwn
		if p.Minor < 1 || p.Minor > c.Total || members[p.Member] || own != (p.Member == c.Collector) || !own &&
			p.State != collection.PartDue {
			return fmt.Errorf("mysqlcollection: collection %d: a part of %d, %s, for %q", c.ID, p.Minor, p.State,
				p.Member)
		}
		members[p.Member] = true
		if all += p.Minor; !own {
			due += p.Minor
		}
	}
	switch {
	case len(c.Parts) > MaxParts:
		return fmt.Errorf("mysqlcollection: collection %d has %d parts: at most %d", c.ID, len(c.Parts), MaxParts)
	case due != c.Due || due < 1 || all > c.Total || c.Collected != 0 || c.State != collection.StateOpen:
		return fmt.Errorf("mysqlcollection: collection %d of %d: %d are due of parts of %d, %d collected, %s", c.ID,
			c.Total, c.Due, all, c.Collected, c.State)
	case utf8.RuneCountInString(c.Note) > ledger.MaxNote || !utf8.ValidString(c.Note):
		return fmt.Errorf("mysqlcollection: collection %d: the note is not UTF-8 of at most %d characters", c.ID,
			ledger.MaxNote)
	}
	return nil
}

const (
	collectionColumns = "id, group_id, collector, kind, currency, total, due, collected, note, state, created_at, " +
		"remind_at, closed_at"
	partColumns = "member, amount, state, claim, payment, at"
)

func scanCollection(row *sql.Rows, more ...any) (c collection.Collection, err error) {
	var created, remind, closed int64
	err = row.Scan(append([]any{&c.ID, &c.Group, &c.Collector, &c.Kind, &c.Currency, &c.Total, &c.Due, &c.Collected,
		&c.Note, &c.State,
		&created, &remind, &closed}, more...)...)
	c.CreatedAt, c.RemindAt = rows.Millis(created), rows.Millis(remind)
	if closed != 0 {
		c.ClosedAt = rows.Millis(closed)
	}
	return c, err
}

func scanPart(row *sql.Rows, before ...any) (p collection.Part, err error) {
	var at int64
	err = row.Scan(append(before, &p.Member, &p.Minor, &p.State, &p.Claim, &p.Payment, &at)...)
	p.At = rows.Millis(at)
	return p, err
}

// read reads a collection with its parts; tail is FOR UPDATE or nothing. Error: collection.ErrNotFound.
func read(ctx context.Context, q rows.Querier, t tables, id int64, tail string) (c collection.Collection, err error) {
	found := false
	err = rows.Collect(ctx, q, func(row *sql.Rows) (err error) {
		found = true
		c, err = scanCollection(row)
		return err
	}, "SELECT "+collectionColumns+" FROM "+t.collections+" WHERE id = ?"+tail, id)
	if err == nil && !found {
		err = collection.ErrNotFound
	}
	if err != nil {
		return c, err
	}
	err = rows.Collect(ctx, q, func(row *sql.Rows) error {
		p, err := scanPart(row)
		c.Parts = append(c.Parts, p)
		return err
	}, "SELECT "+partColumns+" FROM "+t.parts+" WHERE collection = ? ORDER BY member", id)
	return c, err
}

// Get returns a collection as it is now. Errors: collection.ErrNotFound, shards.ErrUnavailable.
func (s *Store) Get(ctx context.Context, id int64) (collection.Collection, error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return collection.Collection{}, collection.ErrNotFound
	}
	c, err := read(ctx, s.cluster.DB(shard), s.tables(shard), id, "")
	if err != nil && !errors.Is(err, collection.ErrNotFound) {
		err = shards.Classify(fmt.Errorf("collection %d: %w", id, err))
	}
	return c, err
}

// Lines returns those of the collections that exist, in the order of ids given, each with the part of a member.
func (s *Store) Lines(ctx context.Context, ids []int64, member string) ([]collection.Line, error) {
	return shards.GetAll(ctx, s.cluster, ids, func(l collection.Line) int64 { return l.ID },
		func(ctx context.Context, shard int, ids []int64) ([]collection.Line, error) {
			return s.lines(ctx, shard, rows.Args(ids), member)
		})
}

func (s *Store) lines(ctx context.Context, shard int, ids []any, member string) ([]collection.Line, error) {
	t := s.tables(shard)
	mine := map[int64]collection.Part{}
	err := rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
		var id int64
		p, err := scanPart(row, &id)
		mine[id] = p
		return err
	}, "SELECT collection, "+partColumns+" FROM "+t.parts+" WHERE collection IN "+rows.In(
		len(ids))+" AND member = ?", append(ids[:len(ids):len(ids)], member)...)
	if err != nil {
		return nil, err
	}
	var lines []collection.Line
	err = rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
		c, err := scanCollection(row)
		lines = append(lines, collection.Line{Collection: c, Mine: mine[c.ID]})
		return err
	}, "SELECT "+collectionColumns+" FROM "+t.collections+" WHERE id IN "+rows.In(len(ids)), ids...)
	return lines, err
}

// OpenedBy returns the ids of those that a collector opened, the highest first, below before (0: the highest).
func (s *Store) OpenedBy(ctx context.Context, collector string, before int64, limit int) ([]int64, error) {
	if err := refusal.CheckID("collector", collector); err != nil {
		return nil, err
	}
	shard := s.cluster.ForUser(collector)
	ids, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[int64],
		"SELECT id FROM "+s.tables(
			shard).collections+" WHERE collector = ? AND id < ? ORDER BY id DESC LIMIT ?", collector, rows.Below(
			before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("collections: %w", err))
	}
	return ids, nil
}

// DueReminders returns the ids of open collections on a shard whose time to remind has come and that were not reminded
// of.
func (s *Store) DueReminders(ctx context.Context, shard int, now time.Time, limit int) ([]int64, error) {
	ids, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[int64],
		"SELECT id FROM "+s.tables(
			shard).collections+" WHERE reminded = 0 AND state = ? AND remind_at <= ? ORDER BY remind_at LIMIT ?",
		string(collection.StateOpen), now.UnixMilli(), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("reminders of shard %d: %w", shard, err))
	}
	return ids, nil
}

// IdleClaims implements collection.Store.
func (s *Store) IdleClaims(ctx context.Context, shard int, before time.Time, after collection.IdleClaim,
	limit int) (claims []collection.IdleClaim, err error) {
	const behind = "(at, collection, member) > (?, ?, ?)"
	err = rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
		var c collection.IdleClaim
		err := row.Scan(&c.Collection, &c.Member, &c.Claim.Claim, &c.At)
		c.Server = s.cluster.ServerOf(s.cluster.ForUser(c.Member))
		claims = append(claims, c)
		return err
	}, "SELECT collection, member, claim, at FROM "+s.tables(shard).parts+" WHERE state = ? AND at < ? AND "+behind+
		" ORDER BY at, collection, member LIMIT ?",
		string(collection.PartClaimed), before.UnixMilli(), after.At, after.Collection, after.Member, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("claims of shard %d: %w", shard, err))
	}
	return claims, nil
}
