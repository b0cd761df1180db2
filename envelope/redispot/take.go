package redispot

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	// DefaultCallsInFlight is how many Take calls are under way at once for each bucket. See BenchmarkTakeWinners.
	DefaultCallsInFlight = 2
	// maxBatch is the most grabs in one script call. It bounds how long the script keeps Redis from others (under a
	// millisecond) and is well below what Lua can unpack.
	maxBatch = 256
	// maxQueue is the most grabs that wait for a bucket: about a tenth of a second of work.
	maxQueue = 8192
)

// call is a grab on its way. It is either delivered, to the one who waits, or abandoned by them: state decides.
type call struct {
	id      int64
	user    string
	take    envelope.Take
	outcome envelope.Outcome
	count   int // shares of the envelope, with Empty and Expired
	err     error
	state   atomic.Int32
	done    chan struct{}
}

const (
	waiting int32 = iota
	delivered
	abandoned
)

var calls = sync.Pool{New: func() any { return &call{done: make(chan struct{}, 1)} }}

// Take implements envelope.Pot. Refusals: invalid_argument for a malformed user, unavailable when too many grabs are
// waiting or too few replicas confirmed.
func (p *Pots) Take(ctx context.Context, id int64, user string) (envelope.Take, envelope.Outcome, error) {
	if pot, ok := p.finals.get(id); ok {
		take, outcome := pot.take(user)
		p.metrics.hits.Inc()
		p.metrics.outcomes[outcome].Inc()
		return take, outcome, nil
	}
	b, err := p.of(id)
	if err != nil {
		return envelope.Take{}, "", err
	}
	if err := refusal.CheckID("user", user); err != nil {
		return envelope.Take{}, "", err
	}
	take, outcome, count, err := b.take(ctx, id, user)
	if err != nil {
		return envelope.Take{}, "", err
	}
	p.metrics.outcomes[outcome].Inc()
	if (outcome == envelope.Empty || outcome == envelope.Expired) && count <= maxFinalShares {
		p.finals.load(ctx, id, p.Look)
	}
	return take, outcome, nil
}

// Waiting implements envelope.Pot.
func (p *Pots) Waiting() int { return int(p.waiting.Load()) }

// bucket gathers the grabs that arrive while its calls are under way: each next call carries what has come together.
// Nothing waits for a timer.
type bucket struct {
	keys   bucketKeys
	pots   *Pots
	atOnce int

	mu      sync.Mutex
	queue   []*call
	head    int // queue[:head] is gone
	running int // goroutines in run, at most atOnce
}

func (b *bucket) take(ctx context.Context, id int64, user string) (envelope.Take, envelope.Outcome, int, error) {
	c := calls.Get().(*call)
	c.id, c.user = id, user
	c.state.Store(waiting)
	if err := b.enqueue(c); err != nil {
		calls.Put(c)
		return envelope.Take{}, "", 0, err
	}
	b.pots.waiting.Add(1)
	defer b.pots.waiting.Add(-1)
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.state.CompareAndSwap(waiting, abandoned) {
			return envelope.Take{}, "", 0, ctx.Err() // c now belongs to the batch
		}
		<-c.done
	}
	take, outcome, count, err := c.take, c.outcome, c.count, c.err
	c.user, c.take, c.outcome, c.count, c.err = "", envelope.Take{}, "", 0, nil
	calls.Put(c)
	return take, outcome, count, err
}

func (b *bucket) enqueue(c *call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue)-b.head >= maxQueue {
		return refusal.New(refusal.CodeUnavailable, "too many people are grabbing at this moment: try again")
	}
	b.queue = append(b.queue, c)
	if b.running < b.atOnce {
		b.running++
		go b.run()
	}
	return nil
}

// next moves what is waiting, at most maxBatch, into batch. With nothing there, the caller's run is over.
func (b *bucket) next(batch []*call) []*call {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(maxBatch, len(b.queue)-b.head)
	if n == 0 {
		b.running--
		return nil
	}
	batch = append(batch[:0], b.queue[b.head:b.head+n]...)
	clear(b.queue[b.head : b.head+n])
	b.head += n
	if b.head*2 >= len(b.queue) {
		rest := copy(b.queue, b.queue[b.head:])
		clear(b.queue[rest:])
		b.queue, b.head = b.queue[:rest], 0
	}
	return batch
}

func (b *bucket) run() {
	w := works.Get().(*work)
	defer works.Put(w)
	for {
		w.batch = b.next(w.batch)
		if len(w.batch) == 0 {
			return
		}
		b.call(w)
		clear(w.batch)
	}
}

