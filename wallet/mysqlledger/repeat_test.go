package mysqlledger_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Each line is a hold, asked for in the order of the table; alice has 1000.
func TestHolds(t *testing.T) {
	b := open(t, 4)
	b.topUp("alice", 1000)
	first := b.draft("alice", 60, 40)
	body := "send 100"

	change := func(f func(*ledger.Hold)) ledger.Hold {
		h := first
		h.Parts = append([]int64(nil), first.Parts...)
		f(&h)
		return h
	}
	fresh := func(f func(*ledger.Hold)) ledger.Hold {
		h := b.draft("alice", 60, 40)
		f(&h)
		return h
	}
	same := func(*ledger.Hold) {}
	const malformed = "malformed" // an error that is no refusal

	for _, line := range []struct {
		what    string
		request ledger.Request
		hold    ledger.Hold
		code    string
		id      int64 // of the hold that is returned
		balance int64
	}{
		{"the first", request(t, "r1", body), first, "", first.ID, 900},
		{"same request, same body", request(t, "r1", body), first, "", first.ID, 900},
		{"same request, same body, new id", request(t, "r1", body), fresh(same), "", first.ID, 900},
		{"same request, other body", request(t, "r1", "send 200"), first, refusal.CodeRequestConflict, 0, 900},
		{"same request, other method", must(ledger.NewRequest("r1", "topup", body)), first, refusal.CodeRequestConflict, 0, 900},
		{"other request, same id of the hold", request(t, "r2", body), first, malformed, 0, 900},
		{"other request, same body", request(t, "r3", body), fresh(same), "", -1, 800},
		{"more than there is", request(t, "r4", body), b.draft("alice", 801), refusal.CodeInsufficientBalance, 0, 800},
		{"a currency there is none of", request(t, "r4", body), fresh(func(h *ledger.Hold) { h.Amount.Currency = "EUR" }), refusal.CodeInsufficientBalance, 0, 800},
		{"the refused request, now possible", request(t, "r4", body), b.draft("alice", 800), "", -1, 0},
		{"an owner without a wallet", request(t, "r1", body), b.draft("zoe", 1), refusal.CodeInsufficientBalance, 0, 0},

		{"owner of another shard", request(t, "r9", body), change(func(h *ledger.Hold) { h.Owner = b.elsewhere("alice") }), malformed, 0, 0},
		{"id of no shard", request(t, "r9", body), change(func(h *ledger.Hold) { h.ID |= 1023 }), malformed, 0, 0},
		{"parts that do not sum up", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Amount.Minor++ }), malformed, 0, 0},
		{"a part of nothing", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Parts = []int64{100, 0} }), malformed, 0, 0},
		{"parts that overflow", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Parts = []int64{1 << 62, 1 << 62, 1 << 62, 1<<62 + 100} }), malformed, 0, 0},
		{"no parts", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Parts = nil }), malformed, 0, 0},
		{"nothing", request(t, "r9", body), b.draft("alice"), refusal.CodeAmountOutOfRange, 0, 0},
		{"too much", request(t, "r9", body), b.draft("alice", ledger.MaxMinor+1), refusal.CodeAmountOutOfRange, 0, 0},
		{"an unknown currency", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Amount.Currency = "XYZ" }), refusal.CodeUnknownCurrency, 0, 0},
		{"a note that is too long", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Note = string(make([]byte, 101)) }), malformed, 0, 0},
		{"no subject", request(t, "r9", body), fresh(func(h *ledger.Hold) { h.Subject = "" }), malformed, 0, 0},
	} {
		got, err := b.Hold(t.Context(), line.request, line.hold)
		code := refusal.CodeOf(err)
		if err != nil && code == "" {
			code = malformed
		}
		if code != line.code {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		if line.id == -1 {
			line.id = line.hold.ID
		}
		if got.ID != line.id {
			t.Errorf("%s: hold %d, want %d", line.what, got.ID, line.id)
		}
		if balance := b.balance("alice"); balance != line.balance {
			t.Errorf("%s: alice has %d, want %d", line.what, balance, line.balance)
		}
	}
	if id, ok, err := b.Requested(t.Context(), "alice", request(t, "r1", body)); id != first.ID || !ok || err != nil {
		t.Errorf("Requested: %d, %v, %v", id, ok, err)
	}
	if _, ok, err := b.Requested(t.Context(), "alice", request(t, "r9", body)); ok || err != nil {
		t.Errorf("Requested, of one that was never carried out: %v, %v", ok, err)
	}
	if _, _, err := b.Requested(t.Context(), "alice", request(t, "r1", "other")); refusal.CodeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("Requested, with another body: %v", err)
	}
	b.wantBalanced(0)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Two processes with one node number make the same id: the second hold is an error, and the first stays as it is.
func TestSameIDIsNeverOverwritten(t *testing.T) {
	c := shardstest.New(t, 2)
	one, two := openOn(t, c, 7), openOn(t, c, 7)
	one.topUp("alice", 1000)
	h := one.hold("alice", 10, 20)
	other := two.draft("alice", 500)
	other.ID = h.ID
	if _, err := two.Hold(t.Context(), request(t, "other", "other"), other); err == nil || refusal.CodeOf(err) != "" {
		t.Errorf("hold with an id that exists: %v, want an error", err)
	}
	if got, err := two.GetHold(t.Context(), h.ID); err != nil || !equal(got, h) {
		t.Errorf("the first: %+v, %v", got, err)
	}
	one.wantBalances(map[string]int64{"alice": 970})
	one.wantBalanced(0)
}

