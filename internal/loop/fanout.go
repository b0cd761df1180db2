package loop

import (
	"errors"
	"iter"
	"slices"
	"sync"
)

// FanOut calls f for each of the keys, at most width at a time, waits for all of them and joins their errors. One that
// fails stops no other.
func FanOut[K any](keys []K, width int, f func(K) error) error {
	return FanOutSeq(slices.Values(keys), width, f)
}

// FanOutSeq is FanOut for keys that take time or room to find: each is asked for when there is a place for its call.
func FanOutSeq[K any](keys iter.Seq[K], width int, f func(K) error) error {
	var errs []error
	var mu sync.Mutex
	var calls sync.WaitGroup
	slots := make(chan struct{}, max(width, 1)) // of no keys there may be none at a time
	slots <- struct{}{}
	for key := range keys {
		mu.Lock()
		at := len(errs)
		errs = append(errs, nil)
		mu.Unlock()
		calls.Go(func() {
			defer func() { <-slots }()
			err := f(key)
			mu.Lock()
			defer mu.Unlock()
			errs[at] = err
		})
		slots <- struct{}{}
	}
	calls.Wait()
	return errors.Join(errs...)
}
