package stock

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/merchant"
)

// Types of the events that a merchant's servers hear of.
const (
	EventClaimed   = "cover.claimed"   // some pieces, together
	EventSoldOut   = "cover.sold_out"  // the last piece is gone
	EventWithdrawn = "cover.withdrawn" // pieces came back as money
)

// EventTypes are all that there are.
func EventTypes() []string { return []string{EventClaimed, EventSoldOut, EventWithdrawn} }

// channelClaims is how many pieces were claimed through a channel.
type channelClaims struct {
	Channel string `json:"channel_id"`
	Pieces  int64  `json:"pieces"`
}

// Events tell a merchant's servers what a settlement did to a stock, which is as it is afterwards.
func Events(done Settled, claims []Claim, at time.Time) ([]merchant.ServerEvent, error) {
	counts := map[int64]int64{}
	for _, c := range claims {
		counts[c.Channel]++
	}
	var channels []channelClaims
	for id, n := range counts {
		channels = append(channels, channelClaims{strconv.FormatInt(id, 10), n})
	}
	slices.SortFunc(channels, func(a, b channelClaims) int { return int(b.Pieces - a.Pieces) })
	var types []string
	if len(claims) > 0 {
		types = append(types, EventClaimed)
	}
	if done.Back > 0 {
		types = append(types, EventWithdrawn)
	}
	if done.Left() == 0 && (len(claims) > 0 || done.Back > 0) {
		types = append(types, EventSoldOut)
	}
	events := make([]merchant.ServerEvent, len(types))
	id := strconv.FormatInt(done.Cover, 10)
	for i, name := range types {
		data, err := json.Marshal(struct {
			Cover     string          `json:"cover_id"`
			Pieces    int             `json:"pieces"` // claimed at this time
			Channels  []channelClaims `json:"channels,omitempty"`
			Back      int64           `json:"pieces_withdrawn"` // at this time
			Bought    int64           `json:"bought"`
			Claimed   int64           `json:"claimed"`
			Withdrawn int64           `json:"withdrawn"`
			Left      int64           `json:"left"`
		}{id, len(claims), channels, done.Back, done.Bought, done.Claimed, done.Withdrawn, done.Left()})
		if err != nil {
			return nil, fmt.Errorf("encode an event of the stock of cover %s: %w", id, err)
		}
		events[i] = merchant.ServerEvent{Account: merchant.WebhookAccount(done.Merchant, done.Mode), Type: name,
			Object: "cover:" + id, Data: data, At: at}
	}
	return events, nil
}

// Changed is what a merchant's members hear live when pieces were claimed or withdrawn, or uses of the cover counted:
// the stock as it is afterwards.
func Changed(s Stock) ([]byte, error) {
	return json.Marshal(struct {
		Type      string `json:"type"`
		Cover     string `json:"cover_id"`
		Merchant  string `json:"merchant_id"`
		Bought    int64  `json:"bought"`
		Claimed   int64  `json:"claimed"`
		Withdrawn int64  `json:"withdrawn"`
		Left      int64  `json:"left"`
	}{"cover.stock_changed", strconv.FormatInt(s.Cover, 10), strconv.FormatInt(s.Merchant, 10), s.Bought, s.Claimed,
		s.Withdrawn, s.Left()})
}
