package mempot_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/mempot"
	"github.com/hongbao/hongbao/envelope/pottest"
)

// store is pots under a clock that only the test moves.
type store struct {
	*mempot.Pots
	waits atomic.Int64 // calls of After

	mu     sync.Mutex
	now    time.Time
	epochs map[int]string
}

func newStore(t testing.TB) *store {
	t.Helper()
	s := &store{now: time.Now(), epochs: map[int]string{}}
	pots, err := mempot.New(mempot.Config{
		Buckets: pottest.Buckets(), ShardOf: pottest.ShardOf,
		Now: func() time.Time {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.now
		},
		After: func(d time.Duration) <-chan time.Time {
			s.waits.Add(1)
			return time.After(d)
		},
		Epoch: func(_ context.Context, bucket int) (string, error) { return s.epochs[bucket], nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Pots = pots
	return s
}

func (s *store) set(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

func (s *store) Open(testing.TB) pottest.Pots { return s.Pots }

func (s *store) PassTime(_ testing.TB, until time.Time) { s.set(until.Add(time.Millisecond)) }

func (s *store) Expire(t testing.TB, id int64) {
	t.Helper()
	if err := s.Pots.Expire(id); err != nil {
		t.Fatal(err)
	}
}

func (s *store) Lose(t testing.TB, bucket int) {
	t.Helper()
	if err := s.Pots.Lose(bucket); err != nil {
		t.Fatal(err)
	}
}

func (s *store) Install(testing.TB) { s.Pots.Install() }

func (s *store) SetEpoch(bucket int, epoch string) { s.epochs[bucket] = epoch }

func (s *store) Copy(t testing.TB, bucket int) (restore func()) {
	kept, err := s.Snapshot(bucket)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := s.Restore(bucket, kept); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *store) AwaitReader(t testing.TB) {
	t.Helper()
	pottest.Eventually(t, "a reader waits", func() bool { return s.waits.Load() > 0 })
}

func TestConformance(t *testing.T) {
	pottest.Run(t, func(t testing.TB) pottest.Store { return newStore(t) })
}

func TestARetiredPotIsForgottenAfterItsTime(t *testing.T) {
	s := newStore(t)
	e := pottest.Envelope(1, 2)
	pottest.MustFill(t, s, e)
	retired := s.now
	for _, after := range []time.Duration{0, envelope.RetiredFor / 2} { // the second does not prolong its life
		s.set(retired.Add(after))
		if err := s.Retire(t.Context(), []envelope.Retirement{{Envelope: e.ID, Refunded: 3}}); err != nil {
			t.Fatal(err)
		}
	}
	s.set(retired.Add(envelope.RetiredFor - time.Millisecond))
	pottest.MustTake(t, s, e.ID, "a", envelope.Expired)
	s.set(retired.Add(envelope.RetiredFor))
	if _, _, err := s.Take(t.Context(), e.ID, "a"); !errors.Is(err, envelope.ErrNoPot) {
		t.Errorf("Take after its time: %v", err)
	}
}

func TestTimeThatGoesBackOpensNothingAndReordersNothing(t *testing.T) {
	s := newStore(t)
	first, second := pottest.Envelope(1, 2), pottest.Envelope(3, 4)
	for pottest.BucketOf(second.ID) != pottest.BucketOf(first.ID) {
		second.ID = pottest.NewID()
	}
	before := s.now
	pottest.MustFill(t, s, first)
	s.set(first.ExpiresAt)
	pottest.MustTake(t, s, first.ID, "a", envelope.Expired)
	second.ExpiresAt = first.ExpiresAt.Add(time.Hour)
	pottest.MustFill(t, s, second)
	s.set(before)
	pottest.MustTake(t, s, first.ID, "a", envelope.Expired)
	take := pottest.MustTake(t, s, second.ID, "a", envelope.Won)
	want := []envelope.Record{
		{Kind: envelope.RecordSent, Envelope: first.ID}, {Kind: envelope.RecordSent, Envelope: second.ID},
		{Kind: envelope.RecordTaken, Envelope: second.ID, Take: take},
	}
	if log := pottest.ReadAll(t, s, pottest.BucketOf(first.ID)); !slices.Equal(log, want) {
		t.Errorf("log\n%+v, want\n%+v", log, want)
	}
}

func TestRestoreTakesABucketBack(t *testing.T) {
	s := newStore(t)
	e := pottest.Envelope(1, 2, 3)
	bucket := pottest.BucketOf(e.ID)
	pottest.MustFill(t, s, e)
	a := pottest.MustTake(t, s, e.ID, "a", envelope.Won)
	then := pottest.ReadAll(t, s, bucket)
	snapshot, err := s.Snapshot(bucket)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what happens after a Restore does not reach the snapshot
		pottest.MustTake(t, s, e.ID, "b", envelope.Won)
		_, end, err := s.Read(t.Context(), bucket, "", 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range envelope.Readers() {
			if err := s.Acknowledge(t.Context(), bucket, r, end); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Restore(bucket, snapshot); err != nil {
			t.Fatal(err)
		}
		if log := pottest.ReadAll(t, s, bucket); !slices.Equal(log, then) {
			t.Errorf("log\n%+v, want\n%+v", log, then)
		}
		if at, err := s.Position(t.Context(), bucket, envelope.ReaderSettler); at != "" || err != nil {
			t.Errorf("the settler is at %q, %v", at, err)
		}
		if state := pottest.MustLook(t, s, e.ID); !slices.Equal(state.Taken, []envelope.Take{a}) || state.Left != 2 {
			t.Errorf("the pot is %+v", state)
		}
	}
	// Another history follows.
	if c := pottest.MustTake(t, s, e.ID, "c", envelope.Won); c.Share != 1 {
		t.Errorf("c has %+v", c)
	}
}

func TestALossCanBeRestored(t *testing.T) {
	s := newStore(t)
	e := pottest.Envelope(1, 2)
	bucket := pottest.BucketOf(e.ID)
	pottest.MustFill(t, s, e)
	s.Lose(t, bucket)
	lost, err := s.Snapshot(bucket)
	if err != nil {
		t.Fatal(err)
	}
	s.Install(t)
	pottest.MustFill(t, s, e)
	if err := s.Restore(bucket, lost); err != nil {
		t.Fatal(err)
	}
	pottest.MustAllBeLost(t, s, e)
	if _, err := s.Snapshot(99); err == nil {
		t.Error("there is no bucket 99")
	}
}

func TestNewRefuses(t *testing.T) {
	good := mempot.Config{Buckets: pottest.Buckets(), ShardOf: pottest.ShardOf, Now: time.Now, After: time.After}
	for name, change := range map[string]func(*mempot.Config){
		"no buckets": func(c *mempot.Config) { c.Buckets.PerShard = 0 },
		"no shards":  func(c *mempot.Config) { c.Buckets.Shards = 0 },
		"no ShardOf": func(c *mempot.Config) { c.ShardOf = nil },
		"no Now":     func(c *mempot.Config) { c.Now = nil },
		"no After":   func(c *mempot.Config) { c.After = nil },
	} {
		c := good
		change(&c)
		if _, err := mempot.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
