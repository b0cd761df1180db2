package outbox

import (
	"math/rand/v2"
	"sync"
	"time"
)

// What fails is left alone for a time that doubles from firstBackoff to mostBackoff, give or take a quarter.
const (
	firstBackoff = 250 * time.Millisecond
	mostBackoff  = 15 * time.Second
)

// backoffs are the destinations, or the servers, that failed, in this process. The zero value is ready.
type backoffs struct {
	mu sync.Mutex
	of map[int]backoff
}

type backoff struct {
	until  time.Time
	length time.Duration
}

// state says whether something failed the last time, and whether it may be tried again.
func (b *backoffs) state(n int, now time.Time) (failed, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, failed := b.of[n]
	return failed, !failed || !now.Before(was.until)
}

func (b *backoffs) add(n int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[int]backoff{}
	}
	if now.Before(b.of[n].until) {
		return // several deliveries failed together, which counts once
	}
	length := min(max(2*b.of[n].length, firstBackoff), mostBackoff)
	b.of[n] = backoff{until: now.Add(length*3/4 + rand.N(length/2)), length: length}
}

func (b *backoffs) clear(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, n)
}
