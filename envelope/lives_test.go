package envelope_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/mempot"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/memledger"
)

// TestRandomLives sends, grabs, settles and refunds in a random order on stores in memory, while the process dies
// around any write. Each seed is one life of an installation and always goes the same way: to see a failure again, run
// its subtest alone.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newLife(t, seed).live(400) })
	}
}

// deaths lets a write end with errDied: before it has its effect, or after.
type deaths struct {
	*rand.Rand
	over bool
}

func (d *deaths) now() bool { return !d.over && d.IntN(10) == 0 }

func (d *deaths) around(write func() error) error {
	if d.now() {
		return errDied
	}
	err := write()
	if err == nil && d.now() {
		return errDied
	}
	return err
}

type dyingPots struct {
	*mempot.Pots
	*deaths
}

func (p dyingPots) Fill(ctx context.Context, e envelope.Envelope, taken []envelope.Take) error {
	return p.around(func() error { return p.Pots.Fill(ctx, e, taken) })
}

func (p dyingPots) Take(ctx context.Context, id int64, user string) (t envelope.Take, o envelope.Outcome, err error) {
	err = p.around(func() error { t, o, err = p.Pots.Take(ctx, id, user); return err })
	return t, o, err
}

func (p dyingPots) TakeMany(ctx context.Context, asks []envelope.Ask) []envelope.Answer {
	answers := make([]envelope.Answer, len(asks))
	for i, a := range asks {
		answers[i].Take, answers[i].Outcome, answers[i].Err = p.Take(ctx, a.Envelope, a.User)
	}
	return answers
}

func (p dyingPots) Retire(ctx context.Context, retired []envelope.Retirement) error {
	return p.around(func() error { return p.Pots.Retire(ctx, retired) })
}

func (p dyingPots) Acknowledge(ctx context.Context, bucket int, r pots.Reader, upTo pots.Position) error {
	return p.around(func() error { return p.Pots.Acknowledge(ctx, bucket, r, upTo) })
}

type dyingLedger struct {
	*memledger.Ledger
	*deaths
}

func (l dyingLedger) Hold(ctx context.Context, r ledger.Request, h ledger.Hold) (held ledger.Hold, err error) {
	err = l.around(func() error { held, err = l.Ledger.Hold(ctx, r, h); return err })
	return held, err
}

func (l dyingLedger) Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
	upTo string) (r ledger.PostResult, err error) {
	err = l.around(func() error { r, err = l.Ledger.Settle(ctx, shard, posts, from, upTo); return err })
	return r, err
}

func (l dyingLedger) Void(ctx context.Context, id, posted int64) (h ledger.Hold, done bool, err error) {
	err = l.around(func() error { h, done, err = l.Ledger.Void(ctx, id, posted); return err })
	return h, done, err
}

// everybody is a group of all users.
type everybody []string

func (e everybody) IsMember(context.Context, string, string) (bool, error) { return true, nil }
func (e everybody) Size(context.Context, string) (int, error)              { return len(e), nil }

// life is an installation in memory, and what its users were told.
type life struct {
	*testing.T
	*deaths
	clock    time.Time
	users    everybody
	book     *ledgertest.Book
	ledger   dyingLedger
	pots     dyingPots
	buckets  pots.Buckets
	service  *envelope.Service
	settler  *envelope.Settler
	refunder *ledger.DuePass
	retirer  *envelope.Retirer
	sweeper  *envelope.Sweeper
	rebuild  *pots.Rebuilder

	orders    []envelope.Order // the request id is the sender, a colon and the number
	envelopes []int64          // in the order in which their senders were told
	sent      map[int64]string // envelope -> its order's request id
	won       map[int64]map[string]int64
}

const opening = 5_000 // what each user begins with, minor units

