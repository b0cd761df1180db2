// Package gather brings calls together: those that arrive while earlier ones are under way go in one batch, so that a
// crowd pays for a round trip together and a lone caller waits for nobody.
package gather

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	// MaxBatch is the most calls in one batch. It bounds how long a batch keeps what it asks from others: a script of
	// so many takes holds a Redis for less than a millisecond, and is well below what Lua can unpack.
	MaxBatch = 256
	// MaxQueue is the most calls that wait in a queue: about a tenth of a second of work.
	MaxQueue = 8192
)

// Queue gathers the calls that arrive while earlier ones are under way: each next batch carries what has come together.
// Nothing waits for a timer.
type Queue[T any] struct {
	// Send carries out a batch of 1 to MaxBatch calls, skips those that are Abandoned, and delivers the others.
	Send func(batch []*Call[T])
	// AtOnce is how many batches are under way at a time.
	AtOnce int
	// Enter, if there is one, waits until a batch may be sent, and returns what ends its time. Calls that come while it
	// waits are in that batch.
	Enter func() (leave func())

	mu      sync.Mutex
	waiting []*Call[T]
	head    int       // waiting[:head] is gone
	running int       // goroutines in run, at most AtOnce
	free    sync.Pool // of *Call[T]
	batches sync.Pool // of *[]*Call[T]
}

// Call is a call on its way. It is either delivered, to the one who waits, or abandoned by them: state decides.
type Call[T any] struct {
	Data T // the question, and once delivered the answer

	state atomic.Int32
	done  chan struct{}
}

const (
	waiting int32 = iota
	delivered
	abandoned
)

// Abandoned says that nobody waits for the call any more.
func (c *Call[T]) Abandoned() bool { return c.state.Load() == abandoned }

// Deliver answers the call. A call is delivered once.
func (c *Call[T]) Deliver(answer T) {
	if c.state.CompareAndSwap(waiting, delivered) {
		c.Data = answer
		c.done <- struct{}{}
	}
}

// Do puts a question into a batch and returns what was delivered. Refusal: unavailable when too many calls wait.
// Cancelled while it waits, it is not sent; cancelled later, it is carried out all the same.
func (q *Queue[T]) Do(ctx context.Context, question T) (answer T, err error) {
	c := q.call(question)
	if err := q.enqueue(c); err != nil {
		q.free.Put(c)
		return answer, err
	}
	return q.Await(ctx, c)
}

// Start puts questions into batches together and appends their calls, in their order, to calls. Each of them must be
// awaited, once. Refusal: unavailable when too many calls wait; then none of the questions is sent.
func (q *Queue[T]) Start(calls []*Call[T], questions ...T) ([]*Call[T], error) {
	before := len(calls)
	for _, question := range questions {
		calls = append(calls, q.call(question))
	}
	if err := q.enqueue(calls[before:]...); err != nil {
		for _, c := range calls[before:] {
			q.free.Put(c)
		}
		return calls[:before], err
	}
	return calls, nil
}

// Await returns what was delivered to a call that Start made. A context that ends has the effect that it has on Do.
func (q *Queue[T]) Await(ctx context.Context, c *Call[T]) (answer T, err error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.state.CompareAndSwap(waiting, abandoned) {
			return answer, ctx.Err() // c now belongs to the batch
		}
		<-c.done
	}
	var none T
	answer, c.Data = c.Data, none
	q.free.Put(c)
	return answer, nil
}

func (q *Queue[T]) call(question T) *Call[T] {
	c, ok := q.free.Get().(*Call[T])
	if !ok {
		c = &Call[T]{done: make(chan struct{}, 1)}
	}
	c.Data = question
	c.state.Store(waiting)
	return c
}

// Waiting is how many calls wait to be sent.
func (q *Queue[T]) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) - q.head
}

// Idle says that nothing waits and nothing is under way.
func (q *Queue[T]) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running == 0
}

func (q *Queue[T]) enqueue(calls ...*Call[T]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting)-q.head+len(calls) > MaxQueue {
		return refusal.New(refusal.CodeUnavailable, "too many people are trying at this moment: try again")
	}
	q.waiting = append(q.waiting, calls...)
	for sent := 0; sent < len(calls) && q.running < q.AtOnce; sent += MaxBatch {
		q.running++
		go q.run()
	}
	return nil
}

// next appends what is waiting, at most MaxBatch, to an empty batch. With nothing there, the caller's run is over.
func (q *Queue[T]) next(batch []*Call[T]) []*Call[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(MaxBatch, len(q.waiting)-q.head)
	if n == 0 {
		q.running--
		return batch
	}
	batch = append(batch, q.waiting[q.head:q.head+n]...)
	clear(q.waiting[q.head : q.head+n])
	q.head += n
	if q.head*2 >= len(q.waiting) {
		rest := copy(q.waiting, q.waiting[q.head:])
		clear(q.waiting[rest:])
		q.waiting, q.head = q.waiting[:rest], 0
	}
	return batch
}

func (q *Queue[T]) run() {
	batch, ok := q.batches.Get().(*[]*Call[T])
	if !ok {
		batch = new([]*Call[T])
	}
	defer q.batches.Put(batch)
	for q.sendNext(batch) {
		clear(*batch)
	}
}

// sendNext sends what is waiting, and says whether there was anything.
func (q *Queue[T]) sendNext(batch *[]*Call[T]) bool {
	if q.Enter != nil {
		defer q.Enter()()
	}
	if *batch = q.next((*batch)[:0]); len(*batch) == 0 {
		return false
	}
	q.Send(*batch)
	return true
}
