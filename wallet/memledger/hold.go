package memledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

const dayLength = 24 * time.Hour

// errOtherwise is a mistake of the caller: it would have parted a stage, or a product's rows, and their money.
var errOtherwise = errors.New("memledger: the hold's money moves by steps or draws alone")

// Hold debits the owner and stores the hold, in one transaction on the owner's shard. If the request was already
// carried out, the hold of that time is returned, as it is now. Refusals: insufficient_balance, request_conflict.
// Error: ledger.ErrCancelled where the request was cancelled. Any other error says that the hold is malformed or that
// its id exists.
func (l *Ledger) Hold(ctx context.Context, r ledger.Request, h ledger.Hold) (ledger.Hold, error) {
	return l.HoldWith(ctx, r, h, ledger.HoldOptions{})
}

// HoldWith is Hold with options. Refusals: as Hold, and daily_limit_exceeded.
func (l *Ledger) HoldWith(
	ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions,
) (ledger.Hold, error) {
	if err := errors.Join(l.checkHold(h), o.Check(h)); err != nil {
		return ledger.Hold{}, err
	}
	var held ledger.Hold
	err := l.Tx(ctx, h.ID, func(tx ledger.Tx) (err error) {
		if err := tx.Claim(ctx, h.Owner, r, h.ID); err != nil {
			return err
		}
		held, err = tx.Hold(ctx, h, o)
		return err
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return l.GetHold(ctx, before.Reference)
	}
	return held, err
}

func (l *Ledger) checkHold(h ledger.Hold) error {
	n, ok := l.ShardOf(h.ID)
	if !ok || n != l.forUser(h.Owner) {
		return fmt.Errorf("memledger: hold %d: the id is not one for owner %q", h.ID, h.Owner)
	}
	return h.Check()
}

func (tx *transaction) hold(h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error) {
	if err := errors.Join(tx.ledger.checkHold(h), o.Check(h)); err != nil {
		return ledger.Hold{}, err
	}
	if n, _ := tx.ledger.ShardOf(h.ID); n != tx.shard {
		return ledger.Hold{}, fmt.Errorf("memledger: hold %d belongs to another shard than its transaction", h.ID)
	}
	if _, exists := tx.holds[h.ID]; exists {
		return ledger.Hold{}, ErrIDExists
	}
	h = asStored(h)
	if h.CountsDaily {
		if err := tx.count(usageOf(h), h.Amount.Minor, o.DailyLimit); err != nil {
			return ledger.Hold{}, err
		}
	}
	e := entry{Entry: ledger.Entry{Kind: ledger.EntryHold, Subject: h.Subject, Reference: h.ID,
		Counterparty: h.Counterparty, Note: h.Note, At: h.CreatedAt}}
	if _, err := tx.debit(h.Owner, h.Amount, e); err != nil {
		return ledger.Hold{}, err
	}
	tx.addTo(holdAccount(h.ID), h.Amount.Currency, h.Amount.Minor)
	put(tx, tx.holds, h.ID, h)
	var err error
	if o.PayNow {
		h, err = tx.payWhole(h, h.CreatedAt)
	}
	return copyOf(h), err
}

// asStored is a new hold as it is read back.
func asStored(h ledger.Hold) ledger.Hold {
	h = copyOf(h)
	h.CreatedAt, h.ExpiresAt, h.StagedAt = millis(h.CreatedAt), millis(h.ExpiresAt), millis(h.StagedAt)
	if !h.Staged() {
		h.StagedAt = time.Time{}
	}
	h.Posted, h.Voided, h.Open = 0, 0, true
	return h
}

// copyOf shares nothing with the ledger.
func copyOf(h ledger.Hold) ledger.Hold {
	h.Parts, h.Detail = slices.Clone(h.Parts), slices.Clone(h.Detail)
	return h
}

func dayOf(at time.Time) int64 { return at.UnixMilli() / dayLength.Milliseconds() }

func usageOf(h ledger.Hold) usageKey {
	return usageKey{h.Owner, h.Amount.Currency, dayOf(h.CreatedAt)}
}

// count counts towards what a user may move out in a day; limit 0 means no bound. Refusal: daily_limit_exceeded.
func (tx *transaction) count(key usageKey, minor, limit int64) error {
	used := tx.usage[key]
	if limit > 0 && used > limit-minor {
		return ledger.DailyLimitExceeded(key.currency, limit, used)
	}
	put(tx, tx.usage, key, used+minor)
	return nil
}

// Void returns what is left of a hold to its owner, provided that exactly posted minor units of it have been posted.
// done is false, and nothing happens, if another amount has been. A void done before is done, and so is one of a hold
// of which nothing is left. Error: ledger.ErrHoldNotFound.
func (l *Ledger) Void(ctx context.Context, id, posted int64) (h ledger.Hold, done bool, err error) {
	n, ok := l.ShardOf(id)
	if !ok {
		return ledger.Hold{}, false, ledger.ErrHoldNotFound
	}
	err = l.onShard(ctx, n, func(tx *transaction) error {
		if h, ok = tx.holds[id]; !ok {
			return ledger.ErrHoldNotFound
		}
		if h.Staged() || h.Metered() {
			return errOtherwise
		}
		if done = h.Posted == posted; done && h.Open {
			h = tx.void(h)
		}
		return nil
	})
	if err != nil {
		return ledger.Hold{}, false, err
	}
	return copyOf(h), done, nil
}

// void gives the pending rest of an open hold back.
func (tx *transaction) void(h ledger.Hold) ledger.Hold {
	rest := h.Pending()
	if h.CountsDaily {
		key := usageOf(h)
		put(tx, tx.usage, key, tx.usage[key]-rest)
	}
	return tx.giveBack(h, rest)
}

// giveBack returns some of what a hold has to its owner.
func (tx *transaction) giveBack(h ledger.Hold, rest int64) ledger.Hold {
	h.Voided += rest
	h.Open = h.Pending() > 0
	put(tx, tx.holds, h.ID, h)
	tx.addTo(holdAccount(h.ID), h.Amount.Currency, -rest)
	tx.credit(h.Owner, h.Amount.Currency, entry{Entry: ledger.Entry{Minor: rest, Kind: ledger.EntryVoid,
		Subject: h.Subject, Reference: h.ID, Counterparty: h.Counterparty, Note: h.Note, At: tx.ledger.now()}})
	return h
}
