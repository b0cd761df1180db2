package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func testStatement(t *testing.T, open Open) {
	b := open(t, 2)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	h := b.Gift("alice", 300, 200, 100)
	b.PostAll(Pay(h, 0, "bob"), Pay(h, 2, "alice"))
	b.DeliverAll()
	if _, done, err := b.Void(ctx, h.ID, 400); !done || err != nil {
		t.Fatal(done, err)
	}
	if _, err := b.Wallet.Withdraw(ctx, "alice", "out", 50, "CNY"); err != nil {
		t.Fatal(err)
	}
	entries, err := b.Entries(ctx, "alice", CNY, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"5 -50 =650 withdrawal funding  ",
		"4 +200 =700 void gift  恭喜发财",
		"3 +100 =500 post gift alice 恭喜发财",
		"2 -600 =400 hold gift  恭喜发财",
		"1 +1000 =1000 topup funding  ",
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %+d =%d %s %s %s %s",
			e.Seq, e.Minor, e.Balance, e.Kind, e.Subject, e.Counterparty, e.Note))
		if e.At.IsZero() || e.Reference == 0 || e.Subject == Gift && e.Reference != h.ID {
			t.Errorf("entry %d: %+v", e.Seq, e)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("statement:\n%q, want\n%q", got, want)
	}
	if page, err := b.Entries(ctx, "alice", CNY, 3, 1); err != nil || len(page) != 1 || page[0].Seq != 2 {
		t.Errorf("second page: %+v, %v", page, err)
	}
	if other, err := b.Entries(ctx, "alice", "EUR", 0, 10); err != nil || len(other) != 0 {
		t.Errorf("in another currency: %+v, %v", other, err)
	}
	b.wantOrder()
	b.wantCurrencies()
}

// wantOrder wants what one delivery brings a user in the order in which it was posted.
func (b *Book) wantOrder() {
	b.T.Helper()
	var want, got []int64
	for minor := range int64(20) {
		h := b.Gift("alice", 1+minor)
		b.PostAll(Pay(h, 0, "carol"))
		want = append(want, 1+minor)
	}
	b.DeliverAll()
	for _, e := range slices.Backward(Must(b.Entries(b.T.Context(), "carol", CNY, 0, 100))) {
		got = append(got, e.Minor)
	}
	if !slices.Equal(got, want) {
		b.T.Errorf("carol's statement shows %v, want %v", got, want)
	}
}

// wantCurrencies wants balances in the order of currencies, of those that were ever used.
func (b *Book) wantCurrencies() {
	b.T.Helper()
	ctx := b.T.Context()
	for _, c := range []string{"JPY", "CNY", "EUR"} {
		if _, err := b.Wallet.TopUp(ctx, "dave", "dave-"+c, 5, c); err != nil {
			b.T.Fatal(err)
		}
	}
	if _, err := b.Wallet.Withdraw(ctx, "dave", "dave-out", 5, "EUR"); err != nil {
		b.T.Fatal(err)
	}
	want := []ledger.Amount{{Minor: 5, Currency: "CNY"}, {Minor: 0, Currency: "EUR"}, {Minor: 5, Currency: "JPY"}}
	if got := Must(b.Balances(ctx, "dave")); !slices.Equal(got, want) {
		b.T.Errorf("dave has %v, want %v", got, want)
	}
	if got := Must(b.Balances(ctx, "nobody")); len(got) != 0 {
		b.T.Errorf("nobody has %v", got)
	}
	if _, err := b.Balances(ctx, "#clearing"); codeOf(err) != refusal.CodeInvalidArgument {
		b.T.Errorf("balances of a system account: %v", err)
	}
	b.WantBalanced(0)
}

// Holds of one minute each, of which every third was made some days late: each range gives exactly its entries.
func testEntriesBetween(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	const all = 40
	first := Day("2026-01-01 00:00:00")
	at := map[int64]time.Time{}
	for seq := int64(2); seq <= all; seq++ { // entry 1 is the top-up, of now
		at[seq] = first.Add(time.Duration(seq) * time.Minute)
		if seq%3 == 0 {
			at[seq] = at[seq].Add(-72 * time.Hour)
		}
		h := b.Draft("alice", 1)
		h.CreatedAt = at[seq]
		if _, err := b.Hold(t.Context(), Request(t, fmt.Sprint(seq), seq), h); err != nil {
			t.Fatal(err)
		}
	}
	at[1] = Must(b.Entries(t.Context(), "alice", CNY, 2, 1))[0].At
	for _, r := range [][2]time.Time{
		{}, {first, first.Add(time.Hour)}, {first.Add(10 * time.Minute), {}}, {{}, first}, {first.Add(time.Hour),
			first.Add(2 * time.Hour)},
		{at[4], at[7]}, {at[4].Add(1), at[7].Add(1)},
	} {
		from, to := r[0].Truncate(time.Millisecond), r[1].Truncate(time.Millisecond)
		var want, got []int64
		for seq := int64(all); seq > 0; seq-- {
			if !at[seq].Before(from) && (to.IsZero() || at[seq].Before(to)) {
				want = append(want, seq)
			}
		}
		for before, pages := int64(0), 0; ; pages++ {
			entries, next, err := b.EntriesBetween(t.Context(), "alice", CNY, before, 7, from, to)
			if err != nil || len(entries) > 7 || pages > all {
				t.Fatalf("%v: %d entries, page %d, %v", r, len(entries), pages, err)
			}
			for _, e := range entries {
				got = append(got, e.Seq)
			}
			if before = next; next == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", r, got, want)
		}
	}
	for _, user := range []string{"bob", b.Elsewhere("alice")} {
		entries, next, err := b.EntriesBetween(t.Context(), user, CNY, 0, 10, first, time.Time{})
		if err != nil || len(entries) != 0 || next != 0 {
			t.Errorf("of %s, who has no wallet: %v, %d, %v", user, entries, next, err)
		}
	}
}

