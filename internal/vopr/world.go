package vopr

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/mempot"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/memledger"
)

// The size of a world, and how often what happens in it, as one in so many.
const (
	processes  = 3
	people     = 8
	openFor    = 10 * time.Minute
	newest     = 6                    // envelopes that people grab
	opening    = int64(1_000_000_000) // minor units of each user
	maxActors  = 12
	keptCopies = 3

	lostCalls, repeatedCalls = 60, 60
	lateCalls, longestDelay  = 80, 300 // the latter in steps
	nobody                   = -1      // the process of a call that is late
	crashes, copies, goBacks = 400, 40, 400
	failovers, longestTail   = 250, 60 // the latter in steps: what a failover loses
	shardFailovers           = 300     // of the ledger's shards
	forgetfulLedgers         = 2       // one seed in so many has a ledger whose shards go back in time
	skews, leaps             = 200, 150
	maxSkew                  = 10 * time.Second // of processes and pots
	maxLedgerSkew            = 48 * time.Hour
	begins                   = 3       // one step in so many begins something new, the others go on
	pauses, longestPause     = 60, 500 // steps
)

// world is an installation, what happens to it, and what its users were told.
type world struct {
	*rand.Rand
	Report
	flaw    Flaw
	faulty  bool
	now     time.Time
	skew    [processes + 2]time.Duration // of each process, and last of the pots and of the ledger
	buckets pots.Buckets
	ledger  *memledger.Ledger
	pots    *mempot.Pots
	process [processes]*process
	actors  []*actor
	copies  map[int][]copied // by bucket
	tails   []tail           // of failovers to come
	lost    []lostTail       // of those of the ledger
	epochs  int
	orders  int
	forgets bool // the ledger's shards go back in time too
	sent    []int64
	audit   auditor
}

// process is the parts of the system in one process.
type process struct {
	service   *envelope.Service
	settler   *envelope.Settler
	refunder  *ledger.DuePass
	retirer   *envelope.Retirer
	sweeper   *envelope.Sweeper
	rebuilder *pots.Rebuilder
}

// tail is what a bucket will lose: everything after a copy.
type tail struct {
	bucket, until int // a step
	copied
}

// lostTail is what a shard of the ledger will lose: everything after a copy.
type lostTail struct {
	shard, until, at int // the latter two are steps
	snapshot         memledger.Snapshot
}

type copied struct {
	at       int       // a step
	when     time.Time // by the pots' clock
	snapshot mempot.Snapshot
}

// everybody is a group of all users.
type everybody struct{}

func (everybody) IsMember(context.Context, string, string) (bool, error) { return true, nil }
func (everybody) Size(context.Context, string) (int, error)              { return people, nil }

func user(n int) string { return fmt.Sprintf("user%d", n) }

func newWorld(seed uint64, flaw Flaw) (*world, error) {
	w := &world{flaw: flaw, Rand: rand.New(rand.NewPCG(seed, 0)), faulty: true, copies: map[int][]copied{},
		now: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC), buckets: pots.Buckets{Shards: 2, PerShard: 2}}
	w.Seed, w.forgets = seed, seed%forgetfulLedgers == 1
	w.audit = auditor{world: w, sends: map[int64]sending{}, early: map[int64]string{}}
	now := func() time.Time { return w.now }
	var err error
	if w.ledger, err = memledger.New(memledger.Config{Shards: w.buckets.Shards,
		Now:   func() time.Time { return w.now.Add(w.skew[processes+1]) },
		NewID: memledger.Count()}); err != nil {
		return nil, err
	}
	w.pots, err = mempot.New(mempot.Config{Buckets: w.buckets, ShardOf: w.ledger.ShardOf, After: time.After,
		Now: func() time.Time { return w.now.Add(w.skew[processes]) },
		Epoch: func(ctx context.Context, bucket int) (string, error) {
			s, err := w.ledger.Source(ctx, w.buckets.ShardOf(bucket), bucket, envelope.LogName)
			return s.Epoch, err
		}})
	if err != nil {
		return nil, err
	}
	wallets := wallet.NewService(w.ledger, wallet.Sandbox{}, now)
	for n := range people {
		if _, err := wallets.TopUp(context.Background(), user(n), "opening", opening, "CNY"); err != nil {
			return nil, err
		}
	}
	for n := range w.process {
		w.boot(n)
	}
	return w, nil
}

