package client

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// EnvelopeKind says how an envelope is shared out.
type EnvelopeKind string

// Kinds of envelopes.
const (
	Lucky     EnvelopeKind = "lucky"     // random shares
	Equal     EnvelopeKind = "equal"     // the same for everyone
	Exclusive EnvelopeKind = "exclusive" // one share, for one member
)

// EnvelopeState is where an envelope is in its life. All but EnvelopeOpen are final.
type EnvelopeState string

// States of envelopes.
const (
	EnvelopeOpen    EnvelopeState = "open"
	EnvelopeDrained EnvelopeState = "drained" // every share is taken
	EnvelopeExpired EnvelopeState = "expired" // its time was over first; what is left goes back to the sender
)

// GrabOutcome is the answer to a grab.
type GrabOutcome string

// Outcomes of grabs.
const (
	Won        GrabOutcome = "won"
	AlreadyWon GrabOutcome = "already_won" // the same share again
	Empty      GrabOutcome = "empty"       // every share was taken
	Expired    GrabOutcome = "expired"     // its time is over
)

// NewEnvelope is an envelope to send.
type NewEnvelope struct {
	RequestID string // see the package comment; made where it is empty
	Group     string
	Kind      EnvelopeKind
	Total     int64 // minor units
	Count     int   // shares
	Currency  string
	Greeting  string // may be empty
	To        string // Exclusive only
}

// Envelope is what a member may see of an envelope.
type Envelope struct {
	ID          int64
	Group       string
	Sender      string
	Kind        EnvelopeKind
	Total       int64
	Count       int
	Currency    string
	Greeting    string
	To          string // Exclusive only
	State       EnvelopeState
	CreatedAt   time.Time
	ExpiresAt   time.Time
	Taken       []TakenShare // in the order in which they were taken
	TakenAmount int64
	Refunded    int64  // what went back to the sender; 0 until it has
	Commitment  string // hex SHA-256(seed ‖ decimal id), fixed at send
	Seed        string // hex; empty while the envelope is open
}

// TakenShare is a share that somebody took.
type TakenShare struct {
	User   string
	Share  int // from 0, in the order of the split
	Amount int64
	At     time.Time
	Best   bool // the best luck; only once the envelope is drained
}

// Grab is the answer to a grab. Amount is 0 and Share is -1 unless a share was won, now or before.
type Grab struct {
	Outcome  GrabOutcome
	Amount   int64
	Currency string
	Share    int
}

// MaxGrabs is the most grabs in one call of GrabMany.
const MaxGrabs = 1000

// GrabEntry is a grab of many: of one envelope, by the person whom a token of scope user names.
type GrabEntry struct {
	Envelope int64
	Token    string
}

// GrabResult is the answer to a grab of many. Err is nil, or the *Refusal with which Grab would have been answered.
type GrabResult struct {
	Grab
	Err error
}

// SentEnvelope is an envelope in the list of those that the caller sent.
type SentEnvelope struct {
	ID        int64
	Group     string
	Kind      EnvelopeKind
	Total     int64
	Count     int
	Currency  string
	Greeting  string
	CreatedAt time.Time
	Settled   int64 // what has been credited to winners
	Refunded  int64 // what came back
}

// ReceivedShare is a share that was credited to the caller.
type ReceivedShare struct {
	Envelope int64
	Sender   string
	Share    int
	Amount   int64
	Currency string
	Greeting string
	At       time.Time // when it was taken
}

// Envelopes calls the EnvelopeService. Scope: user.
type Envelopes struct{ c *Client }

// Send holds the money and puts an envelope into a group.
func (s Envelopes) Send(ctx context.Context, e NewEnvelope) (Envelope, error) {
	request := &envelopeapi.SendRequest{
		RequestId: requestID(e.RequestID), GroupId: e.Group, Kind: string(e.Kind), Total: e.Total,
		Count: count(e.Count), Currency: e.Currency, Greeting: optional(e.Greeting), To: optional(e.To),
	}
	k := call{method: "Envelopes.Send", requestID: request.RequestId}
	answer, err := invoke(ctx, s.c, k, s.c.shared.services.Envelopes.Send, request)
	return converted(envelopeOf, answer, err)
}

// Grab takes a share, at most one for each member; asking again gives the same share again. An answer of Won is
// durable.
func (s Envelopes) Grab(ctx context.Context, id int64) (Grab, error) {
	answer, err := invoke(ctx, s.c, call{method: "Envelopes.Grab"}, s.c.shared.services.Envelopes.Grab,
		&envelopeapi.GrabRequest{EnvelopeId: id})
	return converted(grabOf, answer, err)
}

