package cover

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Service is what merchants, users and operators do with covers. It is safe for concurrent use and has no state, so any
// number of processes may serve the same covers.
type Service struct {
	ids       IDs
	store     Store
	merchants Merchants
	directory *Directory
	pictures  Pictures
	art       Art
	rules     Rules
	log       *slog.Logger
}

// Parts are what a Service stands on.
type Parts struct {
	IDs       IDs
	Store     Store
	Merchants Merchants
	Directory *Directory
	Pictures  Pictures
	Art       Art // nil where this process keeps none: uploads are unavailable
	Rules     Rules
	Log       *slog.Logger
}

// NewService makes a service.
func NewService(p Parts) *Service {
	return &Service{p.IDs, p.Store, p.Merchants, p.Directory, p.Pictures, p.Art, p.Rules, p.Log}
}

// Caller is in whose name something is done: of a user, of a merchant's server, or of an operator.
type Caller struct {
	Subject  string            // the user, or the subject of the operator's token
	Session  *merchant.Session // of a merchant's server; nil for all others
	Operator bool
}

func (c Caller) side() (Side, string) {
	switch {
	case c.Operator:
		return SideOperator, c.Subject
	case c.Session != nil:
		return SideServer, strconv.FormatInt(c.Session.Key, 10)
	}
	return SideMember, c.Subject
}

// right is what a caller does with a merchant's covers.
type right struct {
	action     merchant.Action
	permission merchant.Permission
}

var (
	mayRead = right{merchant.SeeCovers, merchant.CoverRead}
	mayEdit = right{merchant.EditCovers, merchant.CoverEdit}
)

// authorize admits a merchant's member or server. Refusals: merchant_not_found, role_missing, mode_mismatch,
// permission_missing, merchant_not_active (servers).
func (s *Service) authorize(
	ctx context.Context, c Caller, id int64, m merchant.Mode, r right,
) (merchant.Merchant, error) {
	if c.Session != nil {
		return s.merchants.Server(ctx, *c.Session, id, m, r.permission)
	}
	return s.merchants.Member(ctx, c.Subject, id, r.action)
}

// editor admits who may change covers of a merchant that may act. Refusals: as authorize, merchant_not_active,
// invalid_argument.
func (s *Service) editor(ctx context.Context, c Caller, id int64, mode string) (merchant.Mode, error) {
	m, err := merchant.ParseMode(mode)
	if err != nil {
		return "", err
	}
	of, err := s.authorize(ctx, c, id, m, mayEdit)
	if err != nil {
		return "", err
	}
	return m, of.Active(m)
}

// Create makes a draft. Repeating it gives the cover of the first time, as it is now. The request id is unique for the
// side of the merchant. Refusals: see idl/cover.thrift.
func (s *Service) Create(
	ctx context.Context, c Caller, of int64, mode, requestID string, d Design,
) (Cover, error) {
	if err := d.check(); err != nil {
		return Cover{}, err
	}
	m, err := s.editor(ctx, c, of, mode)
	if err != nil {
		return Cover{}, err
	}
	request, err := ledger.NewRequest(requestID, "cover.create", []any{of, d})
	if err != nil {
		return Cover{}, err
	}
	account := merchant.WebhookAccount(of, m)
	id, err := s.ids.NewID(account)
	if err != nil {
		return Cover{}, err
	}
	listeners, err := s.listeners(ctx, of)
	if err != nil {
		return Cover{}, err
	}
	ahead, err := s.merchants.Ahead(ctx, of, m)
	if err != nil {
		return Cover{}, err
	}
	made, err := s.store.Create(ctx, account, id, request, func(at time.Time) (Edit, error) {
		now := at.Add(ahead)
		side, by := c.side()
		e := Edit{
			Cover: Cover{
				ID: id, Merchant: of, Mode: m, Design: d, State: StateDraft, CreatedBy: by, CreatedAt: now,
				ChangedAt: now,
			},
			Change: Change{At: now, By: by, Side: side, Action: Create, To: StateDraft, Request: request},
			Needs:  d.Images(), Redesigned: true,
		}
		return e, e.addEvents(listeners, at)
	})
	return made, refusalOf(err)
}

