package loop

import (
	"errors"
	"sync"
)

// FanOut calls f for each of the keys, at most width at a time, waits for all of them and joins their errors. One that
// fails stops no other.
func FanOut[K any](keys []K, width int, f func(K) error) error {
	errs := make([]error, len(keys))
	var calls sync.WaitGroup
	slots := make(chan struct{}, width)
	for i, key := range keys {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(key)
		})
	}
	calls.Wait()
	return errors.Join(errs...)
}