func newLife(t *testing.T, seed uint64) *life {
	l := &life{T: t, deaths: &deaths{Rand: rand.New(rand.NewPCG(seed, 0))}, users: users(7),
		clock: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC), buckets: pots.Buckets{Shards: 3, PerShard: 2},
		sent: make(map[int64]string), won: make(map[int64]map[string]int64)}
	now := func() time.Time { return l.clock }
	book := ledgertest.Must(memledger.New(memledger.Config{Shards: 3, Now: now, NewID: memledger.Count()}))
	l.book, l.ledger = ledgertest.OfMemory(t, book, new(ledgertest.Clock)), dyingLedger{book, l.deaths}
	l.pots = dyingPots{ledgertest.Must(mempot.New(mempot.Config{Buckets: l.buckets, ShardOf: book.ShardOf, Now: now,
		After: time.After, Epoch: func(ctx context.Context, bucket int) (string, error) {
			s, err := book.Source(ctx, l.buckets.ShardOf(bucket), bucket, envelope.LogName)
			return s.Epoch, err
		}})), l.deaths}
	l.service = envelope.NewService(l.ledger, l.pots, l.users, nil, envelope.NewMetadata(l.ledger),
		envelope.DefaultLimits(),
		now)
	l.settler = envelope.NewSettler(l.pots, l.pots, l.ledger, l.buckets, quiet())
	l.refunder = envelope.NewRefunder(l.pots, l.ledger, l.buckets, quiet())
	l.retirer = envelope.NewRetirer(l.pots, l.ledger, l.buckets, quiet())
	l.sweeper = envelope.NewSweeper(l.pots, l.ledger, now, quiet())
	l.rebuild = &pots.Rebuilder{Buckets: l.buckets, Store: l.pots, Books: envelope.NewBooks(book, l.buckets),
		Log: quiet(), Kinds: []pots.Kind{envelope.NewKind(l.settler, l.sweeper, l.buckets)}, Rebuilt: func(string) {}}
	for _, user := range l.users {
		l.book.TopUp(user, opening)
	}
	return l
}

func (l *life) live(steps int) {
	for range steps {
		l.clock = l.clock.Add(time.Duration(l.IntN(300)) * time.Second)
		shard := l.IntN(l.buckets.Shards)
		if l.IntN(50) == 0 {
			l.forget(shard)
		}
		switch l.IntN(8) {
		case 0:
			l.send(l.order())
		case 1: // somebody repeats a request
			if len(l.orders) > 0 {
				l.send(l.orders[l.IntN(len(l.orders))])
			}
		case 2, 3, 4:
			l.grab()
		case 5:
			from, to := l.buckets.OfShard(shard)
			_, err := l.settler.Pass(l.Context(), shard, from+l.IntN(to-from), 0)
			l.check(err)
		case 6:
			_, _, err := l.refunder.Pass(l.Context(), shard)
			l.check(err)
			_, err = l.sweeper.All(l.Context(), shard)
			l.check(err)
			_, err = l.retirer.Pass(l.Context(), shard)
			l.check(err)
		case 7:
			_, err := l.ledger.Deliver(l.Context(), shard)
			l.check(err)
		}
	}
	l.end()
}

// forget loses the pots of a shard, once all that they gave away is settled. What is lost before that is another
// matter: a win that nobody has seen but its winner.
func (l *life) forget(shard int) {
	l.over = true
	defer func() { l.over = false }()
	l.must(l.settler.Drain(l.Context(), shard))
	from, to := l.buckets.OfShard(shard)
	for bucket := from; bucket < to; bucket++ {
		l.must(l.pots.Lose(bucket))
	}
	ledgertest.Must(l.rebuild.Pass(l.Context(), shard, true))
}

func (l *life) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// check accepts that the process died, and nothing else.
func (l *life) check(err error) {
	l.Helper()
	if !errors.Is(err, errDied) {
		l.must(err)
	}
}

func (l *life) order() envelope.Order {
	sender := l.users[l.IntN(len(l.users))]
	count := 1 + l.IntN(len(l.users))
	o := order(fmt.Sprintf("%s:%d", sender, len(l.orders)), int64(count+l.IntN(1_000)), count)
	if l.IntN(4) == 0 {
		o.Kind, o.Total = string(envelope.Equal), int64(count*(1+l.IntN(200)))
	}
	l.orders = append(l.orders, o)
	return o
}