// GrabMany grabs for 1 to MaxGrabs people at once and returns their answers in the order of the grabs. One that is
// refused harms no other. The caller's own token, of scope user or service, opens the call. Grabs that are answered
// CodeUnavailable may be repeated, as any.
func (s Envelopes) GrabMany(ctx context.Context, grabs []GrabEntry) ([]GrabResult, error) {
	request := &envelopeapi.GrabManyRequest{Grabs: make([]*envelopeapi.GrabEntry, len(grabs))}
	for i, g := range grabs {
		request.Grabs[i] = &envelopeapi.GrabEntry{EnvelopeId: g.Envelope, Token: g.Token}
	}
	answer, err := invoke(ctx, s.c, call{method: "Envelopes.GrabMany"}, s.c.shared.services.Envelopes.GrabMany, request)
	return converted(grabResultsOf, answer, err)
}

// Get returns what a member may see of an envelope.
func (s Envelopes) Get(ctx context.Context, id int64) (Envelope, error) {
	answer, err := invoke(ctx, s.c, call{method: "Envelopes.Get"}, s.c.shared.services.Envelopes.Get,
		&envelopeapi.GetRequest{EnvelopeId: id})
	return converted(envelopeOf, answer, err)
}

// Sent iterates over the envelopes that the caller sent, newest first.
func (s Envelopes) Sent(ctx context.Context) iter.Seq2[SentEnvelope, error] {
	return list(s.c, func(cursor *string, size *int32) (*envelopeapi.SentResponse, error) {
		return invoke(ctx, s.c, call{method: "Envelopes.Sent"}, s.c.shared.services.Envelopes.ListSent,
			&envelopeapi.ListRequest{Cursor: cursor, Limit: size})
	}, (*envelopeapi.SentResponse).GetEnvelopes, sentOf)
}

// Received iterates over the shares that were credited to the caller, newest envelope first.
func (s Envelopes) Received(ctx context.Context) iter.Seq2[ReceivedShare, error] {
	return list(s.c, func(cursor *string, size *int32) (*envelopeapi.ReceivedResponse, error) {
		return invoke(ctx, s.c, call{method: "Envelopes.Received"}, s.c.shared.services.Envelopes.ListReceived,
			&envelopeapi.ListRequest{Cursor: cursor, Limit: size})
	}, (*envelopeapi.ReceivedResponse).GetShares, receivedOf)
}

// codeOK is the code of a grab of many that was not refused.
const codeOK = "ok"

// count is a number of shares on the wire. One that does not fit stays out of range, so that the server refuses it.
func count(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

func envelopeOf(e *envelopeapi.Envelope) Envelope {
	taken := make([]TakenShare, len(e.Taken))
	for i, t := range e.Taken {
		taken[i] = TakenShare{User: t.UserId, Share: int(t.Share), Amount: t.Amount, At: at(t.At), Best: t.Best}
	}
	return Envelope{
		ID: e.Id, Group: e.GroupId, Sender: e.Sender, Kind: EnvelopeKind(e.Kind), Total: e.Total, Count: int(e.Count),
		Currency: e.Currency, Greeting: e.Greeting, To: e.To, State: EnvelopeState(e.State), CreatedAt: at(e.CreatedAt),
		ExpiresAt: at(e.ExpiresAt), Taken: taken, TakenAmount: e.TakenAmount, Refunded: e.Refunded,
		Commitment: e.Commitment, Seed: e.GetSeed(),
	}
}

func grabOf(g *envelopeapi.GrabResponse) Grab {
	return Grab{Outcome: GrabOutcome(g.Outcome), Amount: g.Amount, Currency: g.Currency, Share: int(g.Share)}
}

func grabResultsOf(m *envelopeapi.GrabManyResponse) []GrabResult {
	results := make([]GrabResult, len(m.Answers))
	for i, r := range m.Answers {
		if r.Code != codeOK {
			results[i].Err = &Refusal{Code: r.Code, Detail: r.Detail, Incident: r.Incident}
		}
		results[i].Grab = Grab{Outcome: GrabOutcome(r.Outcome), Amount: r.Amount, Currency: r.Currency,
			Share: int(r.Share)}
	}
	return results
}

func sentOf(e *envelopeapi.Sent) SentEnvelope {
	return SentEnvelope{
		ID: e.EnvelopeId, Group: e.GroupId, Kind: EnvelopeKind(e.Kind), Total: e.Total, Count: int(e.Count),
		Currency: e.Currency, Greeting: e.Greeting, CreatedAt: at(e.CreatedAt), Settled: e.Settled,
		Refunded: e.Refunded,
	}
}

func receivedOf(r *envelopeapi.Received) ReceivedShare {
	return ReceivedShare{
		Envelope: r.EnvelopeId, Sender: r.Sender, Share: int(r.Share), Amount: r.Amount, Currency: r.Currency,
		Greeting: r.Greeting, At: at(r.At),
	}
}
