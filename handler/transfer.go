package handler

import (
	"context"

	"github.com/hongbao/hongbao/kitex_gen/transferapi"
	"github.com/hongbao/hongbao/transfer"
)

// TransferDomain is what Transfer needs of transfer.Service.
type TransferDomain interface {
	Offer(ctx context.Context, sender string, o transfer.Offer) (transfer.Transfer, error)
	Accept(ctx context.Context, user string, id int64) (transfer.Transfer, error)
	Decline(ctx context.Context, user string, id int64) (transfer.Transfer, error)
	Recall(ctx context.Context, user string, id int64) (transfer.Transfer, error)
	Get(ctx context.Context, user string, id int64) (transfer.Transfer, error)
	Sent(ctx context.Context, user string, before int64, limit int) ([]transfer.Transfer, error)
	Received(ctx context.Context, user string, before int64, limit int) ([]transfer.Transfer, error)
}

// Transfer is the Kitex TransferService.
type Transfer struct {
	Domain TransferDomain
}

var _ transferapi.TransferService = (*Transfer)(nil)

// Offer implements transferapi.TransferService.
func (h *Transfer) Offer(ctx context.Context, r *transferapi.OfferRequest) (*transferapi.Transfer, error) {
	return transferResponse(h.Domain.Offer(ctx, subject(ctx), transfer.Offer{
		RequestID: r.RequestId, To: r.To, Minor: r.Amount, Currency: r.Currency, Note: r.GetNote(),
		ArrivesIn: r.GetArrivesIn(),
	}))
}

// Accept implements transferapi.TransferService.
func (h *Transfer) Accept(ctx context.Context, r *transferapi.TransferRequest) (*transferapi.Transfer, error) {
	return transferResponse(h.Domain.Accept(ctx, subject(ctx), r.TransferId))
}

// Decline implements transferapi.TransferService.
func (h *Transfer) Decline(ctx context.Context, r *transferapi.TransferRequest) (*transferapi.Transfer, error) {
	return transferResponse(h.Domain.Decline(ctx, subject(ctx), r.TransferId))
}

// Recall implements transferapi.TransferService.
func (h *Transfer) Recall(ctx context.Context, r *transferapi.TransferRequest) (*transferapi.Transfer, error) {
	return transferResponse(h.Domain.Recall(ctx, subject(ctx), r.TransferId))
}

// GetTransfer implements transferapi.TransferService.
func (h *Transfer) GetTransfer(ctx context.Context, r *transferapi.TransferRequest) (*transferapi.Transfer, error) {
	return transferResponse(h.Domain.Get(ctx, subject(ctx), r.TransferId))
}

// SentTransfers implements transferapi.TransferService.
func (h *Transfer) SentTransfers(ctx context.Context,
	r *transferapi.TransfersRequest) (*transferapi.TransfersResponse, error) {
	return transfersResponse(ctx, r, h.Domain.Sent)
}

// ReceivedTransfers implements transferapi.TransferService.
func (h *Transfer) ReceivedTransfers(ctx context.Context,
	r *transferapi.TransfersRequest) (*transferapi.TransfersResponse, error) {
	return transfersResponse(ctx, r, h.Domain.Received)
}

func transfersResponse(ctx context.Context, r *transferapi.TransfersRequest,
	list func(context.Context, string, int64, int) ([]transfer.Transfer, error)) (
	*transferapi.TransfersResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	transfers, err := list(ctx, subject(ctx), before, limit+1)
	if err != nil {
		return nil, err
	}
	transfers, next := cut(transfers, limit, func(t transfer.Transfer) int64 { return t.ID })
	return &transferapi.TransfersResponse{Transfers: encodeAll(transfers, encodeTransfer), NextCursor: next}, nil
}

func transferResponse(t transfer.Transfer, err error) (*transferapi.Transfer, error) {
	if err != nil {
		return nil, err
	}
	return encodeTransfer(t), nil
}

func encodeTransfer(t transfer.Transfer) *transferapi.Transfer {
	encoded := &transferapi.Transfer{
		Id: t.ID, Sender: t.Sender, To: t.To, Amount: t.Amount.Minor, Currency: string(t.Amount.Currency), Note: t.Note,
		State: string(t.State), ArrivesIn: string(t.ArrivesIn), CreatedAt: t.CreatedAt.UnixMilli(),
		ExpiresAt: t.ExpiresAt.UnixMilli(), ChangedAt: t.ChangedAt.UnixMilli(),
	}
	if !t.ArrivesAt.IsZero() {
		encoded.ArrivesAt = t.ArrivesAt.UnixMilli()
	}
	return encoded
}
