package ledgertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Each line posts one batch to a hold of 30, 20, 20, 10 by alice.
func testPosts(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 1000)
	h := b.Gift("alice", 30, 20, 20, 10)
	other := b.Gift("alice", 5)
	edit := func(p ledger.Post, f func(*ledger.Post)) []ledger.Post { f(&p); return []ledger.Post{p} }
	unknown := func(hold int64, part int) []ledger.Post {
		return []ledger.Post{{Hold: hold, Part: part, Payee: "carol", Minor: 10, At: h.CreatedAt}}
	}
	batch := func(posts ...ledger.Post) []ledger.Post { return posts }
	bob := Pay(h, 0, "bob")

	for _, line := range []struct {
		what      string
		batch     []ledger.Post
		posted    int
		repeated  int
		rejected  string // reason of the one that is
		completed bool
	}{
		{"nothing", nil, 0, 0, "", false},
		{"a part", batch(bob), 1, 0, "", false},
		{"the same again", batch(bob), 0, 1, "", false},
		{"the same twice in a batch", batch(bob, bob), 0, 2, "", false},
		{"same part and payee, other time", edit(bob, func(p *ledger.Post) { p.At = p.At.Add(time.Hour) }), 0, 1, "",
			false},
		{"same part, other payee", edit(bob, func(p *ledger.Post) { p.Payee = "carol" }), 0, 0,
			"the part was paid to bob",
			false},
		{"same part and payee, other amount", edit(bob, func(p *ledger.Post) { p.Minor = 20 }), 0, 0,
			"the part's amount is 30", false},
		{"same payee, other part", batch(Pay(h, 1, "bob")), 0, 0, "the payee was paid part 0", false},
		{"a part that is not there", unknown(h.ID, 4), 0, 0, "the hold has parts 0 to 3", false},
		{"a part below zero", unknown(h.ID, -1), 0, 0, "the hold has parts 0 to 3", false},
		{"no such hold", unknown(h.ID+1<<40, 0), 0, 0, "there is no such hold on this shard", false},
		{"a hold of another shard", unknown(h.ID^1, 0), 0, 0, "there is no such hold on this shard", false},
		{"a payee who is nobody", batch(Pay(h, 1, "张三")), 0, 0, "the payee is not an account", false},
		{"new, repeated and contradicting in one batch", batch(Pay(h, 1, "carol"), bob, Pay(h, 2, "bob")), 1, 1,
			"the payee was paid part 0", false},
		{"one payee twice in a batch", batch(Pay(h, 3, "dave"), Pay(h, 2, "dave")), 1, 0, "the payee was paid part 2",
			false},
		{"one part twice in a batch, the last", batch(Pay(h, 3, "erin"), Pay(h, 3, "frank")), 1, 0,
			"the part was paid to erin", true},
		{"a repeat of a completed hold", batch(bob), 0, 1, "", true},
		{"a hold of one part", batch(Pay(other, 0, "bob")), 1, 0, "", true},
	} {
		shard, _ := b.ShardOf(h.ID)
		r, err := b.Post(t.Context(), shard, line.batch)
		if err != nil {
			t.Errorf("%s: %v", line.what, err)
			continue
		}
		reason := ""
		if len(r.Rejected) > 0 {
			reason = r.Rejected[0].Reason
		}
		if r.Posted != line.posted || r.Repeated != line.repeated || reason != line.rejected ||
			len(r.Completed) == 1 != line.completed {
			t.Errorf("%s: %+v, want %d posted, %d repeated, %q", line.what, r, line.posted, line.repeated,
				line.rejected)
		}
	}
	b.DeliverAll()
	b.WantBalances(map[string]int64{"alice": 915, "bob": 35, "carol": 20, "dave": 20, "erin": 10, "frank": 0})
	b.wantRejections(11)
	for _, shard := range []int{-1, 4} {
		if _, err := b.Post(t.Context(), shard, batch(bob)); err == nil {
			t.Errorf("posted on shard %d", shard)
		}
	}
}

// wantRejections wants an audit that names so many rejections and nothing else.
func (b *Book) wantRejections(n int64) {
	b.T.Helper()
	r := b.Audited()
	if r.Found != n {
		b.T.Errorf("the audit names %d rejections, want %d: %+v", r.Found, n, r.Discrepancies)
	}
	for _, d := range r.Discrepancies {
		if d.Code != ledger.AuditRejection {
			b.T.Errorf("audit: %+v", d)
		}
	}
}

// A hold with a counterparty pays that one alone.
func testCounterparty(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	h := b.Draft("alice", 60, 40)
	h.Counterparty = "bob"
	if _, err := b.Hold(t.Context(), Request(t, "r", 1), h); err != nil {
		t.Fatal(err)
	}
	r := b.PostAll(Pay(h, 0, "bob"), Pay(h, 1, "carol"))
	if r.Posted != 1 || len(r.Rejected) != 1 || r.Rejected[0].Reason != "the hold pays bob alone" {
		t.Errorf("post: %+v", r)
	}
	entries, err := b.Entries(t.Context(), "alice", CNY, 0, 1)
	if err != nil || len(entries) != 1 || entries[0].Counterparty != "bob" {
		t.Errorf("statement: %+v, %v", entries, err)
	}
	if _, done, err := b.Void(t.Context(), h.ID, 60); !done || err != nil {
		t.Errorf("void: %v, %v", done, err)
	}
	b.DeliverAll()
	b.WantBalances(map[string]int64{"alice": 940, "bob": 60, "carol": 0})
	b.wantRejections(1)
}

// A batch of 1,500 posts over 300 holds, replayed whole, in pieces and by several workers at once.
func testReplays(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 1_000_000)
	batch := b.manyPosts(300, 5, 4, 3, 2, 1)
	if r := b.PostAll(batch...); r.Posted != 1500 || len(r.Completed) != 300 {
		t.Fatalf("first: %d posted, %d completed", r.Posted, len(r.Completed))
	}
	if r := b.PostAll(batch...); r.Repeated != 1500 || r.Posted != 0 || len(r.Completed) != 300 {
		t.Errorf("again: %+v", r)
	}
	next := b.manyPosts(100, 7, 6, 5)
	var wg sync.WaitGroup
	var mu sync.Mutex
	posted := 0
	for i := range 6 {
		wg.Go(func() {
			mine := next[i*30 : i*30+150] // overlapping windows
			r := b.PostAll(append(mine[:len(mine):len(mine)], batch[i*100:i*100+100]...)...)
			mu.Lock()
			defer mu.Unlock()
			posted += r.Posted
			if len(r.Rejected) > 0 {
				t.Errorf("worker %d: rejected %+v", i, r.Rejected[0])
			}
		})
	}
	wg.Wait()
	if posted != 300 {
		t.Errorf("%d posted by all workers, want 300", posted)
	}
	b.WantBalanced(300*15 + 100*18)
	b.DeliverAll()
	b.WantBalanced(0)
}

// manyPosts makes holds of alice's and pays each part to somebody.
func (b *Book) manyPosts(holds int, parts ...int64) (posts []ledger.Post) {
	b.T.Helper()
	for i := range holds {
		h := b.Gift("alice", parts...)
		for part := range h.Parts {
			posts = append(posts, Pay(h, part, fmt.Sprintf("user-%d", (i+part)%40)))
		}
	}
	return posts
}
