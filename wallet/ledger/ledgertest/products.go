package ledgertest

import (
	"fmt"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// The sample products. A Gift is paid to many in parts, and what is left goes back. An Offer goes to one, its money
// moves with its stage, and it counts towards what its owner may send in a day. A Supply is paid to one unit by unit.
const (
	Gift   ledger.Subject = "gift"
	Offer  ledger.Subject = "offer"
	Supply ledger.Subject = "supply"
)

// Stages of an Offer.
const (
	Offered  ledger.Stage = "offered"
	Accepted ledger.Stage = "accepted" // it arrives at a later time
	Arrived  ledger.Stage = "arrived"
	Returned ledger.Stage = "returned"
)

// FundsIn is where the money of an Offer in this stage is.
func FundsIn(s ledger.Stage) ledger.FundsState {
	switch s {
	case Arrived:
		return ledger.FundsPosted
	case Returned:
		return ledger.FundsVoided
	}
	return ledger.FundsPending
}

// OfferDraft is an offer of 100 that nobody has made yet, for an hour.
func (b *Book) OfferDraft(owner, to string) ledger.Hold {
	b.T.Helper()
	h := b.Draft(owner, 100)
	h.Subject, h.Counterparty, h.CountsDaily = Offer, to, true
	h.Stage, h.StagedAt, h.ExpiresAt = Offered, h.CreatedAt, h.CreatedAt.Add(time.Hour)
	return h
}

// Make makes a drafted hold in a transaction of its own, with an index entry of its counterparty and an event for them.
func (b *Book) Make(h ledger.Hold, o ledger.HoldOptions) (held ledger.Hold, err error) {
	b.T.Helper()
	ctx, r := b.T.Context(), Request(b.T, fmt.Sprint(h.ID), "make")
	err = b.Tx(ctx, h.ID, func(tx ledger.Tx) (err error) {
		if err := tx.Claim(ctx, h.Owner, r, h.ID); err != nil {
			return err
		}
		if held, err = tx.Hold(ctx, h, o); err != nil {
			return err
		}
		entry := ledger.IndexEntry{Of: h.Counterparty, Subject: h.Subject, Reference: h.ID}
		if err := tx.Index(ctx, entry); err != nil {
			return err
		}
		body := fmt.Appendf(nil, `{"type":"offered","id":"%d"}`, h.ID)
		return tx.Publish(ctx, ledger.Event{Topic: ledger.UserTopic(h.Counterparty), Body: body})
	})
	return held, err
}

// Offer makes an offer of 100.
func (b *Book) Offer(owner, to string) ledger.Hold {
	b.T.Helper()
	h := b.OfferDraft(owner, to)
	got, err := b.Make(h, ledger.HoldOptions{})
	if err != nil || !SameHold(got, h) {
		b.T.Fatalf("offer: %+v, %v, want %+v", got, err, h)
	}
	return got
}

// SupplyDraft is a metered hold that nobody has made yet.
func (b *Book) SupplyDraft(owner, to string, unit, units int64) ledger.Hold {
	b.T.Helper()
	h := b.Draft(owner, unit*units)
	h.Subject, h.Counterparty, h.Unit, h.Parts = Supply, to, unit, nil
	return h
}

// Supply makes a metered hold.
func (b *Book) Supply(owner, to string, unit, units int64) ledger.Hold {
	b.T.Helper()
	h := b.SupplyDraft(owner, to, unit, units)
	got, err := b.Hold(b.T.Context(), Request(b.T, fmt.Sprint(h.ID), "supply"), h)
	if err != nil || !SameHold(got, h) {
		b.T.Fatalf("supply: %+v, %v, want %+v", got, err, h)
	}
	return got
}

// Draw draws units in a transaction of its own.
func (b *Book) Draw(hold, units int64, to ledger.FundsState) (h ledger.Hold, done bool, err error) {
	b.T.Helper()
	d := ledger.Draw{Hold: hold, Units: units, Funds: to, At: time.Now()}
	err = b.Tx(b.T.Context(), hold, func(tx ledger.Tx) (err error) {
		h, done, err = tx.Draw(b.T.Context(), d)
		return err
	})
	return h, done, err
}

// StepOf is a step of an offer.
func StepOf(h ledger.Hold, from, to ledger.Stage) ledger.Step {
	return ledger.Step{Hold: h.ID, From: from, To: to, Funds: FundsIn(to)}
}

// Soon is a minute after a hold was made.
func Soon(h ledger.Hold) time.Time { return h.CreatedAt.Add(time.Minute) }

// Advance tries a step at a time, in a transaction of its own, with an event for topic "steps" if it is done.
func (b *Book) Advance(s ledger.Step, at time.Time) (h ledger.Hold, done bool, err error) {
	ctx := b.T.Context()
	b.Clock.Set(at)
	defer b.Clock.Set(time.Time{})
	err = b.Tx(ctx, s.Hold, func(tx ledger.Tx) (err error) {
		if h, done, err = tx.Advance(ctx, s); err != nil || !done {
			return err
		}
		return tx.Publish(ctx, ledger.Event{Topic: "steps", Body: fmt.Appendf(nil, `{"to":%q}`, s.To)})
	})
	return h, done, err
}

// MustAdvance makes a step of an offer.
func (b *Book) MustAdvance(h ledger.Hold, from, to ledger.Stage) ledger.Hold {
	b.T.Helper()
	after, done, err := b.Advance(StepOf(h, from, to), Soon(h))
	if !done || err != nil {
		b.T.Fatalf("advance to %s: %v, %v", to, done, err)
	}
	return after
}

// Checks are what the audit asks about the sample products' holds.
func Checks() []ledger.HoldCheck {
	return []ledger.HoldCheck{
		{Subject: Gift, Check: func(h ledger.Hold) []ledger.Finding {
			if h.Staged() {
				return stageFinding(h, "no stage", string(h.Stage))
			}
			return nil
		}},
		{Subject: Supply, Overdue: ledger.Overdue, Check: func(h ledger.Hold) []ledger.Finding {
			if !h.Metered() {
				return stageFinding(h, "units", fmt.Sprintf("%d parts", len(h.Parts)))
			}
			return nil
		}},
		{Subject: Offer, Check: checkOffer, Index: func(h ledger.Hold) []ledger.IndexEntry {
			return []ledger.IndexEntry{{Of: h.Counterparty, Subject: Offer, Reference: h.ID}}
		}},
	}
}

func checkOffer(h ledger.Hold) []ledger.Finding {
	var posted, voided int64
	switch h.Stage {
	case Offered, Accepted:
	case Arrived:
		posted = h.Amount.Minor
	case Returned:
		voided = h.Amount.Minor
	default:
		return stageFinding(h, "a stage of an offer", string(h.Stage))
	}
	if h.Posted == posted && h.Voided == voided {
		return nil
	}
	money := func(posted, voided int64) string { return fmt.Sprintf("%d posted, %d voided", posted, voided) }
	return stageFinding(h, money(posted, voided), money(h.Posted, h.Voided))
}

func stageFinding(h ledger.Hold, expected, found string) []ledger.Finding {
	what := fmt.Sprintf("%s %d, %s", h.Subject, h.ID, h.Stage)
	return []ledger.Finding{{Code: ledger.AuditHoldStage, What: what, Expected: expected, Found: found}}
}
