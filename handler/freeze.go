package handler

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Bounds of a page of freezes.
const (
	defaultFreezes = 100
	maxFreezes     = 200
)

// FreezeDomain keeps the money of accounts where it is; see ledger.Freeze.
type FreezeDomain interface {
	Freeze(ctx context.Context, f ledger.Freeze) (stands ledger.Freeze, err error)
	// HasWallet says whether an account has any wallet.
	HasWallet(ctx context.Context, account string) (bool, error)
	Thaw(ctx context.Context, account string) (thawed bool, err error)
	Freezes(ctx context.Context, after string, limit int) ([]ledger.Freeze, error)
}

// freezeOf is a freeze by the caller.
func freezeOf(ctx context.Context, account, reason string) (ledger.Freeze, error) {
	caller, err := auth.RequireCaller(ctx)
	if err != nil {
		return ledger.Freeze{}, err
	}
	f := ledger.Freeze{Account: account, By: caller.Subject, Reason: reason, At: time.Now()}
	return f, f.Check()
}

func freezeFrom(f ledger.Freeze) *operatorapi.Freeze {
	return &operatorapi.Freeze{Account: f.Account, By: f.By, Reason: f.Reason, FrozenAt: f.At.UnixMilli()}
}

// FreezeAccount implements operatorapi.OperatorService. Refusal: invalid_argument.
func (h *Operator) FreezeAccount(ctx context.Context, r *operatorapi.FreezeRequest) (*operatorapi.Freeze, error) {
	f, err := freezeOf(ctx, r.Account, r.Reason)
	if err != nil {
		return nil, err
	}
	stands, err := h.domain.Freeze(ctx, f)
	if err != nil {
		return nil, err
	}
	answer := freezeFrom(stands)
	if has, err := h.domain.HasWallet(ctx, f.Account); err == nil { // else the freeze stands, and no more is known
		answer.HasWallet = &has
	}
	return answer, nil
}

// ThawAccount implements operatorapi.OperatorService. Refusal: invalid_argument.
func (h *Operator) ThawAccount(ctx context.Context, r *operatorapi.ThawRequest) (*operatorapi.ThawResponse, error) {
	if _, err := freezeOf(ctx, r.Account, r.Reason); err != nil {
		return nil, err
	}
	thawed, err := h.domain.Thaw(ctx, r.Account)
	if err != nil {
		return nil, err
	}
	return &operatorapi.ThawResponse{Thawed: thawed}, nil
}

// ListFreezes implements operatorapi.OperatorService. Refusal: invalid_argument.
func (h *Operator) ListFreezes(ctx context.Context,
	r *operatorapi.ListFreezesRequest) (*operatorapi.ListFreezesResponse, error) {
	limit, err := pageSize(r.Limit, defaultFreezes, maxFreezes)
	if err != nil {
		return nil, err
	}
	if after := r.GetAfter(); after != "" {
		if err := ledger.CheckAccount("after", after); err != nil {
			return nil, err
		}
	}
	found, err := h.domain.Freezes(ctx, r.GetAfter(), limit)
	if err != nil {
		return nil, err
	}
	response := &operatorapi.ListFreezesResponse{Freezes: make([]*operatorapi.Freeze, len(found))}
	for i, f := range found {
		response.Freezes[i] = freezeFrom(f)
	}
	return response, nil
}
