// Package ledger is the vocabulary and the rules of money: amounts, holds and the entries that they leave behind. It
// knows no product: what differs between products is a property of the hold that the product makes.
//
// Money is set aside once and paid out in parts, in two phases:
//
//	Hold   wallet of the owner  → the hold
//	Post   a part of the hold   → clearing (owner's shard), then clearing → wallet of the payee (payee's shard)
//	Void   the rest of the hold → wallet of the owner
//
// A metered hold has equal units instead of parts. Each Draw pays some of them to the counterparty, or gives some back.
//
// A hold is open until posted + voided = amount; then nothing about it changes any more. Hold, post and void are new
// records, never edits. For every hold, at every moment:
//
//	amount = posted + voided + pending
//
// and on every shard the entries of every currency sum to zero.
//
// A product that needs more than one of these steps at a time, or rows of its own beside the money, does all of it in
// one transaction on one shard: see Tx.
package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Subject is a product's label on what it moves. It is stored with every entry that a hold causes, and means nothing
// here.
type Subject string

// EntryKind says which movement an entry records.
type EntryKind string

// Kinds of entries.
const (
	EntryTopUp      EntryKind = "topup"
	EntryWithdrawal EntryKind = "withdrawal"
	EntryHold       EntryKind = "hold"
	EntryPost       EntryKind = "post"
	EntryVoid       EntryKind = "void"
)

// Post pays one part of a hold to one account. A part is paid once, and an account is paid at most one part of a hold.
type Post struct {
	Hold  int64
	Part  int
	Payee string
	Minor int64 // the part's amount, in the hold's currency
	At    time.Time
	// Trace is the trace in which the credit shows, as W3C's traceparent; "" for none. It travels with the credit, and
	// is not kept.
	Trace string
}

// Credit is a Post that has reached the payee's wallet, as the payee sees it.
type Credit struct {
	Post
	Currency Currency
	From     string // the hold's owner
	Note     string
}

// Entry is one line of a statement.
type Entry struct {
	Seq          int64 // 1, 2, 3 … in this wallet and currency
	Minor        int64 // signed
	Balance      int64 // after this entry
	Kind         EntryKind
	Subject      Subject
	Reference    int64  // the hold, top-up or withdrawal
	Counterparty string // empty where there is none
	Note         string
	At           time.Time
}

// PostResult says what became of a batch of posts.
type PostResult struct {
	Posted    int     // newly posted
	Repeated  int     // posted before, the same in every field
	Completed []int64 // holds of this batch with nothing pending any more
	// Rejected posts contradict the ledger: the part went to somebody else, the user has another part, the hold does
	// not exist or does not hold that much. They are kept in the ledger for the audit to name, and move no money.
	Rejected []Rejection
}

// Rejection is a post that contradicts the ledger.
type Rejection struct {
	Post
	Reason string
}

// Request makes a mutating call safe to repeat. Ledgers keep it for good in the transaction of the call's effect.
type Request struct {
	ID          string // the client's; unique for each user
	Fingerprint [sha256.Size]byte
}

// maxRequestID bounds, in bytes, the id of a Request.
const maxRequestID = 64

// ownRequest begins the id of each OwnRequest.
const ownRequest = "#"

// Check finds an id that a ledger would not keep whole.
func (r Request) Check() error {
	if len(r.ID) > maxRequestID || refusal.CheckRequestID(strings.TrimPrefix(r.ID, ownRequest)) != nil {
		return fmt.Errorf("ledger: request %q: give up to %d of the characters that a request_id may have",
			refusal.Clip(r.ID), maxRequestID)
	}
	return nil
}

// NewRequest identifies a call by the caller's request id and a fingerprint of what it asked for. op names the method;
// body must marshal to JSON the same way each time and hold everything that changes the effect. Refusal:
// invalid_argument.
func NewRequest(id, op string, body any) (Request, error) {
	if err := refusal.CheckRequestID(id); err != nil {
		return Request{}, err
	}
	return newRequest(id, op, body)
}

// OwnRequest is a request of this system's own, on behalf of a user: no client's id can be the same. id is at most 63
// characters of those that refusal.CheckRequestID accepts; another is an error.
func OwnRequest(id, op string, body any) (Request, error) {
	return newRequest(ownRequest+id, op, body)
}

func newRequest(id, op string, body any) (Request, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return Request{}, fmt.Errorf("fingerprint of %s: %w", op, err)
	}
	r := Request{ID: id, Fingerprint: sha256.Sum256(append([]byte(op+"\x00"), data...))}
	return r, r.Check()
}

var (
	// ErrHoldNotFound says that no hold has the id.
	ErrHoldNotFound = errors.New("ledger: no such hold")
	// ErrCancelled says that a request was cancelled before it was carried out, and never will be.
	ErrCancelled = errors.New("ledger: the request was cancelled")
)

// RepeatedError ends a transaction whose request was carried out before: nothing of the transaction happens.
type RepeatedError struct{ Reference int64 } // what the request made then

func (e *RepeatedError) Error() string {
	return fmt.Sprintf("ledger: the request made %d before", e.Reference)
}
