package redispot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
)

// pause keeps every script of a Redis waiting until the returned function is called.
func pause(t *testing.T, r *rig) (resume func()) {
	t.Helper()
	control := r.open(t) // the connections that carry scripts are held
	do(t, control, "CLIENT", "PAUSE", "60000", "WRITE")
	resume = func() { do(t, control, "CLIENT", "UNPAUSE") }
	t.Cleanup(resume)
	return resume
}

// withScriptHeld has one grab by "first" under way that Redis does not answer yet.
func withScriptHeld(t *testing.T, r *rig, e envelope.Envelope) (resume func(), first <-chan error) {
	t.Helper()
	pottest.MustTake(t, r, e.ID, "warm", envelope.Won) // Redis knows the script
	resume = pause(t, r)
	b, err := r.of(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := r.Take(t.Context(), e.ID, "first")
		done <- err
	}()
	pottest.Eventually(t, "the script is called", func() bool { return r.Waiting() == 1 && b.grabs.Waiting() == 0 })
	return resume, done
}

func oneAtOnce(reg prometheus.Registerer) func(*Config) {
	return func(c *Config) { c.CallsInFlight, c.Registerer = 1, reg }
}

func TestGrabsThatComeTogetherGoTogether(t *testing.T) {
	const together = 200
	r := singleRig(t)
	reg := prometheus.NewRegistry()
	r.Pots = r.pots(t, r.client, oneAtOnce(reg))
	e := pottest.Envelope(pottest.Shares(300)...)
	pottest.MustFill(t, r, e)
	b, err := r.of(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	resume, first := withScriptHeld(t, r, e)
	errs := make(chan error, together)
	for i := range together {
		go func() {
			_, outcome, err := r.Take(t.Context(), e.ID, fmt.Sprintf("user%d", i))
			if outcome != envelope.Won {
				err = fmt.Errorf("%q, %w", outcome, err)
			}
			errs <- err
		}()
	}
	pottest.Eventually(t, "all wait", func() bool { return b.grabs.Waiting() == together })
	resume()
	for range together {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	batches := gathered(t, reg, "hongbao_pot_take_batch_size")[0].GetHistogram()
	if batches.GetSampleCount() != 3 || batches.GetSampleSum() != together+2 {
		t.Errorf("%d calls with %v grabs, want 3 with %d", batches.GetSampleCount(), batches.GetSampleSum(), together+2)
	}
	if won := outcomes(t, reg)["won"]; won != together+2 {
		t.Errorf("%v counted as won", won)
	}
}

func gathered(t *testing.T, reg *prometheus.Registry, name string) []*dto.Metric {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()
		}
	}
	t.Fatalf("no metric %s", name)
	return nil
}

