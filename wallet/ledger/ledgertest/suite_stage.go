package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Each line tries a step on an offer that was led into a stage.
func testSteps(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 10_000)
	bob := b.Elsewhere("alice")
	ctx := t.Context()
	late := func(h ledger.Hold) time.Time { return h.ExpiresAt.Add(time.Hour) }
	atExpiry := func(h ledger.Hold) time.Time { return h.ExpiresAt }
	due := func(s ledger.Step) ledger.Step { s.Due = true; return s }
	accept := func(h ledger.Hold) ledger.Step { return StepOf(h, Offered, Accepted) }
	giveBack := func(h ledger.Hold) ledger.Step { return StepOf(h, Offered, Returned) }
	for _, line := range []struct {
		what string
		lead []ledger.Stage // from Offered on
		step func(h ledger.Hold) ledger.Step
		at   func(h ledger.Hold) time.Time
		done bool
	}{
		{"accept", nil, accept, Soon, true},
		{"accept too late", nil, accept, late, false},
		{"accept at the last moment", nil, accept, func(h ledger.Hold) time.Time {
			return h.ExpiresAt.Add(-time.Millisecond)
		}, true},
		{"accept at the first moment too late", nil, accept, atExpiry, false},
		{"accept until a later time", nil, func(h ledger.Hold) ledger.Step {
			s := accept(h)
			s.Renew, s.For = true, 3*time.Hour
			return s
		}, Soon, true},
		{"expire", nil, func(h ledger.Hold) ledger.Step { return due(giveBack(h)) }, late, true},
		{"expire at the first moment", nil, func(h ledger.Hold) ledger.Step { return due(giveBack(h)) }, atExpiry,
			true},
		{"expire too early", nil, func(h ledger.Hold) ledger.Step { return due(giveBack(h)) }, Soon, false},
		{"arrive at once", nil, func(h ledger.Hold) ledger.Step { return StepOf(h, Offered, Arrived) }, Soon, true},
		{"accept twice", []ledger.Stage{Accepted}, accept, Soon, false},
		{"arrive", []ledger.Stage{Accepted}, func(h ledger.Hold) ledger.Step {
			return due(StepOf(h, Accepted, Arrived))
		}, late, true},
		{"recall", []ledger.Stage{Accepted}, func(h ledger.Hold) ledger.Step { return StepOf(h, Accepted, Returned) },
			Soon, true},
		{"return what was returned", []ledger.Stage{Returned}, giveBack, Soon, false},
		{"return what has arrived", []ledger.Stage{Arrived}, giveBack, Soon, false},
		{"return what has arrived, from there", []ledger.Stage{Arrived}, func(h ledger.Hold) ledger.Step {
			return StepOf(h, Arrived, Returned)
		}, Soon, false},
		{"offer what was returned again", []ledger.Stage{Returned}, func(h ledger.Hold) ledger.Step {
			return StepOf(h, Returned, Offered)
		}, Soon, false},
	} {
		h := b.Offer("alice", bob)
		from := Offered
		for _, to := range line.lead {
			b.MustAdvance(h, from, to)
			from = to
		}
		s, at := line.step(h), line.at(h)
		before := Must(b.GetHold(ctx, h.ID))
		after, done, err := b.Advance(s, at)
		if done != line.done || err != nil {
			t.Errorf("%s: %v, %v", line.what, done, err)
		}
		if stored := Must(b.GetHold(ctx, h.ID)); !SameHold(stored, after) || !done && !SameHold(before, after) {
			t.Errorf("%s: returned %+v, stored %+v", line.what, after, stored)
		}
		b.wantFunds(line.what, after)
		if done && (after.Stage != s.To || !after.StagedAt.Equal(at)) {
			t.Errorf("%s: %+v", line.what, after)
		}
		until := before.ExpiresAt
		if s.Renew {
			until = at.Add(s.For)
		}
		if done && !after.ExpiresAt.Equal(until) {
			t.Errorf("%s: expires at %v, want %v", line.what, after.ExpiresAt, until)
		}
		if again, done, err := b.Advance(s, at); done || err != nil || !SameHold(again, after) {
			t.Errorf("%s, again: %+v, %v, %v", line.what, again, done, err)
		}
	}
	b.DeliverAll()
	b.WantBalanced(0)
}