// work is the memory of one run.
type work struct {
	batch  []*call
	groups []group
	at     map[int64]int // envelope → index into groups
	keys   []string
	args   []string
}

// group is the grabs of one envelope.
type group struct {
	id    int64
	calls []*call
}

var works = sync.Pool{New: func() any { return &work{at: map[int64]int{}} }}

// call sends a batch to Redis and delivers the answers.
func (b *bucket) call(w *work) {
	size := w.sort()
	if size == 0 {
		return
	}
	b.pots.metrics.batch.Observe(float64(size))
	w.keys = append(w.keys[:0], b.keys.home, b.keys.log)
	w.args = append(w.args[:0], b.pots.installation)
	for _, g := range w.groups {
		pot, shares := b.keys.pot(g.id)
		w.keys = append(w.keys, pot, shares)
		w.args = append(w.args, strconv.FormatInt(g.id, 10), strconv.Itoa(len(g.calls)))
		for _, c := range g.calls {
			w.args = append(w.args, c.user)
		}
	}
	answer, safe, err := b.ask(w)
	for _, g := range w.groups {
		for _, c := range g.calls {
			var word string
			word, answer, _ = strings.Cut(answer, " ")
			b.answer(c, word, safe, err)
		}
	}
}

func (b *bucket) ask(w *work) (answer string, safe bool, err error) {
	ctx, cancel := b.pots.bounded(context.Background())
	defer cancel()
	m, safe, err := b.pots.runSafely(ctx, &b.pots.scripts.take, w.keys, w.args)
	if err == nil {
		answer, err = m.ToString()
	}
	if err != nil {
		return "", false, fmt.Errorf("take: %w", err)
	}
	return answer, safe, nil
}

// sort groups the calls of the batch that somebody still waits for by envelope, and returns their number.
func (w *work) sort() int {
	clear(w.at)
	w.groups = w.groups[:0]
	size := 0
	for _, c := range w.batch {
		if c.state.Load() != waiting {
			continue
		}
		size++
		i, ok := w.at[c.id]
		if !ok {
			i = len(w.groups)
			w.at[c.id] = i
			if i < cap(w.groups) {
				w.groups = w.groups[:i+1]
			} else {
				w.groups = append(w.groups, group{})
			}
			w.groups[i].id, w.groups[i].calls = c.id, w.groups[i].calls[:0]
		}
		w.groups[i].calls = append(w.groups[i].calls, c)
	}
	return size
}

// answer delivers one word of the script's answer.
func (b *bucket) answer(c *call, word string, safe bool, err error) {
	take, outcome, count, wordErr := parseAnswer(word, c.user)
	switch {
	case err != nil:
	case wordErr != nil:
		err = wordErr
	case !safe && (outcome == envelope.Won || outcome == envelope.AlreadyWon):
		err = b.pots.unsafe()
	}
	if !c.state.CompareAndSwap(waiting, delivered) {
		return
	}
	c.take, c.outcome, c.count, c.err = take, outcome, count, err
	c.done <- struct{}{}
}

// parseAnswer reads a word as take.lua describes it.
func parseAnswer(word, user string) (t envelope.Take, o envelope.Outcome, count int, err error) {
	if word == "" {
		return t, "", 0, fmt.Errorf("redispot: take: no answer")
	}
	switch rest := word[1:]; word[0] {
	case 'w', 'a':
		o = envelope.Won
		if word[0] == 'a' {
			o = envelope.AlreadyWon
		}
		t, err = parseTake(user, rest)
	case 'e', 'x':
		o = envelope.Empty
		if word[0] == 'x' {
			o = envelope.Expired
		}
		count, err = strconv.Atoi(rest)
	case 'n':
		err = envelope.ErrNoPot
	default:
		err = fmt.Errorf("redispot: take: answer %q", word)
	}
	return t, o, count, err
}

// parseTake reads "<share>:<minor>:<at>", a user's field in a pot.
func parseTake(user, value string) (envelope.Take, error) {
	share, rest, ok := strings.Cut(value, ":")
	minor, at, ok2 := strings.Cut(rest, ":")
	s, err1 := strconv.Atoi(share)
	m, err2 := strconv.ParseInt(minor, 10, 64)
	ms, err3 := strconv.ParseInt(at, 10, 64)
	if !ok || !ok2 || err1 != nil || err2 != nil || err3 != nil {
		return envelope.Take{}, fmt.Errorf("redispot: %q is no take", value)
	}
	return envelope.Take{User: user, Share: s, Minor: m, At: time.UnixMilli(ms).UTC()}, nil
}