// boot starts a process, which remembers nothing.
func (w *world) boot(n int) {
	now := func() time.Time { return w.now.Add(w.skew[n]) }
	p, l, quiet := faultyPots{w.pots, w.flaw}, faultyLedger{w.ledger, &w.audit}, slog.New(slog.DiscardHandler)
	limits := envelope.DefaultLimits()
	limits.OpenFor = openFor
	at := &process{
		service:  envelope.NewService(l, p, everybody{}, nil, envelope.NewMetadata(l), limits, now),
		settler:  envelope.NewSettler(p, p, l, w.buckets, quiet),
		refunder: envelope.NewRefunder(p, l, w.buckets, quiet),
		retirer:  envelope.NewRetirer(p, l, w.buckets, quiet),
		sweeper:  envelope.NewSweeper(p, l, now, quiet),
	}
	at.rebuilder = &pots.Rebuilder{
		Buckets: w.buckets, Store: p, Books: envelope.NewBooks(l, w.buckets), Log: quiet,
		Kinds: []pots.Kind{envelope.NewKind(at.settler, at.sweeper, w.buckets)}, Rebuilt: func(string) { w.Rebuilt++ },
		NewEpoch: func() string { w.epochs++; return fmt.Sprintf("e%d", w.epochs) },
	}
	w.process[n] = at
}

// fault says whether something happens that happens once in so many times.
func (w *world) fault(in int) bool { return w.faulty && w.IntN(in) == 0 }

// step lets one thing happen.
func (w *world) step() {
	w.Steps++
	w.now = w.now.Add(time.Duration(1+w.IntN(500)) * time.Millisecond)
	switch {
	case w.fault(crashes):
		w.crash(w.IntN(processes))
	case w.fault(copies):
		w.copy(w.IntN(w.buckets.Number()))
	case w.fault(failovers):
		bucket := w.IntN(w.buckets.Number())
		w.tails = append(w.tails, tail{bucket, w.Steps + 1 + w.IntN(longestTail), w.asItIs(bucket)})
	case w.faulty && len(w.tails) > 0 && w.tails[0].until <= w.Steps:
		w.restore(w.tails[0].bucket, w.tails[0].copied)
		w.tails = w.tails[1:]
	case w.forgets && w.fault(shardFailovers):
		shard := w.IntN(w.buckets.Shards)
		w.lost = append(w.lost, lostTail{shard, w.Steps + 1 + w.IntN(longestTail), w.Steps, w.ledger.Snapshot(shard)})
	case w.faulty && len(w.lost) > 0 && w.lost[0].until <= w.Steps:
		w.loseCommits(w.lost[0])
		w.lost = w.lost[1:]
	case w.fault(goBacks):
		w.goBack(w.IntN(w.buckets.Number()))
	case w.fault(skews):
		w.skew[w.IntN(len(w.skew)-1)] = w.span(maxSkew)
	case w.fault(skews):
		w.skew[processes+1] = w.span(maxLedgerSkew)
	case w.fault(leaps):
		w.now = w.now.Add(openFor / 4)
	case len(w.actors) < maxActors && w.IntN(begins) == 0:
		w.actors = append(w.actors, w.begin())
	case len(w.actors) > 0:
		i := w.IntN(len(w.actors))
		a := w.actors[i]
		if a.until > w.Steps {
			break
		}
		if w.fault(pauses) {
			a.until = w.Steps + w.IntN(longestPause)
			w.Pauses++
			break
		}
		if a.step() {
			w.actors = append(w.actors[:i], w.actors[i+1:]...)
		}
	}
}

// span is a time from -most to most.
func (w *world) span(most time.Duration) time.Duration {
	return time.Duration(w.Int64N(int64(2*most))) - most
}

// crash ends a process in the middle of whatever it does, and starts it again.
func (w *world) crash(n int) {
	w.Crashes++
	alive := w.actors[:0]
	for _, a := range w.actors {
		if a.process != n {
			alive = append(alive, a)
			continue
		}
		a.dead = true
		a.finish()
	}
	w.actors = alive
	w.boot(n)
}

// asItIs is a bucket as it is now.
func (w *world) asItIs(bucket int) copied {
	s, err := w.pots.Snapshot(bucket)
	if err != nil {
		panic(err) // there is such a bucket
	}
	return copied{w.Steps, w.now.Add(w.skew[processes]), s}
}

