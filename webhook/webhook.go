package webhook

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject labels this product's records.
const Subject ledger.Subject = "webhook"

// Bounds.
const (
	MaxEndpoints = 16      // of an owner that are not disabled
	MaxTypes     = 64      // subscribed by an endpoint
	MaxData      = 8 << 10 // bytes of an event's data
	MaxAnswer    = 1 << 10 // bytes kept of an answer's body
	MaxReplay    = 10_000  // deliveries of one call
	MaxPage      = 101     // records at a time: a page, and one that says that there is another
	maxURL       = 512     // bytes
	maxObject    = 80      // bytes
)

// Rolling is how long an endpoint's earlier keys sign beside the new ones.
const Rolling = 24 * time.Hour

// FailureLimit is how long every attempt at an endpoint may fail before it is disabled. The figure is Svix's.
const FailureLimit = 5 * 24 * time.Hour

// EndpointState is where an endpoint is in its life. Disabled is final.
type EndpointState string

const (
	StateActive   EndpointState = "active"
	StatePaused   EndpointState = "paused"
	StateDisabled EndpointState = "disabled"
)

// Reason says why an endpoint is disabled; empty while it is not.
type Reason string

const (
	ReasonOwner   Reason = "owner"   // the owner disabled it
	ReasonGone    Reason = "gone"    // it answered 410
	ReasonFailing Reason = "failing" // every attempt failed for FailureLimit
)

// DeliveryState is where a delivery is in its life.
type DeliveryState string

const (
	DeliveryDue       DeliveryState = "due"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead"
)

// Endpoint is where an owner hears of events.
type Endpoint struct {
	ID           int64 // its low bits are the owner's shard
	Owner        string
	URL          string
	Types        []string // names, "*" for all, "cover.*" for all that begin so
	Asymmetric   bool     // signs with Ed25519 (v1a) as well
	State        EndpointState
	Reason       Reason
	FailingSince time.Time // of the first failure after the last success; zero where the last attempt did not fail
	NotBefore    time.Time // it asked for a pause until then
	CreatedAt    time.Time
	ChangedAt    time.Time
	Keys         []Key // newest first, those that sign; without their secrets
}

// Subscribed says whether an endpoint hears of events of a type.
func Subscribed(types []string, eventType string) bool {
	return slices.ContainsFunc(types, func(t string) bool {
		prefix, wild := strings.CutSuffix(t, "*")
		return t == eventType || wild && strings.HasPrefix(eventType, prefix)
	})
}

// Key signs an endpoint's deliveries. It prints without its secrets.
type Key struct {
	Number  int
	Secret  []byte             // of HMAC-SHA256 (v1)
	Private ed25519.PrivateKey // v1a; nil for none
	Public  ed25519.PublicKey
	Until   time.Time // zero: until it is rolled
}

// String keeps secrets out of whatever is printed.
func (Key) String() string { return "webhook.Key" }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.String() }

// Event is something that an owner may hear of.
type Event struct {
	Owner  string
	Type   string          // as cover.approved
	Object string          // what it is about, as cover:17; Sequence counts its events
	Data   json.RawMessage // a JSON object of at most MaxData bytes
	At     time.Time
	// Endpoint is the only one that hears of it, whatever it is subscribed to; 0 for those that are subscribed.
	Endpoint int64
}

// Record is an event as it is kept.
type Record struct {
	ID       int64 // the webhook-id of every attempt to deliver it
	Owner    string
	Position int64 // 1, 2, 3 … among the owner's events
	Type     string
	Object   string
	Sequence int64  // 1, 2, 3 … among the events of the object
	Payload  []byte // the body of every attempt to deliver it
	At       time.Time
}

// Delivery is an event on its way to one endpoint.
type Delivery struct {
	Event    int64
	Endpoint int64
	Type     string
	State    DeliveryState
	Attempts int       // made in all
	Tries    int       // made since it became due, at most len(Schedule())
	NextAt   time.Time // of the next attempt, where it is due
	Status   int       // of the last answer; 0 for none
}

// Attempt is one try to deliver.
type Attempt struct {
	Number    int // 1, 2, 3 … of its delivery
	At        time.Time
	Took      time.Duration
	Outcome   Outcome
	Status    int    // 0 where there was no answer
	Failure   string // why there was no answer
	Timestamp string // the header webhook-timestamp
	Signature string // the header webhook-signature
	Signed    []byte // what the signatures sign: id, timestamp and body
	Answer    []byte // the first MaxAnswer bytes of the body, as they came
}

// Types of this product's own events.
const (
	TypeTest     = "webhook.test"
	TypeDisabled = "webhook.disabled"
)

// Codes of refusals.
const (
	CodeNotFound         = "webhook_not_found"
	CodeEventNotFound    = "webhook_event_not_found"
	CodeEndpointRefused  = "endpoint_refused"
	CodeUnknownEventType = "unknown_event_type"
	CodeDisabled         = "webhook_disabled"
	CodeTooMany          = "too_many_webhooks"
	CodeReplayTooLarge   = "replay_too_large"
)

// ErrNotFound says that the owner has no endpoint with the id.
var ErrNotFound = refusal.New(CodeNotFound, "no webhook has this id")

// ErrDisabled says that an endpoint is disabled, which is final.
var ErrDisabled = refusal.New(CodeDisabled, "this webhook is disabled for good: make another one")

// ErrEventNotFound says that the owner has no event with the id.
var ErrEventNotFound = refusal.New(CodeEventNotFound, "no event has this id")

var (
	owners = regexp.MustCompile(`^[A-Za-z0-9._:@~-]{1,64}$`)
	types  = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)
)

// CheckOwner accepts 1 to 64 characters of A–Z a–z 0–9 . _ : @ ~ -. Refusal: invalid_argument.
func CheckOwner(owner string) error {
	if !owners.MatchString(owner) {
		return refusal.New(refusal.CodeInvalidArgument, "owner %q is malformed", refusal.Clip(owner))
	}
	return nil
}

// Check finds an event that nobody could be told. It is the publishing product's mistake.
func (e Event) Check() error {
	switch {
	case !owners.MatchString(e.Owner):
		return errors.New("webhook: an event's owner is malformed")
	case len(e.Type) > 64 || !types.MatchString(e.Type):
		return errors.New("webhook: an event's type is malformed: " + refusal.Clip(e.Type))
	case e.Object == "" || len(e.Object) > maxObject || refusal.CheckText("object", e.Object) != nil:
		return errors.New("webhook: an event's object is malformed")
	case len(e.Data) > MaxData || len(e.Data) == 0 || e.Data[0] != '{' || !json.Valid(e.Data) || !utf8.Valid(e.Data):
		return errors.New("webhook: an event's data is not a JSON object of at most 8 KiB")
	case e.At.IsZero():
		return errors.New("webhook: an event has no time")
	}
	return nil
}