// Edit gives a draft, or a rejected cover, another design; it is a draft then. Refusals: see idl/cover.thrift.
func (s *Service) Edit(ctx context.Context, c Caller, of, id int64, requestID string, d Design) (Cover, error) {
	if err := d.check(); err != nil {
		return Cover{}, err
	}
	return s.byMerchant(ctx, c, of, id, change{EditIt, requestID, d, "", nil}, true,
		func(c *Cover, _ time.Time) error {
			c.Design = d
			return nil
		})
}

// Submit asks for a review. Refusals: see idl/cover.thrift.
func (s *Service) Submit(ctx context.Context, c Caller, of, id int64, requestID string) (Cover, error) {
	return s.byMerchant(ctx, c, of, id, change{Submit, requestID, nil, "", nil}, true,
		func(c *Cover, _ time.Time) error { return c.complete() })
}

// Appeal objects to a freeze. It is open to merchants that are suspended, too. Refusals: see idl/cover.thrift.
func (s *Service) Appeal(ctx context.Context, c Caller, of, id int64, requestID, text string) (Cover, error) {
	if err := checkReason("reason", text); err != nil {
		return Cover{}, err
	}
	return s.byMerchant(ctx, c, of, id, change{Appeal, requestID, nil, text, nil}, false,
		func(c *Cover, now time.Time) error {
			switch {
			case c.Appeal != AppealNone:
				return refusal.New(CodeNotAllowedInState, "there was an appeal against this freeze already")
			case !now.Before(c.AppealUntil()):
				return refusal.New(CodeAppealOver, "an appeal was possible until %s",
					c.AppealUntil().Format(time.RFC3339))
			}
			c.Appeal, c.AppealText = AppealOpen, text
			return nil
		})
}

// Decision is what an operator decides about a cover.
type Decision struct {
	RequestID string
	Verb      string
	Reason    string
	Findings  []Reason // of a rejection; may be empty
}

func (d Decision) check() error {
	if !slices.Contains(decisions(), Verb(d.Verb)) {
		return refusal.New(refusal.CodeInvalidArgument, "decision %q is unknown: give one of %v",
			refusal.Clip(d.Verb), decisions())
	}
	if err := checkReason("reason", d.Reason); err != nil {
		return err
	}
	if n := len(d.Findings); n > maxFindings || n > 0 && Verb(d.Verb) != Reject {
		return refusal.New(refusal.CodeInvalidArgument, "findings has %d elements: give at most %d, to reject alone", n,
			maxFindings)
	}
	for _, f := range d.Findings {
		if !slices.Contains(Fields(), f.Field) {
			return refusal.New(refusal.CodeInvalidArgument, "findings: field %q is unknown: give one of %v",
				refusal.Clip(f.Field), Fields())
		}
		if err := checkReason("findings: text", f.Text); err != nil {
			return err
		}
	}
	return nil
}

// Decide carries out an operator's decision. Repeating it changes nothing. Refusals: see idl/cover.thrift.
func (s *Service) Decide(ctx context.Context, operator string, id int64, d Decision) (Cover, error) {
	if err := d.check(); err != nil {
		return Cover{}, err
	}
	c, _, err := s.store.Get(ctx, id)
	if err != nil {
		return Cover{}, refusalOf(err)
	}
	of := change{Verb(d.Verb), d.RequestID, nil, d.Reason, d.Findings}
	return s.change(ctx, SideOperator, operator, c, of, func(c *Cover, now time.Time) error {
		c.Reason, c.Findings = d.Reason, d.Findings
		return s.decide(c, of.verb, now)
	})
}

