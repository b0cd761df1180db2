package cover_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// counted is a store that counts what is read, and lets it wait or fail.
type counted struct {
	cover.Store
	reads atomic.Int64
	hold  chan struct{} // nil, or each read takes one, or it is closed once reads may go on
	fail  atomic.Bool
}

func (c *counted) read(ctx context.Context) error {
	c.reads.Add(1)
	if c.fail.Load() {
		return errors.New("no answer")
	}
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *counted) Get(ctx context.Context, id int64) (cover.Cover, time.Time, error) {
	if err := c.read(ctx); err != nil {
		return cover.Cover{}, time.Time{}, err
	}
	return c.Store.Get(ctx, id)
}

func (c *counted) InUse(ctx context.Context, hash string, states []cover.State) (bool, error) {
	if err := c.read(ctx); err != nil {
		return false, err
	}
	return c.Store.InUse(ctx, hash, states)
}

// directory is one over a counted store, by a clock that stands still.
func (r *rig) directory(hold chan struct{}) (*cover.Directory, *counted, *stopped) {
	r.T.Helper()
	store, clock := &counted{Store: r.CoverStore, hold: hold}, &stopped{}
	d, err := cover.NewDirectory(store, r.Merchants, clock.now)
	r.must(err)
	return d, store, clock
}

// stopped is a clock that goes on when it is told to.
type stopped struct{ at atomic.Int64 }

func (c *stopped) now() time.Time        { return time.Unix(0, c.at.Load()) }
func (c *stopped) skip(by time.Duration) { c.at.Add(int64(by)) }

// TestTheDirectoryIsHalfASecondOld: after that time it knows.
func TestTheDirectoryIsHalfASecondOld(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateApproved)
	d, store, clock := s.directory(nil)
	get := func() cover.Entry { return apptest.Must(d.Get(t.Context(), c.ID)) }
	for range 3 {
		e := get()
		apptest.WantCode(t, "an approved cover", e.Usable(), "")
		if e.Name != "马年大吉" || e.Merchant != s.ID || e.MerchantName != "shop" || e.Mode != merchant.Live ||
			!e.UsableUntil.Equal(c.UsableUntil) {
			t.Errorf("%+v", e)
		}
	}
	if n := store.reads.Load(); n != 1 {
		t.Errorf("%d reads for three questions", n)
	}
	apptest.Must(s.do(op, cover.Freeze, c.ID))
	clock.skip(500 * time.Millisecond)
	apptest.WantCode(t, "a frozen cover", get().Usable(), cover.CodeFrozen)
	s.merchant("suspend")
	apptest.Must(s.do(op, cover.Restore, c.ID))
	clock.skip(500 * time.Millisecond)
	apptest.WantCode(t, "a suspended merchant's", get().Usable(), merchant.CodeNotActive)
	s.merchant("resume")
	s.age(c.ID, cover.DefaultRules().Validity)
	clock.skip(500 * time.Millisecond)
	if e := get(); e.State != cover.StateExpired || store.reads.Load() != 4 {
		t.Errorf("its time is over, and it is %s after %d reads", e.State, store.reads.Load())
	}
	apptest.WantCode(t, "an expired cover", get().Usable(), cover.CodeNotApproved)

	// While the store does not answer, what is old is not believed.
	store.fail.Store(true)
	clock.skip(500 * time.Millisecond)
	if _, err := d.Get(t.Context(), c.ID); err == nil {
		t.Error("it answers what may be wrong by now")
	}
}

