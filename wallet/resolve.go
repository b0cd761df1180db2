package wallet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// ResolutionLedger is what a Resolver needs of the ledger. Every method is safe to repeat.
type ResolutionLedger interface {
	Shards() int
	ShardOf(id int64) (shard int, ok bool)
	NewID(owner string) (int64, error)
	HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error)
	// Resolutions are the rejections of a shard after one, the zero value for the first, at most limit: all, or those
	// about which something is to be done.
	Resolutions(ctx context.Context, shard int, all bool, after ledger.Rejection,
		limit int) ([]ledger.Resolution, error)
	// Decide keeps a decision about a rejection, unless there is one, and returns the one that stands.
	Decide(ctx context.Context, shard int, r ledger.Resolution) (ledger.Resolution, error)
	// Paid notes the hold that paid a rejection, and returns what stands.
	Paid(ctx context.Context, shard int, r ledger.Resolution) (ledger.Resolution, error)
	// Time is the time by the clock of a shard.
	Time(ctx context.Context, shard int) (time.Time, error)
}

// Codes of refusals about rejections.
const (
	CodeRejectionUnknown = "rejection_unknown"
	CodeRejectionDecided = "rejection_decided"
)

// resolutionsPage is how many rejections are read at a time.
const resolutionsPage = 500

// Resolver lets an operator decide about posts that contradicted the ledger, and so were kept aside: somebody was told
// to have won, and is not paid.
//
//	rejected ──Pay──▶ decided ──▶ paid       the decision commits first, then the payment under an id that
//	   └───Dismiss──▶ dismissed              follows from it, then the note that it is made
//
// A process that dies between two of these leaves a decision to pay that is not paid: whoever repeats the call goes on.
type Resolver struct{ ledger ResolutionLedger }

// NewResolver makes a Resolver.
func NewResolver(l ResolutionLedger) *Resolver { return &Resolver{l} }

// List returns the rejections of all shards: those about which something is still to be done, or all.
func (r *Resolver) List(ctx context.Context, all bool) (found []ledger.Resolution, err error) {
	err = r.each(ctx, all, func(_ int, one ledger.Resolution) (more bool) {
		found = append(found, one)
		return true
	})
	return found, err
}

// each hands out the rejections of all shards until visit wants no more.
func (r *Resolver) each(ctx context.Context, all bool, visit func(int, ledger.Resolution) (more bool)) error {
	for shard := range r.ledger.Shards() {
		for after, whole := (ledger.Rejection{}), true; whole; {
			some, err := r.ledger.Resolutions(ctx, shard, all, after, resolutionsPage)
			if err != nil {
				return err
			}
			for _, one := range some {
				if !visit(shard, one) {
					return nil
				}
				after = one.Rejection
			}
			whole = len(some) == resolutionsPage
		}
	}
	return nil
}

// Verdict is a decision about the rejection with an id.
type Verdict struct {
	ID       string
	Decision ledger.Decision
	Account  string // who pays; for DecisionPay
	// Currency is needed for DecisionPay where the hold of the post does not exist; otherwise it is the hold's.
	Currency string
	By, Why  string
}

// Check finds what is wrong with a verdict. Refusal: invalid_argument.
func (v Verdict) Check() error {
	if err := refusal.CheckID("by", v.By); err != nil {
		return err
	}
	if err := refusal.CheckReason(v.Why); err != nil {
		return err
	}
	switch {
	case v.Decision == ledger.DecisionPay:
		return ledger.CheckAccount("account", v.Account)
	case v.Decision != ledger.DecisionDismiss || v.Account != "":
		return refusal.New(refusal.CodeInvalidArgument, "a decision is pay, with the account that pays, or dismiss")
	}
	return nil
}

