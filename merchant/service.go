package merchant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Revocations tell every node that a key's tokens are no longer good.
type Revocations interface {
	// RevokeKey is safe to repeat. until is when the last token of the key has expired anyway.
	RevokeKey(ctx context.Context, key int64, until time.Time) error
}

// Service is what users, operators and merchants' servers do with merchants. It is safe for concurrent use and has no
// state, so any number of processes may serve the same merchants.
type Service struct {
	ledger  Ledger
	store   Store
	revoked Revocations
	now     func() time.Time
	log     *slog.Logger
}

// NewService makes a service.
func NewService(l Ledger, store Store, revoked Revocations, now func() time.Time, log *slog.Logger) *Service {
	return &Service{ledger: l, store: store, revoked: revoked, now: now, log: log}
}

// Apply makes a merchant of which the user is the first owner. Repeating it gives the merchant of the first time, as it
// is now. Refusals: see idl/merchant.thrift.
func (s *Service) Apply(ctx context.Context, user string, a Application) (Merchant, error) {
	if err := a.check(); err != nil {
		return Merchant{}, err
	}
	request, err := ledger.NewRequest(a.RequestID, "merchant.apply", a)
	if err != nil {
		return Merchant{}, err
	}
	id, err := s.store.NewID(user)
	if err != nil {
		return Merchant{}, err
	}
	now := s.clock()
	m := Merchant{
		ID: id, Name: a.Name, LegalID: a.LegalID, Country: a.Country, MCC: a.MCC, Contact: a.Contact,
		State:     StateApplied,
		Applicant: user, CreatedAt: now, ChangedAt: now,
	}
	for _, c := range a.Currencies {
		m.Currencies = append(m.Currencies, ledger.Currency(c))
	}
	first := Edit{
		Member: &Member{User: user, Role: Owner, Since: now},
		Index:  []ledger.IndexEntry{{Of: user, Subject: Subject, Reference: id}},
		Change: Change{
			At:      now,
			By:      user,
			Side:    SideMember,
			Action:  ActionApply,
			To:      string(StateApplied),
			Request: request,
		},
	}
	if first.ServerEvents, err = serverEventsOf(Record{Merchant: m}, first); err != nil {
		return Merchant{}, err
	}
	return s.store.Apply(ctx, request, m, first)
}

// Decision is what an operator decides about a merchant.
type Decision struct {
	RequestID string
	Verb      string
	Reason    string
}

// Decide carries out an operator's decision. Repeating it changes nothing. Refusals: see idl/merchant.thrift.
func (s *Service) Decide(ctx context.Context, operator string, id int64, d Decision) (Merchant, error) {
	step, ok := steps()[Verb(d.Verb)]
	if !ok {
		return Merchant{}, refusal.New(refusal.CodeInvalidArgument,
			"decision %q is unknown: give approve, reject, suspend, resume or close", refusal.Clip(d.Verb))
	}
	if err := checkText("reason", d.Reason, maxReason); err != nil {
		return Merchant{}, err
	}
	change := Change{
		By:     operator,
		Side:   SideOperator,
		Action: d.Verb,
		From:   string(step.from),
		To:     string(step.to),
		Reason: d.Reason,
	}
	r, _, err := s.update(ctx, id, d.RequestID, change, d, func(r Record, e *Edit) error {
		if r.State != step.from {
			return refusal.New(CodeNotAllowedInState, "the merchant is %s: one can %s only what is %s", r.State, d.Verb,
				step.from)
		}
		e.State = step.to
		return nil
	})
	return r.Merchant, err
}

// update changes a merchant, with a line of its history and an event for each member. body is what makes the request a
// repetition. made is what the change of the first time made.
func (s *Service) update(
	ctx context.Context, id int64, requestID string, change Change, body any, edit func(Record, *Edit) error,
) (r Record, made int64, err error) {
	change.Request, err = ledger.NewRequest(requestID, "merchant."+change.Action, []any{id, body})
	if err != nil {
		return Record{}, 0, err
	}
	change.At = s.clock()
	r, made, _, err = s.store.Update(ctx, id, change.By, change.Side, change.Request, func(r Record) (Edit, error) {
		e := Edit{Change: change}
		if err := edit(r, &e); err != nil {
			return Edit{}, err
		}
		if e.Events, err = eventsOf(r, e); err != nil {
			return Edit{}, err
		}
		e.ServerEvents, err = serverEventsOf(r, e)
		return e, err
	})
	if errors.Is(err, ErrNotFound) {
		err = errNotFound
	}
	return r, made, err
}

