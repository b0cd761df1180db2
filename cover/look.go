package cover

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// ofMerchant returns a cover of a merchant to whom may do something with it. What covers there are is not everybody's
// to know. Refusals: cover_not_found, role_missing, mode_mismatch, permission_missing, merchant_not_active (servers).
func (s *Service) ofMerchant(ctx context.Context, by Caller, of, id int64, r right) (Cover, error) {
	c, _, err := s.store.Get(ctx, id)
	if err != nil {
		return Cover{}, refusalOf(err)
	}
	if c.Merchant != of {
		return Cover{}, errNotFound
	}
	_, err = s.authorize(ctx, by, of, c.Mode, r)
	if refusal.CodeOf(err) == merchant.CodeNotFound {
		err = errNotFound
	}
	return c, err
}

// Authorize admits a member or a server to a cover of its merchant, for what another package does with covers.
// Refusals: cover_not_found, role_missing, mode_mismatch, permission_missing, merchant_not_active (servers).
func (s *Service) Authorize(
	ctx context.Context, by Caller, of, id int64, a merchant.Action, p merchant.Permission,
) (Cover, error) {
	return s.ofMerchant(ctx, by, of, id, right{a, p})
}

// Entry is what others need of a cover: see Directory.Get.
func (s *Service) Entry(ctx context.Context, id int64) (Entry, error) {
	return s.directory.Get(ctx, id)
}

// Get returns a cover, for its merchant and for operators. Refusals: as ofMerchant.
func (s *Service) Get(ctx context.Context, by Caller, of, id int64) (Cover, error) {
	if !by.Operator {
		return s.ofMerchant(ctx, by, of, id, mayRead)
	}
	c, _, err := s.store.Get(ctx, id)
	if err == nil && c.Merchant != of {
		err = ErrNotFound
	}
	return c, refusalOf(err)
}

// History is a cover's, the latest line first, for its merchant and for operators. Refusals: as Get.
func (s *Service) History(ctx context.Context, by Caller, of, id, before int64, limit int) ([]Change, error) {
	if _, err := s.Get(ctx, by, of, id); err != nil {
		return nil, err
	}
	return s.store.History(ctx, id, before, limit)
}

// OfMerchant are the covers of a merchant's side, newest first, below before (0: from the newest). Refusals:
// merchant_not_found, role_missing, mode_mismatch, permission_missing, merchant_not_active (servers).
func (s *Service) OfMerchant(
	ctx context.Context, by Caller, of int64, mode string, before int64, limit int,
) ([]Cover, error) {
	m, err := merchant.ParseMode(mode)
	if err != nil {
		return nil, err
	}
	if _, err := s.authorize(ctx, by, of, m, mayRead); err != nil {
		return nil, err
	}
	return s.store.OfMerchant(ctx, of, m, before, limit)
}

// appealed is the name under which operators list the frozen covers whose appeal is open.
const appealed = "appealed"

// InState are covers in a state, for operators, newest first, below before (0: from the newest). The state may also be
// "appealed": frozen, with an appeal to decide about. Refusal: invalid_argument.
func (s *Service) InState(ctx context.Context, state string, before int64, limit int) ([]Cover, error) {
	if state == appealed {
		return s.store.InState(ctx, StateFrozen, true, before, limit)
	}
	for _, known := range States() {
		if State(state) == known {
			return s.store.InState(ctx, known, false, before, limit)
		}
	}
	return nil, refusal.New(refusal.CodeInvalidArgument, "state %q is unknown: give one of %v, or %s",
		refusal.Clip(state), States(), appealed)
}

// Look is a cover as users see it. Refusal: cover_not_found, also for what was never approved or was taken down.
func (s *Service) Look(ctx context.Context, id int64) (Entry, error) {
	e, err := s.directory.Get(ctx, id)
	if err == nil && !e.State.Shown() {
		err = errNotFound
	}
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Image is an upload that was kept.
type Image struct {
	Merchant int64
	Mode     merchant.Mode
	Hash     string
	Type     string // of all its files: image/jpeg or image/png
	Sizes    []ImageSize
	By       string
	Side     Side
	At       time.Time // set by the store
}

// ImageSize is one of the sizes that an image is kept in.
type ImageSize struct {
	Name          string `json:"name"`
	Width, Height int
}