// TestNobodyWaitsForACoverInUse: it is read again before it is too old, and meanwhile those who ask have what is known.
func TestNobodyWaitsForACoverInUse(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateApproved)
	hold := make(chan struct{}, 1)
	d, store, clock := s.directory(hold)
	hold <- struct{}{}
	apptest.Must(d.Get(t.Context(), c.ID))
	clock.skip(300 * time.Millisecond)
	for range 3 {
		apptest.Must(d.Get(t.Context(), c.ID)) // although the store does not answer
	}
	apptest.Until(t, "it is read again, once", func() bool { return store.reads.Load() == 2 })
	hold <- struct{}{}
	apptest.Until(t, "what was read is there", func() bool {
		_, err := d.Get(t.Context(), c.ID)
		return err == nil && len(hold) == 0
	})
	clock.skip(450 * time.Millisecond) // half a second after the first read, but not after the second
	apptest.Must(d.Get(t.Context(), c.ID))
}

func TestTheDirectoryAsksOnceForAll(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateApproved)
	hold := make(chan struct{})
	d, store, _ := s.directory(hold)
	const crowd = 50
	var ready, done sync.WaitGroup
	for range crowd {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			if _, err := d.Get(t.Context(), c.ID); err != nil {
				t.Error(err)
			}
		})
	}
	ready.Wait()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Get(gone, c.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
	close(hold)
	done.Wait()
	if n := store.reads.Load(); n != 1 {
		t.Errorf("%d reads for a crowd", n)
	}
	for _, id := range []int64{1 << 40, c.ID + 1<<20} {
		for range 3 {
			_, err := d.Get(t.Context(), id)
			apptest.WantCode(t, "a made-up id", err, cover.CodeNotFound)
		}
	}
	if n := store.reads.Load(); n != 3 {
		t.Errorf("%d reads, of which two are for what is not there", n)
	}
}

// TestImagesAskOnceForAll: those who ask for one image at the same time wait for one answer, which is then known.
func TestImagesAskOnceForAll(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateApproved)
	hold := make(chan struct{})
	d, store, _ := s.directory(hold)
	const crowd = 50
	var ready, done sync.WaitGroup
	for range crowd {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			if public, err := d.Shows(t.Context(), c.Face); err != nil || !public {
				t.Error(public, err)
			}
		})
	}
	ready.Wait()
	apptest.Until(t, "one asks", func() bool { return store.reads.Load() > 0 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Shows(gone, c.Face); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
	close(hold)
	done.Wait()
	if n := store.reads.Load(); n != 1 {
		t.Errorf("%d reads for a crowd", n)
	}
}

// TestWhatUsersSee: what was never approved, and what was taken down, is not there for them.
func TestWhatUsersSee(t *testing.T) {
	s := newRig(t, nil).shop()
	for _, state := range cover.States() {
		c := s.at(state)
		want, code := "", ""
		switch state {
		case cover.StateApproved:
		case cover.StateFrozen:
			code = cover.CodeFrozen
		case cover.StateExpired:
			code = cover.CodeNotApproved
		case cover.StateTakenDown:
			want, code = cover.CodeNotFound, cover.CodeNotFound
		default:
			want, code = cover.CodeNotFound, cover.CodeNotApproved
		}
		_, err := s.Covers.Look(s.ctx(), c.ID)
		apptest.WantCode(t, "look at what is "+string(state), err, want)
		apptest.WantCode(t, "use what is "+string(state),
			apptest.Must(s.CoverDirectory.Get(s.ctx(), c.ID)).Usable(), code)
		_, err = s.Covers.Report(s.ctx(), "eve", c.ID, "copied", "")
		apptest.WantCode(t, "report what is "+string(state), err, want)
	}
}

// TestAFreezeIsKnownOnEveryNode: another process that has just answered from memory refuses the cover soon after.
func TestAFreezeIsKnownOnEveryNode(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateApproved)
	node := apptest.Open(t, s.Config())
	for i, want := range []string{"", cover.CodeFrozen, ""} {
		if verb := []cover.Verb{"", cover.Freeze, cover.Restore}[i]; verb != "" {
			apptest.Must(s.do(op, verb, c.ID))
		}
		apptest.Until(t, "the other node knows", func() bool {
			return refusal.CodeOf(apptest.Must(node.CoverDirectory.Get(t.Context(), c.ID)).Usable()) == want
		})
	}
}
