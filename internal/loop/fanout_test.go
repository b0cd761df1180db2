package loop

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
)

// A key is asked for when there is a place for its call, and each error is told.
func TestFanOutSeqAsksWhenThereIsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		var keys iter.Seq[int] = func(yield func(int) bool) {
			for asked = range 10 {
				if !yield(asked) {
					return
				}
			}
		}
		errs := []error{2: errors.New("two"), 7: errors.New("seven"), 9: nil}
		goOn, all := make(chan struct{}), make(chan error)
		go func() { all <- FanOutSeq(keys, 3, func(k int) error { <-goOn; return errs[k] }) }()
		synctest.Wait()
		if asked != 2 {
			t.Errorf("with three under way it has asked for key %d", asked)
		}
		goOn <- struct{}{}
		synctest.Wait()
		if asked != 3 {
			t.Errorf("with one done it has asked for key %d", asked)
		}
		close(goOn)
		if err := <-all; !errors.Is(err, errs[2]) || !errors.Is(err, errs[7]) {
			t.Error(err)
		}
	})
}

func TestFanOutOfNone(t *testing.T) {
	if err := FanOut(nil, 0, func(int) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
	if err := FanOutSeq(slices.Values([]int{}), 0, func(int) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
}
