package vopr

import (
	"context"
	"errors"
)

// Errors of calls that went wrong.
var (
	errDied = errors.New("vopr: the process died")
	errLost = errors.New("vopr: the call was lost")
)

// actor is one thing that a process does. It runs only while the scheduler lets it, up to its next call of a store.
type actor struct {
	world   *world
	process int
	dead    bool
	until   int // the step until which it stands still
	resume  chan struct{}
	parked  chan bool // true: it is done
}

type actorKey struct{}

// start makes an actor that waits for its first step.
func (w *world) start(process int, do func(ctx context.Context)) *actor {
	a := &actor{world: w, process: process, resume: make(chan struct{}), parked: make(chan bool)}
	ctx := context.WithValue(context.Background(), actorKey{}, a)
	go func() {
		<-a.resume
		do(ctx)
		a.parked <- true
	}()
	return a
}

// step lets an actor go on up to its next call, and says whether it is done.
func (a *actor) step() (done bool) {
	a.resume <- struct{}{}
	return <-a.parked
}

// finish lets an actor go on to its end.
func (a *actor) finish() {
	for !a.step() {
	}
}

// call makes a call of a store for whoever the context belongs to.
func call(ctx context.Context, do func() error) error {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return do() // the world's own
	}
	w := a.world
	for _, before := range []bool{true, false} {
		a.parked <- false
		<-a.resume
		switch {
		case a.dead:
			return errDied
		case w.fault(lostCalls):
			return errLost
		case !before:
			return nil
		case w.fault(lateCalls): // it overtakes none, but others overtake it
			w.late(do)
			return errLost
		}
		err := do()
		if err == nil && w.fault(repeatedCalls) {
			err = do()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// late carries out a call some time after its caller has given up, and nobody hears of what came of it.
func (w *world) late(do func() error) {
	w.Late++
	a := w.start(nobody, func(context.Context) { _ = do() })
	a.until = w.Steps + w.IntN(longestDelay)
	w.actors = append(w.actors, a)
}

// quick is what may go wrong with a call at which nobody stands still.
func quick(ctx context.Context) error {
	a, ok := ctx.Value(actorKey{}).(*actor)
	switch {
	case ok && a.dead:
		return errDied
	case ok && a.world.fault(lostCalls):
		return errLost
	}
	return nil
}
