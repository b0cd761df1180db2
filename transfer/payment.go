package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
)

// maxClaims bounds how often one call claims a part, where claims are given up beneath it.
const maxClaims = 3

// Pay pays the user's part. A payment that stopped in the middle goes on from there. Refusals: see idl/collection.thrift.
func (c *Collections) Pay(ctx context.Context, user string, id, minor int64, currency string) (wallet.Collection, error) {
	found, err := c.get(ctx, id)
	if err != nil {
		return wallet.Collection{}, err
	}
	part, ok := found.Part(user)
	if !ok || part.State == wallet.PartOwn {
		return wallet.Collection{}, wallet.Refuse(CodeNotAParticipant, "this collection asks you for nothing")
	}
	if part.Minor != minor || string(found.Currency) != currency {
		return wallet.Collection{}, wallet.Refuse(CodeWrongAmount, "your part is %d minor units of %s: pay exactly that", part.Minor, found.Currency)
	}
	for range maxClaims {
		claimed, err := c.ledger.Claim(ctx, id, user, c.clock())
		if err != nil {
			return wallet.Collection{}, err
		}
		switch part, _ = claimed.Part(user); part.State {
		case wallet.PartDue:
			return wallet.Collection{}, wallet.Refuse(CodeCollectionClosed, "the collection is closed: nothing was paid")
		case wallet.PartPaid:
			return wallet.Collection{}, wallet.Refuse(CodeAlreadyPaid, "your part was paid before")
		}
		paid, err := c.pay(ctx, claimed, part)
		if !errors.Is(err, wallet.ErrGivenUp) {
			return paid, err
		}
	}
	return wallet.Collection{}, wallet.Refuse(wallet.CodeUnavailable, "the payment was interrupted: try again")
}

// pay moves the money of a claimed part and records it. wallet.ErrGivenUp says that the claim is no longer good, and the
// part due again.
func (c *Collections) pay(ctx context.Context, found wallet.Collection, part wallet.CollectionPart) (wallet.Collection, error) {
	claim := wallet.CollectionClaim{Collection: found.ID, Member: part.Member, Claim: part.Claim}
	request, err := requestOf(claim)
	if err != nil {
		return wallet.Collection{}, err
	}
	hold, err := c.hold(found, part, claim)
	if err != nil {
		return wallet.Collection{}, err
	}
	held, err := c.ledger.HoldOn(ctx, request, hold, wallet.Terms{PerDay: c.rules.perDay(found.Currency), PayTo: found.Collector})
	switch {
	case err == nil:
		return c.ledger.Record(ctx, claim, held.ID, c.clock(), paidNotices(part))
	case wallet.RefusalCode(err) == wallet.CodeInsufficientBalance, wallet.RefusalCode(err) == wallet.CodeDailyLimitExceeded:
	case errors.Is(err, wallet.ErrGivenUp):
	default:
		return wallet.Collection{}, err // what happened is not known: the claim stays, for the next call or the Keeper
	}
	if paid, ok, settled := c.settle(ctx, claim); ok || settled != nil {
		return paid, settled
	}
	return wallet.Collection{}, err
}

// hold is the payment of a part.
func (c *Collections) hold(found wallet.Collection, part wallet.CollectionPart, claim wallet.CollectionClaim) (wallet.Hold, error) {
	id, err := c.ledger.NewID(part.Member)
	if err != nil {
		return wallet.Hold{}, fmt.Errorf("id for a payment: %w", err)
	}
	d, err := json.Marshal(claim)
	if err != nil {
		return wallet.Hold{}, fmt.Errorf("encode a claim of collection %d: %w", found.ID, err)
	}
	now := c.clock()
	return wallet.Hold{
		ID: id, Subject: wallet.SubjectCollection, Owner: part.Member, Counterparty: found.Collector,
		Amount: wallet.Amount{Minor: part.Minor, Currency: found.Currency}, Parts: []int64{part.Minor},
		Note: found.Note, Detail: d, CreatedAt: now, ExpiresAt: now,
	}, nil
}

// settle ends a claim: recorded, where its payment was made, and released otherwise, after which it never will be.
func (c *Collections) settle(ctx context.Context, claim wallet.CollectionClaim) (paid wallet.Collection, ok bool, err error) {
	request, err := requestOf(claim)
	if err != nil {
		return wallet.Collection{}, false, err
	}
	hold, made, err := c.ledger.GiveUp(ctx, claim.Member, request)
	if err != nil {
		return wallet.Collection{}, false, err
	}
	if !made {
		return wallet.Collection{}, false, c.ledger.Release(ctx, claim, c.clock())
	}
	found, err := c.ledger.GetCollection(ctx, claim.Collection)
	if err != nil {
		return wallet.Collection{}, false, err
	}
	part, _ := found.Part(claim.Member)
	paid, err = c.ledger.Record(ctx, claim, hold, c.clock(), paidNotices(part))
	return paid, err == nil, err
}

// requestOf is the payer's request that a claim stands for.
func requestOf(claim wallet.CollectionClaim) (wallet.Request, error) {
	return wallet.OwnRequest(fmt.Sprintf("collection:%d:%d", claim.Collection, claim.Claim), "collection.pay", claim)
}
