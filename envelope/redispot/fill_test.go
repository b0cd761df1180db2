package redispot

import (
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
)

// Pots that come while a script is under way are filled by the next one, but for one that would hold Redis for too
// long.
func TestPotsThatComeTogetherAreFilledTogether(t *testing.T) {
	r := singleRig(t)
	r.Pots = r.pots(t, r.client, oneAtOnce(nil))
	warm := pottest.Envelope(1)
	pottest.MustFill(t, r, warm)
	b, err := r.of(warm.ID)
	if err != nil {
		t.Fatal(err)
	}
	here := func(shares int) envelope.Envelope {
		e := pottest.Envelope(pottest.Shares(shares)...)
		for pottest.BucketOf(e.ID) != pottest.BucketOf(warm.ID) {
			e.ID = pottest.NewID()
		}
		return e
	}
	all := []envelope.Envelope{here(1)}
	for range 40 {
		all = append(all, here(10))
	}
	all = append(all, here(maxSharesInCall+1), all[3]) // one is large, and one comes twice
	before := scriptCalls(t, r)
	resume := pause(t, r)
	errs := make([]chan error, len(all))
	for i, e := range all {
		errs[i] = make(chan error, 1)
		go func() { errs[i] <- r.Fill(t.Context(), e, nil) }()
		if i == 0 {
			pottest.Eventually(t, "the first is called", func() bool {
				return b.fillings.Waiting() == 0 && !b.fillings.Idle()
			})
		}
	}
	pottest.Eventually(t, "all wait", func() bool { return b.fillings.Waiting() == len(all)-1 })
	resume()
	for i := range all {
		if err := <-errs[i]; err != nil {
			t.Errorf("pot %d: %v", i, err)
		}
	}
	if n := scriptCalls(t, r) - before; n < 3 || n > 4 { // the first, the others, the large one, those after it
		t.Errorf("%v scripts filled %d pots", n, len(all))
	}
	for _, e := range all {
		s, err := r.Look(t.Context(), e.ID)
		if err != nil || s.Left != len(e.Shares) {
			t.Errorf("%d shares are left of %d: %v", s.Left, len(e.Shares), err)
		}
	}
}
