package mysqlledger_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

var (
	_ envelope.Ledger      = (*mysqlledger.Ledger)(nil)
	_ wallet.FundingLedger = (*mysqlledger.Ledger)(nil)
)

const cny = ledger.Currency("CNY")

func TestLifeOfAHold(t *testing.T) {
	b := open(t, 4)
	ctx := t.Context()
	b.topUp("alice", 1000)
	bob := b.elsewhere("alice")
	h := b.hold("alice", 300, 200, 100)
	b.wantBalances(map[string]int64{"alice": 400})

	if got, err := b.GetHold(ctx, h.ID); err != nil || !equal(got, h) {
		t.Errorf("GetHold = %+v, %v, want %+v", got, err, h)
	}
	if r := b.post(pay(h, 0, bob), pay(h, 2, "alice")); r.Posted != 2 || len(r.Completed) != 0 {
		t.Errorf("post: %+v", r)
	}
	b.wantBalanced(400) // in flight
	for shard := range b.Shards() {
		age, err := b.ClearingAge(ctx, shard)
		if waiting := shard == b.cluster.ForUser("alice"); err != nil || (age > 0) != waiting || age > time.Minute {
			t.Errorf("clearing age of shard %d: %v, %v", shard, age, err)
		}
	}
	if n := b.deliver(); n != 2 {
		t.Errorf("%d delivered, want 2", n)
	}
	b.wantBalances(map[string]int64{"alice": 500, bob: 300})
	b.wantBalanced(0)

	if _, done, err := b.Void(ctx, h.ID, 300); done || err != nil {
		t.Errorf("void with another amount posted: %v, %v", done, err)
	}
	voided, done, err := b.Void(ctx, h.ID, 400)
	if !done || err != nil || voided.Posted != 400 || voided.Voided != 200 || voided.Open {
		t.Errorf("void: %+v, %v, %v", voided, done, err)
	}
	if again, done, err := b.Void(ctx, h.ID, 400); !done || err != nil || !equal(again, voided) {
		t.Errorf("void again: %+v, %v, %v", again, done, err)
	}
	if r := b.post(pay(h, 1, "carol")); len(r.Rejected) != 1 || r.Rejected[0].Reason != "the hold has 0 pending" {
		t.Errorf("post after void: %+v", r)
	}
	b.wantBalances(map[string]int64{"alice": 700, bob: 300, "carol": 0})

	entries, err := b.Entries(ctx, "alice", cny, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"4 +200 =700 void envelope  恭喜发财",
		"3 +100 =500 post envelope alice 恭喜发财",
		"2 -600 =400 hold envelope  恭喜发财",
		"1 +1000 =1000 topup funding  ",
	}
	for i, e := range entries {
		got := fmt.Sprintf("%d %+d =%d %s %s %s %s", e.Seq, e.Minor, e.Balance, e.Kind, e.Subject, e.Counterparty, e.Note)
		if i >= len(want) || got != want[i] {
			t.Errorf("line %d of the statement: %q", i, got)
		}
	}
	if len(entries) != len(want) {
		t.Errorf("%d lines, want %d", len(entries), len(want))
	}
	if page, err := b.Entries(ctx, "alice", cny, 3, 1); err != nil || len(page) != 1 || page[0].Seq != 2 {
		t.Errorf("second page: %+v, %v", page, err)
	}
	credits, err := b.Credits(ctx, bob, envelope.Subject, 0, 10)
	if err != nil || len(credits) != 1 || credits[0] != (ledger.Credit{Post: pay(h, 0, bob), Currency: cny, From: "alice", Note: "恭喜发财"}) {
		t.Errorf("credits: %+v, %v", credits, err)
	}
	posts, err := b.Posts(ctx, h.ID)
	if err != nil || !slices.Equal(posts, []ledger.Post{pay(h, 0, bob), pay(h, 2, "alice")}) {
		t.Errorf("posts: %+v, %v", posts, err)
	}
}

func equal(a, b ledger.Hold) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }

