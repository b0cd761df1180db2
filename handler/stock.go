package handler

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/kitex_gen/stockapi"
)

// StockDomain is what Stock needs of stock.Service.
type StockDomain interface {
	Buy(ctx context.Context, by cover.Caller, of, id int64, p stock.Purchase) (stock.Batch, error)
	Withdraw(
		ctx context.Context, by cover.Caller, of, id int64, requestID string, pieces int64,
	) (stock.Withdrawal, error)
	Withdrawal(ctx context.Context, by cover.Caller, of, id, withdrawal int64) (stock.Withdrawal, error)
	Look(ctx context.Context, by cover.Caller, of, id int64) (stock.Overview, error)
	Stats(ctx context.Context, by cover.Caller, of, id int64, from, to time.Time) (stock.Statistics, error)
	OpenChannel(ctx context.Context, by cover.Caller, of, id int64, n stock.NewChannel) (stock.Channel, error)
	CloseChannel(ctx context.Context, by cover.Caller, of, id, channel int64) (stock.Channel, error)
	MakeCodes(
		ctx context.Context, by cover.Caller, of, id, channel int64, requestID string, count int,
	) ([]stock.Code, error)
	Grant(ctx context.Context, by cover.Caller, of, id, channel int64, users []string) ([]stock.Granted, error)
	GrantForPayments(
		ctx context.Context, by cover.Caller, of, id, channel int64, payments []stock.Payment,
	) ([]stock.Granted, error)
	Claim(ctx context.Context, user, code string) (stock.Holding, stock.Outcome, error)
	Check(ctx context.Context, code string) (stock.Offer, error)
	Mine(ctx context.Context, user string, before time.Time, limit int) (mine []stock.Held, next time.Time, err error)
}

// Stock is the Kitex StockService.
type Stock struct{ Domain StockDomain }

var _ stockapi.StockService = (*Stock)(nil)

// BuyPieces implements stockapi.StockService.
func (h *Stock) BuyPieces(ctx context.Context, r *stockapi.BuyPiecesRequest) (*stockapi.PieceBatch, error) {
	b, err := h.Domain.Buy(ctx, coverCaller(ctx), r.Id, r.CoverId, stock.Purchase{
		RequestID: r.RequestId, Pieces: r.Pieces, Wallet: r.Wallet, Currency: r.Currency,
	})
	if err != nil {
		return nil, err
	}
	return encodeBatch(b), nil
}

// GetStock implements stockapi.StockService.
func (h *Stock) GetStock(ctx context.Context, r *stockapi.StockRequest) (*stockapi.Stock, error) {
	o, err := h.Domain.Look(ctx, coverCaller(ctx), r.Id, r.CoverId)
	if err != nil {
		return nil, err
	}
	return &stockapi.Stock{
		Bought: o.Bought, Claimed: o.Claimed, Withdrawn: o.Withdrawn, Left: o.Left(), LastsMs: o.Lasts.Milliseconds(),
		Batches: encodeAll(o.Batches, encodeBatch), Withdrawals: encodeAll(o.Withdrawals, encodeWithdrawal),
		Channels: encodeAll(o.Channels, encodeChannel),
	}, nil
}

// WithdrawPieces implements stockapi.StockService.
func (h *Stock) WithdrawPieces(
	ctx context.Context, r *stockapi.WithdrawPiecesRequest,
) (*stockapi.PieceWithdrawal, error) {
	return withdrawalResponse(h.Domain.Withdraw(ctx, coverCaller(ctx), r.Id, r.CoverId, r.RequestId, r.Pieces))
}

// GetWithdrawal implements stockapi.StockService.
func (h *Stock) GetWithdrawal(
	ctx context.Context, r *stockapi.WithdrawalRequest,
) (*stockapi.PieceWithdrawal, error) {
	return withdrawalResponse(h.Domain.Withdrawal(ctx, coverCaller(ctx), r.Id, r.CoverId, r.WithdrawalId))
}

// OpenChannel implements stockapi.StockService.
func (h *Stock) OpenChannel(ctx context.Context, r *stockapi.OpenChannelRequest) (*stockapi.CoverChannel, error) {
	return channelResponse(h.Domain.OpenChannel(ctx, coverCaller(ctx), r.Id, r.CoverId, stock.NewChannel{
		RequestID: r.RequestId, Kind: r.Kind, Name: r.Name, Quota: r.GetQuota(), StartsAt: bound(r.StartsAt),
		EndsAt: bound(r.EndsAt),
	}))
}

// CloseChannel implements stockapi.StockService.
func (h *Stock) CloseChannel(ctx context.Context, r *stockapi.ChannelRequest) (*stockapi.CoverChannel, error) {
	return channelResponse(h.Domain.CloseChannel(ctx, coverCaller(ctx), r.Id, r.CoverId, r.ChannelId))
}

// MakeCodes implements stockapi.StockService.
func (h *Stock) MakeCodes(ctx context.Context, r *stockapi.MakeCodesRequest) (*stockapi.CodesResponse, error) {
	codes, err := h.Domain.MakeCodes(ctx, coverCaller(ctx), r.Id, r.CoverId, r.ChannelId, r.RequestId, int(r.Count))
	if err != nil {
		return nil, err
	}
	return &stockapi.CodesResponse{Codes: encodeAll(codes, stock.Code.String)}, nil
}

// Grant implements stockapi.StockService.
func (h *Stock) Grant(ctx context.Context, r *stockapi.GrantRequest) (*stockapi.GrantResponse, error) {
	return grantResponse(h.Domain.Grant(ctx, coverCaller(ctx), r.Id, r.CoverId, r.ChannelId, r.Users))
}