// Each line posts one batch to a hold of 30, 20, 20, 10 by alice.
func TestPosts(t *testing.T) {
	b := open(t, 4)
	b.topUp("alice", 1000)
	h := b.hold("alice", 30, 20, 20, 10)
	other := b.hold("alice", 5)
	edit := func(p ledger.Post, f func(*ledger.Post)) ledger.Post { f(&p); return p }
	bob := pay(h, 0, "bob")

	for _, line := range []struct {
		what      string
		batch     []ledger.Post
		posted    int
		repeated  int
		rejected  string // reason of the one that is
		completed bool
	}{
		{"a part", []ledger.Post{bob}, 1, 0, "", false},
		{"the same again", []ledger.Post{bob}, 0, 1, "", false},
		{"the same twice in a batch", []ledger.Post{bob, bob}, 0, 2, "", false},
		{"same part and payee, other time", []ledger.Post{edit(bob, func(p *ledger.Post) { p.At = p.At.Add(time.Hour) })}, 0, 1, "", false},
		{"same part, other payee", []ledger.Post{edit(bob, func(p *ledger.Post) { p.Payee = "carol" })}, 0, 0, "the part was paid to bob", false},
		{"same part and payee, other amount", []ledger.Post{edit(bob, func(p *ledger.Post) { p.Minor = 20 })}, 0, 0, "the part's amount is 30", false},
		{"same payee, other part", []ledger.Post{pay(h, 1, "bob")}, 0, 0, "the payee was paid part 0", false},
		{"a part that is not there", []ledger.Post{{Hold: h.ID, Part: 4, Payee: "carol", Minor: 10, At: h.CreatedAt}}, 0, 0, "the hold has parts 0 to 3", false},
		{"a part below zero", []ledger.Post{{Hold: h.ID, Part: -1, Payee: "carol", Minor: 10, At: h.CreatedAt}}, 0, 0, "the hold has parts 0 to 3", false},
		{"no such hold", []ledger.Post{{Hold: h.ID + 1<<40, Payee: "carol", Minor: 10, At: h.CreatedAt}}, 0, 0, "there is no such hold on this shard", false},
		{"a hold of another shard", []ledger.Post{{Hold: h.ID ^ 1, Payee: "carol", Minor: 10, At: h.CreatedAt}}, 0, 0, "there is no such hold on this shard", false},
		{"a payee who is nobody", []ledger.Post{edit(pay(h, 1, ""), func(p *ledger.Post) { p.Payee = "张三" })}, 0, 0, "the payee is not a user id", false},
		{"new, repeated and contradicting in one batch", []ledger.Post{pay(h, 1, "carol"), bob, pay(h, 2, "bob")}, 1, 1, "the payee was paid part 0", false},
		{"one payee twice in a batch", []ledger.Post{pay(h, 3, "dave"), pay(h, 2, "dave")}, 1, 0, "the payee was paid part 2", false},
		{"one part twice in a batch, the last", []ledger.Post{pay(h, 3, "erin"), pay(h, 3, "frank")}, 1, 0, "the part was paid to erin", true},
		{"a repeat of a completed hold", []ledger.Post{bob}, 0, 1, "", true},
		{"a hold of one part", []ledger.Post{pay(other, 0, "bob")}, 1, 0, "", true},
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
		if r.Posted != line.posted || r.Repeated != line.repeated || reason != line.rejected || len(r.Completed) == 1 != line.completed {
			t.Errorf("%s: %+v, want %d posted, %d repeated, %q", line.what, r, line.posted, line.repeated, line.rejected)
		}
	}
	b.deliver()
	b.wantBalances(map[string]int64{"alice": 915, "bob": 35, "carol": 20, "dave": 20, "erin": 10, "frank": 0})
	kept := b.audit()
	if kept.Found != 11 {
		t.Errorf("the audit names %d rejections, want 11: %+v", kept.Found, kept.Discrepancies)
	}
	for _, d := range kept.Discrepancies {
		if d.Code != ledger.AuditRejection {
			t.Errorf("audit: %+v", d)
		}
	}
}

// A batch of 1,500 posts over 300 holds, replayed whole, in pieces and by several workers at once.
func TestReplays(t *testing.T) {
	b := open(t, 4)
	b.topUp("alice", 1_000_000)
	var batch []ledger.Post
	for i := range 300 {
		h := b.hold("alice", 5, 4, 3, 2, 1)
		for part := range h.Parts {
			batch = append(batch, pay(h, part, fmt.Sprintf("user-%d", (i+part)%40)))
		}
	}
	if r := b.post(batch...); r.Posted != 1500 || len(r.Completed) != 300 {
		t.Fatalf("first: %d posted, %d completed", r.Posted, len(r.Completed))
	}
	if r := b.post(batch...); r.Repeated != 1500 || r.Posted != 0 || len(r.Completed) != 300 {
		t.Errorf("again: %+v", r)
	}
	var next []ledger.Post
	for i := range 100 {
		h := b.hold("alice", 7, 6, 5)
		for part := range h.Parts {
			next = append(next, pay(h, part, fmt.Sprintf("user-%d", (i+part)%40)))
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	posted := 0
	for i := range 6 {
		wg.Go(func() {
			mine := next[i*30 : i*30+150] // overlapping windows
			r := b.post(append(mine[:len(mine):len(mine)], batch[i*100:i*100+100]...)...)
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
	b.wantBalanced(300*15 + 100*18)
	b.deliver()
	b.wantBalanced(0)
}