func (w *world) copy(bucket int) {
	all := append(w.copies[bucket], w.asItIs(bucket))
	w.copies[bucket] = all[max(0, len(all)-keptCopies):]
}

// goBack makes a bucket what it was: a replica without the newest writes takes over.
func (w *world) goBack(bucket int) {
	all := w.copies[bucket]
	if len(all) == 0 {
		return
	}
	w.restore(bucket, all[w.IntN(len(all))])
}

func (w *world) restore(bucket int, to copied) {
	if err := w.pots.Restore(bucket, to.snapshot); err != nil {
		panic(err)
	}
	w.WentBack++
	w.audit.wentBack(bucket, to)
}

// loseCommits makes a shard of the ledger what it was: a server that does not flush each commit has lost its power, or
// a replica without the newest ones takes over.
func (w *world) loseCommits(t lostTail) {
	w.ledger.Restore(t.shard, t.snapshot)
	w.ShardsBack++
	w.audit.shards = append(w.audit.shards, shardBack{t.shard, t.at, w.Steps})
}

// begin starts something on a process.
func (w *world) begin() *actor {
	n := w.IntN(processes)
	p, shard, bucket := w.process[n], w.IntN(w.buckets.Shards), w.IntN(w.buckets.Number())
	switch w.IntN(26) {
	case 0, 1:
		w.orders++
		order := envelope.Order{RequestID: fmt.Sprint("order-", w.orders), Group: "g", Kind: string(envelope.Equal),
			Total: 120, Count: 1 + w.IntN(6), Currency: "CNY"}
		order.Total = int64(order.Count) * 100
		sender := user(w.IntN(people))
		return w.start(n, func(ctx context.Context) {
			began, step := w.now, w.Steps
			if v, err := p.service.Send(ctx, sender, order); err == nil {
				w.sent = append(w.sent, v.ID)
				w.audit.sends[v.ID] = sending{began, step, w.Steps}
			}
		})
	case 2, 3, 4, 5, 6:
		if len(w.sent) == 0 {
			break
		}
		id, who := w.sent[len(w.sent)-1-w.IntN(min(len(w.sent), newest))], user(w.IntN(people))
		return w.start(n, func(ctx context.Context) { w.grab(ctx, p, id, who) })
	case 7, 8, 9: // somebody who has won asks again
		all := w.audit.all
		if len(all) == 0 {
			break
		}
		of := all[len(all)-1-w.IntN(min(len(all), 2*newest))]
		return w.start(n, func(ctx context.Context) { w.grab(ctx, p, of.envelope, of.user) })
	case 10:
		return w.start(n, func(ctx context.Context) {
			for _, h := range w.due(shard) {
				_, _ = p.refunder.End(ctx, h)
			}
		})
	case 11:
		return w.start(n, func(ctx context.Context) { _, _ = p.sweeper.All(ctx, shard) })
	case 12:
		return w.start(n, func(ctx context.Context) { _, _ = p.retirer.Pass(ctx, shard) })
	case 13, 14:
		return w.start(n, func(ctx context.Context) { _, _ = p.rebuilder.Pass(ctx, shard, false) })
	}
	return w.start(n, func(ctx context.Context) { w.settle(ctx, p, bucket) })
}

// due are the holds that are due by the shard's clock. The pass itself fans out over goroutines.
func (w *world) due(shard int) []ledger.Hold {
	holds, err := w.ledger.DueHolds(context.Background(), shard, envelope.Subject, ledger.Hold{}, 20)
	if err != nil {
		panic(err)
	}
	return holds
}

func (w *world) grab(ctx context.Context, p *process, id int64, who string) {
	w.Grabs++
	began := w.Steps
	g, err := p.service.Grab(ctx, who, id)
	if err == nil && (g.Outcome == envelope.Won || g.Outcome == envelope.AlreadyWon) {
		w.Won++
		w.audit.told(id, who, g.Take, began)
	}
	if err == nil && g.Outcome == envelope.Expired {
		w.audit.late(id, who)
	}
}

func (w *world) settle(ctx context.Context, p *process, bucket int) {
	began := w.Steps
	// One that finds nothing to do has seen the log whole; others may still be doing what follows an earlier commit.
	if n, err := p.settler.Pass(ctx, w.buckets.ShardOf(bucket), bucket, 0); n == 0 && err == nil {
		w.audit.looked(bucket, began)
	}
	for shard := range w.buckets.Shards {
		_, _ = w.ledger.Deliver(ctx, shard)
	}
}
