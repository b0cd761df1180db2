package trail_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/trail"
)

// list keeps records, or fails.
type list struct {
	records []trail.Record
	away    bool
}

func (l *list) Append(_ context.Context, r trail.Record) error {
	if l.away {
		return errors.New("away")
	}
	l.records = append(l.records, r)
	return nil
}

// However much strangers do, it is a bounded number of records, and nothing is lost while they cannot be written.
func TestTally(t *testing.T) {
	kept := &list{away: true}
	at := time.Unix(1_800_000_000, 0)
	tally := trail.NewTally(kept, slog.New(slog.DiscardHandler), func() time.Time { return at })
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			for range 10 {
				tally.Add(fmt.Sprint("203.0.113.", i), "token", "unauthenticated", 1)
			}
			tally.Add("203.0.113.7", "MerchantService.MerchantToken", "key_unknown", 2)
		})
	}
	all.Wait()
	tally.Flush(t.Context())
	kept.away = false
	tally.Flush(t.Context())
	counts := map[string]int{}
	for _, r := range kept.records {
		var detail struct {
			Count int
			Since time.Time
		}
		if err := json.Unmarshal([]byte(r.Detail), &detail); err != nil || detail.Since.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
		counts[r.Action+" "+r.Outcome] += detail.Count
	}
	if len(kept.records) > 52 || counts["token unauthenticated"] != 2000 ||
		counts["MerchantService.MerchantToken key_unknown"] != 400 {
		t.Errorf("%d records of %v", len(kept.records), counts)
	}
	before := len(kept.records)
	tally.Flush(t.Context())
	if len(kept.records) != before {
		t.Errorf("nothing happened, and %+v was written", kept.records[before:])
	}
	tally.Add("192.0.2.1", "token", "unauthenticated", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tally.Run(ctx) // as when a process ends
	if len(kept.records) != before+1 {
		t.Error("what was counted last is lost when a process ends")
	}
}
