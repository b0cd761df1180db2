package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// bank is a funding provider whose answers a test decides. It carries out an id once, as a real one must.
type bank struct {
	mu      sync.Mutex
	answer  wallet.FundingState // "" means that it cannot be reached
	done    map[int64]wallet.FundingState
	creates int
	queries int
}

func (b *bank) Create(_ context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.creates++
	if b.answer == "" {
		return "", errors.New("bank: no answer")
	}
	if b.done == nil {
		b.done = map[int64]wallet.FundingState{}
	}
	if b.done[o.ID].Final() {
		return b.done[o.ID], nil
	}
	b.done[o.ID] = b.answer
	return b.answer, nil
}

func (b *bank) Query(_ context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queries++
	if b.answer == "" {
		return "", errors.New("bank: no answer")
	}
	state, known := b.done[o.ID]
	if !known {
		return wallet.FundingUnknown, nil
	}
	if !state.Final() {
		b.done[o.ID] = b.answer
	}
	return b.done[o.ID], nil
}

func (b *bank) answers(s wallet.FundingState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = s
}

// Each line is a call of one user, in the order of the table.
func TestFundings(t *testing.T) {
	l := ledgertest.OpenMySQL(t, 2)
	provider := &bank{}
	clock := time.Now()
	s := wallet.NewService(l, provider, func() time.Time { return clock })
	const none = wallet.FundingState("")

	for _, line := range []struct {
		what     string
		withdraw bool
		request  string
		minor    int64
		currency string
		bank     wallet.FundingState
		code     string
		state    wallet.FundingState
		balance  int64 // after it
		answered int64 // the balance in the answer
	}{
		{"top up", false, "a", 100, "CNY", "settled", "", "settled", 100, 100},
		{"again", false, "a", 100, "CNY", "refused", "", "settled", 100, 100},
		{"other amount", false, "a", 101, "CNY", "settled", refusal.CodeRequestConflict, none, 100, 0},
		{"other currency", false, "a", 100, "EUR", "settled", refusal.CodeRequestConflict, none, 100, 0},
		{"other method", true, "a", 100, "CNY", "settled", refusal.CodeRequestConflict, none, 100, 0},
		{"more", false, "b", 50, "CNY", "settled", "", "settled", 150, 150},
		{"the first again gives the first answer", false, "a", 100, "CNY", "settled", "", "settled", 150, 100},
		{"refused", false, "c", 70, "CNY", "refused", wallet.CodeFundingRefused, none, 150, 0},
		{"refused again, though the bank would now", false, "c", 70, "CNY", "settled", wallet.CodeFundingRefused, none,
			150,
			0},
		{"pending", false, "d", 5, "CNY", "pending", "", "pending", 150, 0},
		{"settled in the end", false, "d", 5, "CNY", "settled", "", "settled", 155, 155},
		{"bank out of reach", false, "e", 5, "CNY", "", "", "pending", 155, 0},
		{"and back", false, "e", 5, "CNY", "settled", "", "settled", 160, 160},
		{"withdraw", true, "f", 60, "CNY", "settled", "", "settled", 100, 100},
		{"withdraw again", true, "f", 60, "CNY", "settled", "", "settled", 100, 100},
		{"more than there is", true, "g", 101, "CNY", "settled", refusal.CodeInsufficientBalance, none, 100, 0},
		{"refused, and back in the wallet", true, "h", 40, "CNY", "refused", wallet.CodeFundingRefused, none, 100, 0},
		{"pending, and no longer in the wallet", true, "i", 40, "CNY", "pending", "", "pending", 60, 60},
		{"what is pending cannot be spent", true, "j", 61, "CNY", "settled", refusal.CodeInsufficientBalance, none, 60,
			0},
		{"nothing", false, "z", 0, "CNY", "settled", refusal.CodeAmountOutOfRange, none, 60, 0},
		{"less than nothing", true, "z", -5, "CNY", "settled", refusal.CodeAmountOutOfRange, none, 60, 0},
		{"too much", false, "z", ledger.MaxMinor + 1, "CNY", "settled", refusal.CodeAmountOutOfRange, none, 60, 0},
		{"an unknown currency", false, "z", 5, "cny", "settled", refusal.CodeUnknownCurrency, none, 60, 0},
		{"a malformed request id", false, "z z", 5, "CNY", "settled", refusal.CodeInvalidArgument, none, 60, 0},
	} {
		provider.answers(line.bank)
		call := s.TopUp
		if line.withdraw {
			call = s.Withdraw
		}
		o, err := call(t.Context(), "alice", line.request, line.minor, line.currency)
		code := refusal.CodeOf(err)
		if err != nil && code == "" || code != line.code || o.State != line.state || o.Balance != line.answered {
			t.Errorf("%s: %+v, %v; want %q, %q and balance %d", line.what, o, err, line.code, line.state, line.answered)
		}
		if got := l.Balance("alice"); got != line.balance {
			t.Errorf("%s: alice has %d, want %d", line.what, got, line.balance)
		}
	}

	// The pending withdrawal is left alone while it is young, then finished, whatever request never came back.
	provider.answers("refused")
	if n, err := resume(t, s, l); n != 0 || err != nil {
		t.Errorf("resume at once: %d, %v", n, err)
	}
	clock = clock.Add(time.Minute)
	if n, err := resume(t, s, l); n != 1 || err != nil {
		t.Errorf("resume: %d, %v", n, err)
	}
	if got := l.Balance("alice"); got != 100 {
		t.Errorf("alice has %d after the refusal, want 100", got)
	}
	entries, err := s.Entries(t.Context(), "alice", "CNY", 0, 2)
	if err != nil || len(entries) != 2 || entries[0].Kind != ledger.EntryVoid || entries[0].Minor != 40 ||
		entries[0].Reference != entries[1].Reference {
		t.Errorf("statement: %+v, %v", entries, err)
	}
	l.WantBalanced(0)
}