func TestListsOfHolds(t *testing.T) {
	b := open(t, 1)
	ctx := t.Context()
	b.topUp("alice", 1000)
	var ids []int64
	for i := range 6 {
		h := b.draft("alice", 10)
		h.ExpiresAt = h.CreatedAt.Add(-time.Duration(i) * time.Minute) // the newest has been due longest
		if _, err := b.Hold(ctx, request(t, fmt.Sprint(i), i), h); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, h.ID)
	}
	if _, done, err := b.Void(ctx, ids[2], 0); !done || err != nil {
		t.Fatal(done, err)
	}
	idsOf := func(holds []ledger.Hold, err error) []int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, h := range holds {
			ids = append(ids, h.ID)
		}
		return ids
	}
	due, err := b.DueHolds(ctx, 0, envelope.Subject, time.Now(), ledger.Hold{}, 2)
	if err != nil || len(due) != 2 {
		t.Fatalf("%d due, %v", len(due), err)
	}
	for _, list := range []struct {
		name string
		got  []int64
		want []int64
	}{
		{"open", idsOf(b.OpenHolds(ctx, 0, envelope.Subject, 0, 10)), []int64{ids[0], ids[1], ids[3], ids[4], ids[5]}},
		{"open, a page", idsOf(b.OpenHolds(ctx, 0, envelope.Subject, ids[1], 2)), []int64{ids[3], ids[4]}},
		{"open, another subject", idsOf(b.OpenHolds(ctx, 0, "transfer", 0, 10)), nil},
		{"due", idsOf(b.DueHolds(ctx, 0, envelope.Subject, time.Now(), ledger.Hold{}, 10)), []int64{ids[5], ids[4], ids[3], ids[1], ids[0]}},
		{"due, some", idsOf(b.DueHolds(ctx, 0, envelope.Subject, time.Now().Add(-150*time.Second), ledger.Hold{}, 2)), []int64{ids[5], ids[4]}},
		{"of the owner", idsOf(b.HoldsOf(ctx, "alice", envelope.Subject, 0, 4)), []int64{ids[5], ids[4], ids[3], ids[2]}},
		{"of the owner, second page", idsOf(b.HoldsOf(ctx, "alice", envelope.Subject, ids[2], 4)), []int64{ids[1], ids[0]}},
		{"due, behind one", idsOf(b.DueHolds(ctx, 0, envelope.Subject, time.Now(), due[1], 2)), []int64{ids[3], ids[1]}},
	} {
		if !slices.Equal(list.got, list.want) {
			t.Errorf("%s: %v, want %v", list.name, list.got, list.want)
		}
	}
	if _, err := b.GetHold(ctx, ids[0]-1<<40); err != ledger.ErrHoldNotFound {
		t.Errorf("unknown id: %v", err)
	}
	if _, err := b.GetHold(ctx, 5); err != ledger.ErrHoldNotFound {
		t.Errorf("id of no shard: %v", err)
	}
}

func TestConcurrentHoldsNeverOverdraw(t *testing.T) {
	b := open(t, 4)
	b.topUp("alice", 10_050) // enough for 100 holds of 100
	var wg sync.WaitGroup
	var mu sync.Mutex
	held, refused := 0, 0
	for i := range 200 {
		h := b.draft("alice", 60, 40)
		r := request(t, fmt.Sprint(i), i)
		wg.Go(func() {
			_, err := b.Hold(t.Context(), r, h)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				held++
			case refusal.CodeOf(err) == refusal.CodeInsufficientBalance:
				refused++
			default:
				t.Errorf("hold: %v", err)
			}
		})
	}
	wg.Wait()
	if held != 100 || refused != 100 {
		t.Errorf("%d held and %d refused, want 100 and 100", held, refused)
	}
	b.wantBalances(map[string]int64{"alice": 50})
	b.wantBalanced(0)
}

// The same request many times at once holds once.
func TestConcurrentRepeatsHoldOnce(t *testing.T) {
	b := open(t, 2)
	b.topUp("alice", 1000)
	r := request(t, "same", "body")
	var wg sync.WaitGroup
	ids := make([]int64, 20)
	for i := range ids {
		h := b.draft("alice", 100)
		wg.Go(func() {
			got, err := b.Hold(t.Context(), r, h)
			if err != nil {
				t.Errorf("hold: %v", err)
			}
			ids[i] = got.ID
		})
	}
	wg.Wait()
	if slices.Min(ids) != slices.Max(ids) {
		t.Errorf("different holds were returned: %v", ids)
	}
	b.wantBalances(map[string]int64{"alice": 900})
	b.wantBalanced(0)
}

func TestIDs(t *testing.T) {
	c := shardstest.New(t, 4)
	b, other := openOn(t, c, 0), openOn(t, c, mysqlledger.MaxNode)
	seen := map[int64]bool{}
	for i := range 2000 {
		user := fmt.Sprintf("user-%d", i)
		for _, l := range []*book{b, other} {
			id, err := l.NewID(user)
			shard, ok := l.ShardOf(id)
			if err != nil || seen[id] || !ok || shard != c.ForUser(user) {
				t.Fatalf("id %d of %s: shard %d, %v, %v, seen %v", id, user, shard, ok, err, seen[id])
			}
			seen[id] = true
		}
	}
	for _, id := range []int64{0, -1, 1<<20 | 4, 1<<20 | 1023} {
		if _, ok := b.ShardOf(id); ok {
			t.Errorf("id %d passes for one of ours", id)
		}
	}
	if _, err := mysqlledger.New(mysqlledger.Config{Cluster: c, Node: 64, Now: time.Now}); err == nil {
		t.Error("node 64 was accepted")
	}
}

func TestServerDownIsUnavailable(t *testing.T) {
	c, err := shards.Open(shards.Config{DSNs: []string{"root@unix(/nowhere/mysql.sock)/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := mysqlledger.New(mysqlledger.Config{Cluster: c, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := &book{Ledger: l, t: t, cluster: c}
	h := b.draft("alice", 1)
	ctx := t.Context()
	calls := map[string]func() error{
		"Hold":    func() error { _, err := l.Hold(ctx, request(t, "r", 1), h); return err },
		"GetHold": func() error { _, err := l.GetHold(ctx, h.ID); return err },
		"Post":    func() error { _, err := l.Post(ctx, 0, []ledger.Post{{Hold: h.ID &^ 1023}}); return err },
		"Void":    func() error { _, _, err := l.Void(ctx, h.ID, 0); return err },
		"Deliver": func() error { _, err := l.Deliver(ctx, 0); return err },
		"Audit":   func() error { _, err := l.Audit(ctx); return err },
		"Migrate": func() error { return l.Migrate(context.Background()) },
	}
	for name, call := range calls {
		if err := call(); refusal.CodeOf(err) != refusal.CodeUnavailable {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
}