// Credits of several senders, the newest hold first.
func testCredits(t *testing.T, open Open) {
	b := open(t, 4)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	bob := b.Elsewhere("alice")
	b.TopUp(bob, 1000)
	var want []ledger.Credit
	for i, owner := range []string{"alice", bob, "alice", "alice"} {
		h := b.Gift(owner, 30, 20)
		b.PostAll(Pay(h, i%2, "carol"))
		want = append(want, ledger.Credit{Post: Pay(h, i%2, "carol"), Currency: CNY, From: owner, Note: "恭喜发财"})
	}
	b.MustAdvance(b.Offer("alice", "carol"), Offered, Arrived)
	if got, err := b.Credits(ctx, "carol", Gift, 0, 10); err != nil || len(got) != 0 {
		t.Errorf("credits before delivery: %+v, %v", got, err)
	}
	b.DeliverAll()
	slices.SortFunc(want, func(a, b ledger.Credit) int { return int(b.Hold>>1 - a.Hold>>1) })
	if got, err := b.Credits(ctx, "carol", Gift, 0, 10); err != nil || !slices.Equal(got, want) {
		t.Errorf("credits: %+v, %v, want %+v", got, err, want)
	}
	if got, err := b.Credits(ctx, "carol", Gift, want[1].Hold, 1); err != nil || !slices.Equal(got, want[2:3]) {
		t.Errorf("a page: %+v, %v, want %+v", got, err, want[2:3])
	}
	if got, err := b.Credits(ctx, "carol", Offer, 0, 10); err != nil || len(got) != 1 || got[0].Minor != 100 {
		t.Errorf("of another subject: %+v, %v", got, err)
	}
	if got, err := b.Credits(ctx, "alice", Gift, 0, 10); err != nil || len(got) != 0 {
		t.Errorf("of a sender: %+v, %v", got, err)
	}
	b.WantBalanced(0)
}