// decide is what a decision makes of a cover beside its state.
func (s *Service) decide(c *Cover, v Verb, now time.Time) error {
	switch v {
	case Approve:
		c.UsableUntil = now.Add(s.rules.Validity)
	case Freeze:
		if !now.Before(c.UsableUntil) {
			return refusal.New(CodeNotAllowedInState, "the cover has expired")
		}
		c.FrozenAt = now
	case Keep:
		if c.Appeal != AppealOpen {
			return refusal.New(CodeNotAllowedInState, "there is no appeal to decide about")
		}
		c.Appeal = AppealDismissed
	case Restore:
		c.UsableUntil = c.UsableUntil.Add(now.Sub(c.FrozenAt))
		c.FrozenAt, c.Appeal, c.AppealText = time.Time{}, AppealNone, ""
	case TakeDown:
		c.FrozenAt, c.Appeal, c.AppealText = time.Time{}, AppealNone, ""
	}
	return nil
}

// change is something that is done to a cover. verb, body, reason and findings make its request a repetition.
type change struct {
	verb      Verb
	requestID string
	body      any
	reason    string
	findings  []Reason
}

// byMerchant changes a cover for its merchant. active: the merchant must be.
func (s *Service) byMerchant(
	ctx context.Context, by Caller, of, id int64, w change, active bool, edit func(*Cover, time.Time) error,
) (Cover, error) {
	c, err := s.ofMerchant(ctx, by, of, id, mayEdit)
	if err != nil {
		return Cover{}, err
	}
	if active {
		if _, err := s.editor(ctx, by, of, string(c.Mode)); err != nil {
			return Cover{}, err
		}
	}
	side, name := by.side()
	return s.change(ctx, side, name, c, w, edit)
}

// change changes a cover, with a line of its history and its events.
func (s *Service) change(
	ctx context.Context, side Side, by string, seen Cover, w change, edit func(*Cover, time.Time) error,
) (Cover, error) {
	body := []any{seen.ID, w.body, w.reason, w.findings}
	request, err := ledger.NewRequest(w.requestID, "cover."+string(w.verb), body)
	if side == SideSystem {
		request, err = ledger.OwnRequest(w.requestID, "cover."+string(w.verb), body)
	}
	if err != nil {
		return Cover{}, err
	}
	listeners, err := s.listeners(ctx, seen.Merchant)
	if err != nil {
		return Cover{}, err
	}
	ahead, err := s.merchants.Ahead(ctx, seen.Merchant, seen.Mode)
	if err != nil {
		return Cover{}, err
	}
	step := steps()[w.verb]
	changed, err := s.store.Update(ctx, seen.ID, by, side, request, func(c Cover, at time.Time) (Edit, error) {
		now := at.Add(ahead)
		if !slices.Contains(step.from, c.State) {
			return Edit{}, refusal.New(CodeNotAllowedInState, "the cover is %s: one can %s only what is %v", c.State,
				w.verb, step.from)
		}
		before := c.State
		if err := edit(&c, now); err != nil {
			return Edit{}, err
		}
		if c.State = step.to; before != step.to {
			c.ChangedAt = now
		}
		e := Edit{Cover: c, Change: Change{
			At: now, By: by, Side: side, Action: w.verb, From: before, To: step.to, Reason: w.reason,
			Findings: w.findings, Until: c.UsableUntil, Request: request,
		}}
		switch w.verb {
		case EditIt, Submit, Approve:
			e.Needs, e.Redesigned = c.Images(), w.verb == EditIt
		case TakeDown:
			e.Hide = c.Images()
		}
		return e, e.addEvents(listeners, at)
	})
	return changed, refusalOf(err)
}

// listeners are the members of a merchant, who hear of changes live.
func (s *Service) listeners(ctx context.Context, of int64) ([]string, error) {
	members, err := s.merchants.Members(ctx, merchant.Caller{Operator: true}, of)
	users := make([]string, len(members))
	for i, m := range members {
		users[i] = m.User
	}
	return users, err
}

// refusalOf is what a caller is told of a store's error.
func refusalOf(err error) error {
	unknown, isUnknown := errors.AsType[*UnknownImageError](err)
	switch {
	case isUnknown:
		return refusal.New(CodeImageUnknown, "the merchant's side has no image %q: upload it first", unknown.Hash)
	case errors.Is(err, ErrNotFound):
		return errNotFound
	case errors.Is(err, ErrTooMany):
		return refusal.New(CodeTooMany, "a side of a merchant has at most %d covers that may still be used", MaxCovers)
	}
	return err
}
