package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
)

// A destination that fails is left alone for a time that doubles from pauseFirst to pauseMost, give or take a quarter.
const (
	pauseFirst = 250 * time.Millisecond
	pauseMost  = 15 * time.Second
)

// pauses are the destinations that failed, in this process. The zero value is ready.
type pauses struct {
	mu sync.Mutex
	of map[int]pause
}

type pause struct {
	until  time.Time
	length time.Duration
}

// patience says whether a destination is to be tried now, and for how long.
func (p *pauses) patience(dest int, now time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, failed := p.of[dest]
	if !failed {
		return deliverTimeout, true
	}
	return probeTimeout, !now.Before(was.until)
}

func (p *pauses) add(dest int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[int]pause{}
	}
	if now.Before(p.of[dest].until) {
		return // deliveries from several shards failed together, which counts once
	}
	length := min(max(2*p.of[dest].length, pauseFirst), pauseMost)
	p.of[dest] = pause{until: now.Add(length*3/4 + rand.N(length/2)), length: length}
}

func (p *pauses) clear(dest int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, dest)
}

// ClearingAge is how long the oldest undelivered post of a shard has been waiting; 0 where there is none.
func (l *Ledger) ClearingAge(ctx context.Context, shard int) (time.Duration, error) {
	if err := l.checkShard(shard); err != nil {
		return 0, err
	}
	var oldest int64
	err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		var first int64
		err := rows.Scan(&first)
		if oldest == 0 || first < oldest {
			oldest = first
		}
		return err
	}, "SELECT MIN(id) FROM "+l.tables[shard].outbox+" GROUP BY dest")
	if err != nil {
		return 0, shards.Classify(fmt.Errorf("age of the outbox of shard %d: %w", shard, err))
	}
	if oldest == 0 {
		return 0, nil
	}
	return max(l.now().Sub(madeAt(oldest)), time.Millisecond), nil
}
