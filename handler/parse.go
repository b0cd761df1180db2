package handler

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// ParseEnvelope is the view that a client was given, as the domain knows it: for whoever checks a split.
func ParseEnvelope(e *envelopeapi.Envelope) (envelope.View, error) {
	amount, err := ledger.NewAmount(e.Total, e.Currency)
	if err != nil {
		return envelope.View{}, fmt.Errorf("envelope %d: %w", e.Id, err)
	}
	v := envelope.View{
		Envelope: envelope.Envelope{
			ID: e.Id, Group: e.GroupId, Sender: e.Sender, Kind: envelope.Kind(e.Kind), Total: amount, Count: int(
				e.Count),
			Greeting: e.Greeting, To: e.To, CreatedAt: time.UnixMilli(e.CreatedAt), ExpiresAt: time.UnixMilli(
				e.ExpiresAt),
		},
		State: envelope.State(e.State), Best: -1, Refunded: e.Refunded, Commitment: e.Commitment,
	}
	for i, t := range e.Taken {
		v.Taken = append(v.Taken, envelope.Take{User: t.UserId, Share: int(t.Share), Minor: t.Amount,
			At: time.UnixMilli(t.At)})
		if t.Best {
			v.Best = i
		}
	}
	if e.Seed == nil {
		return v, nil
	}
	seed, err := hex.DecodeString(*e.Seed)
	if err != nil || len(seed) != len(v.Seed) {
		return envelope.View{}, fmt.Errorf("envelope %d: the seed is not 32 bytes of hex", e.Id)
	}
	v.Seed, v.Revealed = envelope.Seed(seed), true
	return v, nil
}