func (l *life) send(o envelope.Order) {
	sender, _, _ := strings.Cut(o.RequestID, ":")
	v, err := l.service.Send(l.Context(), sender, o)
	if refusal.CodeOf(err) == refusal.CodeInsufficientBalance {
		return
	}
	if l.check(err); err != nil {
		return
	}
	before, ok := l.sent[v.ID]
	if ok && before != o.RequestID {
		l.Fatalf("orders %s and %s are both envelope %d", before, o.RequestID, v.ID)
	}
	if !ok {
		l.envelopes = append(l.envelopes, v.ID)
	}
	l.sent[v.ID] = o.RequestID
}

func (l *life) grab() {
	n := len(l.envelopes)
	if n == 0 {
		return
	}
	id, user := l.envelopes[n-1-l.IntN(min(n, 5))], l.users[l.IntN(len(l.users))]
	if l.IntN(2) == 0 {
		g, err := l.service.Grab(l.Context(), user, id)
		l.told(user, id, g, err)
		return
	}
	asks := []envelope.Ask{{Envelope: id, User: user}, {Envelope: id, User: l.users[l.IntN(len(l.users))]},
		{Envelope: id, User: user}}
	for i, r := range ledgertest.Must(l.service.GrabMany(l.Context(), asks)) {
		l.told(asks[i].User, id, r.Grabbed, r.Err)
	}
}

// told notes what a user was told.
func (l *life) told(user string, id int64, g envelope.Grabbed, err error) {
	if l.check(err); err != nil || g.Take.Minor == 0 {
		return
	}
	if before, ok := l.won[id][user]; ok && before != g.Take.Minor {
		l.Fatalf("%s was told to have won %d, then %d, of envelope %d", user, before, g.Take.Minor, id)
	}
	if l.won[id] == nil {
		l.won[id] = make(map[string]int64)
	}
	l.won[id][user] = g.Take.Minor
}

// end lets everything finish, and compares the books with what users were told.
func (l *life) end() {
	l.over = true
	for _, o := range l.orders {
		l.send(o)
	}
	l.clock = l.clock.Add(25 * time.Hour)
	for shard := range l.buckets.Shards {
		ledgertest.Must(l.sweeper.All(l.Context(), shard))
		l.must(l.settler.Drain(l.Context(), shard))
		if due, ended, err := l.refunder.Pass(l.Context(), shard); due != ended || err != nil {
			l.Fatalf("refund: %d of %d, %v", ended, due, err)
		}
		ledgertest.Must(l.retirer.Pass(l.Context(), shard))
		from, to := l.buckets.OfShard(shard)
		for bucket := from; bucket < to; bucket++ {
			if left := ledgertest.Must(l.pots.Unretired(l.Context(), bucket, 0, 1000)); len(left) > 0 {
				l.Errorf("envelopes %v are over and never retired", left)
			}
		}
	}
	l.book.DeliverAll()
	l.book.WantBalanced(0)

	want, orders := make(map[string]int64), make(map[string]bool)
	for _, user := range l.users {
		want[user] = opening
		holds := ledgertest.Must(l.ledger.HoldsOf(l.Context(), user, envelope.Subject, 0, 1_000))
		for _, h := range holds {
			if request := l.sent[h.ID]; request == "" || orders[request] {
				l.Errorf("envelope %d was sent for nobody, or for order %q a second time", h.ID, request)
			}
			orders[l.sent[h.ID]] = true
		}
	}
	for id, request := range l.sent {
		h := ledgertest.Must(l.ledger.GetHold(l.Context(), id))
		paid := make(map[string]int64)
		for _, p := range ledgertest.Must(l.ledger.Posts(l.Context(), id)) {
			if paid[p.Payee] != 0 {
				l.Errorf("%s has two shares of envelope %d", p.Payee, id)
			}
			paid[p.Payee] = p.Minor
			want[p.Payee] += p.Minor
			want[h.Owner] -= p.Minor
		}
		for user, minor := range l.won[id] {
			if paid[user] != minor {
				l.Errorf("%s won %d of envelope %d (%s) and was paid %d", user, minor, id, request, paid[user])
			}
		}
	}
	l.book.WantBalances(want)
}
