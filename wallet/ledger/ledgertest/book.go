// Package ledgertest is what tests of ledgers share: a Book, which says in few words what a test does to a ledger, two
// sample products, and the suite that every ledger must pass (see Run).
package ledgertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// CNY is the currency of all that a Book does by itself.
const CNY = ledger.Currency("CNY")

// Ledger is everything that products and wallets ask of a ledger. Every method is safe to repeat.
type Ledger interface {
	Shards() int
	ShardOf(id int64) (shard int, ok bool)
	Tx(ctx context.Context, id int64, f func(ledger.Tx) error) error
	Hold(ctx context.Context, r ledger.Request, h ledger.Hold) (ledger.Hold, error)
	HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error)
	Requested(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error)
	CancelRequest(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error)
	GetHold(ctx context.Context, id int64) (ledger.Hold, error)
	GetHolds(ctx context.Context, ids []int64) ([]ledger.Hold, error)
	OpenHolds(ctx context.Context, shard int, s ledger.Subject, after int64, limit int) ([]ledger.Hold, error)
	HoldsOf(ctx context.Context, owner string, s ledger.Subject, before int64, limit int) ([]ledger.Hold, error)
	Post(ctx context.Context, shard int, posts []ledger.Post) (ledger.PostResult, error)
	Posts(ctx context.Context, id int64) ([]ledger.Post, error)
	Void(ctx context.Context, id, posted int64) (h ledger.Hold, done bool, err error)
	Credits(ctx context.Context, user string, s ledger.Subject, before int64, limit int) ([]ledger.Credit, error)
	Indexed(ctx context.Context, of string, s ledger.Subject, before int64, limit int) ([]int64, error)
	Source(ctx context.Context, shard, source int, log string) (ledger.SourceLog, error)
	Sources(ctx context.Context, shard int, log string) ([]ledger.SourceLog, error)
	Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
		upTo string) (ledger.PostResult, error)
	BeginEpoch(ctx context.Context, shard, source int, logs []string, was, epoch, reason string) (begun bool, err error)
	EndRebuild(ctx context.Context, shard, source int, epoch string) error
	Rebuilds(ctx context.Context, shard, limit int) ([]ledger.Rebuild, error)
	Freeze(ctx context.Context, f ledger.Freeze) (stands ledger.Freeze, err error)
	Thaw(ctx context.Context, account string) (thawed bool, err error)
	Freezes(ctx context.Context, after string, limit int) ([]ledger.Freeze, error)
	ledger.DueHolds
	wallet.FundingLedger
}

// Broker sends events to whoever listens to a topic.
type Broker interface {
	Publish(ctx context.Context, topic string, events [][]byte) error
}

// System is a ledger with the parts around it, which a test drives itself.
type System struct {
	Ledger
	// Deliver carries some of a shard's messages to their shards, and returns the number of items delivered.
	Deliver func(ctx context.Context, shard int) (items int, err error)
	// Age is how long the oldest of a shard's messages has been waiting; 0 where there is none.
	Age func(ctx context.Context, shard int) (time.Duration, error)
	// Publish hands a shard's events to a broker, and returns how many it took.
	Publish func(ctx context.Context, shard int, b Broker) (published int, err error)
	Audit   func(ctx context.Context) (ledger.AuditReport, error)
	// KeepShard remembers a shard, and restore takes it back to what it was then, as a server goes back that has lost
	// its latest commits.
	KeepShard func(t testing.TB, shard int) (restore func())
}

// Book is a ledger with what a test does to it in few words. What cannot go wrong in a test fails it.
type Book struct {
	System
	Clock  *Clock // of the ledger
	T      testing.TB
	Wallet *wallet.Service
	calls  atomic.Int64
}

// Clock is the time of day, or the time to which a test has set it.
type Clock struct{ at atomic.Pointer[time.Time] }

// Now is the time.
func (c *Clock) Now() time.Time {
	if at := c.at.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// Set lets the clock stand at a time; with the zero time it goes on as the time of day.
func (c *Clock) Set(at time.Time) {
	if c.at.Store(nil); !at.IsZero() {
		c.at.Store(&at)
	}
}

// NewBook makes a book of a ledger that goes by a clock, with a funding provider that settles at once.
func NewBook(t testing.TB, s System, c *Clock) *Book {
	return &Book{System: s, Clock: c, T: t, Wallet: wallet.NewService(s.Ledger, wallet.Sandbox{}, time.Now)}
}

// NextRequest is a request id that the book has not used before.
func (b *Book) NextRequest() string { return fmt.Sprintf("book-%d", b.calls.Add(1)) }

// TopUp gives a user money.
func (b *Book) TopUp(user string, minor int64) {
	b.T.Helper()
	if _, err := b.Wallet.TopUp(b.T.Context(), user, b.NextRequest(), minor, string(CNY)); err != nil {
		b.T.Fatalf("top up %s: %v", user, err)
	}
}

// Draft is a hold of a Gift that nobody has made yet.
func (b *Book) Draft(owner string, parts ...int64) ledger.Hold {
	b.T.Helper()
	id, err := b.NewID(owner)
	if err != nil {
		b.T.Fatal(err)
	}
	var total int64
	for _, p := range parts {
		total += p
	}
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	return ledger.Hold{
		ID: id, Subject: Gift, Owner: owner, Amount: ledger.Amount{Minor: total, Currency: CNY}, Parts: parts,
		Note: "恭喜发财", Detail: []byte(`{"group":"g"}`), CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour), Open: true,
	}
}

