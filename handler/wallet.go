package handler

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// WalletDomain is what Wallet needs of wallet.Service.
type WalletDomain interface {
	Balances(ctx context.Context, user string) ([]ledger.Amount, error)
	EntriesBetween(ctx context.Context, user, currency string, before int64, limit int, from,
		to time.Time) (entries []ledger.Entry, next int64, err error)
	TopUp(ctx context.Context, user, requestID string, minor int64, currency string) (wallet.FundingOrder, error)
	Withdraw(ctx context.Context, user, requestID string, minor int64, currency string) (wallet.FundingOrder, error)
}

// FundingCallbacks is what Wallet needs of httpfunding.Callbacks: it checks the signature.
type FundingCallbacks interface {
	Callback(ctx context.Context, id, timestamp, signatures string, body []byte) (wallet.FundingOrder, error)
}

// Wallet is the Kitex WalletService.
type Wallet struct {
	Domain    WalletDomain
	Callbacks FundingCallbacks // nil where there is no funding provider that reports
}

var _ walletapi.WalletService = (*Wallet)(nil)

// Balances implements walletapi.WalletService.
func (h *Wallet) Balances(ctx context.Context, _ *walletapi.BalancesRequest) (*walletapi.BalancesResponse, error) {
	amounts, err := h.Domain.Balances(ctx, subject(ctx))
	if err != nil {
		return nil, err
	}
	response := &walletapi.BalancesResponse{Balances: make([]*walletapi.Balance, len(amounts))}
	for i, a := range amounts {
		response.Balances[i] = &walletapi.Balance{Currency: string(a.Currency), Amount: a.Minor}
	}
	return response, nil
}

// Entries implements walletapi.WalletService.
func (h *Wallet) Entries(ctx context.Context, r *walletapi.EntriesRequest) (*walletapi.EntriesResponse, error) {
	limit, before, err := pageOf(r.Limit, r.GetCursor(), wallet.DefaultEntries, wallet.MaxEntries)
	if err != nil {
		return nil, err
	}
	entries, next, err := h.Domain.EntriesBetween(ctx, subject(ctx), r.Currency, before, limit, bound(r.From),
		bound(r.To))
	if err != nil {
		return nil, err
	}
	response := &walletapi.EntriesResponse{Entries: make([]*walletapi.Entry, len(entries))}
	for i, e := range entries {
		response.Entries[i] = &walletapi.Entry{
			Seq: e.Seq, Amount: e.Minor, Balance: e.Balance, Kind: string(e.Kind), Subject: string(e.Subject),
			Reference: e.Reference, Counterparty: e.Counterparty, Note: e.Note, At: e.At.UnixMilli(),
		}
	}
	if next != 0 {
		response.NextCursor = encodeCursor(next)
	}
	return response, nil
}

// bound is an end of a range of times, zero where there is none.
func bound(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}

// TopUp implements walletapi.WalletService.
func (h *Wallet) TopUp(ctx context.Context, r *walletapi.FundingRequest) (*walletapi.FundingResponse, error) {
	return fundingResponse(h.Domain.TopUp(ctx, subject(ctx), r.RequestId, r.Amount, r.Currency))
}

// Withdraw implements walletapi.WalletService.
func (h *Wallet) Withdraw(ctx context.Context, r *walletapi.FundingRequest) (*walletapi.FundingResponse, error) {
	return fundingResponse(h.Domain.Withdraw(ctx, subject(ctx), r.RequestId, r.Amount, r.Currency))
}

// FundingCallback implements walletapi.WalletService.
func (h *Wallet) FundingCallback(
	ctx context.Context, r *walletapi.FundingCallbackRequest,
) (*walletapi.FundingCallbackResponse, error) {
	if h.Callbacks == nil {
		return nil, refusal.New(problem.CodeNotFound, "this installation has no funding provider that reports")
	}
	o, err := h.Callbacks.Callback(ctx, r.WebhookId, r.WebhookTimestamp, r.WebhookSignature, r.Body)
	if err != nil {
		return nil, err
	}
	return &walletapi.FundingCallbackResponse{Id: o.ID, State: string(o.State)}, nil
}

func fundingResponse(o wallet.FundingOrder, err error) (*walletapi.FundingResponse, error) {
	if err != nil {
		return nil, err
	}
	return &walletapi.FundingResponse{
		Id: o.ID, State: string(o.State), Balance: o.Balance, Currency: string(o.Amount.Currency),
	}, nil
}

// subject is who calls; the edge lets no call through without.
func subject(ctx context.Context) string {
	c, _ := auth.CallerFrom(ctx)
	return c.Subject
}
