package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const holdColumns = "id, subject, owner, currency, amount, posted, voided, is_open, note, parts, detail, created_at, " +
	"expires_at, counterparty, counts_daily, stage, staged_at, unit"

func scanHold(row *sql.Rows) (h ledger.Hold, err error) {
	var parts []byte
	var created, expires, staged int64
	err = row.Scan(&h.ID, &h.Subject, &h.Owner, &h.Amount.Currency, &h.Amount.Minor, &h.Posted, &h.Voided, &h.Open,
		&h.Note, &parts, &h.Detail, &created, &expires, &h.Counterparty, &h.CountsDaily, &h.Stage, &staged,
		&h.Unit)
	if err != nil {
		return ledger.Hold{}, err
	}
	if err := json.Unmarshal(parts, &h.Parts); err != nil {
		return ledger.Hold{}, fmt.Errorf("parts of hold %d: %w", h.ID, err)
	}
	h.CreatedAt, h.ExpiresAt = rows.Millis(created), rows.Millis(expires)
	h.StagedAt = stagedAt(h.Stage, staged)
	return h, nil
}

// stagedAt is when a hold came into its stage: never, if it has none.
func stagedAt(s ledger.Stage, ms int64) time.Time {
	if s == "" {
		return time.Time{}
	}
	return rows.Millis(ms)
}

// stageTime is the inverse of stagedAt.
func stageTime(h ledger.Hold) int64 {
	if h.Stage == "" {
		return 0
	}
	return h.StagedAt.UnixMilli()
}

// SelectHolds reads the holds of a shard that rest (WHERE, ORDER BY, LIMIT) asks for.
func SelectHolds(ctx context.Context, q rows.Querier, t Tables, rest string, args ...any) ([]ledger.Hold, error) {
	return rows.Select(ctx, q, scanHold, "SELECT "+holdColumns+" FROM "+t.Holds+" "+rest, args...)
}

func (l *Ledger) listHolds(ctx context.Context, shard int, rest string, args ...any) ([]ledger.Hold, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	holds, err := SelectHolds(ctx, l.cluster.DB(shard), l.tables[shard], rest, args...)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("holds of shard %d: %w", shard, err))
	}
	return holds, nil
}

// GetHold returns a hold as it is now. Errors: ledger.ErrHoldNotFound, shards.ErrUnavailable.
func (l *Ledger) GetHold(ctx context.Context, id int64) (ledger.Hold, error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return ledger.Hold{}, ledger.ErrHoldNotFound
	}
	holds, err := l.listHolds(ctx, shard, "WHERE id = ?", id)
	if err != nil {
		return ledger.Hold{}, err
	}
	if len(holds) == 0 {
		return ledger.Hold{}, ledger.ErrHoldNotFound
	}
	return holds[0], nil
}

// OpenHolds returns open holds of a subject on a shard with an id above after, in the order of ids.
func (l *Ledger) OpenHolds(ctx context.Context, shard int, s ledger.Subject, after int64,
	limit int) ([]ledger.Hold, error) {
	return l.listHolds(ctx, shard, "WHERE subject = ? AND is_open = 1 AND id > ? ORDER BY id LIMIT ?", string(s), after,
		limit)
}

// DueHolds returns open holds of a subject on a shard that are expired by the database's clock, the oldest first, from
// the one behind after (the zero Hold: from the oldest).
func (l *Ledger) DueHolds(ctx context.Context, shard int, s ledger.Subject, after ledger.Hold,
	limit int) ([]ledger.Hold, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	now, err := l.clockOf(ctx, l.cluster.DB(shard))
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("time of shard %d: %w", shard, err))
	}
	from := int64(0)
	if after.ID != 0 {
		from = after.ExpiresAt.UnixMilli()
	}
	return l.listHolds(ctx, shard,
		"WHERE subject = ? AND is_open = 1 AND expires_at <= ? AND expires_at >= ? AND (expires_at > ? OR id > ?) "+
			"ORDER BY expires_at, id LIMIT ?",
		string(s), now.UnixMilli(), from, from, after.ID, limit)
}

// HoldsOf returns an owner's holds of a subject, newest first, with an id below before (0: from the newest).
func (l *Ledger) HoldsOf(ctx context.Context, owner string, s ledger.Subject, before int64,
	limit int) ([]ledger.Hold, error) {
	if err := ledger.CheckAccount("owner", owner); err != nil {
		return nil, err
	}
	return l.listHolds(ctx, l.cluster.ForUser(owner),
		"WHERE owner = ? AND subject = ? AND id < ? ORDER BY id DESC LIMIT ?", owner, string(s), rows.Below(
			before), limit)
}

// GetHolds returns those of the holds that exist, in the order of ids given.
func (l *Ledger) GetHolds(ctx context.Context, ids []int64) ([]ledger.Hold, error) {
	return shards.GetAll(ctx, l.cluster, ids, func(h ledger.Hold) int64 { return h.ID },
		func(ctx context.Context, shard int, ids []int64) ([]ledger.Hold, error) {
			return SelectHolds(ctx, l.cluster.DB(shard), l.tables[shard], "WHERE id IN "+rows.In(len(ids)),
				rows.Args(ids)...)
		})
}

// Posts returns the posts of a hold, in the order of At. A hold that does not exist has none.
func (l *Ledger) Posts(ctx context.Context, id int64) ([]ledger.Post, error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return nil, nil
	}
	var posts []ledger.Post
	err := rows.Collect(ctx, l.cluster.DB(shard), func(row *sql.Rows) error {
		p, err := scanPost(row)
		posts = append(posts, p)
		return err
	}, "SELECT "+postColumns+" FROM "+l.tables[shard].Posts+" WHERE hold = ? ORDER BY at, part", id)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("posts of hold %d: %w", id, err))
	}
	return posts, nil
}

const postColumns = "hold, part, payee, amount, at"

func scanPost(row *sql.Rows) (p ledger.Post, err error) {
	var at int64
	err = row.Scan(&p.Hold, &p.Part, &p.Payee, &p.Minor, &at)
	p.At = rows.Millis(at)
	return p, err
}
