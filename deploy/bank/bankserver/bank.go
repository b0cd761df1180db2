package bankserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hongbao/hongbao/internal/signature"
)

// State is how far an order has come.
type State string

// Pending is not decided; the other two are final.
const (
	Pending State = "pending"
	Settled State = "settled"
	Refused State = "refused"
)

func (s State) final() bool { return s == Settled || s == Refused }

// Order is what the bank was told to do, and how far that has come.
type Order struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"` // topup or withdrawal
	User     string `json:"user"`
	Amount   int64  `json:"amount"` // minor units
	Currency string `json:"currency"`
	State    State  `json:"state,omitempty"`
}

func (o Order) sameAs(other Order) bool { o.State = other.State; return o == other }

// Record is an Order with what only the bank knows of it. It is a line of the journal.
type Record struct {
	Order
	CreatedAt time.Time `json:"created_at"`
	Plan      State     `json:"plan,omitempty"` // what it becomes at PlanAt, while it is pending
	PlanAt    time.Time `json:"plan_at,omitzero"`
	Asked     int       `json:"asked"`              // how often it was created or queried; as of the line
	Attempts  int       `json:"attempts"`           // callbacks that were sent since it was decided
	Answer    string    `json:"answer,omitempty"`   // what the last of them was answered
	Told      bool      `json:"told"`               // no more callbacks: it was taken, or refused for good
	Repeats   int       `json:"repeats,omitempty"`  // how often it was told anew by hand
	Forgotten bool      `json:"forgotten,omitzero"` // the bank does not know it any more
}

// Fault is what the bank does wrong, until it is told otherwise.
type Fault string

// The faults.
const (
	NoFault    Fault = "none"
	LoseAnswer Fault = "lose"   // does what it is asked to, and drops the connection without an answer
	Error500   Fault = "error"  // does nothing, and answers 500 without a signature
	Silent     Fault = "silent" // decides, and sends no callbacks
)

// Rule is how the bank treats orders that come in.
type Rule struct {
	Decide State  `json:"decide"` // pending leaves it to whoever runs the bank
	After  string `json:"after"`  // how long it takes it to decide, as 0s or 90s
	Fault  Fault  `json:"fault"`
}

func (r Rule) check() (time.Duration, error) {
	if r.Decide != Pending && !r.Decide.final() {
		return 0, fmt.Errorf("decide is %q: give pending, settled or refused", r.Decide)
	}
	if !slices.Contains([]Fault{NoFault, LoseAnswer, Error500, Silent}, r.Fault) {
		return 0, fmt.Errorf("fault is %q: give none, lose, error or silent", r.Fault)
	}
	after, err := time.ParseDuration(r.After)
	if err != nil || after < 0 {
		return 0, fmt.Errorf("after is %q: give a duration, as 0s or 90s", r.After)
	}
	return after, nil
}

// Config is what a Bank needs. CallbackURL may be empty for none; the rest is required.
type Config struct {
	Secrets     signature.Secrets
	Journal     string        // path of the journal; it is made where there is none
	CallbackURL string        // of the installation: https://…/v1/funding/callback
	Retry       time.Duration // before the second attempt of a callback; doubles each time, up to 64 times as long
	Log         *slog.Logger
}

// Bank keeps orders. It is safe for concurrent use. Run delivers its callbacks and its delayed decisions.
type Bank struct {
	config  Config
	client  *http.Client
	journal *journal
	wake    chan struct{} // to Run: there may be something to do sooner

	mu     sync.Mutex
	orders map[string]*Record
	next   map[string]time.Time // of orders that Run has work with: when
	rule   Rule
	after  time.Duration // of the rule
}

var (
	errNoOrder  = errors.New("there is no such order")
	errConflict = errors.New("there is another order with this id")
	errDecided  = errors.New("the order was decided before")
)