// GrantForPayments implements stockapi.StockService.
func (h *Stock) GrantForPayments(
	ctx context.Context, r *stockapi.GrantForPaymentsRequest,
) (*stockapi.GrantResponse, error) {
	payments := make([]stock.Payment, len(r.Payments))
	for i, p := range r.Payments {
		payments[i] = stock.Payment{ID: p.PaymentId, User: p.UserId}
	}
	return grantResponse(h.Domain.GrantForPayments(ctx, coverCaller(ctx), r.Id, r.CoverId, r.ChannelId, payments))
}

func grantResponse(granted []stock.Granted, err error) (*stockapi.GrantResponse, error) {
	if err != nil {
		return nil, err
	}
	return &stockapi.GrantResponse{Granted: encodeAll(granted, func(g stock.Granted) *stockapi.GrantedPiece {
		return &stockapi.GrantedPiece{UserId: g.User, Outcome: string(g.Outcome)}
	})}, nil
}

// GetCoverStats implements stockapi.StockService.
func (h *Stock) GetCoverStats(
	ctx context.Context, r *stockapi.CoverStatsRequest,
) (*stockapi.CoverStatsResponse, error) {
	found, err := h.Domain.Stats(ctx, coverCaller(ctx), r.Id, r.CoverId, time.UnixMilli(r.From), time.UnixMilli(r.To))
	if err != nil {
		return nil, err
	}
	return &stockapi.CoverStatsResponse{
		Hours: encodeAll(found.Hours, func(h stock.Hour) *stockapi.CoverHour {
			return &stockapi.CoverHour{At: h.At.UnixMilli(), ChannelId: h.Channel, Views: h.Views, Claims: h.Claims}
		}),
		Uses: encodeAll(found.Uses, func(u stock.Use) *stockapi.CoverUse {
			return &stockapi.CoverUse{At: u.At.UnixMilli(), Sent: u.Sent, Opened: u.Opened, Reached: u.Reached}
		}),
	}, nil
}

// Claim implements stockapi.StockService.
func (h *Stock) Claim(ctx context.Context, r *stockapi.ClaimRequest) (*stockapi.ClaimResponse, error) {
	held, outcome, err := h.Domain.Claim(ctx, subject(ctx), r.Code)
	if err != nil {
		return nil, err
	}
	return &stockapi.ClaimResponse{
		Outcome: string(outcome), CoverId: held.Cover, ClaimedAt: unixMilli(held.ClaimedAt),
		UsableUntil: unixMilli(held.UsableUntil),
	}, nil
}

// CheckCode implements stockapi.StockService.
func (h *Stock) CheckCode(ctx context.Context, r *stockapi.CheckCodeRequest) (*stockapi.CodeOffer, error) {
	o, err := h.Domain.Check(ctx, r.Code)
	if err != nil {
		return nil, err
	}
	return &stockapi.CodeOffer{CoverId: o.Cover.ID, Kind: string(o.Kind), Used: o.Used}, nil
}

// MyCovers implements stockapi.StockService. The cursor is the time of the last claim.
func (h *Stock) MyCovers(ctx context.Context, r *stockapi.MyCoversRequest) (*stockapi.MyCoversResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	var until time.Time
	if before > 0 {
		until = time.UnixMilli(before)
	}
	mine, next, err := h.Domain.Mine(ctx, subject(ctx), until, limit)
	if err != nil {
		return nil, err
	}
	response := &stockapi.MyCoversResponse{Covers: encodeAll(mine, func(h stock.Held) *stockapi.HeldCover {
		return &stockapi.HeldCover{
			CoverId: h.Cover, ClaimedAt: h.ClaimedAt.UnixMilli(), UsableUntil: h.UsableUntil.UnixMilli(),
			Usable: h.Usable,
		}
	})}
	if !next.IsZero() {
		response.NextCursor = encodeCursor(next.UnixMilli())
	}
	return response, nil
}

func encodeBatch(b stock.Batch) *stockapi.PieceBatch {
	return &stockapi.PieceBatch{
		Id: b.ID, Pieces: b.Pieces, Price: b.Price.Minor, Currency: string(b.Price.Currency), Claimed: b.Claimed,
		Withdrawn: b.Withdrawn, By: b.By, At: b.At.UnixMilli(),
	}
}

func withdrawalResponse(w stock.Withdrawal, err error) (*stockapi.PieceWithdrawal, error) {
	if err != nil {
		return nil, err
	}
	return encodeWithdrawal(w), nil
}

func encodeWithdrawal(w stock.Withdrawal) *stockapi.PieceWithdrawal {
	return &stockapi.PieceWithdrawal{
		Id: w.ID, Asked: w.Asked, Pieces: w.Pieces, Done: w.Done, By: w.By, At: w.At.UnixMilli(),
	}
}

func channelResponse(c stock.Channel, err error) (*stockapi.CoverChannel, error) {
	if err != nil {
		return nil, err
	}
	return encodeChannel(c), nil
}

func encodeChannel(c stock.Channel) *stockapi.CoverChannel {
	return &stockapi.CoverChannel{
		Id: c.ID, Kind: string(c.Kind), Name: c.Name, Quota: c.Quota, StartsAt: unixMilli(c.StartsAt),
		EndsAt: unixMilli(c.EndsAt), Closed: c.Closed, Code: c.Code.String(), Codes: c.Codes, Claimed: c.Claimed,
		By: c.By, At: c.At.UnixMilli(),
	}
}
