package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// takeOut is a withdrawal of alice's that counts, or not.
func (b *Book) takeOut(request string, minor, limit int64, at time.Time, counts bool) (wallet.FundingOrder, error) {
	b.T.Helper()
	return b.OpenFunding(b.T.Context(), Request(b.T, request, minor), wallet.FundingOrder{
		ID: Must(b.NewID("alice")), User: "alice", Kind: ledger.EntryWithdrawal, CountsDaily: counts,
		Amount: ledger.Amount{Minor: minor, Currency: CNY}, CreatedAt: at, QueryAt: at.Add(time.Hour),
	}, limit)
}

// Withdrawals count together with all else of a day, until the provider refuses them.
func testDailyWithdrawals(t *testing.T, open Open) {
	const exceeded = refusal.CodeDailyLimitExceeded
	b := open(t, 2)
	b.TopUp("alice", 10_000)
	noon := Day("2026-02-16 12:00:00")
	Must(b.OfferOf(30, 100, CNY, noon))
	orders := map[string]wallet.FundingOrder{}
	for _, line := range []struct {
		what, request string
		minor, limit  int64
		at            time.Time
		counts        bool
		code          string
		end           string // the order that the provider refuses before
	}{
		{"some", "a", 40, 100, noon, true, "", ""},
		{"too much with the offer", "b", 31, 100, noon, true, exceeded, ""},
		{"the rest", "c", 30, 100, noon, true, "", ""},
		{"the same call again", "a", 40, 100, noon, true, "", ""},
		{"one more", "d", 1, 100, noon, true, exceeded, ""},
		{"one that does not count", "e", 500, 0, noon, false, "", ""},
		{"what was refused is free again", "f", 40, 100, noon, true, "", "a"},
		{"and no more", "g", 1, 100, noon, true, exceeded, ""},
		{"what does not count frees nothing", "h", 1, 100, noon, true, exceeded, "e"},
		{"the next day", "i", 100, 100, noon.Add(12 * time.Hour), true, "", ""},
		{"more than there is", "j", 20_000, 0, noon.Add(36 * time.Hour), true, refusal.CodeInsufficientBalance, ""},
		{"so nothing was counted", "k", 100, 100, noon.Add(36 * time.Hour), true, "", ""},
		{"a bound for what does not count", "l", 1, 100, noon, false, malformed, ""},
		{"a bound below zero", "m", 1, -1, noon, true, malformed, ""},
	} {
		if line.end != "" {
			Must(b.CloseFunding(t.Context(), orders[line.end].ID, wallet.FundingRefused))
		}
		o, err := b.takeOut(line.request, line.minor, line.limit, line.at, line.counts)
		if codeOf(err) != line.code {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		if err == nil {
			orders[line.request] = o
		}
		b.WantBalanced(0)
	}
	if _, err := b.OfferOf(1, 100, CNY, noon); codeOf(err) != exceeded {
		t.Errorf("an offer beside the withdrawals: %v", err)
	}
	Must(b.CloseFunding(t.Context(), orders["c"].ID, wallet.FundingSettled))
	if _, err := b.takeOut("n", 1, 100, noon, true); codeOf(err) != exceeded {
		t.Errorf("what was paid out is free again: %v", err)
	}
	topUp := wallet.FundingOrder{ID: Must(b.NewID("alice")), User: "alice", Kind: ledger.EntryTopUp, CountsDaily: true,
		Amount: ledger.Amount{Minor: 1, Currency: CNY}, CreatedAt: noon, QueryAt: noon}
	if _, err := b.OpenFunding(t.Context(), Request(t, "in", 1), topUp, 0); codeOf(err) != malformed {
		t.Errorf("a top-up that counts: %v", err)
	}
	b.WantBalanced(0)
}

// Withdrawals and offers at once do not pass the day's bound together.
func testConcurrentWithdrawals(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 100_000)
	noon := Day("2026-02-16 12:00:00")
	passed, refused := race(t, 100, refusal.CodeDailyLimitExceeded, func(i int) (err error) {
		if i%2 == 0 {
			_, err = b.takeOut(fmt.Sprint("out-", i), 7, 300, noon, true)
		} else {
			_, err = b.OfferOf(7, 300, CNY, noon)
		}
		return err
	})
	if passed != 42 || refused != 58 { // 42 times 7 is 294
		t.Errorf("%d passed and %d were refused, want 42 and 58", passed, refused)
	}
	b.WantBalances(map[string]int64{"alice": 100_000 - 42*7})
	b.DeliverAll()
	b.WantBalanced(0)
}
