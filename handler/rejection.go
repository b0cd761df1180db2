package handler

import (
	"context"
	"slices"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Bounds of a page of rejections.
const (
	defaultRejections = 100
	maxRejections     = 200
)

// RejectionDomain lets operators decide about posts that the ledger refused; see wallet.Resolver.
type RejectionDomain interface {
	Rejections(ctx context.Context, all bool) ([]ledger.Resolution, error)
	Resolve(ctx context.Context, v wallet.Verdict) (ledger.Resolution, error)
}

// ListRejections implements operatorapi.OperatorService. Refusal: invalid_argument.
func (h *Operator) ListRejections(ctx context.Context,
	r *operatorapi.ListRejectionsRequest) (*operatorapi.ListRejectionsResponse, error) {
	limit, err := pageSize(r.Limit, defaultRejections, maxRejections)
	if err != nil {
		return nil, err
	}
	all := r.GetState() == "all"
	if state := r.GetState(); state != "" && state != "open" && !all {
		return nil, refusal.New(refusal.CodeInvalidArgument, "state is open or all")
	}
	found, err := h.domain.Rejections(ctx, all)
	if err != nil {
		return nil, err
	}
	if after := r.GetAfter(); after != "" {
		at := slices.IndexFunc(found, func(one ledger.Resolution) bool { return one.ID() == after })
		if at < 0 {
			return nil, refusal.New(refusal.CodeInvalidArgument, "after is none of these rejections: begin anew")
		}
		found = found[at+1:]
	}
	found = found[:min(limit, len(found))]
	response := &operatorapi.ListRejectionsResponse{Rejections: make([]*operatorapi.Rejection, len(found))}
	for i, one := range found {
		response.Rejections[i] = rejectionFrom(one)
	}
	return response, nil
}

// DecideRejection implements operatorapi.OperatorService. Refusals: invalid_argument, rejection_unknown,
// rejection_decided, insufficient_balance, account_frozen.
func (h *Operator) DecideRejection(ctx context.Context,
	r *operatorapi.DecideRejectionRequest) (*operatorapi.Rejection, error) {
	caller, err := auth.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	v := wallet.Verdict{ID: r.Id, Decision: ledger.Decision(r.Decision), Account: r.GetAccount(),
		Currency: r.GetCurrency(), By: caller.Subject, Why: r.Reason}
	if err := v.Check(); err != nil {
		return nil, err
	}
	resolved, err := h.domain.Resolve(ctx, v)
	if err != nil {
		return nil, err
	}
	return rejectionFrom(resolved), nil
}

func rejectionFrom(r ledger.Resolution) *operatorapi.Rejection {
	to := &operatorapi.Rejection{Id: r.ID(), HoldId: r.Hold, Part: int32(r.Part), Payee: r.Payee, Amount: r.Minor,
		Currency: string(r.Currency), WonAt: r.Post.At.UnixMilli(), Why: r.Rejection.Reason, Open: r.Open()}
	if r.Decision == "" {
		return to
	}
	decision, at := string(r.Decision), r.At.UnixMilli()
	to.Decision, to.By, to.Reason, to.DecidedAt = &decision, &r.By, &r.Why, &at
	if r.Account != "" {
		to.Account = &r.Account
	}
	if r.Payment != 0 {
		to.PaymentId = &r.Payment
	}
	return to
}
