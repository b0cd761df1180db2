package handler

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// MerchantMoney is what Merchant needs of merchant.Service to find out whose money a call is about, and to move it.
type MerchantMoney interface {
	SeenBy(ctx context.Context, user string, id int64, mode, wallet string) (account string, err error)
	FundedBy(ctx context.Context, user string, id int64, mode, wallet, currency string) (account string, err error)
	MoveBy(ctx context.Context, user string, id int64, mode string, v merchant.Move) (ledger.Hold, error)
	Session(ctx context.Context, s merchant.Session) (merchant.Merchant, error)
	SeenIn(ctx context.Context, s merchant.Session, wallet string) (account string, err error)
	FundedIn(ctx context.Context, s merchant.Session, wallet, currency string) (account string, err error)
	MoveIn(ctx context.Context, s merchant.Session, v merchant.Move) (ledger.Hold, error)
}

// MerchantWallets implements merchantapi.MerchantService.
func (h *Merchant) MerchantWallets(
	ctx context.Context, r *merchantapi.WalletsRequest,
) (*merchantapi.WalletsResponse, error) {
	return h.wallets(ctx,
		func(wallet string) (string, error) { return h.Domain.SeenBy(ctx, subject(ctx), r.Id, r.Mode, wallet) })
}

// SelfWallets implements merchantapi.MerchantService.
func (h *Merchant) SelfWallets(ctx context.Context, _ *merchantapi.SelfRequest) (*merchantapi.WalletsResponse, error) {
	return h.wallets(ctx,
		func(wallet string) (string, error) { return h.Domain.SeenIn(ctx, auth.SessionFrom(ctx), wallet) })
}

func (h *Merchant) wallets(
	ctx context.Context, account func(wallet string) (string, error),
) (*merchantapi.WalletsResponse, error) {
	response := &merchantapi.WalletsResponse{Wallets: []*merchantapi.WalletBalance{}}
	for _, name := range []string{merchant.Available, merchant.Marketing} {
		owner, err := account(name)
		if err != nil {
			return nil, err
		}
		amounts, err := h.Wallets.Balances(ctx, owner)
		if err != nil {
			return nil, err
		}
		for _, a := range amounts {
			response.Wallets = append(response.Wallets,
				&merchantapi.WalletBalance{Wallet: name, Currency: string(a.Currency), Amount: a.Minor})
		}
	}
	return response, nil
}

// MerchantEntries implements merchantapi.MerchantService.
func (h *Merchant) MerchantEntries(
	ctx context.Context, r *merchantapi.WalletEntriesRequest,
) (*merchantapi.WalletEntriesResponse, error) {
	account, err := h.Domain.SeenBy(ctx, subject(ctx), r.Id, r.Mode, r.Wallet)
	return h.entries(ctx, account, err, r.Currency, r.Limit, r.GetCursor())
}

// SelfEntries implements merchantapi.MerchantService.
func (h *Merchant) SelfEntries(
	ctx context.Context, r *merchantapi.SelfEntriesRequest,
) (*merchantapi.WalletEntriesResponse, error) {
	account, err := h.Domain.SeenIn(ctx, auth.SessionFrom(ctx), r.Wallet)
	return h.entries(ctx, account, err, r.Currency, r.Limit, r.GetCursor())
}

func (h *Merchant) entries(
	ctx context.Context, account string, refused error, currency string, size *int32, cursor string,
) (*merchantapi.WalletEntriesResponse, error) {
	limit, before, err := pageOf(size, cursor, wallet.DefaultEntries, wallet.MaxEntries)
	if err := errors.Join(refused, err); err != nil {
		return nil, err
	}
	entries, next, err := h.Wallets.EntriesBetween(ctx, account, currency, before, limit, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	response := &merchantapi.WalletEntriesResponse{Entries: make([]*merchantapi.WalletEntry, len(entries))}
	for i, e := range entries {
		response.Entries[i] = &merchantapi.WalletEntry{
			Seq: e.Seq, Amount: e.Minor, Balance: e.Balance, Kind: string(e.Kind), Subject: string(e.Subject),
			Reference: e.Reference, Counterparty: e.Counterparty, Note: e.Note, At: e.At.UnixMilli(),
		}
	}
	if next != 0 {
		response.NextCursor = encodeCursor(next)
	}
	return response, nil
}

// TopUpMerchant implements merchantapi.MerchantService.
func (h *Merchant) TopUpMerchant(
	ctx context.Context, r *merchantapi.WalletTopUpRequest,
) (*merchantapi.WalletTopUp, error) {
	account, err := h.Domain.FundedBy(ctx, subject(ctx), r.Id, r.Mode, r.Wallet, r.Currency)
	return h.topUp(ctx, account, err, r.RequestId, r.Amount, r.Currency)
}

// SelfTopUp implements merchantapi.MerchantService.
func (h *Merchant) SelfTopUp(ctx context.Context, r *merchantapi.SelfTopUpRequest) (*merchantapi.WalletTopUp, error) {
	account, err := h.Domain.FundedIn(ctx, auth.SessionFrom(ctx), r.Wallet, r.Currency)
	return h.topUp(ctx, account, err, r.RequestId, r.Amount, r.Currency)
}

func (h *Merchant) topUp(
	ctx context.Context, account string, refused error, requestID string, minor int64, currency string,
) (*merchantapi.WalletTopUp, error) {
	if refused != nil {
		return nil, refused
	}
	o, err := h.Wallets.TopUp(ctx, account, requestID, minor, currency)
	if err != nil {
		return nil, err
	}
	return &merchantapi.WalletTopUp{
		Id: o.ID, State: string(o.State), Balance: o.Balance, Currency: string(o.Amount.Currency),
	}, nil
}

// MoveMerchantMoney implements merchantapi.MerchantService.
func (h *Merchant) MoveMerchantMoney(ctx context.Context, r *merchantapi.MoveRequest) (*merchantapi.Move, error) {
	return moveResponse(h.Domain.MoveBy(ctx, subject(ctx), r.Id, r.Mode, merchant.Move{
		RequestID: r.RequestId, From: r.Sender, To: r.Receiver, Minor: r.Amount, Currency: r.Currency,
		Note: r.GetNote(),
	}))
}

// SelfMove implements merchantapi.MerchantService.
func (h *Merchant) SelfMove(ctx context.Context, r *merchantapi.SelfMoveRequest) (*merchantapi.Move, error) {
	return moveResponse(h.Domain.MoveIn(ctx, auth.SessionFrom(ctx), merchant.Move{
		RequestID: r.RequestId, From: r.Sender, To: r.Receiver, Minor: r.Amount, Currency: r.Currency,
		Note: r.GetNote(),
	}))
}

func moveResponse(h ledger.Hold, err error) (*merchantapi.Move, error) {
	if err != nil {
		return nil, err
	}
	return &merchantapi.Move{Id: h.ID, At: h.CreatedAt.UnixMilli()}, nil
}

// SelfMerchant implements merchantapi.MerchantService.
func (h *Merchant) SelfMerchant(ctx context.Context, _ *merchantapi.SelfRequest) (*merchantapi.Merchant, error) {
	return merchantResponse(h.Domain.Session(ctx, auth.SessionFrom(ctx)))
}
