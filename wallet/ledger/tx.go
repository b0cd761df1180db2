package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Tx is one transaction on one shard, in which a product moves money, writes rows of its own (through its adapter, see
// mysqlledger.Tx) and says who must find or hear of it. The caller owns the transaction: what it does happens as a
// whole when its function returns nil, and not at all otherwise. The function may run several times, so it must set its
// results anew each time. An error of a method leaves the transaction fit for nothing but to return that error.
//
// Locks are taken in the order of the methods below: Claim first, then the product's own rows, then Hold, Advance or
// Draw.
type Tx interface {
	// Claim says that this transaction carries out a request of a user, whose wallet is on this shard; reference is
	// what it makes. Return its error as it is: a *RepeatedError where the request was carried out before, ErrCancelled
	// where it was cancelled, the refusal request_conflict where it asked for something else then.
	Claim(ctx context.Context, user string, r Request, reference int64) error

	// Hold debits the owner and stores the hold, which is returned as it is stored. Refusals: insufficient_balance,
	// account_frozen, daily_limit_exceeded.
	Hold(ctx context.Context, h Hold, o HoldOptions) (Hold, error)

	// Advance carries out a step if the hold is in its From stage and its time fits: then done, and the money has
	// moved. Otherwise nothing happens. h is the hold afterwards. Error: ErrHoldNotFound.
	Advance(ctx context.Context, s Step) (h Hold, done bool, err error)

	// Draw carries out a draw if the hold has so many units: then done, and the money has moved. Otherwise nothing
	// happens. h is the hold afterwards. The product's own rows say whether a draw was made before. Errors:
	// ErrHoldNotFound, and one for a hold that is not metered.
	Draw(ctx context.Context, d Draw) (h Hold, done bool, err error)

	// Index lists records under the users and groups that they concern, once the entries are delivered.
	Index(ctx context.Context, entries ...IndexEntry) error

	// Publish makes listeners hear of events, in this order for each topic and at least once, after the commit.
	Publish(ctx context.Context, events ...Event) error
}

// IndexEntry lists a record under a user or a group that it concerns, on their shard. It is never deleted.
type IndexEntry struct {
	Of        string // a user id, or IndexGroup of a group's
	Subject   Subject
	Reference int64
}

// groupPrefix begins the name under which a group is indexed; no user id contains a #.
const groupPrefix = "#group:"

// IndexGroup is the name under which a group is indexed.
func IndexGroup(group string) string { return groupPrefix + group }

// IndexOwner is the id whose shard holds the index entries of a name: the user's or the group's.
func IndexOwner(of string) string { return strings.TrimPrefix(of, groupPrefix) }

// MaxIndexEntries bounds the entries of one call of Index.
const MaxIndexEntries = 1000

// CheckIndex finds entries that no ledger could keep. Refusal: invalid_argument.
func CheckIndex(entries []IndexEntry) error {
	if len(entries) > MaxIndexEntries {
		return fmt.Errorf("ledger: %d index entries: at most %d", len(entries), MaxIndexEntries)
	}
	for _, e := range entries {
		if err := refusal.CheckID("index entry", IndexOwner(e.Of)); err != nil {
			return err
		}
	}
	return nil
}

// Event is something for whoever listens to a topic. It is stored in the transaction of what it tells, and kept until
// it was published.
type Event struct {
	Topic string
	Body  []byte // a JSON object of at most MaxEvent bytes
}

// Bounds of an event, in bytes.
const (
	MaxEvent = 8 << 10
	maxTopic = 80
)

// CheckEvents finds events that nobody could publish.
func CheckEvents(events []Event) error {
	for _, e := range events {
		ok := e.Topic != "" && len(e.Topic) <= maxTopic && len(e.Body) <= MaxEvent &&
			len(e.Body) > 0 && e.Body[0] == '{' && json.Valid(e.Body)
		if !ok {
			return fmt.Errorf("ledger: an event for topic %q is not a JSON object of at most %d bytes", e.Topic,
				MaxEvent)
		}
	}
	return nil
}

// UserTopic is where events of a user are published.
func UserTopic(user string) string { return "user:" + user }

// GroupTopic is where events of a group are published.
func GroupTopic(group string) string { return "group:" + group }