// resume resumes the fundings of every shard.
func resume(t *testing.T, s *wallet.Service, l *ledgertest.MySQL) (finished int, err error) {
	for shard := range l.Shards() {
		n, failed := s.ResumeFundings(t.Context(), shard)
		finished, err = finished+n, errors.Join(err, failed)
	}
	return finished, err
}

// A crash after each step of a top-up and a withdrawal: what was recorded is finished by ResumeFundings, once.
func TestResumeAfterACrash(t *testing.T) {
	for _, withdraw := range []bool{false, true} {
		l := ledgertest.OpenMySQL(t, 1)
		ctx := t.Context()
		provider := &bank{answer: wallet.FundingSettled}
		later := wallet.NewService(l, provider, func() time.Time { return time.Now().Add(time.Minute) })
		if _, err := later.TopUp(ctx, "alice", "first", 100, "CNY"); err != nil {
			t.Fatal(err)
		}
		want := int64(130)
		if withdraw {
			want = 70
		}
		call := func(s *wallet.Service) (wallet.FundingOrder, error) {
			if withdraw {
				return s.Withdraw(ctx, "alice", "second", 30, "CNY")
			}
			return s.TopUp(ctx, "alice", "second", 30, "CNY")
		}

		// The bank was asked and nobody heard its answer.
		provider.answers("")
		if o, err := call(wallet.NewService(l, provider, time.Now)); err != nil || o.State != wallet.FundingPending {
			t.Fatalf("while the bank is out of reach: %+v, %v", o, err)
		}
		if n, err := later.ResumeFundings(ctx, 0); n != 0 || err == nil {
			t.Errorf("resume while the bank is out of reach: %d, %v", n, err)
		}
		provider.answers(wallet.FundingSettled)
		before := provider.queries
		later = wallet.NewService(l, provider, func() time.Time { return time.Now().Add(time.Hour) })
		var wg sync.WaitGroup // several workers at once
		for range 4 {
			wg.Go(func() {
				if _, err := later.ResumeFundings(ctx, 0); err != nil {
					t.Errorf("resume: %v", err)
				}
			})
		}
		wg.Wait()
		if asked := provider.queries - before; asked != 1 {
			t.Errorf("four workers asked %d times about one order", asked)
		}
		if o, err := call(later); err != nil || o.State != wallet.FundingSettled || o.Balance != want {
			t.Errorf("the request again: %+v, %v", o, err)
		}
		if got := l.Balance("alice"); got != want {
			t.Errorf("alice has %d, want %d", got, want)
		}
		l.WantBalanced(0)
	}
}

