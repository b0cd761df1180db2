// Package wallet is the vocabulary of money: amounts, holds and the entries they leave behind.
//
// Money is set aside once and paid out in parts, as in a two-phase transfer:
//
//	Hold   wallet of the owner  → the hold
//	Post   a part of the hold   → clearing (owner's shard), then clearing → wallet of the payee (payee's shard)
//	Void   the rest of the hold → wallet of the owner
//
// A hold is open until posted + voided = amount; then nothing about it changes any more. Hold, post and void are new
// records, never edits. For every hold, at every moment:
//
//	amount = posted + voided + pending
//
// and on every shard the entries of every currency sum to zero.
package wallet

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Subject says what a hold is for. It is stored with every entry that the hold causes.
type Subject string

const (
	SubjectFunding    Subject = "funding"    // money that comes from, or goes to, outside
	SubjectEnvelope   Subject = "envelope"   // a red envelope; one part for each share
	SubjectTransfer   Subject = "transfer"   // from one user to another; one part, and a stage
	SubjectCollection Subject = "collection" // a part of a collection that was paid; one part
)

// Counted says whether holds of the subject count towards what their owner may spend in a day.
func (s Subject) Counted() bool { return s == SubjectTransfer || s == SubjectCollection }

// EntryKind says which movement an entry records.
type EntryKind string

const (
	EntryTopUp      EntryKind = "topup"
	EntryWithdrawal EntryKind = "withdrawal"
	EntryHold       EntryKind = "hold"
	EntryPost       EntryKind = "post"
	EntryVoid       EntryKind = "void"
)

// Hold is an amount set aside from its owner's wallet. All fields but those of the second paragraph are immutable.
type Hold struct {
	ID           int64 // from Ledger.NewID: its low bits are the owner's shard
	Subject      Subject
	Owner        string
	Counterparty string // the other side in the owner's statement; empty where there is none, or many
	Amount       Amount
	Parts        []int64 // minor units, each at least 1; they sum to Amount.Minor. A part is named by its index.
	Note         string  // goes with the money into both statements
	Detail       []byte  // the domain's own record, opaque here
	CreatedAt    time.Time

	ExpiresAt time.Time // of a staged hold, when its stage ends by itself
	Stage     Stage
	StagedAt  time.Time // when it came into its stage; zero without one

	Posted int64 // minor units paid out
	Voided int64 // minor units returned to the owner
	Open   bool  // posted + voided < amount
}

// Pending is what is neither posted nor voided, in minor units.
func (h Hold) Pending() int64 { return h.Amount.Minor - h.Posted - h.Voided }

// Post pays one part of a hold to one user. A part is paid once, and a user is paid at most one part of a hold.
type Post struct {
	Hold  int64
	Part  int
	Payee string
	Minor int64 // the part's amount, in the hold's currency
	At    time.Time
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

// Request makes a mutating call safe to repeat. Ledgers keep it for good in the transaction of the call's effect.
type Request struct {
	ID          string // the client's; unique for each user
	Fingerprint [sha256.Size]byte
}

// NewRequest identifies a call by the caller's request id and a fingerprint of what it asked for. op names the method;
// body must marshal to JSON the same way each time and hold everything that changes the effect.
func NewRequest(id, op string, body any) (Request, error) {
	if err := CheckRequestID(id); err != nil {
		return Request{}, err
	}
	return newRequest(id, op, body)
}

// OwnRequest is a request of this system's own, on behalf of a user: no client's id can be the same. id is at most 63
// characters of those that CheckRequestID accepts.
func OwnRequest(id, op string, body any) (Request, error) {
	return newRequest("#"+id, op, body)
}

func newRequest(id, op string, body any) (Request, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return Request{}, fmt.Errorf("fingerprint of %s: %w", op, err)
	}
	return Request{ID: id, Fingerprint: sha256.Sum256(append([]byte(op+"\x00"), data...))}, nil
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
