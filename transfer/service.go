package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/wallet"
)

// Service is what users do with transfers. It is safe for concurrent use and has no state, so any number of processes may
// serve the same users.
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
	request, err := wallet.NewRequest(o.RequestID, "transfer.offer", o)
	if err != nil {
		return Transfer{}, err
	}
	id, err := s.ledger.NewID(sender)
	if err != nil {
		return Transfer{}, fmt.Errorf("id for a transfer: %w", err)
	}
	created := s.now().UTC().Truncate(time.Millisecond)
	t := Transfer{
		ID: id, Sender: sender, To: o.To, Amount: amount, Note: o.Note, State: wallet.StageOffered, ArrivesIn: arrival,
		CreatedAt: created, ExpiresAt: created.Add(s.rules.OfferFor), ChangedAt: created,
	}
	hold, err := t.hold()
	if err != nil {
		return Transfer{}, err
	}
	notices, err := t.notices()
	if err != nil {
		return Transfer{}, err
	}
	hold, err = s.ledger.HoldOn(ctx, request, hold, wallet.Terms{
		PerDay:   s.rules.perDay(amount.Currency),
		Mentions: []wallet.Mention{{Of: t.To, Subject: wallet.SubjectTransfer, Reference: id}},
		Notices:  notices,
	})
	if err != nil {
		return Transfer{}, err
	}
	return fromHold(hold)
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
		return s.decide(ctx, t, wallet.StageOffered, wallet.StageArrived, 0)
	}
	return s.decide(ctx, t, wallet.StageOffered, wallet.StageAccepted, time.Duration(hours)*s.rules.Hour)
}

// Decline sends the money back, for its recipient. Refusals: see idl/transfer.thrift.
func (s *Service) Decline(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.forRecipient(ctx, user, id)
	if err != nil {
		return Transfer{}, err
	}
	return s.decide(ctx, t, wallet.StageOffered, wallet.StageDeclined, 0)
}

// Recall calls the money back, for its sender. Refusals: see idl/transfer.thrift.
func (s *Service) Recall(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.get(ctx, id)
	if err != nil {
		return Transfer{}, err
	}
	if t.Sender != user {
		return Transfer{}, errNotTheSender
	}
	recalled, err := s.decide(ctx, t, wallet.StageOffered, wallet.StageRecalled, 0)
	if wallet.RefusalCode(err) == CodeAlreadyAccepted { // and not yet arrived
		return s.decide(ctx, t, wallet.StageAccepted, wallet.StageRecalled, 0)
	}
	return recalled, err
}

// decide carries out a person's step, which has to come before the stage ends by itself. arrival is how long an acceptance
// takes to arrive.
func (s *Service) decide(ctx context.Context, t Transfer, from, to wallet.Stage, arrival time.Duration) (Transfer, error) {
	step, err := stepOf(t, from, to, s.now(), arrival)
	if err != nil {
		return Transfer{}, err
	}
	hold, done, err := s.ledger.Advance(ctx, step)
	if err != nil {
		return Transfer{}, err
	}
	if !done {
		return Transfer{}, refuse(hold.Stage, from)
	}
	return fromHold(hold)
}

// stepOf is a step of a transfer with the notices that tell of it.
func stepOf(t Transfer, from, to wallet.Stage, now time.Time, arrival time.Duration) (wallet.Step, error) {
	now = now.UTC().Truncate(time.Millisecond)
	step := wallet.Step{Hold: t.ID, From: from, To: to, At: now}
	t.State, t.ChangedAt = to, now
	switch {
	case to == wallet.StageAccepted, to == wallet.StageArrived && from == wallet.StageOffered:
		t.ArrivesAt = now.Add(arrival)
		step.Until = t.ArrivesAt
	case to != wallet.StageArrived:
		t.ArrivesAt = time.Time{}
	}
	var err error
	step.Notices, err = t.notices()
	return step, err
}

// refuse says why a step from a stage could not be made of a transfer that was found in another, or too late.
func refuse(found, from wallet.Stage) error {
	switch found {
	case wallet.StageOffered:
		return errExpired // its time is over; the Mover is about to say so
	case wallet.StageAccepted:
		if from == wallet.StageAccepted {
			return errAlreadyArrived // likewise
		}
		return wallet.Refuse(CodeAlreadyAccepted, "the transfer was accepted before: it arrives at its time")
	case wallet.StageArrived:
		return errAlreadyArrived
	case wallet.StageDeclined:
		return wallet.Refuse(CodeAlreadyDeclined, "the transfer was declined before: the money is back with its sender")
	case wallet.StageExpired:
		return errExpired
	case wallet.StageRecalled:
		return wallet.Refuse(CodeRecalled, "the transfer was called back: the money is back with its sender")
	}
	return fmt.Errorf("transfer in stage %q", found)
}

var (
	errNotFound        = wallet.Refuse(CodeNotFound, "there is no transfer with this id that you could see")
	errNotTheRecipient = wallet.Refuse(CodeNotTheRecipient, "this transfer is for somebody else")
	errNotTheSender    = wallet.Refuse(CodeNotTheSender, "this transfer is somebody else's: only its sender can call it back")
	errExpired         = wallet.Refuse(CodeExpired, "the transfer has expired: the money goes back to its sender")
	errAlreadyArrived  = wallet.Refuse(CodeAlreadyArrived, "the transfer has arrived: the money is the recipient's")
)

// get reads a transfer. Refusal: transfer_not_found.
func (s *Service) get(ctx context.Context, id int64) (Transfer, error) {
	h, err := s.ledger.GetHold(ctx, id)
	if errors.Is(err, wallet.ErrHoldNotFound) || err == nil && h.Subject != wallet.SubjectTransfer {
		return Transfer{}, errNotFound
	}
	if err != nil {
		return Transfer{}, err
	}
	return fromHold(h)
}

func (s *Service) forRecipient(ctx context.Context, user string, id int64) (Transfer, error) {
	t, err := s.get(ctx, id)
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
	holds, err := s.ledger.HoldsOf(ctx, user, wallet.SubjectTransfer, before, limit)
	if err != nil {
		return nil, err
	}
	return fromHolds(holds)
}

// Received returns what the user was offered, newest first, with an id below before (0: from the newest).
func (s *Service) Received(ctx context.Context, user string, before int64, limit int) ([]Transfer, error) {
	ids, err := s.ledger.Mentioned(ctx, user, wallet.SubjectTransfer, before, limit)
	if err != nil {
		return nil, err
	}
	holds, err := s.ledger.GetHolds(ctx, ids)
	if err != nil {
		return nil, err
	}
	return fromHolds(holds)
}

func fromHolds(holds []wallet.Hold) ([]Transfer, error) {
	transfers := make([]Transfer, len(holds))
	for i, h := range holds {
		var err error
		if transfers[i], err = fromHold(h); err != nil {
			return nil, err
		}
	}
	return transfers, nil
}
