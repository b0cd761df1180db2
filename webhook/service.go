package webhook

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Rules say what owners may do.
type Rules struct {
	// AllowPrivate accepts addresses of the operator's own network, and http.
	AllowPrivate bool
	// Types are the events that products publish: what an endpoint can be subscribed to.
	Types []string
}

// Service is what owners do with webhooks. It is safe for concurrent use. Who may act for an owner is for the caller to
// check.
type Service struct {
	store Store
	rules Rules
	now   func() time.Time
}

// NewService makes a service.
func NewService(s Store, rules Rules, now func() time.Time) *Service {
	return &Service{store: s, rules: rules, now: now}
}

// Settings are what an owner says about an endpoint. The JSON is what makes two requests the same.
type Settings struct {
	URL        string
	Types      []string
	Asymmetric bool
}

// Create makes an endpoint. Its key, with the secret, is returned this once: a repeated call returns the endpoint of
// the first time and a nil key, so whoever has not read the secret rolls it. Refusals: invalid_argument,
// endpoint_refused, unknown_event_type, too_many_webhooks, request_conflict.
func (s *Service) Create(ctx context.Context, owner, requestID string, set Settings) (Endpoint, *Key, error) {
	if err := s.check(owner, set.URL, set.Types); err != nil {
		return Endpoint{}, nil, err
	}
	r, err := ledger.NewRequest(requestID, "webhook.create", set)
	if err != nil {
		return Endpoint{}, nil, err
	}
	id, err := s.store.NewID(owner)
	if err != nil {
		return Endpoint{}, nil, fmt.Errorf("id for a webhook: %w", err)
	}
	at, k := s.clock(), newKey(1, set.Asymmetric)
	e, created, err := s.store.Create(ctx, r, Endpoint{
		ID: id, Owner: owner, URL: set.URL, Types: set.Types, Asymmetric: set.Asymmetric, State: StateActive,
		CreatedAt: at, ChangedAt: at,
	}, k)
	if err != nil || !created {
		return e, nil, err
	}
	return e, &k, nil
}

// Update changes the address and the subscription of an endpoint. Refusals: as of Create, and webhook_not_found,
// webhook_disabled.
func (s *Service) Update(ctx context.Context, owner string, id int64, url string, types []string) (Endpoint, error) {
	if err := s.check(owner, url, types); err != nil {
		return Endpoint{}, err
	}
	if err := s.store.Update(ctx, owner, id, url, types, s.clock()); err != nil {
		return Endpoint{}, err
	}
	return s.store.Endpoint(ctx, owner, id)
}

// SetState pauses, resumes or disables an endpoint. Refusals: invalid_argument, webhook_not_found, webhook_disabled.
func (s *Service) SetState(ctx context.Context, owner string, id int64, to EndpointState) (Endpoint, error) {
	if err := CheckOwner(owner); err != nil {
		return Endpoint{}, err
	}
	var reason Reason
	switch to {
	case StateActive, StatePaused:
	case StateDisabled:
		reason = ReasonOwner
	default:
		return Endpoint{}, refusal.New(
			refusal.CodeInvalidArgument,
			"state %q is unknown: give active, paused or disabled",
			refusal.Clip(string(to)),
		)
	}
	if err := s.store.SetState(ctx, owner, id, to, reason, s.clock()); err != nil {
		return Endpoint{}, err
	}
	return s.store.Endpoint(ctx, owner, id)
}

// Roll gives an endpoint a new key, which is returned this once; see Create. The key before it signs for Rolling as
// well. Of a key that was rolled before that, nothing is left: rolling twice ends a secret that leaked at once.
// Refusals: invalid_argument, webhook_not_found, webhook_disabled, request_conflict.
func (s *Service) Roll(ctx context.Context, owner string, id int64, requestID string) (Endpoint, *Key, error) {
	e, err := s.Endpoint(ctx, owner, id)
	if err != nil {
		return Endpoint{}, nil, err
	}
	r, err := ledger.NewRequest(requestID, "webhook.roll", id)
	if err != nil {
		return Endpoint{}, nil, err
	}
	at, k := s.clock(), newKey(0, e.Asymmetric)
	rolled, err := s.store.Roll(ctx, r, owner, id, k, at.Add(Rolling), at)
	if err != nil {
		return Endpoint{}, nil, err
	}
	if e, err = s.store.Endpoint(ctx, owner, id); err != nil || !rolled {
		return e, nil, err
	}
	k.Number = e.Keys[0].Number
	return e, &k, nil
}

// Test publishes an event of TypeTest that this endpoint alone hears of. Refusals: invalid_argument, webhook_not_found,
// webhook_disabled, request_conflict.
func (s *Service) Test(ctx context.Context, owner string, id int64, requestID string) (Endpoint, error) {
	e, err := s.Endpoint(ctx, owner, id)
	if err != nil {
		return Endpoint{}, err
	}
	if e.State == StateDisabled {
		return Endpoint{}, ErrDisabled
	}
	r, err := ledger.NewRequest(requestID, "webhook.test", id)
	if err != nil {
		return Endpoint{}, err
	}
	return e, s.store.Test(ctx, r, Event{
		Owner: owner, Type: TypeTest, Object: ObjectOf(id), Data: json.RawMessage(`{}`), At: s.clock(), Endpoint: id,
	})
}