// Resolve carries out a verdict. Repeated, it returns what stands. Refusals: invalid_argument, rejection_unknown,
// rejection_decided (otherwise), insufficient_balance (the decision stands: top up, and repeat it).
func (r *Resolver) Resolve(ctx context.Context, v Verdict) (ledger.Resolution, error) {
	if err := v.Check(); err != nil {
		return ledger.Resolution{}, err
	}
	found, shard, err := r.find(ctx, v.ID)
	if err != nil {
		return ledger.Resolution{}, err
	}
	if found.Decision == "" {
		if found, err = r.decide(ctx, shard, found, v); err != nil {
			return ledger.Resolution{}, err
		}
	}
	if found.Decision != v.Decision || found.Account != v.Account {
		return found, refusal.New(CodeRejectionDecided, "%s has decided otherwise: %s", found.By, found.Decision)
	}
	if !found.Open() {
		return found, nil
	}
	if found.Payment, err = r.pay(ctx, found); err != nil {
		return found, err
	}
	return r.ledger.Paid(ctx, shard, found)
}

func (r *Resolver) find(ctx context.Context, id string) (found ledger.Resolution, shard int, err error) {
	known := false
	err = r.each(ctx, true, func(at int, one ledger.Resolution) (more bool) {
		if known = one.ID() == id; known {
			found, shard = one, at
		}
		return !known
	})
	if err == nil && !known {
		err = refusal.New(CodeRejectionUnknown, "there is no rejection %q", refusal.Clip(id))
	}
	return found, shard, err
}

func (r *Resolver) decide(ctx context.Context, shard int, found ledger.Resolution, v Verdict) (ledger.Resolution,
	error) {
	found.Decision, found.Account, found.By, found.Why = v.Decision, v.Account, v.By, v.Why
	if v.Decision == ledger.DecisionPay {
		if found.Currency == "" {
			found.Currency = ledger.Currency(v.Currency)
		}
		if _, err := r.payment(found, 1); err != nil {
			return found, err
		}
	}
	var err error
	if found.At, err = r.ledger.Time(ctx, shard); err != nil {
		return found, err
	}
	return r.ledger.Decide(ctx, shard, found)
}

// payment is the hold that pays a rejection at once. Refusals: those of a malformed account, amount or currency.
func (r *Resolver) payment(of ledger.Resolution, id int64) (ledger.Hold, error) {
	amount, err := ledger.NewAmount(of.Minor, string(of.Currency))
	if err != nil {
		return ledger.Hold{}, err
	}
	if of.Account == of.Payee {
		return ledger.Hold{}, refusal.New(refusal.CodeInvalidArgument, "nobody can be paid from their own account")
	}
	h := ledger.Hold{
		ID: id, Subject: ledger.SubjectResolution, Owner: of.Account, Counterparty: of.Payee, Amount: amount,
		Parts:  []int64{of.Minor},
		Detail: fmt.Appendf(nil, `{"hold":"%d","part":%d}`, of.Hold, of.Part), CreatedAt: of.At, ExpiresAt: of.At,
	}
	if err := h.Check(); err != nil {
		if refusal.CodeOf(err) == "" {
			err = refusal.New(refusal.CodeInvalidArgument, "the payee cannot be paid from this account")
		}
		return ledger.Hold{}, err
	}
	return h, nil
}

// pay pays under a request id that follows from the rejection, so that it happens once.
func (r *Resolver) pay(ctx context.Context, of ledger.Resolution) (hold int64, err error) {
	id, err := r.ledger.NewID(of.Account)
	if err != nil {
		return 0, err
	}
	h, err := r.payment(of, id)
	if err != nil {
		return 0, err
	}
	body := [...]any{of.Hold, of.Part, of.Payee, of.Minor, of.Currency}
	request, err := ledger.OwnRequest("resolution-"+of.ID(), "resolve", body)
	if err != nil {
		return 0, err
	}
	paid, err := r.ledger.HoldWith(ctx, request, h, ledger.HoldOptions{PayNow: true})
	if errors.Is(err, ledger.ErrCancelled) {
		return 0, refusal.New(CodeRejectionDecided, "the payment was cancelled")
	}
	return paid.ID, err
}

// ResolutionCheck is what the audit asks about payments of rejections: each is paid whole.
func ResolutionCheck() ledger.HoldCheck {
	return ledger.HoldCheck{Subject: ledger.SubjectResolution, Check: func(h ledger.Hold) []ledger.Finding {
		if h.Posted == h.Amount.Minor {
			return nil
		}
		return []ledger.Finding{{Code: ledger.AuditHoldAmount, What: fmt.Sprintf("payment %d of a rejection", h.ID),
			Expected: "posted whole", Found: fmt.Sprint(h.Posted)}}
	}}
}
