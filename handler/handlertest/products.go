package handlertest

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func sampleTransfer() transfer.Transfer {
	at := time.UnixMilli(1_700_000_000_000)
	return transfer.Transfer{
		ID: 1<<62 + 1, Sender: "alice", To: "bob", Amount: ledger.Amount{Minor: 1000,
			Currency: "CNY"}, Note: "lunch", State: transfer.StateAccepted,
		ArrivesIn: transfer.ArrivesIn2, CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour), ArrivesAt: at.Add(
			2 * time.Hour), ChangedAt: at,
	}
}

func sampleCollection() collection.Collection {
	at := time.UnixMilli(1_700_000_000_000)
	return collection.Collection{
		ID: 1<<62 +
			2, Group: "g", Collector: "alice", Kind: collection.Even, Currency: "CNY", Total: 100, Due: 50,
		Collected: 50, Note: "dinner",
		State: collection.StateComplete, CreatedAt: at, RemindAt: at.Add(24 * time.Hour),
		Parts: []collection.Part{
			{Member: "alice", Minor: 50, State: collection.PartOwn, At: at},
			{Member: "bob", Minor: 50, State: collection.PartPaid, Claim: 1, Payment: 1<<62 + 3, At: at},
		},
	}
}

type transfers struct{ *Domain }

func (d transfers) one(user string) (transfer.Transfer, error) {
	_, err := d.asked(user, nil)
	return sampleTransfer(), err
}

func (d transfers) page(user string, before int64, limit int) ([]transfer.Transfer, error) {
	_, err := d.asked(user, func(s *State) { s.Before, s.Limit = before, limit })
	return []transfer.Transfer{sampleTransfer(), sampleTransfer()}[:min(limit, 2)], err
}

func (d transfers) Offer(_ context.Context, sender string, o transfer.Offer) (transfer.Transfer, error) {
	_, err := d.asked(sender, func(s *State) { s.Offer = o })
	return sampleTransfer(), err
}

func (d transfers) Accept(_ context.Context, user string, _ int64) (transfer.Transfer, error) {
	return d.one(user)
}

func (d transfers) Decline(_ context.Context, user string, _ int64) (transfer.Transfer, error) {
	return d.one(user)
}

func (d transfers) Recall(_ context.Context, user string, _ int64) (transfer.Transfer, error) {
	return d.one(user)
}

func (d transfers) Get(_ context.Context, user string, _ int64) (transfer.Transfer, error) {
	return d.one(user)
}

func (d transfers) Sent(_ context.Context, user string, before int64, limit int) ([]transfer.Transfer, error) {
	return d.page(user, before, limit)
}

func (d transfers) Received(_ context.Context, user string, before int64, limit int) ([]transfer.Transfer, error) {
	return d.page(user, before, limit)
}

type collections struct{ *Domain }

func (d collections) one(user string) (collection.Collection, error) {
	_, err := d.asked(user, nil)
	return sampleCollection(), err
}

func (d collections) page(user string, before int64, limit int) ([]collection.Line, error) {
	_, err := d.asked(user, func(s *State) { s.Before, s.Limit = before, limit })
	c := sampleCollection()
	line := collection.Line{Collection: c, Mine: c.Parts[1]}
	return []collection.Line{line, line}[:min(limit, 2)], err
}

func (d collections) Open(_ context.Context, collector string, b collection.Bill) (collection.Collection, error) {
	_, err := d.asked(collector, func(s *State) { s.Bill = b })
	return sampleCollection(), err
}

func (d collections) Pay(_ context.Context, user string, _, minor int64,
	currency string) (collection.Collection, error) {
	_, err := d.asked(user, func(s *State) {
		s.Paid = ledger.Amount{Minor: minor,
			Currency: ledger.Currency(currency)}
	})
	return sampleCollection(), err
}

func (d collections) Close(_ context.Context, user string, _ int64) (collection.Collection, error) {
	return d.one(user)
}

func (d collections) Get(_ context.Context, user string, _ int64) (collection.Collection, error) {
	return d.one(user)
}

func (d collections) OfGroup(_ context.Context, user, _ string, before int64, limit int) ([]collection.Line, error) {
	return d.page(user, before, limit)
}

func (d collections) Opened(_ context.Context, user string, before int64, limit int) ([]collection.Line, error) {
	return d.page(user, before, limit)
}

func (d collections) Asked(_ context.Context, user string, before int64, limit int) ([]collection.Line, error) {
	return d.page(user, before, limit)
}

// GoodOrder is the body of a request to send an envelope.
const GoodOrder = `{"request_id":"r1","group_id":"g","kind":"lucky","total":1000,"count":5,"currency":"CNY","greeting":"恭喜发财 <b>"}`

// SampleView is an envelope of which everything is taken.
func SampleView() envelope.View {
	at := time.UnixMilli(1_700_000_000_000)
	return envelope.View{
		Envelope: envelope.Envelope{
			ID: 1<<62 + 1, Group: "g", Sender: "alice", Kind: envelope.Lucky, Total: ledger.Amount{Minor: 1000,
				Currency: "CNY"},
			Count: 2, Greeting: "恭喜", CreatedAt: at, ExpiresAt: at.Add(time.Hour), Seed: envelope.Seed{0xab},
		},
		State: envelope.StateDrained, Best: 1, Commitment: "c0", Revealed: true,
		Taken: []envelope.Take{{User: "bob", Share: 0, Minor: 400, At: at},
			{User: "carol", Share: 1, Minor: 600, At: at}},
	}
}
