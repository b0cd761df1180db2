package outbox

import (
	"math/rand/v2"
	"sync"
	"time"
)

// A destination that fails is left alone for a time that doubles from firstBackoff to mostBackoff, give or take a
// quarter.
const (
	firstBackoff = 250 * time.Millisecond
	mostBackoff  = 15 * time.Second
)

// backoffs are the destinations that failed, in this process. The zero value is ready.
type backoffs struct {
	mu sync.Mutex
	of map[int]backoff
}

type backoff struct {
	until  time.Time
	length time.Duration
}

// timeout says whether a destination is due for a try, and how long that may take.
func (b *backoffs) timeout(dest int, now time.Time) (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, failed := b.of[dest]
	if !failed {
		return deliverTimeout, true
	}
	return probeTimeout, !now.Before(was.until)
}

func (b *backoffs) add(dest int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[int]backoff{}
	}
	if now.Before(b.of[dest].until) {
		return // deliveries from several shards failed together, which counts once
	}
	length := min(max(2*b.of[dest].length, firstBackoff), mostBackoff)
	b.of[dest] = backoff{until: now.Add(length*3/4 + rand.N(length/2)), length: length}
}

func (b *backoffs) clear(dest int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, dest)
}
