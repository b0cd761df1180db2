package mysqlrisk_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/risk/mysqlrisk"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// open is a ledger of two shards with a store on it.
func open(t *testing.T) (*ledgertest.MySQL, *mysqlrisk.Store) {
	t.Helper()
	c := shardstest.New(t, 2)
	m := ledgertest.OpenMySQLOn(t, c, 0)
	if err := mysqlrisk.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return m, mysqlrisk.New(c, m.Ledger, time.Now)
}

// waiting is a call of a user's that a rule has stopped.
func waiting(user, request string) risk.Waiting {
	return risk.Waiting{
		Claim: risk.Claim{Kind: risk.Transfer, RequestID: request, User: user, Payee: "payee", Fingerprint: "f1",
			Amount: ledger.Amount{Minor: 100, Currency: ledgertest.CNY}},
		Rule: "fast", Version: "v1", State: risk.ReviewOpen, At: time.UnixMilli(time.Now().UnixMilli()).UTC(),
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if got := refusal.CodeOf(err); got != code || (err != nil) != (code != "") {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

func idsOf(all []risk.Waiting) (ids []int64) {
	for _, w := range all {
		ids = append(ids, w.ID)
	}
	return ids
}

// TestReviews: a call has one review, however often and by how many at once it is repeated; a decision is one decision.
func TestReviews(t *testing.T) {
	m, s := open(t)
	ctx := t.Context()
	const alice = "alice"
	bob := m.Elsewhere(alice)

	const repeats = 8
	var wg sync.WaitGroup
	found := make([]risk.Waiting, repeats)
	for i := range repeats {
		wg.Go(func() {
			w, full, err := s.Ask(ctx, waiting(alice, "one"))
			if err != nil || full {
				t.Errorf("asked at once: full %t, %v", full, err)
			}
			found[i] = w
		})
	}
	wg.Wait()
	first := found[0]
	for _, w := range found {
		if w.ID != first.ID || w.ID == 0 {
			t.Errorf("reviews %d and %d of one call", w.ID, first.ID)
		}
	}
	other := waiting(alice, "one")
	other.Fingerprint = "f2"
	_, _, err := s.Ask(ctx, other)
	wantCode(t, "the request id for another call", err, refusal.CodeRequestConflict)
	withdrawal := waiting(alice, "one")
	withdrawal.Kind = risk.Withdrawal
	second := ledgertest.Must(ask(s, t, withdrawal))
	third := ledgertest.Must(ask(s, t, waiting(bob, "one")))
	if second.ID == first.ID || third.ID == first.ID {
		t.Errorf("calls share a review: %d, %d, %d", first.ID, second.ID, third.ID)
	}

	// Across both shards in the order of ids, page by page.
	want := idsOf([]risk.Waiting{first, second, third})
	slices.Sort(want)
	page := ledgertest.Must(s.List(ctx, risk.ReviewOpen, 0, 2))
	page = append(page, ledgertest.Must(s.List(ctx, risk.ReviewOpen, page[len(page)-1].ID, 2))...)
	if got := idsOf(page); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}

	// Two operators decide at once, one this way and one that way.
	decisions := []risk.Decision{
		{ID: first.ID, To: risk.ReviewApproved, By: "ops1", Reason: "known"},
		{ID: first.ID, To: risk.ReviewDeclined, By: "ops2", Reason: "unknown"},
	}
	decided, errs := make([]risk.Waiting, 2), make([]error, 2)
	for i, d := range decisions {
		wg.Go(func() { decided[i], errs[i] = s.Decide(ctx, d) })
	}
	wg.Wait()
	won := 0
	if errs[0] != nil {
		won = 1
	}
	wantCode(t, "the first decision", errs[won], "")
	wantCode(t, "the second decision", errs[1-won], risk.CodeReviewDecided)

	again := decisions[won]
	again.By, again.Reason = "ops3", "later"
	same, err := s.Decide(ctx, again)
	wantCode(t, "the same decision again", err, "")
	if d := decided[won]; same != d || same.By != decisions[won].By || same.DecidedAt.IsZero() {
		t.Errorf("decided twice: %+v, then %+v", d, same)
	}
	if kept := ledgertest.Must(ask(s, t, waiting(alice, "one"))); kept != same {
		t.Errorf("the call repeated: %+v, want %+v", kept, same)
	}
	listed := ledgertest.Must(s.List(ctx, decisions[won].To, 0, 10))
	if got := idsOf(listed); !slices.Equal(got, []int64{first.ID}) {
		t.Errorf("listed as %s: %v", decisions[won].To, got)
	}
	_, err = s.Decide(ctx, risk.Decision{ID: first.ID + 1, To: risk.ReviewApproved, By: "ops", Reason: "x"})
	wantCode(t, "a review that does not exist", err, risk.CodeReviewUnknown)
	_, err = s.Decide(ctx, risk.Decision{ID: second.ID, To: risk.ReviewOpen, By: "ops", Reason: "x"})
	wantCode(t, "no decision", err, refusal.CodeInvalidArgument)

	// Beyond the bound nothing waits; what waited before still does.
	open := len(ledgertest.Must(s.List(ctx, risk.ReviewOpen, 0, 100)))
	for i := range risk.MaxOpenReviews - 1 {
		ledgertest.Must(ask(s, t, waiting(alice, fmt.Sprint("more", i))))
	}
	_, full, err := s.Ask(ctx, waiting(alice, "too many"))
	if err != nil || !full {
		t.Errorf("beyond the bound: full %t, %v", full, err)
	}
	if kept := ledgertest.Must(ask(s, t, withdrawal)); kept.ID != second.ID {
		t.Errorf("a call that waits: %d, want %d", kept.ID, second.ID)
	}
	if n := len(ledgertest.Must(s.List(ctx, risk.ReviewOpen, 0, 100))); n != open+risk.MaxOpenReviews-1 {
		t.Errorf("%d are open, want %d", n, open+risk.MaxOpenReviews-1)
	}
}

// ask asks, where there is room.
func ask(s *mysqlrisk.Store, t *testing.T, w risk.Waiting) (risk.Waiting, error) {
	t.Helper()
	found, full, err := s.Ask(t.Context(), w)
	if err == nil && full {
		err = fmt.Errorf("no room for %s of %s", w.RequestID, w.User)
	}
	return found, err
}

// TestPast: each thing that was carried out is one claim of whoever made it, from a time on; the accounts of products
// and what was refused make none.
func TestPast(t *testing.T) {
	m, s := open(t)
	ctx := t.Context()
	const alice = "alice"
	bob := m.Elsewhere(alice)
	h := mysqlrisk.History{
		Holds: map[ledger.Subject]risk.Kind{ledgertest.Gift: risk.Envelope}, Grabs: ledgertest.Gift, OpenFor: time.Hour,
	}
	since := time.Now().Add(-time.Minute)
	m.TopUp(alice, 1000)
	gift := m.Gift(alice, 30, 20)
	m.PostAll(ledgertest.Pay(gift, 0, bob))
	m.Offer(alice, bob) // of a product that History does not name
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	order := func(request string, minor int64) wallet.FundingOrder {
		return ledgertest.Must(m.OpenFunding(ctx, ledgertest.Request(t, request, minor), wallet.FundingOrder{
			ID: ledgertest.Must(m.NewID(alice)), User: alice, Kind: ledger.EntryWithdrawal, CreatedAt: now,
			QueryAt: now.Add(time.Hour), Amount: ledger.Amount{Minor: minor, Currency: ledgertest.CNY},
		}, 0))
	}
	out, refused := order("out", 5), order("refused", 6)
	ledgertest.Must(m.CloseFunding(ctx, refused.ID, wallet.FundingRefused))

	past := ledgertest.Must(s.Past(ctx, h, since))
	var got []string
	for _, p := range past {
		got = append(got, fmt.Sprintf("%s %s %d", p.Kind, p.User, p.Amount.Minor))
		if p.Amount.Currency != ledgertest.CNY || p.At.Before(since) {
			t.Errorf("%+v", p)
		}
		if p.Kind == risk.Withdrawal && p.RequestID != strconv.FormatInt(out.ID, 10) {
			t.Errorf("the withdrawal is called %s, want %d", p.RequestID, out.ID)
		}
	}
	slices.Sort(got)
	want := []string{"envelope alice 50", "grab " + bob + " 30", "topup alice 1000", "withdrawal alice 5"}
	if !slices.Equal(got, want) {
		t.Errorf("the past is %q, want %q", got, want)
	}
	if later := ledgertest.Must(s.Past(ctx, h, time.Now().Add(time.Hour))); len(later) != 0 {
		t.Errorf("after the end: %+v", later)
	}
}
