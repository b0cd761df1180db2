package cover

import (
	"context"
	"sync"
)

// loads are the questions that are under way: all who ask the same wait for one answer.
type loads[K comparable, V any] struct {
	mu    sync.Mutex
	byKey map[K]*load[V]
}

// load is one question.
type load[V any] struct {
	done chan struct{} // closed once what and err are set
	what V
	err  error
}

// ask joins the question that is under way, or begins it. It outlives a caller that goes, for loadTimeout at most.
func (l *loads[K, V]) ask(ctx context.Context, key K, read func(context.Context) (V, error)) *load[V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one, ok := l.byKey[key]; ok {
		return one
	}
	if l.byKey == nil {
		l.byKey = make(map[K]*load[V])
	}
	one := &load[V]{done: make(chan struct{})}
	l.byKey[key] = one
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		one.what, one.err = read(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.byKey, key)
		close(one.done)
	}()
	return one
}

// wait waits for the answer, or until the context ends.
func (l *load[V]) wait(ctx context.Context) (what V, err error) {
	select {
	case <-l.done:
		return l.what, l.err
	case <-ctx.Done():
		return what, ctx.Err()
	}
}
