package mysqlledger_test

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// book is a ledger with what a test does to it in few words.
type book struct {
	*mysqlledger.Ledger
	t       testing.TB
	cluster *shards.Cluster
	wallet  *wallet.Service
	calls   int
}

func open(t testing.TB, n int, dsns ...string) *book {
	t.Helper()
	return openOn(t, shardstest.New(t, n, dsns...), 0)
}

func openOn(t testing.TB, c *shards.Cluster, node int) *book {
	t.Helper()
	l, err := mysqlledger.New(mysqlledger.Config{Cluster: c, Node: node, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return &book{Ledger: l, t: t, cluster: c, wallet: wallet.NewService(l, wallet.Sandbox{}, time.Now)}
}

// topUp gives a user money.
func (b *book) topUp(user string, minor int64) {
	b.t.Helper()
	b.calls++
	if _, err := b.wallet.TopUp(b.t.Context(), user, fmt.Sprintf("top-up-%d", b.calls), minor, string(cny)); err != nil {
		b.t.Fatalf("top up %s: %v", user, err)
	}
}

// draft is a hold that nobody has made yet.
func (b *book) draft(owner string, parts ...int64) ledger.Hold {
	b.t.Helper()
	id, err := b.NewID(owner)
	if err != nil {
		b.t.Fatal(err)
	}
	var total int64
	for _, p := range parts {
		total += p
	}
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	return ledger.Hold{ID: id, Subject: envelope.Subject, Owner: owner, Amount: ledger.Amount{Minor: total, Currency: cny}, Parts: parts,
		Note: "恭喜发财", Detail: []byte(`{"group":"g"}`), CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour), Open: true}
}

func request(t testing.TB, id string, body any) ledger.Request {
	t.Helper()
	r, err := ledger.NewRequest(id, "send", body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hold makes a hold.
func (b *book) hold(owner string, parts ...int64) ledger.Hold {
	b.t.Helper()
	h := b.draft(owner, parts...)
	got, err := b.Hold(b.t.Context(), request(b.t, fmt.Sprint(h.ID), parts), h)
	if err != nil {
		b.t.Fatalf("hold: %v", err)
	}
	return got
}

func pay(h ledger.Hold, part int, payee string) ledger.Post {
	return ledger.Post{Hold: h.ID, Part: part, Payee: payee, Minor: h.Parts[part], At: h.CreatedAt.Add(time.Duration(part) * time.Second)}
}

func (b *book) post(posts ...ledger.Post) ledger.PostResult {
	b.t.Helper()
	shard, _ := b.ShardOf(posts[0].Hold)
	r, err := b.Post(b.t.Context(), shard, posts)
	if err != nil {
		b.t.Fatalf("post: %v", err)
	}
	return r
}

// deliver delivers all there is, and returns how much that was.
func (b *book) deliver() (all int) {
	b.t.Helper()
	for shard := range b.Shards() {
		for {
			n, err := b.Deliver(b.t.Context(), shard)
			if err != nil {
				b.t.Fatalf("deliver: %v", err)
			}
			if all += n; n == 0 {
				break
			}
		}
	}
	return all
}

func (b *book) balance(user string) int64 {
	b.t.Helper()
	amounts, err := b.Balances(b.t.Context(), user)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range amounts {
		if a.Currency == cny {
			return a.Minor
		}
	}
	return 0
}

func (b *book) wantBalances(want map[string]int64) {
	b.t.Helper()
	for user, minor := range want {
		if got := b.balance(user); got != minor {
			b.t.Errorf("%s has %d, want %d", user, got, minor)
		}
	}
}

func (b *book) audit() ledger.AuditReport {
	b.t.Helper()
	r, err := b.Audit(b.t.Context())
	if err != nil {
		b.t.Fatalf("audit: %v", err)
	}
	return r
}

// wantBalanced wants books without a discrepancy and so much in flight.
func (b *book) wantBalanced(inFlight int64) {
	b.t.Helper()
	r := b.audit()
	for _, d := range r.Discrepancies {
		b.t.Errorf("audit: %+v", d)
	}
	if r.InFlight[cny] != inFlight {
		b.t.Errorf("audit: %d in flight, want %d", r.InFlight[cny], inFlight)
	}
}

// elsewhere is a user on another shard than all of the others; names are tried in order.
func (b *book) elsewhere(others ...string) string {
	for i := 0; ; i++ {
		name := fmt.Sprintf("user-%d", i)
		if !slices.ContainsFunc(others, func(o string) bool { return b.cluster.ForUser(o) == b.cluster.ForUser(name) }) {
			return name
		}
	}
}
