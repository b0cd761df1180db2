package stock_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/merchant"
)

func TestTestChannelsFollowTheTestClock(t *testing.T) {
	const day = 24 * time.Hour
	r := newRig(t, nil)
	start, end := r.Clock.Now().Add(30*day), r.Clock.Now().Add(60*day)
	later := func(n *stock.NewChannel) { n.StartsAt, n.EndsAt = start, end }
	live, tried := r.cover(merchant.Live), r.cover(merchant.Test)
	codes := map[int64]string{}
	for _, id := range []int64{live, tried} {
		r.buy(id, 10)
		codes[id] = r.open(id, stock.KindLink, later).Code.String()
		r.claim("eve", codes[id], stock.NotStarted)
	}
	advance := func(by time.Duration) {
		m := apptest.Must(r.Merchants.AdvanceBy(r.ctx(), "dev", r.ID,
			merchant.Advance{RequestID: r.RequestID(), By: by}))
		apptest.Until(t, "the directory knows", func() bool {
			return apptest.Must(r.Covers.Entry(r.ctx(), tried)).Ahead == m.TestAhead
		})
	}
	advance(31 * day)
	h := r.claim("eve", codes[tried], stock.Claimed)
	if ahead := time.Until(h.ClaimedAt).Round(time.Hour); ahead != 31*day || h.UsableUntil.Sub(h.ClaimedAt) !=
		stock.DefaultRules().HoldFor {
		t.Errorf("the piece is claimed %v ahead, and usable until %v", ahead, h.UsableUntil)
	}
	apptest.Must(r.Stock.Check(r.ctx(), codes[tried]))
	r.claim("eve", codes[live], stock.NotStarted)
	advance(30 * day)
	r.claim("ann", codes[tried], stock.Ended)
	r.claim("eve", codes[live], stock.NotStarted)
	n := stock.NewChannel{RequestID: r.RequestID(), Kind: "link", Name: "over", EndsAt: end}
	_, err := r.Stock.OpenChannel(r.ctx(), dev, r.ID, tried, n)
	apptest.WantCode(t, "a channel that ended by the test clock", err, "invalid_argument")
	r.must(second(r.Stock.OpenChannel(r.ctx(), dev, r.ID, live, n)))

	r.wantStock(tried, 1, 0, 9)
	r.wantStock(live, 0, 0, 10)
	if known := apptest.Must(r.StockStore.Holding(r.ctx(), "eve", tried)); known != h {
		t.Errorf("what arrived is %+v, want %+v", known, h)
	}
	hours := apptest.Must(r.StockStore.Hours(r.ctx(), tried, start, end))
	var views, claims int64
	for _, hour := range hours {
		views, claims = views+hour.Views, claims+hour.Claims
	}
	if views != 1 || claims != 1 {
		t.Errorf("the statistics of the test clock have %d views and %d claims", views, claims)
	}
	entries := apptest.Must(r.Ledger.Entries(r.ctx(), stock.Revenue(merchant.Test), "CNY", 0, 10))
	if len(entries) != 1 || time.Until(entries[0].At) > time.Hour {
		t.Errorf("money follows the test clock: %+v", entries)
	}
	r.MustBalance()
}
