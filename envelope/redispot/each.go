package redispot

import (
	"context"
	"errors"
	"sync"
)

// maxCalls is the most calls that one Retire or Missing has under way. The client puts them into its pipelines.
const maxCalls = 32

// each runs the calls that add announces, several at once, and returns the errors of all. ErrPotsLost stays findable.
func (p *Pots) each(ctx context.Context, add func(call func(func(context.Context) error))) error {
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		room = make(chan struct{}, maxCalls)
	)
	add(func(f func(context.Context) error) {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			if err := f(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	})
	wg.Wait()
	return errors.Join(errs...)
}
