package webhook

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Publisher is what other products publish with.
type Publisher interface {
	// Publish makes the owners hear of events, in the transaction of what the events tell: they are on their way if and
	// only if it commits. The owners may be on other shards. It takes no locks that another transaction could wait for.
	Publish(ctx context.Context, tx ledger.Tx, events ...Event) error
}

// Store keeps endpoints, events and deliveries, each on the shard of its owner. Every method is safe to repeat, and may
// fail with the refusal unavailable. Methods that take an owner and an id return ErrNotFound where the endpoint is
// somebody else's.
type Store interface {
	Publisher

	// NewID makes an id for an endpoint of this owner.
	NewID(owner string) (int64, error)

	// Create stores an endpoint with its only key; created is false where the request was carried out before, and then
	// the endpoint is the one of that time. Refusals: request_conflict, too_many_webhooks.
	Create(ctx context.Context, r ledger.Request, e Endpoint, k Key) (got Endpoint, created bool, err error)

	// Endpoint returns an endpoint, without secrets.
	Endpoint(ctx context.Context, owner string, id int64) (Endpoint, error)

	// Endpoints returns those of an owner, newest first, below before (0: the newest), without secrets.
	Endpoints(ctx context.Context, owner string, before int64, limit int) ([]Endpoint, error)

	// Update changes the address and the subscription of an endpoint. Refusal: webhook_disabled.
	Update(ctx context.Context, owner string, id int64, url string, types []string, at time.Time) error

	// SetState pauses, resumes or disables an endpoint; reason is empty but for StateDisabled. Refusal:
	// webhook_disabled, where it is disabled and would no longer be.
	SetState(ctx context.Context, owner string, id int64, s EndpointState, reason Reason, at time.Time) error

	// Roll adds a key; the newest of those before it signs until a time, and the others no more. rolled is false where
	// the request was carried out before. Refusals: request_conflict, webhook_disabled.
	Roll(
		ctx context.Context, r ledger.Request, owner string, id int64, k Key, until, at time.Time,
	) (rolled bool, err error)

	// Test publishes an event once for each request.
	Test(ctx context.Context, r ledger.Request, e Event) error

	// Replay makes deliveries of the owner's events to an endpoint due again, from the beginning of the schedule. Those
	// that it never had are made. Refusals: replay_too_large, webhook_disabled, webhook_event_not_found.
	Replay(ctx context.Context, owner string, id int64, which Range, at time.Time) (deliveries int, err error)

	// Events returns an owner's events in the order of their positions, from the one after a position.
	Events(ctx context.Context, owner string, after int64, limit int) ([]Record, error)

	// LatestEvents returns those of an owner below a position, the latest first.
	LatestEvents(ctx context.Context, owner string, before int64, limit int) ([]Record, error)

	// Deliveries returns those to an endpoint, the newest event first, below an event's id (0: the newest), in a state
	// or, where that is empty, in any.
	Deliveries(
		ctx context.Context, owner string, id int64, s DeliveryState, before int64, limit int,
	) ([]Delivery, error)

	// Attempts returns those of a delivery that are recorded, the last first, below a number (0: the last).
	Attempts(ctx context.Context, owner string, id, event int64, before, limit int) ([]Attempt, error)
}

// Range says which events are replayed: Event alone or, where that is 0, all that the endpoint is subscribed to from
// From to before To.
type Range struct {
	Event    int64
	From, To time.Time
}

// Queue is what a Dispatcher needs of a store.
type Queue interface {
	// Waiting returns the endpoints of a shard that have due deliveries whose time has come, and the disabled ones that
	// have any.
	Waiting(ctx context.Context, shard int, now time.Time) ([]Waiting, error)

	// Claim takes up to limit due deliveries to an endpoint whose time has come and that nobody else has, oldest first,
	// for Lease on the clock of the database.
	Claim(ctx context.Context, shard int, endpoint int64, now time.Time, limit int) ([]Message, error)

	// Record notes what came of an attempt; recorded is false, and nothing is noted, where the lease is not its own any
	// more. It disables an endpoint that is gone or that failed for too long, and tells its owner.
	Record(ctx context.Context, m Message, r Result) (recorded bool, err error)

	// Release gives up a claim: the attempt was not made, or not to the end.
	Release(ctx context.Context, m Message) error

	// Bury makes up to limit due deliveries to a disabled endpoint dead.
	Bury(ctx context.Context, shard int, endpoint int64, limit int) (buried int, err error)
}

// Waiting is an endpoint with something to do.
type Waiting struct {
	Endpoint  int64
	State     EndpointState
	NotBefore time.Time
}

// Message is a claimed delivery.
type Message struct {
	Event    int64
	Endpoint int64
	Owner    string
	URL      string
	Payload  []byte
	Keys     []Key
	Tries    int // made since it became due
	Attempts int // made in all
	Lease    string
}

// Sender makes an attempt.
type Sender interface {
	Send(ctx context.Context, m Message) Answer
}
