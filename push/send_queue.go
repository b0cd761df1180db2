package push

import "sync"

// sendQueue is the queue of one connection, bounded by frames and by bytes. Many put, one takes.
type sendQueue struct {
	maxFrames int
	maxBytes  int
	ready     chan struct{} // holds one token once there is something to take

	mu     sync.Mutex
	frames []*frame
	next   int // index of the next to take
	bytes  int // of frames[next:]
	closed bool
}

func newSendQueue(maxFrames, maxBytes int) *sendQueue {
	return &sendQueue{maxFrames: maxFrames, maxBytes: maxBytes, ready: make(chan struct{}, 1)}
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
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return true
}

// take returns the next frame, or nil.
func (o *sendQueue) take() *frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next == len(o.frames) {
		return nil
	}
	f := o.frames[o.next]
	o.frames[o.next] = nil
	o.next++
	o.bytes -= f.size
	if o.next == len(o.frames) { // idle connections hold no memory
		o.frames, o.next = nil, 0
	}
	return f
}

// close ends putting. What is in the queue can still be taken, unless drop.
func (o *sendQueue) close(drop bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if drop {
		o.frames, o.next, o.bytes = nil, 0, 0
	}
}
