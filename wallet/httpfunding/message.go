package httpfunding

import (
	"encoding/json"
	"errors"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Types of messages.
const (
	typeCreate  = "funding.create"
	typeQuery   = "funding.query"
	typeOrder   = "funding.order"
	typeUnknown = "funding.unknown"
	typeDecided = "funding.decided"
)

// maxMessage bounds what is read of the bank, in bytes. A message has about 200.
const maxMessage = 16 << 10

// message is what travels, either way.
type message struct {
	Type  string `json:"type"`
	Order order  `json:"order"`
	Error string `json:"error,omitempty"`
}

type order struct {
	ID       int64               `json:"id,string"`
	Kind     ledger.EntryKind    `json:"kind"`
	User     string              `json:"user"`
	Amount   int64               `json:"amount"` // minor units
	Currency ledger.Currency     `json:"currency"`
	State    wallet.FundingState `json:"state,omitempty"`
}

func orderOf(o wallet.FundingOrder) order {
	return order{ID: o.ID, Kind: o.Kind, User: o.User, Amount: o.Amount.Minor, Currency: o.Amount.Currency}
}

func (o order) report() wallet.FundingReport {
	amount := ledger.Amount{Minor: o.Amount, Currency: o.Currency}
	return wallet.FundingReport{ID: o.ID, User: o.User, Kind: o.Kind, Amount: amount, State: o.State}
}

var errMalformed = errors.New("httpfunding: the message is not one of this protocol")

// parse reads a message. What it does not know in it is skipped, so that a bank may add to it.
func parse(body []byte) (message, error) {
	var m message
	if err := json.Unmarshal(body, &m); err != nil || m.Type == "" {
		return message{}, errMalformed
	}
	return m, nil
}
