package vopr

import (
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// auditor knows what users were told, and when a bucket or a shard of the ledger went back in time. It knows no logs.
type auditor struct {
	world   *world
	all     []telling
	backs   []back
	shards  []shardBack
	sends   map[int64]sending
	refused []refusal
	early   map[int64]string // who was told too early that an envelope's time is over
}

// sending is that somebody was told to have sent an envelope.
type sending struct {
	at          time.Time // when it began, by no clock of the world
	began, told int       // steps: the hold was made between them
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
	bucket     int
	to, at     int       // steps
	from, when time.Time // the same by the pots' clock
	seen       int       // the step by which it must have been noticed; 0 while it need not
}

// refusal is that the ledger refused a win at a step.
type refusal struct {
	win
	at int
}

// shardBack is that a shard of the ledger lost what it had committed between two steps.
type shardBack struct{ shard, to, at int }

func (a *auditor) told(id int64, user string, t envelope.Take, began int) {
	a.all = append(a.all, telling{id, user, t, began, a.world.Steps})
}

// late hears that somebody was told that the time of an envelope is over. Its sender's clock and that of the pots may
// be off; no other has a say.
func (a *auditor) late(id int64, user string) {
	if open := a.world.now.Sub(a.sends[id].at); open < openFor-2*maxSkew {
		a.early[id] = fmt.Sprintf("%s was told at step %d that envelope %d, %v old, is over", user, a.world.Steps, id,
			open)
	}
}

func (a *auditor) wentBack(bucket int, to copied) {
	w := a.world
	a.backs = append(a.backs, back{bucket: bucket, to: to.at, at: w.Steps, from: to.when,
		when: w.now.Add(w.skew[processes])})
}

// forgot says whether a bucket that went back may have forgotten what happened at a time by the pots' clock, which is
// not always as much off.
func (b back) forgot(at time.Time) bool {
	return at.After(b.from.Add(-2*maxSkew)) && at.Before(b.when.Add(2*maxSkew))
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

// settled says that the ledger has accepted or refused wins of a bucket. Those that the bucket has forgotten are paid,
// as their winners were told: so only now does the bucket contradict the ledger, which has to be noticed again. But
// while a bucket is rebuilt, its pots are made after that.
func (a *auditor) settled(from ledger.SourceLog, posts []ledger.Post, r ledger.PostResult) {
	for _, p := range r.Rejected {
		a.refused = append(a.refused, refusal{win{p.Hold, p.Part, p.Payee}, a.world.Steps})
	}
	if r.Posted == 0 || from.Rebuilding {
		return
	}
	for i, b := range a.backs {
		forgotten := func(p ledger.Post) bool { return !p.At.After(b.when) }
		if b.bucket == from.Source && slices.ContainsFunc(posts, forgotten) {
			a.backs[i].seen = 0
		}
	}
}

// forgotten says whether the ledger has refused a win, which stands in the log of the process that asked, and its shard
// may have forgotten that.
func (a *auditor) forgotten(of win) bool {
	shard, _ := a.world.ledger.ShardOf(of.envelope)
	return slices.ContainsFunc(a.refused, func(r refusal) bool {
		return r.win == of && slices.ContainsFunc(a.shards, func(b shardBack) bool {
			return b.shard == shard && b.to <= r.at && r.at <= b.at
		})
	})
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
// anybody could notice, and had forgotten a win of the same share or user, or that the envelope's time was over. What
// is told again later is no worse.
func (a *auditor) mayBeNamed(of books, t telling) bool {
	var others []time.Time
	for of, p := range of.posts {
		if of.envelope == t.envelope && (of.share == t.take.Share || of.user == t.user) {
			others = append(others, p.At)
		}
	}
	for _, first := range a.all {
		if first.envelope != t.envelope || first.user != t.user || first.take != t.take {
			continue
		}
		for _, b := range a.backs {
			unseen := b.seen == 0 || first.began <= b.seen
			if b.bucket == a.world.bucketOf(t.envelope) && first.told >= b.at && unseen &&
				(len(others) == 0 || slices.ContainsFunc(others, b.forgot)) {
				return true
			}
		}
	}
	return false
}

// mayBeUnsent says whether an envelope's hold may be one that its shard forgot.
func (a *auditor) mayBeUnsent(id int64) bool {
	shard, _ := a.world.ledger.ShardOf(id)
	s := a.sends[id]
	return slices.ContainsFunc(a.shards, func(b shardBack) bool {
		return b.shard == shard && s.told >= b.to && s.began <= b.at
	})
}

func (a *auditor) shardWentBack(shard int) bool {
	return slices.ContainsFunc(a.shards, func(b shardBack) bool { return b.shard == shard })
}

func (w *world) shardOfUser(name string) int {
	id, err := w.ledger.NewID(name)
	if err != nil {
		panic(err) // it counts
	}
	shard, _ := w.ledger.ShardOf(id)
	return shard
}

func (w *world) bucketOf(id int64) int {
	shard, _ := w.ledger.ShardOf(id)
	return w.buckets.Of(shard, id)
}
