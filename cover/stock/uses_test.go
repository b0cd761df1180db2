package stock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// died counts, and is dead before it can say so.
type died struct{ envelope.CoverUses }

func (d died) Count(
	ctx context.Context, shard, bucket int, after, upTo pots.Position, uses []envelope.CoverUse,
) error {
	return errors.Join(d.CoverUses.Count(ctx, shard, bucket, after, upTo, uses), apptest.ErrDied)
}

func TestUsesAreCountedOnce(t *testing.T) {
	r := newRig(t, nil)
	id, code := r.linked(1)
	r.claim("ann", code, stock.Claimed)
	send := func(cover int64) int64 {
		return apptest.Must(r.Envelopes.Send(r.ctx(), "ann", envelope.Order{
			RequestID: r.RequestID(), Group: "g", Kind: "equal", Total: 200, Count: 2, Currency: "CNY", Cover: cover,
		})).ID
	}
	count := func(uses envelope.CoverUses) (failed bool) {
		counter := envelope.NewUseCounter(r.Pots, r.Metadata, uses, apptest.Quiet())
		for shard := range r.Buckets.Shards {
			from, to := r.Buckets.OfShard(shard)
			for bucket := from; bucket < to; bucket++ {
				for again := true; again; {
					n, err := counter.Pass(r.ctx(), shard, bucket, 0)
					if failed = failed || errors.Is(err, apptest.ErrDied); !errors.Is(err, apptest.ErrDied) {
						r.must(err)
					}
					again = err == nil && n > 0
				}
			}
		}
		return failed
	}
	want := func(what string, sent, opened, reached int64) {
		t.Helper()
		r.must(r.Drain(r.ctx()))
		var got stock.Use
		from := time.Now().Add(-2 * time.Hour)
		for _, u := range apptest.Must(r.Stock.Stats(r.ctx(), vic, r.ID, id, from, from.Add(4*time.Hour))).Uses {
			got.Sent, got.Opened, got.Reached = got.Sent+u.Sent, got.Opened+u.Opened, got.Reached+u.Reached
		}
		if got != (stock.Use{Sent: sent, Opened: opened, Reached: reached}) {
			t.Errorf("%s: %+v, want %d sent, %d opened, %d reached", what, got, sent, opened, reached)
		}
	}
	first := send(id)
	send(0)
	second := send(id)
	for _, user := range []string{"ann", "eve"} {
		apptest.Must(r.Envelopes.Grab(r.ctx(), user, first))
	}
	uses := r.CoverUses()
	if !count(died{uses}) {
		t.Error("there was nothing to count")
	}
	count(uses) // acknowledges what the dead one has counted
	count(uses)
	want("after a death", 2, 1, 2)
	apptest.Must(r.Envelopes.Grab(r.ctx(), "eve", second))
	r.must(uses.Count(r.ctx(), 0, 0, "1-1", "2-2", []envelope.CoverUse{{Cover: id, Sent: 1}})) // of one that is late
	count(uses)
	want("after a late one", 2, 2, 3)
	r.MustBalance()
}

// A merchant's members hear, live, that uses of their cover were counted.
func TestMembersHearOfUses(t *testing.T) {
	r := newRig(t, func(c *app.Config) { c.Now = time.Now })
	id, code := r.linked(1)
	ann := r.Listen("user:ann")
	heard := func() (n int) {
		for _, name := range ann.Types("user:ann") {
			if name == "cover.stock_changed" {
				n++
			}
		}
		return n
	}
	r.Work()
	r.claim("ann", code, stock.Claimed)
	apptest.Until(t, "ann heard of the claim", func() bool { return heard() == 1 })
	apptest.Must(r.Envelopes.Send(r.ctx(), "ann", envelope.Order{
		RequestID: r.RequestID(), Group: "g", Kind: "equal", Total: 200, Count: 2, Currency: "CNY", Cover: id,
	}))
	apptest.Until(t, "ann heard of the use", func() bool { return heard() == 2 })
}