// What a provider reports of its own accord: each line is a report about alice's top-up of 100 CNY.
func TestReports(t *testing.T) {
	l := ledgertest.OpenMySQL(t, 2)
	s := wallet.NewService(l, &bank{answer: wallet.FundingPending}, time.Now)
	o, err := s.TopUp(t.Context(), "alice", "a", 100, "CNY")
	if err != nil {
		t.Fatal(err)
	}
	about := func(change func(*wallet.FundingReport)) wallet.FundingReport {
		r := wallet.FundingReport{ID: o.ID, User: "alice", Kind: ledger.EntryTopUp, Amount: o.Amount,
			State: wallet.FundingSettled}
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, line := range []struct {
		what    string
		report  wallet.FundingReport
		code    string
		balance int64
	}{
		{"another amount", about(func(r *wallet.FundingReport) { r.Amount.Minor++ }), wallet.CodeFundingMismatch, 0},
		{"another currency", about(func(r *wallet.FundingReport) { r.Amount.Currency = "JPY" }),
			wallet.CodeFundingMismatch,
			0},
		{"another user", about(func(r *wallet.FundingReport) { r.User = "mallory" }), wallet.CodeFundingMismatch, 0},
		{"another kind", about(func(r *wallet.FundingReport) { r.Kind = ledger.EntryWithdrawal }),
			wallet.CodeFundingMismatch, 0},
		{"an order of the same shard that is none", about(func(r *wallet.FundingReport) { r.ID += 1024 }),
			wallet.CodeFundingNotFound, 0},
		{"an order of a shard that is none", about(func(r *wallet.FundingReport) { r.ID |= 1023 }),
			wallet.CodeFundingNotFound, 0},
		{"no id at all", about(func(r *wallet.FundingReport) { r.ID = -1 }), wallet.CodeFundingNotFound, 0},
		{"not decided yet", about(func(r *wallet.FundingReport) { r.State = wallet.FundingPending }), "", 0},
		{"settled", about(nil), "", 100},
		{"settled again", about(nil), "", 100},
		{"not decided yet, late", about(func(r *wallet.FundingReport) { r.State = wallet.FundingPending }), "", 100},
		{"refused after all", about(func(r *wallet.FundingReport) { r.State = wallet.FundingRefused }),
			wallet.CodeFundingDecided, 100},
	} {
		_, err := s.DecideFunding(t.Context(), line.report)
		if refusal.CodeOf(err) != line.code || err != nil && line.code == "" {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		if got := l.Balance("alice"); got != line.balance {
			t.Errorf("%s: alice has %d, want %d", line.what, got, line.balance)
		}
	}
	l.WantBalanced(0)
}

// A provider that does not decide is asked less and less often, up to every quarter of an hour.
func TestQueriesBecomeRare(t *testing.T) {
	l := ledgertest.OpenMySQL(t, 1)
	provider := &bank{answer: wallet.FundingPending}
	clock := time.Now()
	s := wallet.NewService(l, provider, func() time.Time { return clock })
	if _, err := s.TopUp(t.Context(), "alice", "a", 100, "CNY"); err != nil {
		t.Fatal(err)
	}
	began := clock
	var asked []time.Duration
	for ; clock.Sub(began) < 3*time.Hour; clock = clock.Add(5 * time.Second) {
		before := provider.queries
		if _, err := resume(t, s, l); err != nil {
			t.Fatal(err)
		}
		if provider.queries > before {
			asked = append(asked, clock.Sub(began))
		}
	}
	if len(asked) < 15 || len(asked) > 30 || asked[0] != 5*time.Second {
		t.Errorf("asked %d times in three hours: %v", len(asked), asked)
	}
	if last := asked[len(asked)-1] - asked[len(asked)-2]; last < 15*time.Minute || last > 16*time.Minute {
		t.Errorf("in the end asked every %v", last)
	}
	if provider.creates != 1 {
		t.Errorf("created %d times", provider.creates)
	}
}

// A provider that is away is asked about a few orders in each pass, and each pass about others.
func TestAPassEndsWhenTheProviderIsAway(t *testing.T) {
	l := ledgertest.OpenMySQL(t, 1)
	provider := &bank{}
	clock := time.Now()
	s := wallet.NewService(l, provider, func() time.Time { return clock })
	const orders = 60
	for i := range orders {
		if _, err := s.TopUp(t.Context(), "alice", fmt.Sprintf("a-%d", i), 100, "CNY"); err != nil {
			t.Fatal(err)
		}
	}
	clock = clock.Add(10 * time.Second)
	if n, err := s.ResumeFundings(t.Context(), 0); n != 0 || err == nil || provider.queries < 16 ||
		provider.queries > 24 {
		t.Errorf("a pass without the provider: %d, %v, asked %d times", n, err, provider.queries)
	}
	provider.answers(wallet.FundingSettled)
	first := provider.queries
	if n, err := s.ResumeFundings(t.Context(), 0); n != orders-first || err != nil {
		t.Errorf("the next pass finished %d of the %d that were not asked about, %v", n, orders-first, err)
	}
	clock = clock.Add(10 * time.Second)
	if n, err := s.ResumeFundings(t.Context(), 0); n != first || err != nil {
		t.Errorf("the last pass finished %d of %d, %v", n, first, err)
	}
	if got := l.Balance("alice"); got != orders*100 {
		t.Errorf("alice has %d", got)
	}
	l.WantBalanced(0)
}

func TestEntriesLimits(t *testing.T) {
	s := wallet.NewService(ledgertest.OpenMySQL(t, 1), wallet.Sandbox{}, time.Now)
	for _, line := range []struct {
		currency string
		before   int64
		limit    int
		code     string
	}{
		{"CNY", 0, 0, ""}, {"CNY", 5, 200, ""}, {"CNY", 0, 201, refusal.CodeInvalidArgument}, {"CNY", 0, -1,
			refusal.CodeInvalidArgument},
		{"CNY", -1, 1, refusal.CodeInvalidArgument}, {"yuan", 0, 1, refusal.CodeUnknownCurrency},
	} {
		if _, err := s.Entries(t.Context(), "alice", line.currency, line.before,
			line.limit); refusal.CodeOf(err) != line.code || line.code == "" && err != nil {
			t.Errorf("%+v: %v", line, err)
		}
	}
}
