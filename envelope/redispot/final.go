package redispot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/envelope"
)

const (
	// maxFinalTakes bounds what is remembered of final pots: about 200 bytes a take, so 50 MB.
	maxFinalTakes = 1 << 18
	// maxFinalShares is the largest pot that is remembered. Larger ones are asked in Redis: loading one would take
	// Redis longer than answering its losers.
	maxFinalShares = 2000
	// finalFor is how long a final pot is remembered, which bounds how long this process can differ from a Redis that
	// was recovered without its noticing.
	finalFor = 10 * time.Minute
	// potWeight is what a final pot weighs beside its takes, in takes.
	potWeight = 4
)

// final is a pot that never changes again.
type final struct {
	state  envelope.PotState
	of     map[string]int // user → index into state.Taken
	others envelope.Outcome
	until  time.Time
}

// finals remembers final pots: their losers and repeat winners are answered without Redis.
type finals struct {
	cache *otter.Cache[int64, *final]

	mu      sync.Mutex
	loading map[int64]struct{}
	epoch   uint64 // counts forget, so that what was loaded before it is not remembered after it
}

func newFinals() (*finals, error) {
	cache, err := otter.New(&otter.Options[int64, *final]{
		MaximumWeight: maxFinalTakes,
		Weigher:       func(_ int64, f *final) uint32 { return uint32(potWeight + len(f.state.Taken)) },
	})
	if err != nil {
		return nil, fmt.Errorf("redispot: cache: %w", err)
	}
	return &finals{cache: cache, loading: map[int64]struct{}{}}, nil
}

func (f *finals) get(id int64) (*final, bool) {
	pot, ok := f.cache.GetIfPresent(id)
	if !ok || time.Now().After(pot.until) {
		return nil, false
	}
	return pot, true
}

// take answers a grab.
func (pot *final) take(user string) (envelope.Take, envelope.Outcome) {
	if i, ok := pot.of[user]; ok {
		return pot.state.Taken[i], envelope.AlreadyWon
	}
	return envelope.Take{}, pot.others
}

// look returns a copy that the caller may change.
func (pot *final) look() envelope.PotState {
	s := pot.state
	s.Taken = slices.Clone(s.Taken)
	return s
}

// keep remembers a pot that was looked at in an epoch, if it is final and not too large.
func (f *finals) keep(id int64, s envelope.PotState, epoch uint64) {
	if !s.Closed || len(s.Taken)+s.Left > maxFinalShares {
		return
	}
	pot := &final{state: s, of: make(map[string]int, len(s.Taken)), others: envelope.Expired,
		until: time.Now().Add(finalFor)}
	pot.state.Taken = slices.Clone(s.Taken)
	if s.Left == 0 {
		pot.others = envelope.Empty
	}
	for i, t := range pot.state.Taken {
		pot.of[t.User] = i
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch == epoch {
		f.cache.Set(id, pot)
	}
}

func (f *finals) now() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch
}

func (f *finals) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch++
	f.cache.InvalidateAll()
}

// load looks at a pot that is known to be final, unless somebody else is just doing so. Failing is harmless: the next
// loser asks Redis again.
func (f *finals) load(ctx context.Context, id int64, look func(context.Context, int64) (envelope.PotState, error)) {
	f.mu.Lock()
	_, busy := f.loading[id]
	if !busy {
		f.loading[id] = struct{}{}
	}
	f.mu.Unlock()
	if busy {
		return
	}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.loading, id)
	}()
	_, _ = look(ctx, id) // look keeps it
}
