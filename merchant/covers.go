package merchant

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Member admits a member whose role lets them do something. Refusals: merchant_not_found, role_missing.
func (s *Service) Member(ctx context.Context, user string, id int64, a Action) (Merchant, error) {
	r, err := s.see(ctx, Caller{User: user}, id, a)
	return r.Merchant, err
}

// Server admits a session to what its key permits on one side of a merchant. Refusals: merchant_not_found,
// mode_mismatch, permission_missing, merchant_not_active.
func (s *Service) Server(ctx context.Context, session Session, id int64, m Mode, p Permission) (Merchant, error) {
	switch {
	case id != session.Merchant:
		return Merchant{}, errNotFound
	case m != session.Mode:
		return Merchant{}, refusal.New(CodeModeMismatch, "the key is of the %s side: use one of the other side",
			session.Mode)
	}
	if err := session.may(p); err != nil {
		return Merchant{}, err
	}
	return s.Session(ctx, session)
}

// Standing is what a merchant's side is to somebody else.
type Standing struct {
	Name  string
	Works bool          // it may act now
	Ahead time.Duration // see Merchant.Ahead
}

// Standing says how a merchant's side stands now. It reads one row. Refusal: merchant_not_found.
func (s *Service) Standing(ctx context.Context, id int64, mode Mode) (Standing, error) {
	m, err := s.line(ctx, id)
	return Standing{m.Name, m.State.works(mode), m.Ahead(mode)}, err
}

// line is a merchant without members and keys. Refusal: merchant_not_found.
func (s *Service) line(ctx context.Context, id int64) (Merchant, error) {
	found, err := s.store.Lines(ctx, []int64{id})
	if err == nil && len(found) == 0 {
		err = errNotFound
	}
	if err != nil {
		return Merchant{}, err
	}
	return found[0], nil
}

// Active refuses a merchant that may not act on a side. Refusal: merchant_not_active.
func (m Merchant) Active(mode Mode) error {
	if m.State.works(mode) {
		return nil
	}
	return notActive(m)
}
