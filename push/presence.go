package push

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// MaxNamed is how many subjects of a node a topic's Attendance names.
	MaxNamed = 64

	presenceInterval = 500 * time.Millisecond // between two passes: what happens meanwhile is said together
	presenceCalls    = 16                     // of the bus at a time
	presenceGoodbye  = 2 * time.Second        // for what a hub that ends still has to say
	crowd            = 200                    // listeners here from which on only newcomers are told between two ticks
)

// Attendance is who on a node takes part in the presence of a topic.
type Attendance struct {
	Count    int      // subjects; 0: nobody any more
	Subjects []string // their names where they are at most MaxNamed, else none
}

// presence counts the subjects that take part in each topic. Every node tells the bus of its own, at each tick and, for
// those that come, at once; it hears from the bus how many there are on all nodes. Who goes is counted until the next
// tick, so that a page that is loaded anew does not seem to go. What a node says holds for two and a half ticks: a node
// that died is forgotten with it, and the others hear of it within one more tick.
//
// The cost of a tick is one call of the bus for each topic in which somebody here takes part, however many they are.
type presence struct {
	bus    Bus
	every  time.Duration // between two ticks
	log    *slog.Logger
	wake   chan struct{} // holds a token while something is pending
	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	topics  map[string]*attendance
	pending map[string]bool // topics to look at before the next tick; true: the bus has to be told
}

// attendance is one topic's. One in which nobody takes part any more stays until the bus was told.
type attendance struct {
	subjects  map[string]int        // subscriptions of each
	listeners map[*subscription]int // the number that each was told last; 0: none yet
	present   int                   // on all nodes; 0: not known yet
}

func newPresence(bus Bus, every time.Duration, log *slog.Logger) *presence {
	p := &presence{
		bus: bus, every: every, log: log, wake: make(chan struct{}, 1),
		topics: make(map[string]*attendance), pending: make(map[string]bool),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.ended.Go(p.run)
	return p
}

// stop tells the bus that those who were here are gone, and waits. Stopping twice is safe.
func (p *presence) stop() {
	p.cancel()
	p.ended.Wait()
}

func (p *presence) run() {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.wake:
			p.pass(p.ctx, false)
		case <-tick.C:
			p.pass(p.ctx, true)
		case <-p.ctx.Done():
			ctx, cancel := context.WithTimeout(context.Background(), presenceGoodbye)
			p.pass(ctx, true)
			cancel()
			return
		}
		timer.Reset(min(presenceInterval, p.every/2))
		select {
		case <-timer.C:
		case <-p.ctx.Done():
		}
	}
}

// join has a subscription take part in its topic. It is called with topic.mu held.
func (p *presence) join(topic string, s *subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.topics[topic]
	if a == nil {
		a = &attendance{subjects: make(map[string]int), listeners: make(map[*subscription]int)}
		p.topics[topic] = a
	}
	a.subjects[s.conn.subject]++
	a.listeners[s] = 0
	p.look(topic, a.subjects[s.conn.subject] == 1)
}

// leave is for each subscription that ends, whether it takes part or not.
func (p *presence) leave(topic string, s *subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.topics[topic]
	if a == nil {
		return
	}
	if _, takesPart := a.listeners[s]; !takesPart {
		return
	}
	delete(a.listeners, s)
	subject := s.conn.subject
	if a.subjects[subject]--; a.subjects[subject] == 0 {
		delete(a.subjects, subject)
	}
}

// counted is called by the bus when the number on all nodes has changed.
func (p *presence) counted(topic string, present int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.topics[topic]; a != nil {
		a.present = present
		p.look(topic, false)
	}
}

// look has the next pass look at a topic. It is called with mu held.
func (p *presence) look(topic string, tellBus bool) {
	p.pending[topic] = p.pending[topic] || tellBus
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// pass looks at the topics that are pending, at a tick at all of them.
func (p *presence) pass(ctx context.Context, tick bool) {
	p.mu.Lock()
	names := slices.Collect(maps.Keys(p.pending))
	if tick {
		names = slices.Collect(maps.Keys(p.topics))
	}
	tellBus := p.pending
	p.pending = make(map[string]bool)
	p.mu.Unlock()
	var (
		calls  sync.WaitGroup
		failed = make(chan error, presenceCalls)
		next   = make(chan string)
	)
	for range min(presenceCalls, len(names)) {
		calls.Go(func() {
			var first error
			for topic := range next {
				if err := p.visit(ctx, topic, tick || tellBus[topic], tick); err != nil && first == nil {
					first = err
				}
			}
			failed <- first
		})
	}
	for _, topic := range names {
		next <- topic
	}
	close(next)
	calls.Wait()
	close(failed)
	for err := range failed {
		if err != nil && p.ctx.Err() == nil {
			p.log.Warn("who listens could not be counted", "error", err)
			return
		}
	}
}

// visit tells the bus who takes part in a topic, where it has to be told, and then the listeners how many there are.
// What the bus could not be told it is told at the next tick.
func (p *presence) visit(ctx context.Context, topic string, tellBus, tick bool) error {
	if tellBus {
		here, ok := p.attendance(topic)
		if !ok {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, operationTimeout)
		present, err := p.bus.Attend(ctx, topic, here, p.every*5/2)
		cancel()
		if err != nil {
			return err
		}
		p.mu.Lock()
		if a := p.topics[topic]; a != nil {
			a.present = present
			if here.Count == 0 && len(a.listeners) == 0 {
				delete(p.topics, topic)
			}
		}
		p.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.topics[topic]; a != nil {
		a.notify(topic, tick)
	}
	return nil
}

func (p *presence) attendance(topic string) (Attendance, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.topics[topic]
	if a == nil {
		return Attendance{}, false
	}
	here := Attendance{Count: len(a.subjects)}
	if here.Count <= MaxNamed {
		here.Subjects = slices.Collect(maps.Keys(a.subjects))
	}
	return here, true
}

// notify tells the listeners that do not know it how many there are. It is called with presence.mu held.
func (a *attendance) notify(topic string, tick bool) {
	if a.present == 0 {
		return
	}
	newOnly := len(a.listeners) > crowd && !tick
	var f *frame
	for s, last := range a.listeners {
		if last == a.present || (newOnly && last > 0) {
			continue
		}
		if f == nil {
			f = answer{Op: "present", Topic: topic, Count: a.present}.frame()
		}
		a.listeners[s] = a.present
		s.conn.put(f)
	}
}
