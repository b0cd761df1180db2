package client

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/transferapi"
)

// TransferState is where a transfer is in its life; idl/transfer.thrift has the picture.
type TransferState string

// States of transfers. Those after TransferAccepted are final.
const (
	TransferOffered  TransferState = "offered"
	TransferAccepted TransferState = "accepted" // its time of arrival is still to come
	TransferArrived  TransferState = "arrived"  // the money is the recipient's
	TransferDeclined TransferState = "declined" // the money is back with the sender, as in those below
	TransferExpired  TransferState = "expired"
	TransferRecalled TransferState = "recalled"
)

// Arrival says when the money arrives after the acceptance.
type Arrival string

// Times of arrival.
const (
	ArrivesNow       Arrival = "now"
	ArrivesIn2Hours  Arrival = "2h"
	ArrivesIn24Hours Arrival = "24h"
)

// NewTransfer is an offer of money to a person.
type NewTransfer struct {
	RequestID string // see the package comment; made where it is empty
	To        string
	Amount    int64 // minor units
	Currency  string
	Note      string  // may be empty
	Arrives   Arrival // ArrivesNow where it is empty
}

// Transfer is money from one person to another.
type Transfer struct {
	ID        int64
	Sender    string
	To        string
	Amount    int64
	Currency  string
	Note      string
	State     TransferState
	Arrives   Arrival
	CreatedAt time.Time
	ExpiresAt time.Time // until when it can be accepted
	ArrivesAt time.Time // when it arrives, or did; zero where it is not accepted
	ChangedAt time.Time // when it came into its state
}

// Transfers calls the TransferService. Scope: user.
//
// Accept, Decline and Recall carry no request id: once decided, a transfer stays decided. Where an attempt got no
// answer and its repetition finds that what was asked for has happened, they return the transfer as it is and no error.
type Transfers struct{ c *Client }

// Offer holds the money and offers it to a person.
func (s Transfers) Offer(ctx context.Context, t NewTransfer) (Transfer, error) {
	request := &transferapi.OfferRequest{
		RequestId: requestID(t.RequestID), To: t.To, Amount: t.Amount, Currency: t.Currency, Note: optional(t.Note),
		ArrivesIn: optional(string(t.Arrives)),
	}
	k := call{method: "Transfers.Offer", requestID: request.RequestId}
	answer, err := invoke(ctx, s.c, k, s.c.shared.services.Transfers.Offer, request)
	return converted(transferOf, answer, err)
}

// Accept takes the money, for its recipient.
func (s Transfers) Accept(ctx context.Context, id int64) (Transfer, error) {
	return s.decide(ctx, "Transfers.Accept", s.c.shared.services.Transfers.Accept, id, CodeAlreadyAccepted,
		CodeAlreadyArrived)
}

// Decline refuses the money, for its recipient: it goes back at once.
func (s Transfers) Decline(ctx context.Context, id int64) (Transfer, error) {
	return s.decide(ctx, "Transfers.Decline", s.c.shared.services.Transfers.Decline, id, CodeAlreadyDeclined)
}

// Recall calls the money back, for its sender, until it arrives: it goes back at once.
func (s Transfers) Recall(ctx context.Context, id int64) (Transfer, error) {
	return s.decide(ctx, "Transfers.Recall", s.c.shared.services.Transfers.Recall, id, CodeTransferRecalled)
}

// decide makes a decision. done are the refusals that say that it was made before. Only the caller can have made it, so
// after an attempt without an answer they mean success.
func (s Transfers) decide(
	ctx context.Context, name string, m method[*transferapi.TransferRequest, *transferapi.Transfer], id int64,
	done ...string,
) (Transfer, error) {
	answer, err := invoke(ctx, s.c, call{method: name}, m, &transferapi.TransferRequest{TransferId: id})
	if isUncertain(err) && slices.Contains(done, Code(err)) {
		return s.Get(ctx, id)
	}
	return converted(transferOf, answer, err)
}

// Get returns a transfer as it is now, for its two sides.
func (s Transfers) Get(ctx context.Context, id int64) (Transfer, error) {
	answer, err := invoke(ctx, s.c, call{method: "Transfers.Get"}, s.c.shared.services.Transfers.GetTransfer,
		&transferapi.TransferRequest{TransferId: id})
	return converted(transferOf, answer, err)
}

// Sent iterates over what the caller offered, newest first.
func (s Transfers) Sent(ctx context.Context) iter.Seq2[Transfer, error] {
	return s.list(ctx, "Transfers.Sent", s.c.shared.services.Transfers.SentTransfers)
}

// Received iterates over what the caller was offered, newest first. An offer appears here within moments.
func (s Transfers) Received(ctx context.Context) iter.Seq2[Transfer, error] {
	return s.list(ctx, "Transfers.Received", s.c.shared.services.Transfers.ReceivedTransfers)
}

func (s Transfers) list(
	ctx context.Context, name string, m method[*transferapi.TransfersRequest, *transferapi.TransfersResponse],
) iter.Seq2[Transfer, error] {
	return list(s.c, func(cursor *string, size *int32) (*transferapi.TransfersResponse, error) {
		return invoke(ctx, s.c, call{method: name}, m, &transferapi.TransfersRequest{Cursor: cursor, Limit: size})
	}, (*transferapi.TransfersResponse).GetTransfers, transferOf)
}

func transferOf(t *transferapi.Transfer) Transfer {
	return Transfer{
		ID: t.Id, Sender: t.Sender, To: t.To, Amount: t.Amount, Currency: t.Currency, Note: t.Note,
		State: TransferState(t.State), Arrives: Arrival(t.ArrivesIn), CreatedAt: at(t.CreatedAt),
		ExpiresAt: at(t.ExpiresAt),
		ArrivesAt: at(t.ArrivesAt), ChangedAt: at(t.ChangedAt),
	}
}
