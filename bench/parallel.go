package bench

import (
	"context"
	"sync"
	"sync/atomic"
)

// preparers is how many calls are under way at once while nothing is measured.
const preparers = 64

// inParallel calls f for 0 to n-1, some at a time, until one fails or the context ends.
func inParallel(ctx context.Context, n int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, preparers) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
