package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

// MaxCollectionParts bounds a collection.
const MaxCollectionParts = 500

// tellOf makes the notices of a change from the collection afterwards.
type tellOf = func(wallet.Collection) ([]wallet.Notice, error)

// OpenCollection stores a collection with its mentions and notices, in one transaction on its collector's shard. If the
// request was already carried out, the collection of that time is returned as it is now. Refusal: request_conflict. Any
// other error, except shards.ErrUnavailable, says that the collection is malformed or that its id exists.
func (l *Ledger) OpenCollection(ctx context.Context, r wallet.Request, c wallet.Collection, mentions []wallet.Mention, notices []wallet.Notice) (wallet.Collection, error) {
	if err := errors.Join(l.checkCollection(c), checkMentions(mentions), checkNotices(notices)); err != nil {
		return wallet.Collection{}, err
	}
	shard, _ := l.ShardOf(c.ID)
	t := l.tables[shard]
	err := l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		if err := l.claim(ctx, tx, t, c.Collector, r, c.ID); err != nil {
			return err
		}
		if err := insertCollection(ctx, tx, t, c); err != nil {
			return err
		}
		if err := l.writeMentions(ctx, tx, shard, mentions); err != nil {
			return err
		}
		return l.writeNotices(ctx, tx, shard, notices)
	})
	if before, ok := errors.AsType[repeat](err); ok {
		return l.GetCollection(ctx, before.reference)
	}
	if err != nil {
		return wallet.Collection{}, fmt.Errorf("collection %d: %w", c.ID, err)
	}
	l.tell(shard)
	return c, nil
}

func insertCollection(ctx context.Context, tx *sql.Tx, t tables, c wallet.Collection) error {
	args := make([]any, 0, 7*len(c.Parts))
	for _, p := range c.Parts {
		args = append(args, c.ID, p.Member, p.Minor, string(p.State), 0, 0, p.At.UnixMilli())
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.collections+" ("+collectionColumns+", reminded) VALUES "+in(14),
		c.ID, c.Group, c.Collector, string(c.Kind), string(c.Currency), c.Total, c.Due, 0, c.Note, string(c.State),
		c.CreatedAt.UnixMilli(), c.RemindAt.UnixMilli(), 0, 0)
	if shards.IsDuplicate(err) {
		return errors.New("mysqlledger: the id exists already: do two processes have the same node number?")
	}
	if err != nil {
		return err
	}
	return insertRows(ctx, tx, "INSERT INTO "+t.parts+" (collection, "+partColumns+")", 7, args, "")
}

func (l *Ledger) checkCollection(c wallet.Collection) error {
	shard, ok := l.ShardOf(c.ID)
	if !ok || shard != l.cluster.ForUser(c.Collector) {
		return fmt.Errorf("mysqlledger: collection %d: the id is not one for collector %q", c.ID, c.Collector)
	}
	if err := errors.Join(wallet.CheckID("collector", c.Collector), wallet.CheckID("group", c.Group)); err != nil {
		return err
	}
	if _, err := wallet.NewAmount(c.Total, string(c.Currency)); err != nil {
		return err
	}
	var due, all int64
	members := map[string]bool{}
	for _, p := range c.Parts {
		if err := wallet.CheckID("member", p.Member); err != nil {
			return err
		}
		own := p.State == wallet.PartOwn
		if p.Minor < 1 || p.Minor > c.Total || members[p.Member] || own != (p.Member == c.Collector) || !own && p.State != wallet.PartDue {
			return fmt.Errorf("mysqlledger: collection %d: a part of %d, %s, for %q", c.ID, p.Minor, p.State, p.Member)
		}
		members[p.Member] = true
		if all += p.Minor; !own {
			due += p.Minor
		}
	}
	switch {
	case len(c.Parts) > MaxCollectionParts:
		return fmt.Errorf("mysqlledger: collection %d has %d parts: at most %d", c.ID, len(c.Parts), MaxCollectionParts)
	case due != c.Due || due < 1 || all > c.Total || c.Collected != 0 || c.State != wallet.CollectionOpen:
		return fmt.Errorf("mysqlledger: collection %d of %d: %d are due of parts of %d, %d collected, %s", c.ID, c.Total, c.Due, all, c.Collected, c.State)
	case utf8.RuneCountInString(c.Note) > MaxNote || !utf8.ValidString(c.Note):
		return fmt.Errorf("mysqlledger: collection %d: the note is not UTF-8 of at most %d characters", c.ID, MaxNote)
	}
	return nil
}

const (
	collectionColumns = "id, group_id, collector, kind, currency, total, due, collected, note, state, created_at, remind_at, closed_at"
	partColumns       = "member, amount, state, claim, payment, at"
)

func scanCollection(rows *sql.Rows, more ...any) (c wallet.Collection, err error) {
	var created, remind, closed int64
	err = rows.Scan(append([]any{&c.ID, &c.Group, &c.Collector, &c.Kind, &c.Currency, &c.Total, &c.Due, &c.Collected, &c.Note, &c.State,
		&created, &remind, &closed}, more...)...)
	c.CreatedAt, c.RemindAt = millis(created), millis(remind)
	if closed != 0 {
		c.ClosedAt = millis(closed)
	}
	return c, err
}