// Replay makes an endpoint get events again: one, or those of a time, at most MaxReplay. Refusals: invalid_argument,
// webhook_not_found, webhook_event_not_found, webhook_disabled, replay_too_large.
func (s *Service) Replay(ctx context.Context, owner string, id int64, which Range) (int, error) {
	if err := CheckOwner(owner); err != nil {
		return 0, err
	}
	if which.Event == 0 && !which.From.Before(which.To) {
		return 0, refusal.New(refusal.CodeInvalidArgument,
			"give an event, or from and to, of which from is the earlier")
	}
	return s.store.Replay(ctx, owner, id, which, s.clock())
}

// Endpoint returns an endpoint. Refusal: webhook_not_found.
func (s *Service) Endpoint(ctx context.Context, owner string, id int64) (Endpoint, error) {
	if err := CheckOwner(owner); err != nil {
		return Endpoint{}, err
	}
	return s.store.Endpoint(ctx, owner, id)
}

// Endpoints returns those of an owner, newest first, with an id below before (0: the newest), at most MaxPage.
func (s *Service) Endpoints(ctx context.Context, owner string, before int64, limit int) ([]Endpoint, error) {
	if err := CheckOwner(owner); err != nil {
		return nil, err
	}
	return s.store.Endpoints(ctx, owner, before, page(limit))
}

// Events returns an owner's events from the one after a position, oldest first, at most MaxPage. Positions have no gaps
// and never come late, so whoever goes on from the last position that it has seen misses nothing.
func (s *Service) Events(ctx context.Context, owner string, after int64, limit int) ([]Record, error) {
	if err := CheckOwner(owner); err != nil {
		return nil, err
	}
	return s.store.Events(ctx, owner, after, page(limit))
}

// LatestEvents returns those of an owner below a position, the latest first, at most MaxPage. Refusal:
// invalid_argument.
func (s *Service) LatestEvents(ctx context.Context, owner string, before int64, limit int) ([]Record, error) {
	if err := CheckOwner(owner); err != nil {
		return nil, err
	}
	return s.store.LatestEvents(ctx, owner, before, page(limit))
}

// Deliveries returns those to an endpoint in a state (empty: any), the newest event first, with an event below before
// (0: the newest), at most MaxPage. Refusals: invalid_argument, webhook_not_found.
func (s *Service) Deliveries(
	ctx context.Context, owner string, id int64, state DeliveryState, before int64, limit int,
) ([]Delivery, error) {
	if err := CheckOwner(owner); err != nil {
		return nil, err
	}
	if !slices.Contains([]DeliveryState{"", DeliveryDue, DeliveryDelivered, DeliveryDead}, state) {
		return nil, refusal.New(refusal.CodeInvalidArgument, "state %q is unknown: give due, delivered or dead",
			refusal.Clip(string(state)))
	}
	return s.store.Deliveries(ctx, owner, id, state, before, page(limit))
}

// Attempts returns those of a delivery, the last first, with a number below before (0: the last), at most MaxPage.
// Refusal: webhook_not_found.
func (s *Service) Attempts(ctx context.Context, owner string, id, event int64, before, limit int) ([]Attempt, error) {
	if err := CheckOwner(owner); err != nil {
		return nil, err
	}
	return s.store.Attempts(ctx, owner, id, event, before, page(limit))
}

// check accepts what an owner says about an endpoint.
func (s *Service) check(owner, url string, types []string) error {
	if err := CheckOwner(owner); err != nil {
		return err
	}
	if err := checkURL(url, s.rules.AllowPrivate); err != nil {
		return err
	}
	if len(types) == 0 || len(types) > MaxTypes {
		return refusal.New(refusal.CodeInvalidArgument, "give 1 to %d event types", MaxTypes)
	}
	for _, t := range types {
		if !s.known(t) {
			return refusal.New(CodeUnknownEventType, "no event has the type %q: give * or some of %s", refusal.Clip(t),
				strings.Join(s.Types(), ", "))
		}
	}
	return nil
}

// Types are the events that an endpoint can be subscribed to, sorted.
func (s *Service) Types() []string {
	return slices.Sorted(slices.Values(append([]string{TypeDisabled}, s.rules.Types...)))
}

// known says whether a subscription is to something: a type, all, or all that begin with its part before a full stop.
func (s *Service) known(subscription string) bool {
	if subscription == "*" {
		return true
	}
	prefix, wild := strings.CutSuffix(subscription, ".*")
	return slices.ContainsFunc(s.Types(), func(t string) bool {
		return t == subscription || wild && strings.HasPrefix(t, prefix+".")
	})
}

// clock is now as it is stored: in whole milliseconds.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func page(limit int) int {
	if limit < 1 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// ObjectOf is the name of an endpoint as the object of an event.
func ObjectOf(endpoint int64) string { return fmt.Sprintf("webhook:%d", endpoint) }

// newKey makes a key of 32 random bytes, with an Ed25519 pair where it is asymmetric.
func newKey(number int, asymmetric bool) Key {
	k := Key{Number: number, Secret: make([]byte, 32)}
	_, _ = rand.Read(k.Secret) // never fails: crypto/rand ends the process instead
	if asymmetric {
		seed := make([]byte, ed25519.SeedSize)
		_, _ = rand.Read(seed)
		k.Private = ed25519.NewKeyFromSeed(seed)
		k.Public = k.Private.Public().(ed25519.PublicKey)
	}
	return k
}
