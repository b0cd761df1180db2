package collection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// maxClaims bounds how often one call claims a part, where claims are released beneath it.
const maxClaims = 3

// Pay pays the user's part. A payment that stopped in the middle goes on from there. Refusals: see
// idl/collection.thrift.
func (s *Service) Pay(ctx context.Context, user string, id, minor int64, currency string) (Collection, error) {
	found, err := s.get(ctx, id)
	if err != nil {
		return Collection{}, err
	}
	part, ok := found.Part(user)
	if !ok || part.State == PartOwn {
		return Collection{}, refusal.New(CodeNotAParticipant, "this collection asks you for nothing")
	}
	if part.Minor != minor || string(found.Currency) != currency {
		return Collection{}, refusal.New(CodeWrongAmount, "your part is %d minor units of %s: pay exactly that",
			part.Minor, found.Currency)
	}
	for range maxClaims {
		claimed, err := s.store.Claim(ctx, id, user, s.clock())
		if err != nil {
			return Collection{}, err
		}
		switch part, _ = claimed.Part(user); part.State {
		case PartDue:
			return Collection{}, refusal.New(CodeClosed, "the collection is closed: nothing was paid")
		case PartPaid:
			return Collection{}, refusal.New(CodeAlreadyPaid, "your part is already paid")
		}
		paid, err := s.pay(ctx, claimed, part)
		if !errors.Is(err, ledger.ErrCancelled) {
			return paid, err
		}
	}
	return Collection{}, refusal.New(refusal.CodeUnavailable, "the payment was interrupted: try again")
}

// pay moves the money of a claimed part and records it. ledger.ErrCancelled says that the claim is no longer good, and
// the part due again.
func (s *Service) pay(ctx context.Context, found Collection, part Part) (Collection, error) {
	claim := Claim{Collection: found.ID, Member: part.Member, Claim: part.Claim}
	request, err := requestOf(claim)
	if err != nil {
		return Collection{}, err
	}
	hold, err := s.hold(found, part, claim)
	if err != nil {
		return Collection{}, err
	}
	options := ledger.HoldOptions{DailyLimit: s.rules.PerDay.Of(found.Currency), PayNow: true}
	held, err := s.ledger.HoldWith(ctx, request, hold, options)
	switch {
	case err == nil:
		return s.store.Record(ctx, claim, held.ID, s.clock(), paidEvents(part))
	case refusesPayer(err):
	case errors.Is(err, ledger.ErrCancelled):
		// Another call of the payer's may have been refused under the same claim: then this one is, too.
		if refused := s.tryHold(ctx, hold, options); refusal.CodeOf(refused) != "" {
			err = refused
		}
	default:
		return Collection{}, err // what happened is not known: the claim stays, for the next call or the Rescuer
	}
	if paid, ok, settled := s.settle(ctx, claim); ok || settled != nil {
		return paid, settled
	}
	return Collection{}, err
}

// refusesPayer says that the ledger has refused to take the money, so that nothing has happened.
func refusesPayer(err error) bool {
	switch refusal.CodeOf(err) {
	case refusal.CodeInsufficientBalance, refusal.CodeDailyLimitExceeded, refusal.CodeAccountFrozen:
		return true
	}
	return false
}

// tryHold finds out how the ledger answers a hold, and moves nothing.
func (s *Service) tryHold(ctx context.Context, h ledger.Hold, o ledger.HoldOptions) error {
	errTried := errors.New("tried")
	err := s.ledger.Tx(ctx, h.ID, func(tx ledger.Tx) error {
		if _, err := tx.Hold(ctx, h, o); err != nil {
			return err
		}
		return errTried
	})
	if errors.Is(err, errTried) {
		return nil
	}
	return err
}

// hold is the payment of a part.
func (s *Service) hold(found Collection, part Part, claim Claim) (ledger.Hold, error) {
	id, err := s.ledger.NewID(part.Member)
	if err != nil {
		return ledger.Hold{}, fmt.Errorf("id for a payment: %w", err)
	}
	d, err := json.Marshal(claim)
	if err != nil {
		return ledger.Hold{}, fmt.Errorf("encode a claim of collection %d: %w", found.ID, err)
	}
	now := s.clock()
	return ledger.Hold{
		ID: id, Subject: Subject, Owner: part.Member, Counterparty: found.Collector,
		Amount: ledger.Amount{Minor: part.Minor, Currency: found.Currency}, Parts: []int64{part.Minor},
		Note: found.Note, Detail: d, CountsDaily: true, CreatedAt: now, ExpiresAt: now,
	}, nil
}

// settle ends a claim: recorded, where its payment was made, and released otherwise, after which it never will be.
func (s *Service) settle(ctx context.Context, claim Claim) (paid Collection, ok bool, err error) {
	request, err := requestOf(claim)
	if err != nil {
		return Collection{}, false, err
	}
	hold, made, err := s.ledger.CancelRequest(ctx, claim.Member, request)
	if err != nil {
		return Collection{}, false, err
	}
	if !made {
		return Collection{}, false, s.store.Release(ctx, claim, s.clock())
	}
	found, err := s.store.Get(ctx, claim.Collection)
	if err != nil {
		return Collection{}, false, err
	}
	part, _ := found.Part(claim.Member)
	paid, err = s.store.Record(ctx, claim, hold, s.clock(), paidEvents(part))
	return paid, err == nil, err
}

// requestOf is the payer's request that a claim stands for.
func requestOf(claim Claim) (ledger.Request, error) {
	return ledger.OwnRequest(fmt.Sprintf("collection:%d:%d", claim.Collection, claim.Claim), "collection.pay", claim)
}
