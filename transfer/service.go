package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Service is what users do with transfers. It is safe for concurrent use and has no state, so any number of processes
// may serve the same users.
type Service struct {
	ledger Ledger
	rules  Rules
	now    func() time.Time
}

// NewService makes a service. The rules apply to what is offered and accepted from now on.
func NewService(ledger Ledger, rules Rules, now func() time.Time) *Service {
	return &Service{ledger: ledger, rules: rules, now: now}
}

// Offer holds the money and offers it. Repeating an offer gives the transfer of the first time, as it is now; an error
// other than a refusal leaves open whether it was made, so repeat it. Refusals: see idl/transfer.thrift.
func (s *Service) Offer(ctx context.Context, sender string, o Offer) (Transfer, error) {
	amount, arrival, err := o.check(sender, s.rules)
	if err != nil {
		return Transfer{}, err
	}
	request, err := ledger.NewRequest(o.RequestID, "transfer.offer", o)
	if err != nil {
		return Transfer{}, err
	}
	id, err := s.ledger.NewID(sender)
	if err != nil {
		return Transfer{}, fmt.Errorf("id for a transfer: %w", err)
	}
	created := s.now().UTC().Truncate(time.Millisecond)
	t := Transfer{
		ID: id, Sender: sender, To: o.To, Amount: amount, Note: o.Note, State: StateOffered, ArrivesIn: arrival,
		CreatedAt: created, ExpiresAt: created.Add(s.rules.OfferFor), ChangedAt: created,
	}
	hold, err := t.hold()
	if err != nil {
		return Transfer{}, err
	}
	events, err := t.events()
	if err != nil {
		return Transfer{}, err
	}
	var held ledger.Hold
	err = s.ledger.Tx(ctx, id, func(tx ledger.Tx) (err error) {
		if err := tx.Claim(ctx, sender, request, id); err != nil {
			return err
		}
		if held, err = tx.Hold(ctx, hold, ledger.HoldOptions{
			DailyLimit: s.rules.PerDay.Of(amount.Currency)}); err != nil {
			return err
		}
		if err := tx.Index(ctx, ledger.IndexEntry{Of: t.To, Subject: Subject, Reference: id}); err != nil {
			return err
		}
		return tx.Publish(ctx, events...)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		held, err = s.ledger.GetHold(ctx, before.Reference)
	}
	if err != nil {
		return Transfer{}, err
	}
	return fromHold(held)
}

// Accept takes the money, for its recipient. Refusals: see idl/transfer.thrift.
func (s *Service) Accept(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.forRecipient(ctx, user, id)
	if err != nil {
		return Transfer{}, err
	}
	hours, ok := t.ArrivesIn.hours()
	if !ok {
		return Transfer{}, fmt.Errorf("transfer %d arrives in %q", id, t.ArrivesIn)
	}
	if hours == 0 {
		return s.decide(ctx, t, StateOffered, StateArrived, 0)
	}
	return s.decide(ctx, t, StateOffered, StateAccepted, time.Duration(hours)*s.rules.Hour)
}

// Decline sends the money back, for its recipient. Refusals: see idl/transfer.thrift.
func (s *Service) Decline(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.forRecipient(ctx, user, id)
	if err != nil {
		return Transfer{}, err
	}
	return s.decide(ctx, t, StateOffered, StateDeclined, 0)
}

// Recall calls the money back, for its sender. Refusals: see idl/transfer.thrift.
func (s *Service) Recall(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.Get(ctx, user, id)
	if err != nil {
		return Transfer{}, err
	}
	if t.Sender != user {
		return Transfer{}, errNotTheSender
	}
	recalled, err := s.decide(ctx, t, StateOffered, StateRecalled, 0)
	if refusal.CodeOf(err) == CodeAlreadyAccepted { // and not yet arrived
		return s.decide(ctx, t, StateAccepted, StateRecalled, 0)
	}
	return recalled, err
}

// decide carries out a person's step, which has to come before the stage ends by itself. arrival is how long an
// acceptance takes to arrive.
func (s *Service) decide(ctx context.Context, t Transfer, from, to State, arrival time.Duration) (Transfer, error) {
	hold, done, err := advance(ctx, s.ledger, t, from, to, stepTime{arrival: arrival})
	if err != nil {
		return Transfer{}, err
	}
	if !done {
		return Transfer{}, refuse(hold.Stage, from)
	}
	return fromHold(hold)
}

// stepTime is what a step has to do with time. Which time it is, the ledger knows.
type stepTime struct {
	arrival time.Duration // of an acceptance
	due     bool          // the stage has ended by itself
}

// advance makes a step of a transfer, together with the events that tell of it, if the transfer is still in from. hold
// is the transfer's afterwards.
func advance(ctx context.Context, l Ledger, t Transfer, from, to State,
	when stepTime) (hold ledger.Hold, done bool, err error) {
	step := ledger.Step{Hold: t.ID, From: from, To: to, Funds: fundsIn(to), Due: when.due}
	if to == StateAccepted || to == StateArrived && from == StateOffered {
		step.Renew, step.For = true, when.arrival
	}
	err = l.Tx(ctx, t.ID, func(tx ledger.Tx) (err error) {
		if hold, done, err = tx.Advance(ctx, step); err != nil || !done {
			return err
		}
		after, err := fromHold(hold)
		if err != nil {
			return err
		}
		events, err := after.events()
		if err != nil {
			return err
		}
		return tx.Publish(ctx, events...)
	})
	if err != nil {
		return ledger.Hold{}, false, fmt.Errorf("transfer %d from %s to %s: %w", t.ID, from, to, err)
	}
	return hold, done, nil
}

// refuse says why a step from a stage could not be made of a transfer that was found in another, or too late.
func refuse(found, from State) error {
	switch found {
	case StateOffered:
		return errExpired // its time is over; the due pass is about to say so
	case StateAccepted:
		if from == StateAccepted {
			return errAlreadyArrived // likewise
		}
		return refusal.New(CodeAlreadyAccepted, "the transfer was already accepted: the money is on its way")
	case StateArrived:
		return errAlreadyArrived
	case StateDeclined:
		return refusal.New(CodeAlreadyDeclined, "the transfer was already declined: the money is back with its sender")
	case StateExpired:
		return errExpired
	case StateRecalled:
		return refusal.New(CodeRecalled, "the transfer was called back: the money is back with its sender")
	}
	return fmt.Errorf("transfer in stage %q", found)
}

var (
	errNotFound        = refusal.New(CodeNotFound, "you have no transfer with this id")
	errNotTheRecipient = refusal.New(CodeNotTheRecipient, "this transfer has another recipient")
	errNotTheSender    = refusal.New(CodeNotTheSender, "only the sender of this transfer can call it back")
	errExpired         = refusal.New(CodeExpired, "the transfer has expired: the money goes back to its sender")
	errAlreadyArrived  = refusal.New(CodeAlreadyArrived, "the transfer has arrived: the money is the recipient's")
)

// get reads a transfer. Refusal: transfer_not_found.
func (s *Service) get(ctx context.Context, id int64) (Transfer, error) {
	h, err := s.ledger.GetHold(ctx, id)
	if errors.Is(err, ledger.ErrHoldNotFound) || err == nil && h.Subject != Subject {
		return Transfer{}, errNotFound
	}
	if err != nil {
		return Transfer{}, err
	}
	return fromHold(h)
}

// forRecipient reads a transfer for its recipient. Refusals: transfer_not_found, not_the_recipient.
func (s *Service) forRecipient(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.Get(ctx, user, id)
	if err == nil && t.To != user {
		err = errNotTheRecipient
	}
	return t, err
}

// Get shows a transfer to its two sides. Refusal: transfer_not_found.
func (s *Service) Get(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.get(ctx, id)
	if err == nil && user != t.Sender && user != t.To {
		err = errNotFound
	}
	if err != nil {
		return Transfer{}, err
	}
	return t, nil
}

// Sent returns what the user offered, newest first, with an id below before (0: from the newest).
func (s *Service) Sent(ctx context.Context, user string, before int64, limit int) ([]Transfer, error) {
	holds, err := s.ledger.HoldsOf(ctx, user, Subject, before, limit)
	if err != nil {
		return nil, err
	}
	return fromHolds(holds)
}

// Received returns what the user was offered, newest first, with an id below before (0: from the newest).
func (s *Service) Received(ctx context.Context, user string, before int64, limit int) ([]Transfer, error) {
	ids, err := s.ledger.Indexed(ctx, user, Subject, before, limit)
	if err != nil {
		return nil, err
	}
	holds, err := s.ledger.GetHolds(ctx, ids)
	if err != nil {
		return nil, err
	}
	return fromHolds(holds)
}

func fromHolds(holds []ledger.Hold) ([]Transfer, error) {
	transfers := make([]Transfer, len(holds))
	for i, h := range holds {
		var err error
		if transfers[i], err = fromHold(h); err != nil {
			return nil, err
		}
	}
	return transfers, nil
}