// wantFunds wants the money of an offer to be where its stage says.
func (b *Book) wantFunds(what string, h ledger.Hold) {
	b.T.Helper()
	posted, voided := int64(0), int64(0)
	switch FundsIn(h.Stage) {
	case ledger.FundsPosted:
		posted = h.Amount.Minor
	case ledger.FundsVoided:
		voided = h.Amount.Minor
	}
	if h.Posted != posted || h.Voided != voided || h.Open != (posted+voided == 0) {
		b.T.Errorf("%s: %+v", what, h)
	}
}

// What no staged hold and no step can be is an error, and changes nothing.
func testMalformedSteps(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	ctx := t.Context()
	for what, change := range map[string]func(*ledger.Hold, *ledger.HoldOptions){
		"two parts":          func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Parts = []int64{50, 50} },
		"no counterparty":    func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Counterparty = "" },
		"a system account":   func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Counterparty = "#clearing" },
		"a stage too long":   func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Stage = "seventeen letters" },
		"paid at once":       func(_ *ledger.Hold, o *ledger.HoldOptions) { o.PayNow = true },
		"a limit below zero": func(_ *ledger.Hold, o *ledger.HoldOptions) { o.DailyLimit = -1 },
		"a limit of what does not count": func(h *ledger.Hold, o *ledger.HoldOptions) {
			h.CountsDaily, o.DailyLimit = false, 1000
		},
	} {
		h, o := b.OfferDraft("alice", "bob"), ledger.HoldOptions{}
		change(&h, &o)
		for how, err := range map[string]error{
			"alone":            func() error { _, err := b.HoldWith(ctx, Request(t, "bad", what), h, o); return err }(),
			"in a transaction": func() error { _, err := b.Make(h, o); return err }(),
		} {
			if code := codeOf(err); code != malformed && code != refusal.CodeInvalidArgument {
				t.Errorf("%s, %s: %v", what, how, err)
			}
		}
	}
	h := b.Offer("alice", "bob")
	broken := func(change func(*ledger.Step)) ledger.Step {
		s := StepOf(h, Offered, Arrived)
		change(&s)
		return s
	}
	for what, s := range map[string]ledger.Step{
		"to where it is":   broken(func(s *ledger.Step) { s.To = Offered }),
		"to no stage":      broken(func(s *ledger.Step) { s.To = "" }),
		"to a long stage":  broken(func(s *ledger.Step) { s.To = "seventeen letters" }),
		"from no stage":    broken(func(s *ledger.Step) { s.From = "" }),
		"with no funds":    broken(func(s *ledger.Step) { s.Funds = 0 }),
		"with other funds": broken(func(s *ledger.Step) { s.Funds = ledger.FundsVoided + 1 }),
	} {
		if _, done, err := b.Advance(s, Soon(h)); done || codeOf(err) != malformed {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
	for _, id := range []int64{h.ID + 1<<40, h.ID | 1023, 0, -1} {
		s := broken(func(s *ledger.Step) { s.Hold = id })
		if _, done, err := b.Advance(s, Soon(h)); done || !errors.Is(err, ledger.ErrHoldNotFound) {
			t.Errorf("a step of hold %d: %v, %v", id, done, err)
		}
	}
	if _, done, err := b.Void(ctx, h.ID, 0); done || codeOf(err) != malformed {
		t.Errorf("a void past the stage: %v, %v", done, err)
	}
	r := b.PostAll(Pay(h, 0, "bob"))
	if r.Posted != 0 || len(r.Rejected) != 1 || r.Rejected[0].Reason != "the hold is paid by its stage alone" {
		t.Errorf("a post past the stage: %+v", r)
	}
	if now := Must(b.GetHold(ctx, h.ID)); !SameHold(now, h) {
		t.Errorf("the offer is now %+v, want %+v", now, h)
	}
	b.DeliverAll()
	b.WantBalances(map[string]int64{"alice": 900, "bob": 0})
	b.wantRejections(1)
}

// Day is a moment, in UTC.
func Day(date string) time.Time {
	at, err := time.Parse(time.DateTime, date)
	if err != nil {
		panic(err)
	}
	return at
}

// OfferOf offers bob some of alice's money at a time, within a daily limit.
func (b *Book) OfferOf(minor, limit int64, c ledger.Currency, at time.Time) (ledger.Hold, error) {
	b.T.Helper()
	h := b.OfferDraft("alice", "bob")
	h.Amount, h.Parts = ledger.Amount{Minor: minor, Currency: c}, []int64{minor}
	h.CreatedAt, h.StagedAt, h.ExpiresAt = at, at, at.Add(time.Hour)
	return b.Make(h, ledger.HoldOptions{DailyLimit: limit})
}

// Each line is something alice does; she may send 100 a day of each currency.
func testDailyLimit(t *testing.T, open Open) {
	const exceeded = refusal.CodeDailyLimitExceeded
	b := open(t, 4)
	b.TopUp("alice", 10_000)
	if _, err := b.Wallet.TopUp(t.Context(), "alice", "yen", 10_000, "JPY"); err != nil {
		t.Fatal(err)
	}
	var sent []ledger.Hold
	for _, line := range []struct {
		what     string
		at       string
		minor    int64
		limit    int64
		currency ledger.Currency
		back     int // index of what goes back before it, -1 for nothing
		code     string
	}{
		{"some", "2026-02-16 12:00:00", 60, 100, CNY, -1, ""},
		{"too much with it", "2026-02-16 12:00:01", 41, 100, CNY, -1, exceeded},
		{"too much by itself", "2026-02-16 12:00:02", 101, 100, CNY, -1, exceeded},
		{"exactly the rest", "2026-02-16 12:00:03", 40, 100, CNY, -1, ""},
		{"one more", "2026-02-16 23:59:59", 1, 100, CNY, -1, exceeded},
		{"the next day", "2026-02-17 00:00:00", 100, 100, CNY, -1, ""},
		{"another currency", "2026-02-17 00:00:00", 100, 100, "JPY", -1, ""},
		{"one more of it", "2026-02-17 00:00:00", 1, 100, "JPY", -1, exceeded},
		{"after the first went back, on its day", "2026-02-16 23:59:59", 61, 100, CNY, 0, exceeded},
		{"exactly that", "2026-02-16 23:59:59", 60, 100, CNY, -1, ""},
		{"but not on the day on which it went back", "2026-02-17 00:00:01", 1, 100, CNY, -1, exceeded},
		{"without a limit", "2026-02-17 00:00:02", 5000, 0, CNY, -1, ""},
		{"which counts all the same", "2026-02-17 00:00:02", 1, 5100, CNY, -1, exceeded},
		{"within a higher one", "2026-02-17 00:00:02", 1, 5101, CNY, -1, ""},
		{"within the limit, but more than there is", "2026-02-18 00:00:00", 9000, 9000, CNY, -1,
			refusal.CodeInsufficientBalance},
		{"so nothing was counted", "2026-02-18 00:00:00", 100, 100, CNY, -1, ""},
	} {
		if line.back >= 0 {
			b.MustAdvance(sent[line.back], Offered, Returned)
		}
		h, err := b.OfferOf(line.minor, line.limit, line.currency, Day(line.at))
		if codeOf(err) != line.code {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		const left = "100 minor units of CNY in a day (UTC), of which 40 are left"
		if line.what == "too much with it" && !strings.Contains(err.Error(), left) {
			t.Errorf("%s: %v", line.what, err)
		}
		if err == nil {
			sent = append(sent, h)
		}
		b.WantBalanced(0)
	}
	// What does not count changes nothing about the day, and what counts does so without a stage as well.
	b.Gift("alice", 100)
	gift := b.Draft("alice", 1)
	gift.CountsDaily, gift.CreatedAt = true, Day("2026-02-18 00:00:00")
	_, err := b.HoldWith(t.Context(), Request(t, "gift", 1), gift, ledger.HoldOptions{DailyLimit: 100})
	if codeOf(err) != exceeded {
		t.Errorf("a gift above the limit: %v", err)
	}
	if gift, err = b.HoldWith(t.Context(), Request(t, "gift", 1), gift,
		ledger.HoldOptions{DailyLimit: 101}); err != nil {
		t.Errorf("a gift within it: %v", err)
	}
	if _, done, err := b.Void(t.Context(), gift.ID, 0); !done || err != nil {
		t.Error(done, err)
	}
	if _, err := b.OfferOf(1, 101, CNY, Day("2026-02-18 00:00:00")); err != nil {
		t.Errorf("after the gift went back: %v", err)
	}
	b.WantBalanced(0)
}

// A record is found from whom it concerns once its entries are delivered, on the same shard or another.
func testIndex(t *testing.T, open Open) {
	b := open(t, 4)
	ctx := t.Context()
	b.TopUp("alice", 100_000)
	want := map[string][]int64{}
	for i := range 60 {
		to := fmt.Sprintf("user-%d", i%7)
		want[to] = append(want[to], b.Offer("alice", to).ID)
	}
	if got, err := b.Indexed(ctx, "user-0", Offer, 0, 10); err != nil || len(got) != 0 {
		t.Errorf("found before delivery: %v, %v", got, err)
	}
	b.WantBalanced(0) // what is on its way is no discrepancy
	b.DeliverAll()
	for to, ids := range want {
		slices.Reverse(ids)
		if got, err := b.Indexed(ctx, to, Offer, 0, 1000); err != nil || !slices.Equal(got, ids) {
			t.Errorf("%s is found in %v, %v, want %v", to, got, err, ids)
		}
		if page, err := b.Indexed(ctx, to, Offer, ids[3], 2); err != nil || !slices.Equal(page, ids[4:6]) {
			t.Errorf("a page of %s: %v, %v, want %v", to, page, err, ids[4:6])
		}
		if other, err := b.Indexed(ctx, to, Gift, 0, 10); err != nil || len(other) != 0 {
			t.Errorf("%s is found in another subject: %v, %v", to, other, err)
		}
		holds, err := b.GetHolds(ctx, append([]int64{5, ids[0] + 1<<40}, ids...))
		if err != nil || len(holds) != len(ids) || holds[0].ID != ids[0] {
			t.Errorf("holds of %s: %d, %v", to, len(holds), err)
		}
	}
	b.WantBalanced(0)
	b.indexGroups()
	if _, err := b.Indexed(ctx, "#till", Offer, 0, 10); codeOf(err) != refusal.CodeInvalidArgument {
		t.Errorf("an index of nobody: %v", err)
	}
}

// indexGroups indexes a record twice under a group and a user of the same name, and tries entries that cannot be.
func (b *Book) indexGroups() {
	ctx := b.T.Context()
	id := Must(b.NewID("alice"))
	for range 2 {
		err := b.Tx(ctx, id, func(tx ledger.Tx) error {
			return tx.Index(ctx, ledger.IndexEntry{Of: ledger.IndexGroup("team"), Subject: Gift, Reference: id},
				ledger.IndexEntry{Of: "zoe", Subject: Gift, Reference: id})
		})
		if err != nil {
			b.T.Fatal(err)
		}
	}
	b.DeliverAll()
	for of, want := range map[string][]int64{ledger.IndexGroup("team"): {id}, "zoe": {id}, "team": nil} {
		if got, err := b.Indexed(ctx, of, Gift, 0, 10); err != nil || !slices.Equal(got, want) {
			b.T.Errorf("%s is found in %v, %v, want %v", of, got, err, want)
		}
	}
	for what, entries := range map[string][]ledger.IndexEntry{
		"of nobody": {{Of: "#till", Subject: Gift, Reference: id}},
		"too many": slices.Repeat([]ledger.IndexEntry{{Of: "bob", Subject: Gift, Reference: id}},
			ledger.MaxIndexEntries+1),
	} {
		err := b.Tx(ctx, id, func(tx ledger.Tx) error { return tx.Index(ctx, entries...) })
		if err == nil {
			b.T.Errorf("index entries %s were accepted", what)
		}
	}
}
