package client

import (
	"context"
	"iter"

	"github.com/hongbao/hongbao/kitex_gen/stockapi"
)

// Stock calls the StockService. The requests and answers are those of idl/stock.thrift; a RequestId that is empty is
// made. Scope: user, for members of the merchant, or of its key; see Client.AsMerchant.
type Stock struct{ c *Client }

// Buy buys pieces of a cover.
func (s Stock) Buy(ctx context.Context, r *stockapi.BuyPiecesRequest) (*stockapi.PieceBatch, error) {
	return mutate(ctx, s.c, "Stock.Buy", s.c.shared.services.Stock.BuyPieces, r, &r.RequestId)
}

// Get returns what is left of a cover's pieces, with purchases, withdrawals and channels.
func (s Stock) Get(ctx context.Context, merchant, cover int64) (*stockapi.Stock, error) {
	return invoke(ctx, s.c, call{method: "Stock.Get"}, s.c.shared.services.Stock.GetStock,
		&stockapi.StockRequest{Id: merchant, CoverId: cover})
}

// Withdraw orders pieces back.
func (s Stock) Withdraw(ctx context.Context, r *stockapi.WithdrawPiecesRequest) (*stockapi.PieceWithdrawal, error) {
	return mutate(ctx, s.c, "Stock.Withdraw", s.c.shared.services.Stock.WithdrawPieces, r, &r.RequestId)
}

// Withdrawal returns a withdrawal.
func (s Stock) Withdrawal(ctx context.Context, merchant, cover, withdrawal int64) (*stockapi.PieceWithdrawal, error) {
	return invoke(ctx, s.c, call{method: "Stock.Withdrawal"}, s.c.shared.services.Stock.GetWithdrawal,
		&stockapi.WithdrawalRequest{Id: merchant, CoverId: cover, WithdrawalId: withdrawal})
}

// OpenChannel opens a way to a cover's pieces.
func (s Stock) OpenChannel(ctx context.Context, r *stockapi.OpenChannelRequest) (*stockapi.CoverChannel, error) {
	return mutate(ctx, s.c, "Stock.OpenChannel", s.c.shared.services.Stock.OpenChannel, r, &r.RequestId)
}

// CloseChannel ends a channel for ever.
func (s Stock) CloseChannel(ctx context.Context, merchant, cover, channel int64) (*stockapi.CoverChannel, error) {
	return invoke(ctx, s.c, call{method: "Stock.CloseChannel"}, s.c.shared.services.Stock.CloseChannel,
		&stockapi.ChannelRequest{Id: merchant, CoverId: cover, ChannelId: channel})
}

// MakeCodes makes codes that are good for one piece each. They are told once: a repetition of a call whose answer was
// lost tells none, and the codes of that call are known to nobody.
func (s Stock) MakeCodes(ctx context.Context, r *stockapi.MakeCodesRequest) ([]string, error) {
	made, err := mutate(ctx, s.c, "Stock.MakeCodes", s.c.shared.services.Stock.MakeCodes, r, &r.RequestId)
	return made.GetCodes(), err
}

// Grant gives a piece to each of the users.
func (s Stock) Grant(
	ctx context.Context, merchant, cover, channel int64, users ...string,
) ([]*stockapi.GrantedPiece, error) {
	granted, err := invoke(ctx, s.c, call{method: "Stock.Grant"}, s.c.shared.services.Stock.Grant,
		&stockapi.GrantRequest{Id: merchant, CoverId: cover, ChannelId: channel, Users: users})
	return granted.GetGranted(), err
}

// GrantForPayments gives a piece for each of the payments to who made it. It may be repeated.
func (s Stock) GrantForPayments(
	ctx context.Context, merchant, cover, channel int64, payments ...*stockapi.PaymentMade,
) ([]*stockapi.GrantedPiece, error) {
	granted, err := invoke(ctx, s.c, call{method: "Stock.GrantForPayments"},
		s.c.shared.services.Stock.GrantForPayments,
		&stockapi.GrantForPaymentsRequest{Id: merchant, CoverId: cover, ChannelId: channel, Payments: payments})
	return granted.GetGranted(), err
}

// Stats returns views and claims by hour and channel, and uses by hour. Times are Unix milliseconds.
func (s Stock) Stats(ctx context.Context, merchant, cover, from, to int64) (*stockapi.CoverStatsResponse, error) {
	return invoke(ctx, s.c, call{method: "Stock.Stats"}, s.c.shared.services.Stock.GetCoverStats,
		&stockapi.CoverStatsRequest{Id: merchant, CoverId: cover, From: from, To: to})
}

// Claim claims a piece of the cover that a code is for, for the user of the client's token.
func (s Stock) Claim(ctx context.Context, code string) (*stockapi.ClaimResponse, error) {
	return invoke(ctx, s.c, call{method: "Stock.Claim"}, s.c.shared.services.Stock.Claim,
		&stockapi.ClaimRequest{Code: code})
}

// CheckCode tells what a code is for, without claiming anything.
func (s Stock) CheckCode(ctx context.Context, code string) (*stockapi.CodeOffer, error) {
	return invoke(ctx, s.c, call{method: "Stock.CheckCode"}, s.c.shared.services.Stock.CheckCode,
		&stockapi.CheckCodeRequest{Code: code})
}

// Mine iterates over the covers that the user holds, the latest claim first.
func (s Stock) Mine(ctx context.Context) iter.Seq2[*stockapi.HeldCover, error] {
	return list(s.c, func(cursor *string, size *int32) (*stockapi.MyCoversResponse, error) {
		return invoke(ctx, s.c, call{method: "Stock.Mine"}, s.c.shared.services.Stock.MyCovers,
			&stockapi.MyCoversRequest{Cursor: cursor, Limit: size})
	}, (*stockapi.MyCoversResponse).GetCovers, same)
}