// Each line is a call about one user's orders, in the order of the table.
func testFundings(t *testing.T, open Open) {
	b := open(t, 2)
	ctx := t.Context()
	orders := map[string]wallet.FundingOrder{}
	shard := b.ShardOfUser("alice")
	order := func(name string, kind ledger.EntryKind, minor int64) (wallet.FundingOrder, error) {
		o := wallet.FundingOrder{ID: Must(b.NewID("alice")), User: "alice", Kind: kind,
			Amount: ledger.Amount{Minor: minor, Currency: CNY}, State: wallet.FundingPending, CreatedAt: time.Now()}
		r := Must(ledger.NewRequest(name, string(kind), minor))
		got, err := b.OpenFunding(ctx, r, o, 0)
		if err == nil {
			orders[name] = got
		}
		return got, err
	}
	in := func(name string, minor int64) func() (wallet.FundingOrder, error) {
		return func() (wallet.FundingOrder, error) { return order(name, ledger.EntryTopUp, minor) }
	}
	out := func(name string, minor int64) func() (wallet.FundingOrder, error) {
		return func() (wallet.FundingOrder, error) { return order(name, ledger.EntryWithdrawal, minor) }
	}
	end := func(name string, to wallet.FundingState) func() (wallet.FundingOrder, error) {
		return func() (wallet.FundingOrder, error) { return b.CloseFunding(ctx, orders[name].ID, to) }
	}
	const pending, settled, refused = wallet.FundingPending, wallet.FundingSettled, wallet.FundingRefused
	for _, line := range []struct {
		what     string
		call     func() (wallet.FundingOrder, error)
		code     string
		state    wallet.FundingState
		balance  int64 // after it
		answered int64 // the balance in the answer
		waiting  int   // orders
	}{
		{"a top-up moves nothing yet", in("a", 100), "", pending, 0, 0, 1},
		{"the same again", in("a", 100), "", pending, 0, 0, 1},
		{"another amount", in("a", 101), refusal.CodeRequestConflict, "", 0, 0, 1},
		{"settled", end("a", settled), "", settled, 100, 100, 0},
		{"settled again", end("a", settled), "", settled, 100, 100, 0},
		{"too late to refuse", end("a", refused), "", settled, 100, 100, 0},
		{"another top-up", in("b", 50), "", pending, 100, 0, 1},
		{"refused", end("b", refused), "", refused, 100, 0, 0},
		{"a repeat is the order as it is now", in("a", 100), "", settled, 100, 100, 0},
		{"more than there is", out("c", 101), refusal.CodeInsufficientBalance, "", 100, 0, 0},
		{"a withdrawal leaves the wallet at once", out("c", 60), "", pending, 40, 40, 1},
		{"what is pending cannot be spent", out("d", 41), refusal.CodeInsufficientBalance, "", 40, 0, 1},
		{"refused, and back", end("c", refused), "", refused, 100, 100, 0},
		{"another withdrawal", out("d", 70), "", pending, 30, 30, 1},
		{"settled, and gone", end("d", settled), "", settled, 30, 30, 0},
		{"neither top-up nor withdrawal", func() (wallet.FundingOrder,
			error) {
			return order("e", ledger.EntryHold, 1)
		},
			malformed, "", 30, 0, 0},
		{"nothing", in("e", 0), refusal.CodeAmountOutOfRange, "", 30, 0, 0},
		{"to no end", end("d", pending), malformed, "", 30, 0, 0},
		{"no order", func() (wallet.FundingOrder, error) { return b.CloseFunding(ctx, orders["a"].ID+1<<40, settled) },
			malformed, "", 30, 0, 0},
	} {
		o, err := line.call()
		if codeOf(err) != line.code || o.State != line.state || o.Balance != line.answered {
			t.Errorf("%s: %+v, %v; want %q, %q and balance %d", line.what, o, err, line.code, line.state, line.answered)
		}
		b.WantBalances(map[string]int64{"alice": line.balance})
		b.WantBalanced(0)
		waiting, err := b.DueFundings(ctx, shard, time.Now().Add(time.Hour), 10)
		if err != nil || len(waiting) != line.waiting {
			t.Errorf("%s: %d are waiting, %v, want %d", line.what, len(waiting), err, line.waiting)
		}
	}
	b.dueOrders(shard)
	stranger := orders["a"]
	stranger.User = b.Elsewhere("alice")
	if _, err := b.OpenFunding(ctx, Request(t, "stranger", 1), stranger, 0); codeOf(err) != malformed {
		t.Errorf("an order with an id of another shard: %v", err)
	}
}

// dueOrders are asked about in the order of their QueryAt, each by one worker at a time.
func (b *Book) dueOrders(shard int) {
	b.T.Helper()
	ctx := b.T.Context()
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	var orders []wallet.FundingOrder
	var ids []int64
	for i := range 4 {
		o := wallet.FundingOrder{ID: Must(b.NewID("alice")), User: "alice", Kind: ledger.EntryTopUp,
			Amount: ledger.Amount{Minor: 1, Currency: CNY}, CreatedAt: now, QueryAt: now.Add(
				time.Duration(i) * time.Minute)}
		orders = append(orders, Must(b.OpenFunding(ctx, Request(b.T, fmt.Sprint("due-", i), i), o, 0)))
		ids = append(ids, o.ID)
	}
	list := func(by time.Time, limit int) (got []int64) {
		for _, o := range Must(b.DueFundings(ctx, shard, by, limit)) {
			got = append(got, o.ID)
		}
		return got
	}
	if got := list(now.Add(time.Hour), 3); !slices.Equal(got, ids[:3]) {
		b.T.Errorf("the first that are due: %v, want %v", got, ids[:3])
	}
	if got := list(now.Add(90*time.Second), 10); !slices.Equal(got, ids[:2]) {
		b.T.Errorf("those that are due by then: %v, want %v", got, ids[:2])
	}
	for _, want := range []bool{true, false} { // the second has the QueryAt of before
		if got, err := b.DeferFunding(ctx, orders[0], now.Add(time.Hour)); got != want || err != nil {
			b.T.Errorf("deferred: %v, %v, want %v", got, err, want)
		}
	}
	if got := list(now.Add(2*time.Hour), 10); !slices.Equal(got, append(ids[1:4:4], ids[0])) {
		b.T.Errorf("after one was deferred: %v", got)
	}
	if _, err := b.DeferFunding(ctx, orders[1], now); err == nil {
		b.T.Error("deferred to an earlier time")
	}
	if got, err := b.Funding(ctx, ids[3]); err != nil || got != orders[3] {
		b.T.Errorf("%+v, %v, want %+v", got, err, orders[3])
	}
	if _, err := b.Funding(ctx, ids[3]+1<<40); !errors.Is(err, wallet.ErrFundingNotFound) {
		b.T.Errorf("an order that does not exist: %v", err)
	}
	if _, err := b.DueFundings(ctx, b.Shards(), now, 1); err == nil {
		b.T.Error("orders of a shard that does not exist")
	}
}
