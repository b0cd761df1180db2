package push

import (
	"slices"
	"sync"
)

// sendQueue is the queue of one connection, bounded by frames and by bytes. Many put; while there is something to take,
// one goroutine runs write, and an idle connection has none.
type sendQueue struct {
	maxFrames int
	maxBytes  int
	write     func() // takes until there is nothing

	writers sync.WaitGroup // nobody joins once it is closed

	mu      sync.Mutex
	frames  []*frame
	next    int // index of the next to take
	bytes   int // of frames[next:]
	writing bool
	closed  bool
}

func newSendQueue(maxFrames, maxBytes int, write func()) *sendQueue {
	return &sendQueue{maxFrames: maxFrames, maxBytes: maxBytes, write: write}
}

// put never waits. It is false where the queue is full; a closed queue swallows what it is given.
func (o *sendQueue) put(f *frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return true
	}
	if len(o.frames)-o.next >= o.maxFrames || o.bytes+f.size > o.maxBytes {
		return false
	}
	o.frames = append(o.frames, f)
	o.bytes += f.size
	o.begin()
	return true
}

// begin is called with mu held.
func (o *sendQueue) begin() {
	if !o.writing {
		o.writing = true
		o.writers.Go(o.write)
	}
}

// take returns the next frame. Without one, write has to return; last says that it is the last write of a closed queue.
func (o *sendQueue) take() (f *frame, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next == len(o.frames) {
		o.writing = o.closed
		return nil, o.closed
	}
	f = o.frames[o.next]
	o.frames[o.next] = nil
	o.next++
	o.bytes -= f.size
	switch {
	case o.next == len(o.frames): // idle connections hold no memory
		o.frames, o.next = nil, 0
	case 2*o.next >= len(o.frames): // and those that are never idle no more than they need
		o.frames, o.next = slices.Delete(o.frames, 0, o.next), 0
	}
	return f, false
}

// close ends putting, once. What is in the queue can still be taken, unless drop.
func (o *sendQueue) close(drop bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if drop {
		o.frames, o.next, o.bytes = nil, 0, 0
	}
	if !o.closed {
		o.closed = true
		o.begin()
	}
}

// end closes the queue and waits until nobody writes.
func (o *sendQueue) end() {
	o.close(true)
	o.writers.Wait()
}
