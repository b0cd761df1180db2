package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

// Mentioned returns the references of a subject that somebody was mentioned in, the highest first, below before (0: from
// the highest).
func (l *Ledger) Mentioned(ctx context.Context, of string, s wallet.Subject, before int64, limit int) ([]int64, error) {
	if err := checkMentions([]wallet.Mention{{Of: of}}); err != nil {
		return nil, err
	}
	shard := l.homeOf(of)
	ids, err := l.listIDs(ctx, shard, "SELECT reference FROM "+l.tables[shard].mentions+" WHERE who = ? AND subject = ? AND reference < ? ORDER BY reference DESC LIMIT ?",
		of, string(s), upTo(before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("mentions: %w", err))
	}
	return ids, nil
}

// listIDs runs a query for ids.
func (l *Ledger) listIDs(ctx context.Context, shard int, query string, args ...any) ([]int64, error) {
	var ids []int64
	err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, query, args...)
	return ids, err
}

// GetHolds returns those of the holds that exist, in the order of ids given.
func (l *Ledger) GetHolds(ctx context.Context, ids []int64) ([]wallet.Hold, error) {
	return getAll(ctx, l, ids, func(h wallet.Hold) int64 { return h.ID }, func(ctx context.Context, shard int, ids []any) ([]wallet.Hold, error) {
		return l.listHolds(ctx, shard, "WHERE id IN "+in(len(ids)), ids...)
	})
}

// getAll reads records by ids that lie on several shards, some shards at a time, and puts them into the order of ids.
func getAll[T any](ctx context.Context, l *Ledger, ids []int64, idOf func(T) int64, get func(ctx context.Context, shard int, ids []any) ([]T, error)) ([]T, error) {
	const width = 8
	byShard := map[int][]any{}
	for _, id := range ids {
		if shard, ok := l.ShardOf(id); ok {
			byShard[shard] = append(byShard[shard], id)
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	found := make(map[int64]T, len(ids))
	slots := make(chan struct{}, width)
	for shard, here := range byShard {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for chunk := range slices.Chunk(here, maxRows) {
				records, err := get(ctx, shard, chunk)
				mu.Lock()
				for _, r := range records {
					found[idOf(r)] = r
				}
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	records := make([]T, 0, len(ids))
	for _, id := range ids {
		if r, ok := found[id]; ok {
			records = append(records, r)
		}
	}
	return records, nil
}

// Notices returns the oldest notices of a shard that were not yet forgotten, up to a limit.
func (l *Ledger) Notices(ctx context.Context, shard, limit int) ([]wallet.Notice, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	var notices []wallet.Notice
	err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		var n wallet.Notice
		err := rows.Scan(&n.ID, &n.Topic, &n.Body)
		notices = append(notices, n)
		return err
	}, "SELECT id, topic, body FROM "+l.tables[shard].notices+" ORDER BY id LIMIT ?", limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("notices of shard %d: %w", shard, err))
	}
	return notices, nil
}

// ForgetNotices deletes notices of a shard.
func (l *Ledger) ForgetNotices(ctx context.Context, shard int, ids []int64) error {
	if err := l.checkShard(shard); err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, maxRows) {
		args := make([]any, len(chunk))
		for i, id := range chunk {
			args[i] = id
		}
		if _, err := l.cluster.DB(shard).ExecContext(ctx, "DELETE FROM "+l.tables[shard].notices+" WHERE id IN "+in(len(args)), args...); err != nil {
			return shards.Classify(fmt.Errorf("forget notices of shard %d: %w", shard, err))
		}
	}
	return nil
}

// Told gets a signal when this process has written notices to a shard. Only one may wait for it.
func (l *Ledger) Told(shard int) <-chan struct{} { return l.told[shard] }

// tell says that there are notices on a shard.
func (l *Ledger) tell(shard int) {
	select {
	case l.told[shard] <- struct{}{}:
	default: // a signal is waiting already
	}
}
