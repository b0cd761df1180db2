package handler

import (
	"context"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/risk"
)

// Bounds of a page of reviews.
const (
	defaultReviews = 100
	maxReviews     = 200
)

// ReviewDomain keeps the calls that rules have stopped for an operator to look at; see risk.Reviews.
type ReviewDomain interface {
	DecideReview(ctx context.Context, d risk.Decision) (risk.Waiting, error)
	Reviews(ctx context.Context, s risk.ReviewState, after int64, limit int) ([]risk.Waiting, error)
}

func reviewFrom(w risk.Waiting) *operatorapi.Review {
	r := &operatorapi.Review{
		Id: w.ID, User: w.User, Kind: string(w.Kind), RequestId: w.RequestID, Amount: w.Amount.Minor,
		Currency: string(w.Amount.Currency), Payee: w.Payee, Rule: w.Rule, Version: w.Version, State: string(w.State),
		At: w.At.UnixMilli(), By: w.By, Reason: w.Reason,
	}
	if !w.DecidedAt.IsZero() {
		r.DecidedAt = w.DecidedAt.UnixMilli()
	}
	return r
}

// ListReviews implements operatorapi.OperatorService. Refusal: invalid_argument.
func (h *Operator) ListReviews(ctx context.Context,
	r *operatorapi.ListReviewsRequest) (*operatorapi.ListReviewsResponse, error) {
	limit, after, err := pageOf(r.Limit, r.GetCursor(), defaultReviews, maxReviews)
	if err != nil {
		return nil, err
	}
	state := risk.ReviewOpen
	if r.State != nil {
		state = risk.ReviewState(*r.State)
	}
	if state != risk.ReviewOpen && state != risk.ReviewApproved && state != risk.ReviewDeclined {
		return nil, refusal.New(refusal.CodeInvalidArgument, "state %q is none of open, approved, declined",
			refusal.Clip(string(state)))
	}
	found, err := h.domain.Reviews(ctx, state, after, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, limit, func(w risk.Waiting) int64 { return w.ID })
	return &operatorapi.ListReviewsResponse{Reviews: encodeAll(found, reviewFrom), NextCursor: next}, nil
}

// DecideReview implements operatorapi.OperatorService. Refusals: invalid_argument, review_not_found,
// review_already_decided.
func (h *Operator) DecideReview(ctx context.Context, r *operatorapi.DecideReviewRequest) (*operatorapi.Review, error) {
	caller, err := auth.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	d := risk.Decision{ID: r.ReviewId, To: risk.ReviewState(r.Decision), By: caller.Subject, Reason: r.Reason}
	if err := d.Check(); err != nil {
		return nil, err
	}
	decided, err := h.domain.DecideReview(ctx, d)
	if err != nil {
		return nil, err
	}
	return reviewFrom(decided), nil
}
