package handler

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The refusal of a call over a limit waits, unless too many wait already or its caller has gone.
func TestRefusalsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &admission{delayed: make(chan struct{}, 2)}
		took := func(ctx context.Context) time.Duration {
			began := time.Now()
			a.delay(ctx)
			return time.Since(began)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if d := took(gone); d != 0 {
			t.Errorf("whoever has gone is waited for %v", d)
		}
		var waiting sync.WaitGroup
		for range 2 {
			waiting.Go(func() {
				if d := took(t.Context()); d != RefusalDelay {
					t.Errorf("a refusal waits %v", d)
				}
			})
		}
		synctest.Wait()
		if d := took(t.Context()); d != 0 {
			t.Errorf("one more than may wait waits %v", d)
		}
		waiting.Wait()
		if d := took(t.Context()); d != RefusalDelay {
			t.Errorf("when others are done, a refusal waits %v", d)
		}
	})
}