// Request is a client's request; see ledger.NewRequest.
func Request(t testing.TB, id string, body any) ledger.Request {
	t.Helper()
	r, err := ledger.NewRequest(id, "send", body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Gift makes a hold that many may be paid parts of.
func (b *Book) Gift(owner string, parts ...int64) ledger.Hold {
	b.T.Helper()
	h := b.Draft(owner, parts...)
	got, err := b.Hold(b.T.Context(), Request(b.T, fmt.Sprint(h.ID), parts), h)
	if err != nil {
		b.T.Fatalf("hold: %v", err)
	}
	return got
}

// Pay is a post of a part of a hold, a second later for each part.
func Pay(h ledger.Hold, part int, payee string) ledger.Post {
	at := h.CreatedAt.Add(time.Duration(part) * time.Second)
	return ledger.Post{Hold: h.ID, Part: part, Payee: payee, Minor: h.Parts[part], At: at}
}

// PostAll posts a batch to the shard of its first hold.
func (b *Book) PostAll(posts ...ledger.Post) ledger.PostResult {
	b.T.Helper()
	shard, _ := b.ShardOf(posts[0].Hold)
	r, err := b.Post(b.T.Context(), shard, posts)
	if err != nil {
		b.T.Fatalf("post: %v", err)
	}
	return r
}

// DeliverAll delivers all there is, and returns how much that was.
func (b *Book) DeliverAll() (all int) {
	b.T.Helper()
	for shard := range b.Shards() {
		for {
			n, err := b.Deliver(b.T.Context(), shard)
			if err != nil {
				b.T.Fatalf("deliver: %v", err)
			}
			if all += n; n == 0 {
				break
			}
		}
	}
	return all
}

// Inbox is a Broker that keeps what it is sent. The zero value is ready.
type Inbox struct {
	mu     sync.Mutex
	events []ledger.Event
	broken string // topic
}

// Break makes a topic fail; "" for none.
func (i *Inbox) Break(topic string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.broken = topic
}

// Publish implements Broker.
func (i *Inbox) Publish(_ context.Context, topic string, events [][]byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if topic == i.broken {
		return fmt.Errorf("%s is out of order", topic)
	}
	for _, body := range events {
		i.events = append(i.events, ledger.Event{Topic: topic, Body: body})
	}
	return nil
}

// Bodies are the events of a topic, in the order in which they came.
func (i *Inbox) Bodies(topic string) (bodies []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, e := range i.events {
		if e.Topic == topic {
			bodies = append(bodies, string(e.Body))
		}
	}
	return bodies
}

// PublishAll hands out all events of all shards, and returns how many they were.
func (b *Book) PublishAll(to Broker) (all int) {
	b.T.Helper()
	for shard := range b.Shards() {
		for {
			n, err := b.Publish(b.T.Context(), shard, to)
			if err != nil {
				b.T.Fatalf("publish: %v", err)
			}
			if all += n; n == 0 {
				break
			}
		}
	}
	return all
}

// Balance is what a user has in CNY.
func (b *Book) Balance(user string) int64 {
	b.T.Helper()
	amounts, err := b.Balances(b.T.Context(), user)
	if err != nil {
		b.T.Fatal(err)
	}
	for _, a := range amounts {
		if a.Currency == CNY {
			return a.Minor
		}
	}
	return 0
}

// WantBalances compares what users have in CNY.
func (b *Book) WantBalances(want map[string]int64) {
	b.T.Helper()
	for user, minor := range want {
		if got := b.Balance(user); got != minor {
			b.T.Errorf("%s has %d, want %d", user, got, minor)
		}
	}
}

// Audited is the report of an audit.
func (b *Book) Audited() ledger.AuditReport {
	b.T.Helper()
	r, err := b.Audit(b.T.Context())
	if err != nil {
		b.T.Fatalf("audit: %v", err)
	}
	return r
}

// WantBalanced wants books without a discrepancy and so much CNY in flight.
func (b *Book) WantBalanced(inFlight int64) {
	b.T.Helper()
	r := b.Audited()
	for _, d := range r.Discrepancies {
		b.T.Errorf("audit: %+v", d)
	}
	if r.InFlight[CNY] != inFlight {
		b.T.Errorf("audit: %d in flight, want %d", r.InFlight[CNY], inFlight)
	}
}

// ShardOfUser is where a user's wallet is.
func (b *Book) ShardOfUser(user string) int {
	b.T.Helper()
	id, err := b.NewID(user)
	shard, ok := b.ShardOf(id)
	if err != nil || !ok {
		b.T.Fatalf("an id for %s: %d, %v", user, id, err)
	}
	return shard
}

// UserOn is a user on a shard, who is none of the others; names are tried in order.
func (b *Book) UserOn(shard int, others ...string) string {
	b.T.Helper()
	for i := 0; ; i++ {
		name := fmt.Sprintf("user-%d", i)
		if b.ShardOfUser(name) == shard && !slices.Contains(others, name) {
			return name
		}
	}
}

// Elsewhere is a user on another shard than all of the others.
func (b *Book) Elsewhere(others ...string) string {
	b.T.Helper()
	taken := map[int]bool{}
	for _, o := range others {
		taken[b.ShardOfUser(o)] = true
	}
	for shard := range b.Shards() {
		if !taken[shard] {
			return b.UserOn(shard)
		}
	}
	b.T.Fatalf("%v are on all shards", others)
	return ""
}

// SameHold says whether two holds agree in every field.
func SameHold(a, b ledger.Hold) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }

// Must is a result that cannot fail.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