func outcomes(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for _, m := range gathered(t, reg, "hongbao_pot_takes_total") {
		counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	return counts
}

func TestCancelledGrabIsNotSent(t *testing.T) {
	r := singleRig(t)
	r.Pots = r.pots(t, r.client, oneAtOnce(nil))
	e := pottest.Envelope(1, 2, 3, 4)
	pottest.MustFill(t, r, e)
	b, err := r.of(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	resume, first := withScriptHeld(t, r, e)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, _, err := r.Take(ctx, e.ID, "gone")
		gone <- err
	}()
	pottest.Eventually(t, "it waits", func() bool { return b.grabs.Waiting() == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	resume()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if third := pottest.MustTake(t, r, e.ID, "third", envelope.Won); third.Share != 2 {
		t.Errorf("the next share was %d: somebody who had left got one", third.Share)
	}
}

func TestSameUserTwiceInOneBatch(t *testing.T) {
	r := singleRig(t)
	r.Pots = r.pots(t, r.client, oneAtOnce(nil))
	e, other, nowhere := pottest.Envelope(1, 2, 3, 4), pottest.Envelope(8), pottest.NewID()
	for pottest.BucketOf(other.ID) != pottest.BucketOf(e.ID) {
		other.ID = pottest.NewID()
	}
	for nowhere == other.ID || pottest.BucketOf(nowhere) != pottest.BucketOf(e.ID) {
		nowhere = pottest.NewID()
	}
	pottest.MustFill(t, r, e)
	pottest.MustFill(t, r, other)
	b, err := r.of(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	resume, first := withScriptHeld(t, r, e)
	grabs := []struct {
		id   int64
		user string
		want string
	}{
		{e.ID, "a", "won 2 <nil>"}, {other.ID, "a", "won 0 <nil>"}, {e.ID, "a", "already_won 2 <nil>"},
		{nowhere, "a", " 0 envelope: no pot"}, {e.ID, "first", "already_won 1 <nil>"}, {other.ID, "b", "empty 0 <nil>"},
		{e.ID, "b", "won 3 <nil>"}, {e.ID, "c", "empty 0 <nil>"},
	}
	got := make([]string, len(grabs))
	var all sync.WaitGroup
	for i, grab := range grabs {
		all.Go(func() {
			take, outcome, err := r.Take(t.Context(), grab.id, grab.user)
			got[i] = fmt.Sprintf("%s %d %v", outcome, take.Share, err)
		})
		pottest.Eventually(t, "it is in the queue", func() bool { return b.grabs.Waiting() == i+1 })
	}
	resume()
	if err := <-first; err != nil {
		t.Error(err)
	}
	all.Wait()
	for i, grab := range grabs {
		if got[i] != grab.want {
			t.Errorf("%d: %s of %d got %q, want %q", i, grab.user, grab.id, got[i], grab.want)
		}
	}
	for _, id := range []int64{e.ID, other.ID} {
		lasts := 0
		for _, record := range pottest.ReadAll(t, r, pottest.BucketOf(id)) {
			if record.Envelope == id && record.Last {
				lasts++
			}
		}
		if lasts != 1 {
			t.Errorf("%d records are the last of %d", lasts, id)
		}
	}
}

func TestFinalPotsAreAnsweredFromMemory(t *testing.T) {
	r := singleRig(t)
	reg := prometheus.NewRegistry()
	r.Pots = r.pots(t, r.client, oneAtOnce(reg))
	drained, expired := pottest.Envelope(1, 2), pottest.Envelope(1, 2)
	large := pottest.Envelope(pottest.Shares(maxFinalShares + 1)...)
	expired.ExpiresAt = time.Now().Add(-time.Second)
	pottest.MustFill(t, r, drained)
	pottest.MustFill(t, r, expired)
	a := pottest.MustTake(t, r, drained.ID, "a", envelope.Won)
	pottest.MustTake(t, r, drained.ID, "b", envelope.Won)
	pottest.MustTake(t, r, drained.ID, "c", envelope.Empty)
	pottest.MustTake(t, r, expired.ID, "c", envelope.Expired)
	large.ExpiresAt = expired.ExpiresAt
	pottest.MustFill(t, r, large)
	pottest.MustTake(t, r, large.ID, "c", envelope.Expired)

	resume := pause(t, r)
	pottest.MustTake(t, r, drained.ID, "d", envelope.Empty)
	pottest.MustTake(t, r, expired.ID, "d", envelope.Expired)
	if again := pottest.MustTake(t, r, drained.ID, "a", envelope.AlreadyWon); again != a {
		t.Errorf("a has %+v, had %+v", again, a)
	}
	state := pottest.MustLook(t, r, drained.ID)
	state.Taken[0].User = "changed"
	if s := pottest.MustLook(t, r, drained.ID); s.Taken[0] != a || s.Left != 0 || !s.Closed {
		t.Errorf("Look = %+v", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := r.Take(ctx, large.ID, "d"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a pot of %d shares was answered from memory: %v", maxFinalShares+1, err)
	}
	resume()
	if hits := gathered(t, reg, "hongbao_pot_final_hits_total")[0].GetCounter().GetValue(); hits != 3 {
		t.Errorf("%v hits", hits)
	}
	pot, _ := r.finals.get(drained.ID)
	pot.until = time.Now().Add(-time.Second)
	if _, ok := r.finals.get(drained.ID); ok {
		t.Error("remembered for longer than allowed")
	}
}

func TestWhatWasLoadedBeforeALossIsNotRemembered(t *testing.T) {
	f, err := newFinals()
	if err != nil {
		t.Fatal(err)
	}
	epoch := f.now()
	f.forget()
	f.keep(1, envelope.PotState{Closed: true}, epoch)
	if _, ok := f.get(1); ok {
		t.Error("a look from before the loss is remembered")
	}
	f.keep(1, envelope.PotState{Closed: true}, f.now())
	if _, ok := f.get(1); !ok {
		t.Error("a final pot is not remembered")
	}
}
