package mysqlledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// send offers some of alice's money at a time, within a limit.
func (b *book) send(minor, perDay int64, currency ledger.Currency, at time.Time) (ledger.Hold, error) {
	b.t.Helper()
	h := b.offer("bob")
	h.Amount, h.Parts = ledger.Amount{Minor: minor, Currency: currency}, []int64{minor}
	h.CreatedAt, h.StagedAt, h.ExpiresAt = at, at, at.Add(time.Hour)
	return b.HoldOn(b.t.Context(), request(b.t, fmt.Sprint(h.ID), "send"), h, ledger.HoldOptions{
		PerDay: perDay, Mentions: []ledger.IndexEntry{{Of: "bob", Subject: h.Subject, Reference: h.ID}},
	})
}

func day(date string) time.Time {
	at, err := time.Parse(time.DateTime, date)
	if err != nil {
		panic(err)
	}
	return at
}

// Each line is something alice does; she may send 100 a day of each currency.
func TestDailyLimit(t *testing.T) {
	b := open(t, 4)
	b.topUp("alice", 10_000)
	if _, err := b.wallet.TopUp(t.Context(), "alice", "yen", 10_000, "JPY"); err != nil {
		t.Fatal(err)
	}
	var sent []ledger.Hold
	for _, line := range []struct {
		what     string
		at       string
		minor    int64
		perDay   int64
		currency ledger.Currency
		back     int // index of what goes back before it, -1 for nothing
		code     string
	}{
		{"some", "2026-02-16 12:00:00", 60, 100, cny, -1, ""},
		{"too much with it", "2026-02-16 12:00:01", 41, 100, cny, -1, refusal.CodeDailyLimitExceeded},
		{"too much by itself", "2026-02-16 12:00:02", 101, 100, cny, -1, refusal.CodeDailyLimitExceeded},
		{"exactly the rest", "2026-02-16 12:00:03", 40, 100, cny, -1, ""},
		{"one more", "2026-02-16 23:59:59", 1, 100, cny, -1, refusal.CodeDailyLimitExceeded},
		{"the next day", "2026-02-17 00:00:00", 100, 100, cny, -1, ""},
		{"another currency", "2026-02-17 00:00:00", 100, 100, "JPY", -1, ""},
		{"one more of it", "2026-02-17 00:00:00", 1, 100, "JPY", -1, refusal.CodeDailyLimitExceeded},
		{"after the first went back, on its day", "2026-02-16 23:59:59", 61, 100, cny, 0, refusal.CodeDailyLimitExceeded},
		{"exactly that", "2026-02-16 23:59:59", 60, 100, cny, -1, ""},
		{"but not on the day on which it went back", "2026-02-17 00:00:01", 1, 100, cny, -1, refusal.CodeDailyLimitExceeded},
		{"without a limit", "2026-02-17 00:00:02", 5000, 0, cny, -1, ""},
		{"which counts all the same", "2026-02-17 00:00:02", 1, 5100, cny, -1, refusal.CodeDailyLimitExceeded},
		{"within a higher one", "2026-02-17 00:00:02", 1, 5101, cny, -1, ""},
		{"within the limit, but more than there is", "2026-02-18 00:00:00", 9000, 9000, cny, -1, refusal.CodeInsufficientBalance},
		{"so nothing was counted", "2026-02-18 00:00:00", 100, 100, cny, -1, ""},
	} {
		if line.back >= 0 {
			s := step(sent[line.back], transfer.StateOffered, transfer.StateDeclined)
			if _, done, err := b.Advance(t.Context(), s); !done || err != nil {
				t.Fatal(done, err)
			}
		}
		h, err := b.send(line.minor, line.perDay, line.currency, day(line.at))
		if code := refusal.CodeOf(err); code != line.code || code == "" && err != nil {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		if line.what == "too much with it" && !strings.Contains(err.Error(), "100 minor units of CNY in a day (UTC), of which 40 are left") {
			t.Errorf("%s: %v", line.what, err)
		}
		if err == nil {
			sent = append(sent, h)
		}
		b.wantBalanced(0)
	}
	if h := b.hold("alice", 100); h.Open { // red envelopes do not count
		b.wantBalanced(0)
	}
}

// Two hundred requests at once, from two processes: what passes together is what one by one would.
func TestConcurrentRequestsCannotPassTheLimitTogether(t *testing.T) {
	c := shardstest.New(t, 2)
	one, two := openOn(t, c, 1), openOn(t, c, 2)
	one.topUp("alice", 100_000)
	at := day("2026-02-16 12:00:00")
	var mu sync.Mutex
	var wg sync.WaitGroup
	held, refused := 0, 0
	for i := range 200 {
		l := []*book{one, two}[i%2]
		wg.Go(func() {
			_, err := l.send(7, 500, cny, at)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				held++
			case refusal.CodeOf(err) == refusal.CodeDailyLimitExceeded:
				refused++
			default:
				t.Errorf("send: %v", err)
			}
		})
	}
	wg.Wait()
	if held != 71 || refused != 129 {
		t.Errorf("%d held and %d refused, want 71 and 129", held, refused)
	}
	one.wantBalances(map[string]int64{"alice": 100_000 - 71*7})
	one.deliver()
	one.wantBalanced(0)
}

// A request is carried out or given up, never both, whoever comes first.
func TestGiveUp(t *testing.T) {
	b := open(t, 2)
	b.topUp("alice", 100_000)
	ctx := t.Context()
	made, given := 0, 0
	for i := range 100 {
		h := b.draft("alice", 10)
		r, err := ledger.OwnRequest(fmt.Sprintf("test:%d", i), "test", i)
		if err != nil {
			t.Fatal(err)
		}
		var held ledger.Hold
		var heldErr, giveErr error
		var id int64
		var ok bool
		var both sync.WaitGroup
		both.Go(func() { held, heldErr = b.HoldOn(ctx, r, h, ledger.HoldOptions{}) })
		both.Go(func() { id, ok, giveErr = b.GiveUp(ctx, "alice", r) })
		both.Wait()
		switch {
		case giveErr == nil && ok && heldErr == nil && held.ID == h.ID && id == h.ID:
			made++
		case giveErr == nil && !ok && errors.Is(heldErr, ledger.ErrCancelled):
			given++
		default:
			t.Fatalf("hold: %+v, %v; given up: %d, %v, %v", held, heldErr, id, ok, giveErr)
		}
		again, againOK, err := b.GiveUp(ctx, "alice", r)
		if again != id || againOK != ok || err != nil {
			t.Errorf("given up again: %d, %v, %v", again, againOK, err)
		}
		if found, there, err := b.Requested(ctx, "alice", r); there != ok || err != nil || ok && found != id {
			t.Errorf("requested: %d, %v, %v", found, there, err)
		}
	}
	t.Logf("%d made, %d given up", made, given)
	if made == 0 || given == 0 {
		t.Errorf("%d made, %d given up: there was no race", made, given)
	}
	b.wantBalances(map[string]int64{"alice": int64(100_000 - 10*made)})
	b.wantBalanced(0)
	r, err := ledger.OwnRequest("test:0", "test", "another body")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.GiveUp(context.WithoutCancel(ctx), "alice", r); refusal.CodeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("another body: %v", err)
	}
	if _, err := ledger.NewRequest("#test:0", "test", 0); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
		t.Errorf("a client's request with an id of our own: %v", err)
	}
}
