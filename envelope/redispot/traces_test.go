package redispot

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
)

// traceparent is what a traced grab carries.
const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

type traceKey struct{}

// A traced win leaves its trace beside the log, and an entry in the log as any other; a loser, and a grab that is not
// traced, leave none. A stream of traces that cannot be written makes no grab fail.
func TestATracedWinLeavesItsTraceBesideTheLog(t *testing.T) {
	r := singleRig(t)
	p := r.pots(t, r.client, func(c *Config) {
		c.TraceOf = func(ctx context.Context) string {
			trace, _ := ctx.Value(traceKey{}).(string)
			return trace
		}
	})
	traced := context.WithValue(t.Context(), traceKey{}, traceparent)
	e := pottest.Envelope(7, 8, 9)
	pottest.MustFill(t, r, e)
	bucket := pottest.BucketOf(e.ID)
	take := func(ctx context.Context, user string) envelope.Take {
		t.Helper()
		answer, _, err := p.Take(ctx, e.ID, user)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	stream := bucketOf(t, r, bucket).Traces

	take(t.Context(), "untraced")
	there := do(t, r.client, "EXISTS", stream)
	if n, err := there.AsInt64(); err != nil || n != 0 {
		t.Errorf("a grab that is not traced leaves a stream: %v", err)
	}
	_, before, err := p.Read(t.Context(), bucket, "", 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	won := take(traced, "traced")
	take(traced, "traced") // again
	answers := p.TakeMany(traced, []envelope.Ask{{Envelope: e.ID, User: "many"}, {Envelope: e.ID, User: "loser"}})
	if answers[0].Outcome != envelope.Won || answers[1].Outcome != envelope.Empty {
		t.Fatalf("%+v", answers)
	}
	records, upTo, err := p.Read(t.Context(), bucket, before, 100, 0)
	if err != nil || len(records) != 2 {
		t.Fatalf("%v, %v", records, err)
	}
	traces, err := p.Traces(t.Context(), bucket, before, upTo)
	want := map[envelope.ShareOf]string{{Envelope: e.ID, Share: won.Share}: traceparent,
		{Envelope: e.ID, Share: answers[0].Take.Share}: traceparent}
	if err != nil || !maps.Equal(traces, want) {
		t.Errorf("traces %v, want %v; %v", traces, want, err)
	}
	later := pottest.Envelope(5)
	for pottest.BucketOf(later.ID) != bucket {
		later = pottest.Envelope(5)
	}
	pottest.MustFill(t, r, later)
	if _, _, err := p.Take(traced, later.ID, "later"); err != nil {
		t.Fatal(err)
	}
	_, end, err := p.Read(t.Context(), bucket, upTo, 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	if traces, err = p.Traces(t.Context(), bucket, upTo, end); err != nil || len(traces) != 1 {
		t.Errorf("then %v, %v", traces, err)
	}
	kept := do(t, r.client, "XLEN", stream)
	if n, err := kept.AsInt64(); err != nil || n != 2 { // the position itself, and what is after it
		t.Errorf("%d entries are kept, %v", n, err)
	}
	left := do(t, r.client, "TTL", stream)
	if ttl, err := left.AsInt64(); err != nil || ttl < 1 || ttl > 3600 {
		t.Errorf("the traces stay for %d s, %v", ttl, err)
	}
	whole := do(t, r.client, "XRANGE", bucketOf(t, r, bucket).Log, "-", "+")
	if log, err := whole.AsXRange(); err != nil ||
		len(log) < 3 {
		t.Errorf("log %v, %v", log, err)
	} else {
		for _, entry := range log {
			if strings.Contains(entry.FieldValues["v"], traceparent[3:35]) || len(entry.FieldValues) != 1 {
				t.Errorf("an entry of the log has a trace: %v", entry)
			}
		}
	}

	do(t, r.client, "SET", stream, "not a stream")
	other := pottest.Envelope(5)
	for pottest.BucketOf(other.ID) != bucket {
		other = pottest.Envelope(5)
	}
	pottest.MustFill(t, r, other)
	if _, outcome, err := p.Take(traced, other.ID, "traced"); err != nil || outcome != envelope.Won {
		t.Errorf("with a broken stream: %v, %v", outcome, err)
	}
}
