package pottest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// SameBucket returns n envelopes of two shares that lie in one bucket.
func SameBucket(n int) (all []envelope.Envelope, bucket int) {
	first := Envelope(1, 2)
	all, bucket = append(all, first), BucketOf(first.ID)
	for len(all) < n {
		if e := Envelope(1, 2); BucketOf(e.ID) == bucket {
			all = append(all, e)
		}
	}
	return all, bucket
}

// mustAcknowledge acknowledges as a reader.
func mustAcknowledge(t *testing.T, l envelope.Log, bucket int, r pots.Reader, upTo pots.Position) {
	t.Helper()
	if err := l.Acknowledge(t.Context(), bucket, r, upTo); err != nil {
		t.Fatal(err)
	}
}

func testLogReaders(t *testing.T, r *rig) {
	const number = 200
	envelopes, bucket := SameBucket(number)
	for _, e := range envelopes {
		MustFill(t, r, e)
	}
	seen := map[pots.Reader]int{}
	step := func(reader pots.Reader, limit int) bool {
		t.Helper()
		after, err := r.Position(t.Context(), bucket, reader)
		if err != nil {
			t.Fatal(err)
		}
		records, upTo, err := r.Read(t.Context(), bucket, after, limit, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) > limit {
			t.Fatalf("%d records of %d", len(records), limit)
		}
		for _, record := range records {
			if record.Envelope != envelopes[seen[reader]].ID {
				t.Fatalf("%s: record %d is %+v", reader, seen[reader], record)
			}
			seen[reader]++
		}
		mustAcknowledge(t, r, bucket, reader, upTo)
		return len(records) > 0
	}
	for step(envelope.ReaderSettler, 150) {
	}
	for step(envelope.ReaderUses, 50) {
	}
	if n := len(ReadAll(t, r, bucket)); n != number {
		t.Errorf("%d records, want all %d as the relay has not read them", n, number)
	}
	for step(envelope.ReaderRelay, 7) {
		if n := len(ReadAll(t, r, bucket)); n != number-seen[envelope.ReaderRelay] {
			t.Fatalf("%d records after the relay has read %d", n, seen[envelope.ReaderRelay])
		}
	}
	if len(seen) != 3 || seen[envelope.ReaderSettler] != number || seen[envelope.ReaderRelay] != number {
		t.Errorf("seen %v", seen)
	}
	if err := r.Acknowledge(t.Context(), bucket, "stranger", "1-1"); err == nil {
		t.Error("a stranger acknowledged")
	}
	for _, none := range []int{-1, buckets} {
		if _, _, err := r.Read(t.Context(), none, "", 1, 0); err == nil {
			t.Errorf("there is no bucket %d", none)
		}
	}
}

func testPositionMonotonic(t *testing.T, r *rig) {
	const reader = envelope.ReaderSettler
	envelopes, bucket := SameBucket(12) // with 11 in one millisecond, the tenth position is before the second as a text
	at := []pots.Position{""}
	for _, e := range envelopes {
		MustFill(t, r, e)
		_, upTo, err := r.Read(t.Context(), bucket, at[len(at)-1], 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, upTo)
	}
	for _, step := range []struct{ acknowledge, want int }{
		{2, 2}, {10, 10}, {9, 10}, {2, 10}, {0, 10}, {12, 12}, {11, 12},
	} {
		mustAcknowledge(t, r, bucket, reader, at[step.acknowledge])
		if got, err := r.Position(t.Context(), bucket, reader); err != nil || got != at[step.want] {
			t.Errorf("after %q: %q, %v; want %q", at[step.acknowledge], got, err, at[step.want])
		}
	}
	if err := r.Acknowledge(t.Context(), bucket, reader, "nonsense"); err == nil {
		t.Error("nonsense was acknowledged")
	}
	if got, err := r.Position(t.Context(), bucket, envelope.ReaderRelay); err != nil || got != "" {
		t.Errorf("the other reader is at %q, %v", got, err)
	}
}

func testReadWaits(t *testing.T, r *rig) {
	e := Envelope(1)
	bucket := BucketOf(e.ID)
	type answer struct {
		records []envelope.Record
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		records, _, err := r.Read(t.Context(), bucket, "", 10, time.Minute)
		answers <- answer{records, err}
	}()
	r.store.AwaitReader(t)
	MustFill(t, r, e)
	if a := <-answers; a.err != nil || len(a.records) != 1 || a.records[0].Envelope != e.ID {
		t.Errorf("Read = %+v", a)
	}

	empty := (bucket + 1) % buckets
	records, upTo, err := r.Read(t.Context(), empty, "", 10, 10*time.Millisecond)
	if err != nil || len(records) != 0 || upTo != "" {
		t.Errorf("Read of nothing = %v, %q, %v", records, upTo, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, _, err := r.Read(ctx, empty, "", 10, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("Read, cancelled: %v", err)
	}
}

func testBacklog(t *testing.T, r *rig) {
	envelopes, bucket := SameBucket(40)
	check := func(reader pots.Reader, least, most int64) {
		t.Helper()
		n, age, err := r.Backlog(t.Context(), bucket, reader)
		if err != nil || n < least || n > most || age < 0 || age > time.Minute || n == 0 && age != 0 {
			t.Errorf("%s: %d, %v, %v; want %d to %d", reader, n, age, err, least, most)
		}
	}
	check(envelope.ReaderSettler, 0, 0)
	for _, e := range envelopes {
		MustFill(t, r, e)
	}
	filled := time.Now()
	check(envelope.ReaderSettler, 40, 40)
	_, upTo, err := r.Read(t.Context(), bucket, "", 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	mustAcknowledge(t, r, bucket, envelope.ReaderSettler, upTo)
	check(envelope.ReaderSettler, 1, 40)
	check(envelope.ReaderRelay, 40, 40)
	mustAcknowledge(t, r, bucket, envelope.ReaderUses, upTo)
	mustAcknowledge(t, r, bucket, envelope.ReaderRelay, upTo)
	check(envelope.ReaderSettler, 30, 30)
	check(envelope.ReaderRelay, 30, 30)
	const older = 2 * time.Millisecond
	r.store.PassTime(t, filled.Add(2*older)) // the stores count whole milliseconds
	if _, age, err := r.Backlog(t.Context(), bucket, envelope.ReaderRelay); err != nil || age < older {
		t.Errorf("the oldest is %v old, %v; want at least %v", age, err, older)
	}
}
