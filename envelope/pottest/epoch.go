package pottest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// readTo returns the position behind all that a log has.
func readTo(t *testing.T, l envelope.Log, bucket int) pots.Position {
	t.Helper()
	_, upTo, err := l.Read(t.Context(), bucket, "", 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	return upTo
}

// testWentBack takes a log back to before what a reader has read. That a new entry is there does not make it good.
func testWentBack(t *testing.T, r *rig) {
	const settler, relay = envelope.ReaderSettler, envelope.ReaderRelay
	for _, line := range []struct {
		what  string
		fresh bool // something new happens after the log went back
		call  func(bucket int, upTo pots.Position) error
	}{
		{"a read", false, func(bucket int, upTo pots.Position) error {
			_, _, err := r.Read(t.Context(), bucket, upTo, 1, 0)
			return err
		}},
		{"a read of more", true, func(bucket int, upTo pots.Position) error {
			_, _, err := r.Read(t.Context(), bucket, upTo, 1, 0)
			return err
		}},
		{"an acknowledgement", true, func(bucket int, upTo pots.Position) error {
			return r.Acknowledge(t.Context(), bucket, settler, upTo)
		}},
	} {
		envelopes, bucket := SameBucket(3)
		MustFill(t, r, envelopes[0])
		first := readTo(t, r, bucket)
		restore := r.store.Copy(t, bucket)
		MustFill(t, r, envelopes[1])
		upTo := readTo(t, r, bucket)
		mustAcknowledge(t, r, bucket, settler, first)
		if _, _, err := r.Read(t.Context(), bucket, upTo, 1, 0); err != nil {
			t.Fatalf("%s: nothing is lost yet: %v", line.what, err)
		}
		restore()
		if line.fresh {
			MustFill(t, r, envelopes[2])
		}
		mustAcknowledge(t, r, bucket, settler, first) // it is there
		if err := line.call(bucket, upTo); !errors.Is(err, pots.ErrWentBack) || !errors.Is(err, pots.ErrLost) {
			t.Errorf("%s in a log that went back: %v", line.what, err)
		}
		MustAllBeLost(t, r, envelopes[2])
		r.store.Lose(t, bucket)
		r.store.Install(t)
	}

	// What every reader has acknowledged is dropped, and known all the same.
	e := Envelope(1)
	bucket := BucketOf(e.ID)
	MustFill(t, r, e)
	upTo := readTo(t, r, bucket)
	for _, reader := range []pots.Reader{settler, relay} {
		mustAcknowledge(t, r, bucket, reader, upTo)
	}
	if records, at, err := r.Read(t.Context(), bucket, upTo, 1, 0); err != nil || len(records) > 0 || at != upTo {
		t.Errorf("behind what was dropped: %v, %q, %v", records, at, err)
	}
}

func testNewEpoch(t *testing.T, r *rig) {
	all, bucket := SameBucket(2)
	before, after := all[0], all[1]
	MustFill(t, r, before)
	sent := readTo(t, r, bucket)
	mustAcknowledge(t, r, bucket, envelope.ReaderSettler, sent)
	MustTake(t, r, before.ID, "a", envelope.Won)
	upTo := readTo(t, r, bucket)

	fence := func(was, epoch string, want ...string) {
		t.Helper()
		old, err := r.Fence(t.Context(), bucket, was, epoch)
		slices.Sort(old)
		if err != nil || !slices.Equal(old, want) {
			t.Errorf("fence %q after %q: %q, %v; want %q", epoch, was, old, err, want)
		}
	}
	fence("", "e1", "")
	fence("", "e1", "") // by one who goes on where another died
	MustAllBeLost(t, r, before)
	r.store.SetEpoch(bucket, "e1")
	Eventually(t, "a call of the new epoch waits for its opening", func() bool {
		_, err := r.Missing(t.Context(), []int64{before.ID})
		return errors.Is(err, pots.ErrLost)
	})
	records, at, err := r.Old(t.Context(), bucket, "", envelope.ReaderSettler, "", 10)
	if err != nil || len(records) != 1 || records[0].Take.User != "a" || at != upTo {
		t.Errorf("left of the old log: %+v, %q, %v; want the win of a", records, at, err)
	}
	records, _, err = r.Old(t.Context(), bucket, "", envelope.ReaderSettler, at, 10)
	if err != nil || len(records) > 0 {
		t.Errorf("behind its end: %+v, %v", records, err)
	}
	if s, err := r.LookOld(t.Context(), before.ID, ""); err != nil || len(s.Taken) != 1 || s.Taken[0].User != "a" ||
		s.Left != before.Count-1 {
		t.Errorf("the pot of the old epoch: %+v, %v; want the take of a", s, err)
	}
	for range 2 {
		if err := r.Unfence(t.Context(), bucket, "e1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Unfence(t.Context(), bucket, "e9"); !errors.Is(err, pots.ErrLost) {
		t.Errorf("opened in an epoch that nobody began: %v", err)
	}
	Eventually(t, "the bucket is open and empty", func() bool {
		missing, err := r.Missing(t.Context(), []int64{before.ID})
		return err == nil && len(missing) == 1
	})
	wantHome(t, r, bucket, pots.Home{State: pots.HomeOpen, Epoch: "e1"})
	if log := ReadAll(t, r, bucket); len(log) > 0 {
		t.Errorf("the new log has %+v", log)
	}
	MustFill(t, r, after)
	MustTake(t, r, after.ID, "a", envelope.Won)
	for what, err := range map[string]error{
		"read":         func() error { _, _, err := r.Read(t.Context(), bucket, upTo, 1, 0); return err }(),
		"acknowledged": r.Acknowledge(t.Context(), bucket, envelope.ReaderSettler, upTo),
	} {
		if !errors.Is(err, pots.ErrOtherEpoch) {
			t.Errorf("a position of the old epoch was %s: %v", what, err)
		}
	}
	if err := r.Forget(t.Context(), map[int]string{bucket: "e1"}); err != nil {
		t.Fatal(err)
	}
	records, _, err = r.Old(t.Context(), bucket, "", envelope.ReaderSettler, "", 10)
	if err != nil || len(records) > 0 {
		t.Errorf("left of what was forgotten: %+v, %v", records, err)
	}
	if _, err := r.LookOld(t.Context(), before.ID, ""); !errors.Is(err, envelope.ErrNoPot) {
		t.Errorf("a pot that was forgotten: %v", err)
	}
	MustTake(t, r, after.ID, "a", envelope.AlreadyWon)
	fence("e1", "e2", "e1")
	wantHome(t, r, bucket, pots.Home{State: pots.HomeFenced, Epoch: "e2"})
}

// testOldInParts reads an old log whose entries have many records each: no part is longer than its limit and one entry,
// and nothing is passed over.
func testOldInParts(t *testing.T, r *rig) {
	const entries, each, limit = 5, 10, 15
	e := Envelope(Shares(entries * each)...)
	bucket := BucketOf(e.ID)
	MustFill(t, r, e)
	want := map[string]bool{}
	for entry := range entries {
		asks := make([]envelope.Ask, each)
		for i := range asks {
			asks[i] = envelope.Ask{Envelope: e.ID, User: fmt.Sprint("user", entry*each+i)}
			want[asks[i].User] = true
		}
		for _, a := range r.TakeMany(t.Context(), asks) {
			if a.Err != nil || a.Outcome != envelope.Won {
				t.Fatalf("%+v", a)
			}
		}
	}
	if _, err := r.Fence(t.Context(), bucket, "", "e1"); err != nil {
		t.Fatal(err)
	}
	for after := pots.Position(""); ; {
		records, upTo, err := r.Old(t.Context(), bucket, "", envelope.ReaderSettler, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		if len(records) >= limit+each {
			t.Errorf("%d records at a time", len(records))
		}
		for _, record := range records {
			delete(want, record.Take.User)
		}
		after = upTo
	}
	if len(want) > 0 {
		t.Errorf("%d of %d wins were passed over", len(want), entries*each)
	}
}

func wantHome(t *testing.T, r *rig, bucket int, want pots.Home) {
	t.Helper()
	homes, err := r.Homes(t.Context(), []int{bucket})
	if err != nil || len(homes) != 1 || homes[0] != want {
		t.Errorf("home is %+v, %v; want %+v", homes, err, want)
	}
}