func scanPart(rows *sql.Rows, before ...any) (p wallet.CollectionPart, err error) {
	var at int64
	err = rows.Scan(append(before, &p.Member, &p.Minor, &p.State, &p.Claim, &p.Payment, &at)...)
	p.At = millis(at)
	return p, err
}

// readCollection reads a collection with its parts; tail is FOR UPDATE or nothing. Error: wallet.ErrCollectionNotFound.
func readCollection(ctx context.Context, q querier, t tables, id int64, tail string) (c wallet.Collection, err error) {
	found := false
	err = collect(ctx, q, func(rows *sql.Rows) (err error) {
		found = true
		c, err = scanCollection(rows)
		return err
	}, "SELECT "+collectionColumns+" FROM "+t.collections+" WHERE id = ?"+tail, id)
	if err == nil && !found {
		err = wallet.ErrCollectionNotFound
	}
	if err != nil {
		return c, err
	}
	err = collect(ctx, q, func(rows *sql.Rows) error {
		p, err := scanPart(rows)
		c.Parts = append(c.Parts, p)
		return err
	}, "SELECT "+partColumns+" FROM "+t.parts+" WHERE collection = ? ORDER BY member", id)
	return c, err
}

// GetCollection returns a collection as it is now. Errors: wallet.ErrCollectionNotFound, shards.ErrUnavailable.
func (l *Ledger) GetCollection(ctx context.Context, id int64) (wallet.Collection, error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return wallet.Collection{}, wallet.ErrCollectionNotFound
	}
	c, err := readCollection(ctx, l.cluster.DB(shard), l.tables[shard], id, "")
	if err != nil && !errors.Is(err, wallet.ErrCollectionNotFound) {
		err = shards.Classify(fmt.Errorf("collection %d: %w", id, err))
	}
	return c, err
}

// CollectionLines returns those of the collections that exist, in the order of ids given, each with the part of a member.
func (l *Ledger) CollectionLines(ctx context.Context, ids []int64, member string) ([]wallet.CollectionLine, error) {
	return getAll(ctx, l, ids, func(c wallet.CollectionLine) int64 { return c.ID }, func(ctx context.Context, shard int, ids []any) ([]wallet.CollectionLine, error) {
		lines, err := l.collectionLines(ctx, shard, ids, member)
		if err != nil {
			return nil, shards.Classify(fmt.Errorf("collections of shard %d: %w", shard, err))
		}
		return lines, nil
	})
}

func (l *Ledger) collectionLines(ctx context.Context, shard int, ids []any, member string) ([]wallet.CollectionLine, error) {
	t := l.tables[shard]
	mine := map[int64]wallet.CollectionPart{}
	err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		var id int64
		p, err := scanPart(rows, &id)
		mine[id] = p
		return err
	}, "SELECT collection, "+partColumns+" FROM "+t.parts+" WHERE collection IN "+in(len(ids))+" AND member = ?", append(ids[:len(ids):len(ids)], member)...)
	if err != nil {
		return nil, err
	}
	var lines []wallet.CollectionLine
	err = collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		c, err := scanCollection(rows)
		lines = append(lines, wallet.CollectionLine{Collection: c, Mine: mine[c.ID]})
		return err
	}, "SELECT "+collectionColumns+" FROM "+t.collections+" WHERE id IN "+in(len(ids)), ids...)
	return lines, err
}

// CollectionsOf returns the ids of those that a collector opened, the highest first, below before (0: the highest).
func (l *Ledger) CollectionsOf(ctx context.Context, collector string, before int64, limit int) ([]int64, error) {
	if err := wallet.CheckID("collector", collector); err != nil {
		return nil, err
	}
	shard := l.cluster.ForUser(collector)
	ids, err := l.listIDs(ctx, shard, "SELECT id FROM "+l.tables[shard].collections+" WHERE collector = ? AND id < ? ORDER BY id DESC LIMIT ?", collector, upTo(before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("collections: %w", err))
	}
	return ids, nil
}

// DueReminders returns the ids of open collections on a shard whose time to remind has come and that were not reminded of.
func (l *Ledger) DueReminders(ctx context.Context, shard int, now time.Time, limit int) ([]int64, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	ids, err := l.listIDs(ctx, shard, "SELECT id FROM "+l.tables[shard].collections+" WHERE reminded = 0 AND state = ? AND remind_at <= ? ORDER BY remind_at LIMIT ?",
		string(wallet.CollectionOpen), now.UnixMilli(), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("reminders of shard %d: %w", shard, err))
	}
	return ids, nil
}

// IdleClaims returns claims on a shard that were made before a time, the oldest first.
func (l *Ledger) IdleClaims(ctx context.Context, shard int, before time.Time, limit int) ([]wallet.CollectionClaim, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	var claims []wallet.CollectionClaim
	err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		var c wallet.CollectionClaim
		err := rows.Scan(&c.Collection, &c.Member, &c.Claim)
		claims = append(claims, c)
		return err
	}, "SELECT collection, member, claim FROM "+l.tables[shard].parts+" WHERE state = ? AND at < ? ORDER BY at LIMIT ?",
		string(wallet.PartClaimed), before.UnixMilli(), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("claims of shard %d: %w", shard, err))
	}
	return claims, nil
}