// Open makes a Bank from its journal. Close it when Run has returned.
func Open(c Config) (*Bank, error) {
	b := &Bank{
		config: c, orders: map[string]*Record{}, next: map[string]time.Time{}, wake: make(chan struct{}, 1),
		rule: Rule{Decide: Pending, After: "0s", Fault: NoFault},
		client: &http.Client{
			Timeout:       callbackTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	var err error
	if b.journal, err = openJournal(c.Journal, func(r Record) { b.orders[r.ID] = &r }); err != nil {
		return nil, err
	}
	for _, r := range b.orders {
		b.schedule(r, time.Now())
	}
	return b, nil
}

// Close closes the journal.
func (b *Bank) Close() error { return b.journal.close() }

// schedule says when Run has something to do about an order. The caller holds the lock.
func (b *Bank) schedule(r *Record, callback time.Time) {
	delete(b.next, r.ID)
	switch {
	case r.Forgotten:
	case r.State == Pending && r.Plan.final():
		b.next[r.ID] = r.PlanAt
	case r.State.final() && !r.Told && b.config.CallbackURL != "":
		b.next[r.ID] = callback
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// change writes an order to the journal and then makes it what the bank knows. The caller holds the lock.
func (b *Bank) change(r Record, callback time.Time) error {
	if err := b.journal.write(r); err != nil {
		return err
	}
	b.orders[r.ID] = &r
	b.schedule(&r, callback)
	return nil
}

// find returns an order that the bank knows. The caller holds the lock.
func (b *Bank) find(id string) (*Record, error) {
	r, ok := b.orders[id]
	if !ok || r.Forgotten {
		return nil, errNoOrder
	}
	return r, nil
}

// create takes an order once, and returns it as it is now. Error: errConflict.
func (b *Bank) create(o Order) (Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, err := b.find(o.ID); err == nil {
		if !r.sameAs(o) {
			return Order{}, errConflict
		}
		r.Asked++
		return r.Order, nil
	}
	now := time.Now()
	r := Record{Order: o, CreatedAt: now, Asked: 1}
	r.State = Pending
	if b.rule.Decide.final() {
		if b.after == 0 {
			r.State = b.rule.Decide
		} else {
			r.Plan, r.PlanAt = b.rule.Decide, now.Add(b.after)
		}
	}
	return r.Order, b.change(r, now)
}

// query returns an order as it is. Error: errNoOrder.
func (b *Bank) query(id string) (Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.find(id)
	if err != nil {
		return Order{}, err
	}
	r.Asked++
	return r.Order, nil
}

// Decide makes a pending order settled or refused, now or after a while. Errors for who runs the bank.
func (b *Bank) Decide(id string, to State, after time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.find(id)
	switch {
	case err != nil:
		return err
	case r.State != Pending:
		return errDecided
	case !to.final() || after < 0:
		return fmt.Errorf("an order cannot become %q after %v", to, after)
	}
	changed, now := *r, time.Now()
	if after > 0 {
		changed.Plan, changed.PlanAt = to, now.Add(after)
	} else {
		changed.State, changed.Plan, changed.PlanAt = to, "", time.Time{}
	}
	return b.change(changed, now)
}

// Forget makes the bank lose an order. Error: errNoOrder.
func (b *Bank) Forget(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.find(id)
	if err != nil {
		return err
	}
	changed := *r
	changed.Forgotten = true
	return b.change(changed, time.Time{})
}

// Repeat sends the callback of a decided order once more. Errors for who runs the bank.
func (b *Bank) Repeat(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.find(id)
	switch {
	case err != nil:
		return err
	case !r.State.final():
		return errors.New("the order is not decided: there is nothing to tell")
	}
	changed := *r
	changed.Told, changed.Attempts, changed.Answer = false, 0, ""
	changed.Repeats++
	return b.change(changed, time.Now())
}

// SetRule says how orders are treated from now on.
func (b *Bank) SetRule(r Rule) error {
	after, err := r.check()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rule, b.after = r, after
	return nil
}

// Rule is how orders are treated.
func (b *Bank) Rule() Rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rule
}

// Orders are those that the bank knows, the newest first.
func (b *Bank) Orders() []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Record{}
	for _, r := range b.orders {
		if !r.Forgotten {
			found = append(found, *r)
		}
	}
	slices.SortFunc(found, func(x, y Record) int {
		if c := y.CreatedAt.Compare(x.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return found
}
