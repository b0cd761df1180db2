package vopr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// auditor knows what users were told, and when a bucket went back in time. It knows no logs.
type auditor struct {
	world  *world
	all    []telling
	backs  []back
	opened map[int64]time.Time // when an envelope's sender began to send it
	early  map[int64]string    // who was told too early that an envelope's time is over
}

// telling is that somebody was told to have won.
type telling struct {
	envelope    int64
	user        string
	take        envelope.Take
	began, told int // steps: the win happened between them
}

// back is that a bucket went back in time.
type back struct {
	bucket int
	to, at int       // steps
	when   time.Time // by the pots' clock
	seen   int       // the step by which it must have been noticed; 0 while it need not
}

func (a *auditor) told(id int64, user string, t envelope.Take, began int) {
	a.all = append(a.all, telling{id, user, t, began, a.world.Steps})
}

// late hears that somebody was told that the time of an envelope is over. Its sender's clock and that of the pots may
// be off; no other has a say.
func (a *auditor) late(id int64, user string) {
	if open := a.world.now.Sub(a.opened[id]); open < openFor-2*maxSkew {
		a.early[id] = fmt.Sprintf("%s was told at step %d that envelope %d, %v old, is over", user, a.world.Steps, id,
			open)
	}
}

func (a *auditor) wentBack(bucket, to int, when time.Time) {
	a.backs = append(a.backs, back{bucket: bucket, to: to, at: a.world.Steps, when: when})
}

// looked says that somebody has settled a bucket and found nothing wrong.
func (a *auditor) looked(bucket, began int) {
	for i, b := range a.backs {
		if b.bucket == bucket && b.seen == 0 && began > b.at {
			a.backs[i].seen = a.world.Steps
		}
	}
}

// begun says that the ledger has begun a new epoch of a bucket: from now on nothing is given away that contradicts it.
func (a *auditor) begun(bucket int) {
	for i, b := range a.backs {
		if b.bucket == bucket && b.seen == 0 {
			a.backs[i].seen = a.world.Steps
		}
	}
}

// settled says that the ledger has accepted wins of a bucket. Those that the bucket has forgotten are paid, as their
// winners were told: so only now does the bucket contradict the ledger, which has to be noticed again.
func (a *auditor) settled(bucket int, posts []ledger.Post) {
	for i, b := range a.backs {
		forgotten := func(p ledger.Post) bool { return !p.At.After(b.when) }
		if b.bucket == bucket && slices.ContainsFunc(posts, forgotten) {
			a.backs[i].seen = 0
		}
	}
}

// mayBeLost says whether a win may be one that a bucket forgot before it was settled. A bucket that went back once
// more, to before it forgot, may tell of it again.
func (a *auditor) mayBeLost(t telling) bool {
	for _, first := range a.all {
		if first.envelope != t.envelope || first.user != t.user || first.take != t.take {
			continue
		}
		for _, b := range a.backs {
			if b.bucket == a.world.bucketOf(t.envelope) && first.told >= b.to && first.began <= b.at {
				return true
			}
		}
	}
	return false
}

// mayBeNamed says whether a win may contradict the ledger: it was given away by a bucket that had gone back, before
// anybody could notice.
func (a *auditor) mayBeNamed(t telling) bool {
	for _, b := range a.backs {
		if b.bucket == a.world.bucketOf(t.envelope) && t.told >= b.at && (b.seen == 0 || t.began <= b.seen) {
			return true
		}
	}
	return false
}

func (w *world) bucketOf(id int64) int {
	shard, _ := w.ledger.ShardOf(id)
	return w.buckets.Of(shard, id)
}

// check compares what users were told with the books, when all is over.
func (a *auditor) check(ctx context.Context) (wrong []string) {
	w := a.world
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	named := map[[2]string]bool{}
	for shard := range w.buckets.Shards {
		rejections, err := w.ledger.Rejections(ctx, shard)
		if err != nil {
			say("rejections: %v", err)
		}
		for _, r := range rejections {
			named[[2]string{fmt.Sprint(r.Hold), r.Payee}] = true
		}
		holds, err := w.ledger.OpenHolds(ctx, shard, envelope.Subject, 0, 10_000)
		if err != nil {
			say("open holds: %v", err)
		}
		for _, h := range holds {
			say("envelope %d is open for ever: posted %d, pending %d", h.ID, h.Posted, h.Pending())
		}
	}
	w.now = w.now.Add(2 * envelope.RetiredFor)
	for _, id := range w.sent {
		if _, err := w.pots.Look(ctx, id); !errors.Is(err, envelope.ErrNoPot) {
			say("the pot of envelope %d is kept for ever: %v", id, err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.early)) {
		// A bucket that went back may hold a share of an envelope of which all is paid: then there is nothing to take.
		if h, err := w.ledger.GetHold(ctx, id); err != nil || h.Voided > 0 {
			say("%s; %d went back, %v", a.early[id], h.Voided, err)
		}
	}
	for _, t := range a.all {
		posts, err := w.ledger.Posts(ctx, t.envelope)
		if err != nil {
			say("posts: %v", err)
		}
		if paid(posts, t) || a.mayBeLost(t) {
			continue
		}
		if !named[[2]string{fmt.Sprint(t.envelope), t.user}] || !a.mayBeNamed(t) {
			say("%s was told between steps %d and %d to have won %d of envelope %d, and is not paid", t.user, t.began,
				t.told, t.take.Minor, t.envelope)
		}
	}
	report, err := w.ledger.Audit(ctx)
	if err != nil {
		say("audit: %v", err)
	}
	for _, d := range report.Discrepancies {
		if d.Code != ledger.AuditRejection && d.Code != ledger.AuditHoldOverdue {
			say("the books: %s: %s: expected %s, found %s", d.Code, d.What, d.Expected, d.Found)
		}
	}
	return wrong
}

func paid(posts []ledger.Post, t telling) bool {
	for _, p := range posts {
		if p.Payee == t.user && p.Part == t.take.Share && p.Minor == t.take.Minor {
			return true
		}
	}
	return false
}
