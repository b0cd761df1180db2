package handlertest

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// pieces is the Domain as a stock.Service.
type pieces struct{ *Domain }

func sampleBatch() stock.Batch {
	return stock.Batch{
		ID: 1<<62 + 11, Cover: 1<<62 + 9, Pieces: 10, Price: ledger.Amount{Minor: 100, Currency: "CNY"}, Claimed: 2,
		Withdrawn: 1, By: "alice", At: sampleCover().CreatedAt,
	}
}

func sampleChannel() stock.Channel {
	return stock.Channel{
		ID: 1<<62 + 12, Cover: 1<<62 + 9, Kind: stock.KindLink, Name: "door", Quota: 5,
		EndsAt: sampleCover().UsableUntil,
		Code:   stock.WithSecret(1<<62+12, []byte("0123456789")), Claimed: 2, By: "alice", At: sampleCover().CreatedAt,
	}
}

func sampleWithdrawal() stock.Withdrawal {
	return stock.Withdrawal{
		ID: 1<<62 + 13, Cover: 1<<62 + 9, Asked: 3, Pieces: 1, Done: true, By: "alice", At: sampleCover().CreatedAt,
	}
}

func (d pieces) Buy(_ context.Context, c cover.Caller, _, _ int64, p stock.Purchase) (stock.Batch, error) {
	_, err := d.asked(whoOf(c), func(s *State) { s.Purchase = p })
	return sampleBatch(), err
}

func (d pieces) Withdraw(_ context.Context, c cover.Caller, _, _ int64, _ string, _ int64) (stock.Withdrawal, error) {
	_, err := d.asked(whoOf(c), nil)
	return sampleWithdrawal(), err
}

func (d pieces) Withdrawal(_ context.Context, c cover.Caller, _, _, _ int64) (stock.Withdrawal, error) {
	_, err := d.asked(whoOf(c), nil)
	return sampleWithdrawal(), err
}

func (d pieces) Look(_ context.Context, c cover.Caller, _, id int64) (stock.Overview, error) {
	_, err := d.asked(whoOf(c), nil)
	return stock.Overview{
		Stock: stock.Stock{Cover: id, Bought: 10, Claimed: 2, Withdrawn: 1}, Lasts: time.Hour,
		Batches: []stock.Batch{sampleBatch()}, Withdrawals: []stock.Withdrawal{sampleWithdrawal()},
		Channels: []stock.Channel{sampleChannel()},
	}, err
}

func (d pieces) Stats(_ context.Context, c cover.Caller, _, _ int64, from, _ time.Time) (stock.Statistics, error) {
	_, err := d.asked(whoOf(c), nil)
	return stock.Statistics{
		Hours: []stock.Hour{{Channel: sampleChannel().ID, At: from, Views: 3, Claims: 2}},
		Uses:  []stock.Use{{At: from, Sent: 3, Opened: 2, Reached: 9}},
	}, err
}

func (d pieces) OpenChannel(
	_ context.Context, c cover.Caller, _, _ int64, n stock.NewChannel,
) (stock.Channel, error) {
	_, err := d.asked(whoOf(c), func(s *State) { s.Channel = n })
	return sampleChannel(), err
}

func (d pieces) CloseChannel(_ context.Context, c cover.Caller, _, _, _ int64) (stock.Channel, error) {
	_, err := d.asked(whoOf(c), nil)
	return sampleChannel(), err
}

func (d pieces) MakeCodes(
	_ context.Context, c cover.Caller, _, _, channel int64, _ string, count int,
) ([]stock.Code, error) {
	_, err := d.asked(whoOf(c), nil)
	codes := make([]stock.Code, max(0, min(count, 2)))
	for i := range codes {
		codes[i] = stock.NewCode(channel)
	}
	return codes, err
}

func (d pieces) Grant(_ context.Context, c cover.Caller, _, _, _ int64, users []string) ([]stock.Granted, error) {
	_, err := d.asked(whoOf(c), nil)
	granted := make([]stock.Granted, len(users))
	for i, user := range users {
		granted[i] = stock.Granted{User: user, Outcome: stock.Claimed}
	}
	return granted, err
}

func (d pieces) GrantForPayments(
	_ context.Context, c cover.Caller, _, _, _ int64, payments []stock.Payment,
) ([]stock.Granted, error) {
	_, err := d.asked(whoOf(c), nil)
	granted := make([]stock.Granted, len(payments))
	for i, p := range payments {
		granted[i] = stock.Granted{User: p.User, Outcome: stock.Claimed}
	}
	return granted, err
}

func sampleHolding(user string) stock.Holding {
	return stock.Holding{
		User: user, Cover: 1<<62 + 9, Channel: sampleChannel().ID, ClaimedAt: sampleCover().CreatedAt,
		UsableUntil: sampleCover().UsableUntil,
	}
}

func (d pieces) Claim(_ context.Context, user, _ string) (stock.Holding, stock.Outcome, error) {
	_, err := d.asked(user, nil)
	return sampleHolding(user), stock.Claimed, err
}

func (d pieces) Check(context.Context, string) (stock.Offer, error) {
	_, err := d.asked("", nil)
	return stock.Offer{Cover: cover.Entry{ID: 1<<62 + 9}, Kind: stock.KindLink}, err
}

func (d pieces) Mine(
	_ context.Context, user string, _ time.Time, limit int,
) (mine []stock.Held, next time.Time, err error) {
	_, err = d.asked(user, func(s *State) { s.Limit = limit })
	return []stock.Held{{Holding: sampleHolding(user), Usable: true}}, sampleCover().CreatedAt, err
}
