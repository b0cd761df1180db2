package redispot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
)

// sameBucket returns n envelopes of one bucket.
func sameBucket(r *rig, n int) (all []envelope.Envelope, bucket int) {
	first := testEnvelope(1, 2)
	all, bucket = append(all, first), r.number(first.ID)
	for len(all) < n {
		if e := testEnvelope(1, 2); r.number(e.ID) == bucket {
			all = append(all, e)
		}
	}
	return all, bucket
}

func logLength(t *testing.T, r *rig, bucket int) int64 {
	t.Helper()
	m := do(t, r.client, "XLEN", keysOf(bucket).log)
	n, err := m.ToInt64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func testLogReaders(t *testing.T, r *rig) {
	envelopes, bucket := sameBucket(r, 200)
	for _, e := range envelopes {
		mustFill(t, r, e)
	}
	seen := map[envelope.Reader]int{}
	step := func(reader envelope.Reader, limit int) bool {
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
		if err := r.Acknowledge(t.Context(), bucket, reader, upTo); err != nil {
			t.Fatal(err)
		}
		return len(records) > 0
	}
	for step(envelope.ReaderSettler, 150) {
	}
	if n := logLength(t, r, bucket); n != 200 {
		t.Errorf("%d entries, want all 200 as the relay has not read them", n)
	}
	for step(envelope.ReaderRelay, 7) {
		if n := logLength(t, r, bucket); n != int64(200-seen[envelope.ReaderRelay]) {
			t.Fatalf("%d entries after the relay has read %d", n, seen[envelope.ReaderRelay])
		}
	}
	if seen[envelope.ReaderSettler] != 200 || seen[envelope.ReaderRelay] != 200 {
		t.Errorf("seen %v", seen)
	}
	if err := r.Acknowledge(t.Context(), bucket, "stranger", "1-1"); err == nil {
		t.Error("a stranger acknowledged")
	}
	if _, _, err := r.Read(t.Context(), 4, "", 1, 0); err == nil {
		t.Error("there is no bucket 4")
	}
}

func testPositionMonotonic(t *testing.T, r *rig) {
	const reader = envelope.ReaderSettler
	for _, step := range []struct{ acknowledge, want envelope.Position }{
		{"", "0-0"}, {"5-9", "5-9"}, {"5-10", "5-10"}, {"5-9", "5-10"}, {"4-99", "5-10"}, {"10-0", "10-0"}, {"9-1", "10-0"}, {"", "10-0"},
	} {
		if err := r.Acknowledge(t.Context(), 1, reader, step.acknowledge); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Position(t.Context(), 1, reader); err != nil || got != step.want {
			t.Errorf("after %q: %q, %v; want %q", step.acknowledge, got, err, step.want)
		}
	}
	if err := r.Acknowledge(t.Context(), 1, reader, "nonsense"); err == nil {
		t.Error("nonsense was acknowledged")
	}
	if got, err := r.Position(t.Context(), 1, envelope.ReaderRelay); err != nil || got != "" {
		t.Errorf("the other reader is at %q, %v", got, err)
	}
}

func testReadWaits(t *testing.T, r *rig) {
	e := testEnvelope(1)
	type answer struct {
		records []envelope.Record
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		records, _, err := r.Read(t.Context(), r.number(e.ID), "", 10, time.Minute)
		answers <- answer{records, err}
	}()
	eventually(t, "the reader waits", func() bool {
		c := r.open(t)
		for _, node := range c.Nodes() {
			clients, err := node.Do(t.Context(), node.B().ClientList().Build()).ToString()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(clients, "cmd=xread") {
				return true
			}
		}
		return false
	})
	mustFill(t, r, e)
	if a := <-answers; a.err != nil || len(a.records) != 1 || a.records[0].Envelope != e.ID {
		t.Errorf("Read = %+v", a)
	}

	records, upTo, err := r.Read(t.Context(), (r.number(e.ID)+1)%4, "", 10, 10*time.Millisecond)
	if err != nil || len(records) != 0 || upTo != "" {
		t.Errorf("Read of nothing = %v, %q, %v", records, upTo, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, _, err := r.Read(ctx, (r.number(e.ID)+1)%4, "", 10, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("Read, cancelled: %v", err)
	}
}

func testCorruptEntry(t *testing.T, r *rig) {
	for i, fields := range [][]string{
		{"v", "nonsense"}, {"v", ""}, {"w", "s 1"}, {"v", "s 1", "w", "1"}, {"v", "t 1 0 0:1:x:u"}, {"v", "t 1 0"}, {"v", "t 1 0 0:1:5:"},
		{"v", "t 1 0 0:1:5"}, {"v", "s 1\nt"}, {"v", "r 1"}, {"v", "r 1 x"}, {"v", "s x"}, {"v", "s 1 g"}, {"v", "t 1 2 0:1:5:u"},
	} {
		r := r.reset(t)
		e := testEnvelope(1)
		mustFill(t, r, e)
		log := keysOf(r.number(e.ID)).log
		entry := do(t, r.client, append([]string{"XADD", log, "*"}, fields...)...)
		id, err := entry.ToString()
		if err != nil {
			t.Fatal(err)
		}
		records, upTo, err := r.Read(t.Context(), r.number(e.ID), "", 10, 0)
		if err == nil || !strings.Contains(err.Error(), id) || len(records) > 0 || upTo != "" {
			t.Errorf("%d %q: %v, %q, %v", i, fields, records, upTo, err)
		}
	}
}

func testBacklog(t *testing.T, r *rig) {
	envelopes, bucket := sameBucket(r, 40)
	check := func(reader envelope.Reader, least, most int64) {
		t.Helper()
		n, age, err := r.Backlog(t.Context(), bucket, reader)
		if err != nil || n < least || n > most || age < 0 || age > time.Minute || n == 0 && age != 0 {
			t.Errorf("%s: %d, %v, %v; want %d to %d", reader, n, age, err, least, most)
		}
	}
	check(envelope.ReaderSettler, 0, 0)
	for _, e := range envelopes {
		mustFill(t, r, e)
	}
	check(envelope.ReaderSettler, 40, 40)
	_, upTo, err := r.Read(t.Context(), bucket, "", 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Acknowledge(t.Context(), bucket, envelope.ReaderSettler, upTo); err != nil {
		t.Fatal(err)
	}
	check(envelope.ReaderSettler, 1, 40)
	check(envelope.ReaderRelay, 40, 40)
	if err := r.Acknowledge(t.Context(), bucket, envelope.ReaderRelay, upTo); err != nil {
		t.Fatal(err)
	}
	check(envelope.ReaderSettler, 30, 30)
	check(envelope.ReaderRelay, 30, 30)
	eventually(t, "the oldest grows older", func() bool {
		_, age, err := r.Backlog(t.Context(), bucket, envelope.ReaderRelay)
		if err != nil {
			t.Fatal(err)
		}
		return age >= 2*time.Millisecond
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add("s 1")
	f.Add("t 1 0 0:5:1763788371000:a\nt 1 1 1:6:1763788371000:b:c\nr 2 9")
	f.Fuzz(func(t *testing.T, value string) {
		records, err := parseEntry(nil, value)
		if err == nil && len(records) < strings.Count(value, "\n")+1 {
			t.Errorf("%q: %d records", value, len(records))
		}
		for _, r := range records {
			if r.Kind == "" || r.Kind == envelope.RecordTaken && r.Take.User == "" {
				t.Errorf("%q: %s", value, fmt.Sprint(r))
			}
		}
	})
}