// changedEvent tells a member what has changed. Times are Unix milliseconds.
type changedEvent struct {
	Type     string `json:"type"`
	Merchant string `json:"merchant_id"`
	Seq      int64  `json:"seq"` // of the line of the history
	Action   string `json:"action"`
	Object   string `json:"object"`
	State    State  `json:"state"`
	At       int64  `json:"at"`
}

// eventsOf tell every member, the new one and the removed one included, of an edit.
func eventsOf(r Record, e Edit) ([]ledger.Event, error) {
	state := r.State
	if e.State != "" {
		state = e.State
	}
	body, err := json.Marshal(changedEvent{
		Type: "merchant.changed", Merchant: strconv.FormatInt(r.ID, 10), Seq: r.History + 1, Action: e.Change.Action,
		Object: e.Change.Object, State: state, At: e.Change.At.UnixMilli(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode an event of merchant %d: %w", r.ID, err)
	}
	users := make([]string, 0, len(r.Members)+1)
	for _, m := range r.Members {
		users = append(users, m.User)
	}
	if e.Member != nil && !hasMember(r.Members, e.Member.User) {
		users = append(users, e.Member.User)
	}
	events := make([]ledger.Event, len(users))
	for i, u := range users {
		events[i] = ledger.Event{Topic: ledger.UserTopic(u), Body: body}
	}
	return events, nil
}

// Caller is who asks for something that more than one side may see: a user, or an operator.
type Caller struct {
	User     string
	Operator bool
}

// Get returns a merchant, for its members and for operators. Refusal: merchant_not_found.
func (s *Service) Get(ctx context.Context, c Caller, id int64) (Merchant, error) {
	r, err := s.see(ctx, c, id, SeeMerchant)
	return r.Merchant, err
}

// Members are those of a merchant, for its members and for operators. Refusal: merchant_not_found.
func (s *Service) Members(ctx context.Context, c Caller, id int64) ([]Member, error) {
	r, err := s.see(ctx, c, id, SeeMerchant)
	return r.Members, err
}

// History is a merchant's history, the latest first, for its members and for operators. Refusal: merchant_not_found.
func (s *Service) History(ctx context.Context, c Caller, id, before int64, limit int) ([]Change, error) {
	if _, err := s.see(ctx, c, id, SeeMerchant); err != nil {
		return nil, err
	}
	return s.store.History(ctx, id, before, limit)
}

// Keys are those of a merchant, the revoked ones included. Refusals: merchant_not_found, role_missing.
func (s *Service) Keys(ctx context.Context, user string, id int64) ([]Key, error) {
	r, err := s.see(ctx, Caller{User: user}, id, SeeKeys)
	return r.Keys, err
}

// see returns a merchant to whom may do something with it.
func (s *Service) see(ctx context.Context, c Caller, id int64, a Action) (Record, error) {
	r, err := s.store.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		err = errNotFound
	}
	if err == nil && !c.Operator {
		err = mayDo(r.Members, c.User, a)
	}
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// Membership is a merchant with the caller's role.
type Membership struct {
	Merchant
	Role Role
}

// Mine are the merchants of which the user is a member, newest first, below before (0: from the newest). A page may
// have fewer than limit lines and not be the last: next is the before of the next page, 0 where there is none.
func (s *Service) Mine(
	ctx context.Context, user string, before int64, limit int,
) (mine []Membership, next int64, err error) {
	ids, err := s.ledger.Indexed(ctx, user, Subject, before, limit)
	if err != nil || len(ids) == 0 {
		return nil, 0, err
	}
	roles, err := s.store.MemberOf(ctx, ids, user)
	if err != nil {
		return nil, 0, err
	}
	merchants, err := s.store.Lines(ctx, ids)
	if err != nil {
		return nil, 0, err
	}
	for _, m := range merchants {
		if role, ok := roles[m.ID]; ok {
			mine = append(mine, Membership{m, role})
		}
	}
	if len(ids) == limit {
		next = ids[len(ids)-1]
	}
	return mine, next, nil
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
