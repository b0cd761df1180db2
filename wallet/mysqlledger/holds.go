package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

const holdColumns = "id, subject, owner, currency, amount, posted, voided, is_open, note, parts, detail, created_at, expires_at, counterparty, stage, staged_at"

func scanHold(rows *sql.Rows) (h wallet.Hold, err error) {
	var parts []byte
	var created, expires, staged int64
	err = rows.Scan(&h.ID, &h.Subject, &h.Owner, &h.Amount.Currency, &h.Amount.Minor, &h.Posted, &h.Voided, &h.Open,
		&h.Note, &parts, &h.Detail, &created, &expires, &h.Counterparty, &h.Stage, &staged)
	if err != nil {
		return wallet.Hold{}, err
	}
	if err := json.Unmarshal(parts, &h.Parts); err != nil {
		return wallet.Hold{}, fmt.Errorf("parts of hold %d: %w", h.ID, err)
	}
	h.CreatedAt, h.ExpiresAt = millis(created), millis(expires)
	h.StagedAt = stagedAt(h.Stage, staged)
	return h, nil
}

// stagedAt is when a hold came into its stage: never, if it has none.
func stagedAt(s wallet.Stage, ms int64) time.Time {
	if s == "" {
		return time.Time{}
	}
	return millis(ms)
}

// stageTime is the inverse of stagedAt.
func stageTime(h wallet.Hold) int64 {
	if h.Stage == "" {
		return 0
	}
	return h.StagedAt.UnixMilli()
}

func selectHolds(ctx context.Context, q querier, t tables, rest string, args ...any) ([]wallet.Hold, error) {
	var holds []wallet.Hold
	err := collect(ctx, q, func(rows *sql.Rows) error {
		h, err := scanHold(rows)
		holds = append(holds, h)
		return err
	}, "SELECT "+holdColumns+" FROM "+t.holds+" "+rest, args...)
	return holds, err
}

func (l *Ledger) listHolds(ctx context.Context, shard int, rest string, args ...any) ([]wallet.Hold, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	holds, err := selectHolds(ctx, l.cluster.DB(shard), l.tables[shard], rest, args...)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("holds of shard %d: %w", shard, err))
	}
	return holds, nil
}

// GetHold returns a hold as it is now. Errors: wallet.ErrHoldNotFound, shards.ErrUnavailable.
func (l *Ledger) GetHold(ctx context.Context, id int64) (wallet.Hold, error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return wallet.Hold{}, wallet.ErrHoldNotFound
	}
	holds, err := l.listHolds(ctx, shard, "WHERE id = ?", id)
	if err != nil {
		return wallet.Hold{}, err
	}
	if len(holds) == 0 {
		return wallet.Hold{}, wallet.ErrHoldNotFound
	}
	return holds[0], nil
}

// OpenHolds returns open holds of a subject on a shard with an id above after, in the order of ids.
func (l *Ledger) OpenHolds(ctx context.Context, shard int, s wallet.Subject, after int64, limit int) ([]wallet.Hold, error) {
	return l.listHolds(ctx, shard, "WHERE subject = ? AND is_open = 1 AND id > ? ORDER BY id LIMIT ?", string(s), after, limit)
}

// DueHolds returns open holds of a subject on a shard that expired at or before now, the oldest first, from the one
// behind after (the zero Hold: from the oldest).
func (l *Ledger) DueHolds(ctx context.Context, shard int, s wallet.Subject, now time.Time, after wallet.Hold, limit int) ([]wallet.Hold, error) {
	from := int64(0)
	if after.ID != 0 {
		from = after.ExpiresAt.UnixMilli()
	}
	return l.listHolds(ctx, shard, "WHERE subject = ? AND is_open = 1 AND expires_at <= ? AND expires_at >= ? AND (expires_at > ? OR id > ?) ORDER BY expires_at, id LIMIT ?",
		string(s), now.UnixMilli(), from, from, after.ID, limit)
}

// HoldsOf returns an owner's holds of a subject, newest first, with an id below before (0: from the newest).
func (l *Ledger) HoldsOf(ctx context.Context, owner string, s wallet.Subject, before int64, limit int) ([]wallet.Hold, error) {
	if err := wallet.CheckID("owner", owner); err != nil {
		return nil, err
	}
	return l.listHolds(ctx, l.cluster.ForUser(owner), "WHERE owner = ? AND subject = ? AND id < ? ORDER BY id DESC LIMIT ?", owner, string(s), upTo(before), limit)
}

// Posts returns the posts of a hold, in the order of At. A hold that does not exist has none.
func (l *Ledger) Posts(ctx context.Context, id int64) ([]wallet.Post, error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return nil, nil
	}
	var posts []wallet.Post
	err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		p, err := scanPost(rows)
		posts = append(posts, p)
		return err
	}, "SELECT "+postColumns+" FROM "+l.tables[shard].posts+" WHERE hold = ? ORDER BY at, part", id)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("posts of hold %d: %w", id, err))
	}
	return posts, nil
}

const postColumns = "hold, part, payee, amount, at"

func scanPost(rows *sql.Rows) (p wallet.Post, err error) {
	var at int64
	err = rows.Scan(&p.Hold, &p.Part, &p.Payee, &p.Minor, &at)
	p.At = millis(at)
	return p, err
}

// upTo is a cursor's bound: 0 means from the newest.
func upTo(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}
