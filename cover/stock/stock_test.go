package stock_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

func TestLifeOfAPiece(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	b := r.buy(id, 5)
	if again := apptest.Must(r.Stock.Buy(r.ctx(), fin, r.ID, id, stock.Purchase{RequestID: "request-x", Pieces: 3,
		Wallet: "marketing", Currency: "CNY"})); again.ID == b.ID {
		t.Error("two purchases are one")
	}
	r.wantStock(id, 0, 0, 8)
	r.WantBalances(map[string]int64{r.marketing(): funds - 800, stock.Revenue(merchant.Live): 0})

	code := r.open(id, stock.KindLink, nil).Code.String()
	far := r.Elsewhere("ann")
	first := r.claim("ann", code, stock.Claimed)
	r.claim(far, strings.ToLower(strings.ReplaceAll(code, "-", " ")), stock.Claimed)
	if again := r.claim("ann", code, stock.AlreadyHeld); again != first {
		t.Errorf("the same claim is %+v, was %+v", again, first)
	}
	r.must(r.Stock.CheckUse(r.ctx(), far, id)) // before it is settled
	r.wantStock(id, 2, 0, 6)
	r.must(r.Stock.CheckUse(r.ctx(), far, id))
	apptest.WantCode(t, "somebody without", r.Stock.CheckUse(r.ctx(), "eve", id), stock.CodeNotHeld)
	r.WantBalances(map[string]int64{r.marketing(): funds - 800, stock.Revenue(merchant.Live): 200})
	mine, _, err := r.Stock.Mine(r.ctx(), far, time.Time{}, 10)
	if err != nil || len(mine) != 1 || !mine[0].Usable || mine[0].Cover != id ||
		mine[0].UsableUntil.Sub(mine[0].ClaimedAt) != stock.DefaultRules().HoldFor {
		t.Errorf("%s holds %+v, %v", far, mine, err)
	}

	w := apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, "back", 4))
	if again := apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, "back", 4)); again.ID != w.ID {
		t.Error("the same order is another one")
	}
	r.wantStock(id, 2, 4, 2)
	r.WantBalances(map[string]int64{r.marketing(): funds - 400})
	all := apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 100))
	r.wantStock(id, 2, 6, 0)
	if w := apptest.Must(r.Stock.Withdrawal(r.ctx(), vic, r.ID, id, all.ID)); !w.Done || w.Pieces != 2 {
		t.Errorf("%+v", w)
	}
	_, err = r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 1)
	apptest.WantCode(t, "withdraw nothing", err, stock.CodeInsufficient)
	r.claim("late", code, stock.SoldOut)
	r.claim("-", code, stock.SoldOut)
	r.WantBalances(map[string]int64{r.marketing(): funds - 200, stock.Revenue(merchant.Live): 200})
	r.MustBalance()
}

var claimers = flag.Int("claimers", 400, "how many race for a fifth as many pieces")

// As many people as are told race for a fifth as many pieces, each by two ways at once. At full size:
//
//	go test -run TestNeverMoreThanTheStock ./cover/stock -claimers 50000
func TestNeverMoreThanTheStock(t *testing.T) {
	r := newRig(t, nil)
	pieces := int64(*claimers / 5)
	r.TopUp(r.marketing(), pieces*100)
	id, code := r.linked(pieces)
	other := r.open(id, stock.KindLink, nil).Code.String()
	var mu sync.Mutex
	claimed := map[string]int{}
	outcomes := map[stock.Outcome]int{}
	var all sync.WaitGroup
	room := make(chan struct{}, 200)
	for i := range *claimers {
		for _, code := range []string{code, other} {
			room <- struct{}{}
			all.Go(func() {
				defer func() { <-room }()
				user := fmt.Sprintf("user-%d", i)
				_, outcome, err := r.Stock.Claim(r.ctx(), user, code)
				if err != nil {
					t.Errorf("%s: %v", user, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if outcomes[outcome]++; outcome == stock.Claimed {
					claimed[user]++
				}
			})
		}
	}
	all.Wait()
	if int64(len(claimed)) != pieces || int64(outcomes[stock.Claimed]) != pieces ||
		outcomes[stock.SoldOut]+outcomes[stock.AlreadyHeld]+outcomes[stock.Claimed] != 2**claimers {
		t.Errorf("%d users have %v of %d pieces", len(claimed), outcomes, pieces)
	}
	r.wantStock(id, pieces, 0, 0)
	r.MustBalance()
	for user := range claimed {
		if _, err := r.StockStore.Holding(r.ctx(), user, id); err != nil {
			t.Fatalf("%s claimed and holds nothing: %v", user, err)
		}
	}
}

func TestCodesAreGoodOnce(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	r.buy(id, 10)
	channel := r.open(id, stock.KindCodes, nil)
	codes := apptest.Must(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, channel.ID, "codes", 3))
	if again := apptest.Must(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, channel.ID, "codes", 3)); len(again) > 0 {
		t.Error("codes were told twice")
	}
	r.claim("bob", codes[0].String(), stock.Claimed)
	r.claim("bob", codes[0].String(), stock.AlreadyHeld)
	r.claim("bob", codes[1].String(), stock.AlreadyHeld) // and the code is still good
	_, _, err := r.Stock.Claim(r.ctx(), "eve", codes[0].String())
	apptest.WantCode(t, "used by another", err, stock.CodeClaimUsed)
	r.claim("eve", codes[1].String(), stock.Claimed)
	for what, code := range map[string]string{
		"made up":           stock.NewCode(channel.ID).String(),
		"of no channel":     stock.NewCode(channel.ID + 1<<20).String(),
		"not a code":        "hello",
		"too long":          strings.Repeat("A", 1000),
		"a character short": codes[2].String()[1:],
	} {
		_, _, err := r.Stock.Claim(r.ctx(), "zoe", code)
		apptest.WantCode(t, what, err, stock.CodeClaimUnknown)
		_, err = r.Stock.Check(r.ctx(), code)
		apptest.WantCode(t, what+", checked", err, stock.CodeClaimUnknown)
	}
	r.wantStock(id, 2, 0, 8)
	for i, used := range []bool{true, true, false} {
		offer := apptest.Must(r.Stock.Check(r.ctx(), codes[i].String()))
		if offer.Used != used || offer.Cover.ID != id || offer.Kind != stock.KindCodes {
			t.Errorf("code %d is %+v", i, offer)
		}
	}
	r.MustBalance()
}

// The most codes that can be made at once are all different, and each is good. How long they take is printed.
func TestTheMostCodesAtOnce(t *testing.T) {
	r := newRig(t, nil)
	r.TopUp(merchant.Account(r.ID, merchant.Live, merchant.Marketing), stock.MaxCodes*100)
	id := r.cover(merchant.Live)
	r.buy(id, stock.MaxCodes)
	channel := r.open(id, stock.KindCodes, nil)
	began := time.Now()
	codes := apptest.Must(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, channel.ID, "codes", stock.MaxCodes))
	t.Logf("%d codes were made in %v", len(codes), time.Since(began))
	different := map[string]bool{}
	for _, c := range codes {
		different[c.String()] = true
	}
	if len(different) != stock.MaxCodes {
		t.Errorf("%d different codes", len(different))
	}
	r.claim("first", codes[0].String(), stock.Claimed)
	r.claim("last", codes[len(codes)-1].String(), stock.Claimed)
}

func TestChannelsHaveQuotasAndTimes(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	r.buy(id, 10)
	two := r.open(id, stock.KindLink, func(n *stock.NewChannel) { n.Quota = 2 })
	later := r.open(id, stock.KindLink, func(n *stock.NewChannel) { n.StartsAt = time.Now().Add(time.Hour) })
	short := r.open(id, stock.KindLink, func(n *stock.NewChannel) {
		n.Quota, n.EndsAt = 1, time.Now().Add(time.Second)
	})
	grant := r.open(id, stock.KindGrant, nil)
	r.claim("a", two.Code.String(), stock.Claimed)
	r.claim("b", two.Code.String(), stock.Claimed)
	r.claim("c", two.Code.String(), stock.QuotaSpent)
	r.claim("a", two.Code.String(), stock.AlreadyHeld)
	r.claim("c", later.Code.String(), stock.NotStarted)
	apptest.Until(t, "the channel's time is over", func() bool {
		_, outcome, err := r.Stock.Claim(r.ctx(), "a-"+r.RequestID(), short.Code.String())
		return err == nil && outcome == stock.Ended
	})
	granted := apptest.Must(r.Stock.Grant(r.ctx(), dev, r.ID, id, grant.ID, []string{"a", "d", "d"}))
	var got []stock.Outcome
	for _, g := range granted {
		got = append(got, g.Outcome)
	}
	slices.Sort(got) // two of them go at the same time
	if want := []stock.Outcome{stock.AlreadyHeld, stock.AlreadyHeld, stock.Claimed}; !slices.Equal(got, want) {
		t.Errorf("granted %v", granted)
	}
	_, _, err := r.Stock.Claim(r.ctx(), "e", stock.WithSecret(grant.ID, make([]byte, 10)).String())
	apptest.WantCode(t, "a code of a channel for grants", err, stock.CodeClaimUnknown)
	apptest.Must(r.Stock.CloseChannel(r.ctx(), dev, r.ID, id, two.ID))
	r.claim("c", two.Code.String(), stock.Ended)
	apptest.Must(r.Stock.CloseChannel(r.ctx(), dev, r.ID, id, two.ID))
	r.MustBalance()
}

// A payment gives its piece once: to who made it, whoever names it again, and also after Redis forgot.
func TestAPaymentGivesOnePiece(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	r.buy(id, 10)
	channel := r.open(id, stock.KindPayment, func(n *stock.NewChannel) { n.Quota = 3 })
	want := func(what string, payments []stock.Payment, want ...stock.Outcome) {
		t.Helper()
		granted := apptest.Must(r.Stock.GrantForPayments(r.ctx(), dev, r.ID, id, channel.ID, payments))
		for i, g := range granted {
			if g.User != payments[i].User || g.Outcome != want[i] {
				t.Errorf("%s: %v, want %v", what, g, want[i])
			}
		}
	}
	want("two payments", []stock.Payment{{ID: "order-1", User: "ann"}, {ID: "order-2", User: "bob"}},
		stock.Claimed, stock.Claimed)
	want("told again", []stock.Payment{{ID: "order-1", User: "ann"}}, stock.AlreadyHeld)
	want("for somebody else", []stock.Payment{{ID: "order-1", User: "eve"}}, stock.UsedCode)
	want("another payment of the same user", []stock.Payment{{ID: "order-3", User: "ann"}}, stock.AlreadyHeld)
	r.wantStock(id, 2, 0, 8)
	r.must(r.CoverPots.Drop(r.ctx(), id))
	r.keep()
	want("after Redis forgot", []stock.Payment{{ID: "order-2", User: "eve"}}, stock.UsedCode)
	want("the last of the quota", []stock.Payment{{ID: "order-3", User: "eve"}}, stock.Claimed)
	want("over the quota", []stock.Payment{{ID: "order-4", User: "joe"}}, stock.QuotaSpent)
	_, _, err := r.Stock.Claim(r.ctx(), "joe", stock.NewCode(channel.ID).String())
	apptest.WantCode(t, "a code of a channel for payments", err, stock.CodeClaimUnknown)
	r.MustBalance()
}

// Two tills that name one payment for two users at once give one piece.
func TestOnePaymentAtTwoTills(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	r.buy(id, 100)
	channel := r.open(id, stock.KindPayment, nil)
	payments := make([]stock.Payment, 50)
	for i := range payments {
		payments[i] = stock.Payment{ID: "order", User: fmt.Sprint("user-", i)}
	}
	granted := apptest.Must(r.Stock.GrantForPayments(r.ctx(), dev, r.ID, id, channel.ID, payments))
	got := map[stock.Outcome]int{}
	for _, g := range granted {
		got[g.Outcome]++
	}
	if got[stock.Claimed] != 1 || got[stock.UsedCode] != 49 {
		t.Errorf("got %v", got)
	}
	r.MustBalance()
}

func TestFrozenCoversGiveNothing(t *testing.T) {
	r := newRig(t, nil)
	id, code := r.linked(10)
	r.claim("bob", code, stock.Claimed)
	r.decide(id, cover.Freeze)
	_, _, err := r.Stock.Claim(r.ctx(), "eve", code)
	apptest.WantCode(t, "claim", err, cover.CodeFrozen)
	apptest.WantCode(t, "use", r.Stock.CheckUse(r.ctx(), "bob", id), cover.CodeFrozen)
	_, err = r.Stock.Buy(r.ctx(), fin, r.ID, id, r.purchase(1))
	apptest.WantCode(t, "buy", err, cover.CodeFrozen)
	apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 4)) // the money is theirs
	r.decide(id, cover.Restore)
	r.claim("eve", code, stock.Claimed)
	r.wantStock(id, 2, 4, 4)
	r.decide(id, cover.Freeze)
	r.decide(id, cover.TakeDown)
	r.keep() // orders it back
	r.keep()
	r.wantStock(id, 2, 8, 0) // what was left came back as money
	r.WantBalances(map[string]int64{r.marketing(): funds - 200})
	if mine, _, err := r.Stock.Mine(r.ctx(), "bob", time.Time{}, 10); err != nil || len(mine) > 0 {
		t.Errorf("a cover that was taken down is shown: %v, %v", mine, err)
	}
	r.MustBalance()
}

func TestRefusedOrdersMoveNothing(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	draft := apptest.Must(r.Covers.Create(r.ctx(), ann, r.ID, "live", r.RequestID(), cover.Design{
		Name: "x", Face: r.face, Colour: "#c8102e", Accent: "#ffd700"}))
	r.buy(id, 1)
	link := r.open(id, stock.KindLink, nil)
	key := func(mode merchant.Mode, p ...merchant.Permission) cover.Caller {
		s := merchant.Session{Merchant: r.ID, Key: 7, Mode: mode, Permissions: p}
		return cover.Caller{Subject: s.Account(), Session: &s}
	}
	buy := func(by cover.Caller, id int64, change func(*stock.Purchase)) error {
		p := r.purchase(2)
		if change != nil {
			change(&p)
		}
		_, err := r.Stock.Buy(r.ctx(), by, r.ID, id, p)
		return err
	}
	open := func(by cover.Caller, change func(*stock.NewChannel)) error {
		n := stock.NewChannel{RequestID: r.RequestID(), Kind: "link", Name: "x"}
		if change != nil {
			change(&n)
		}
		_, err := r.Stock.OpenChannel(r.ctx(), by, r.ID, id, n)
		return err
	}
	const invalid = refusal.CodeInvalidArgument
	pay := func(channel int64, payments ...stock.Payment) error {
		return second(r.Stock.GrantForPayments(r.ctx(), dev, r.ID, id, channel, payments))
	}
	for _, c := range []struct {
		what string
		err  error
		code string
	}{
		{"a developer buys", buy(dev, id, nil), merchant.CodeRoleMissing},
		{"a viewer buys", buy(vic, id, nil), merchant.CodeRoleMissing},
		{"a stranger buys", buy(eve, id, nil), cover.CodeNotFound},
		{"a key without the permission", buy(key(merchant.Live, merchant.CoverGive), id, nil),
			merchant.CodePermissionMissing},
		{"a key of tests", buy(key(merchant.Test, merchant.CoverStock), id, nil), merchant.CodeModeMismatch},
		{"of a draft", buy(fin, draft.ID, nil), cover.CodeNotApproved},
		{"of no cover", buy(fin, 12345, nil), cover.CodeNotFound},
		{"no pieces", buy(fin, id, func(p *stock.Purchase) { p.Pieces = 0 }), invalid},
		{"too many", buy(fin, id, func(p *stock.Purchase) { p.Pieces = stock.MaxPieces + 1 }), invalid},
		{"another wallet", buy(fin, id, func(p *stock.Purchase) { p.Wallet = "x" }), invalid},
		{"yen", buy(fin, id, func(p *stock.Purchase) { p.Currency = "JPY" }), refusal.CodeUnknownCurrency},
		{"without the money", buy(fin, id, func(p *stock.Purchase) { p.Pieces = 5000 }), "insufficient_balance"},
		{"a viewer opens", open(vic, nil), merchant.CodeRoleMissing},
		{"another kind", open(dev, func(n *stock.NewChannel) { n.Kind = "x" }), invalid},
		{"no name", open(dev, func(n *stock.NewChannel) { n.Name = "" }), invalid},
		{"a quota below zero", open(dev, func(n *stock.NewChannel) { n.Quota = -1 }), invalid},
		{"ended", open(dev, func(n *stock.NewChannel) { n.EndsAt = time.Now().Add(-time.Hour) }), invalid},
		{"codes of a link", second(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, link.ID, r.RequestID(), 1)), invalid},
		{"no codes", second(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, link.ID, r.RequestID(), 0)), invalid},
		{"grants through a link", second(r.Stock.Grant(r.ctx(), dev, r.ID, id, link.ID, []string{"a"})), invalid},
		{"to nobody", second(r.Stock.Grant(r.ctx(), dev, r.ID, id, link.ID, nil)), invalid},
		{"payments through a link", pay(link.ID, stock.Payment{ID: "o", User: "a"}), invalid},
		{"no payments", pay(link.ID), invalid},
		{"a payment without a number", pay(link.ID, stock.Payment{User: "a"}), invalid},
		{"a payment of no id", pay(link.ID, stock.Payment{ID: "o", User: "a b"}), invalid},
		{"to no id", second(r.Stock.Grant(r.ctx(), dev, r.ID, id, link.ID, []string{"a b"})), invalid},
		{"no such channel", second(r.Stock.CloseChannel(r.ctx(), dev, r.ID, id, 99)), stock.CodeChannelNotFound},
		{"withdraw none", second(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 0)), invalid},
		{"a developer withdraws", second(r.Stock.Withdraw(r.ctx(), dev, r.ID, id, r.RequestID(), 1)),
			merchant.CodeRoleMissing},
		{"no time", second(r.Stock.Stats(r.ctx(), vic, r.ID, id, time.Time{}, time.Time{})), invalid},
	} {
		apptest.WantCode(t, c.what, c.err, c.code)
	}
	r.must(buy(key(merchant.Live, merchant.CoverStock), id, nil))
	r.wantStock(id, 0, 0, 3)
	r.WantBalances(map[string]int64{r.marketing(): funds - 300})
	r.MustBalance()
}

func TestSendingWithACover(t *testing.T) {
	r := newRig(t, nil)
	id, code := r.linked(2)
	r.claim("ann", code, stock.Claimed)
	send := func(sender, request string) (envelope.View, error) {
		return r.Envelopes.Send(r.ctx(), sender, envelope.Order{
			RequestID: request, Group: "g", Kind: "equal", Total: 100, Count: 1, Currency: "CNY", Cover: id,
		})
	}
	first := apptest.Must(send("ann", "with"))
	if seen := apptest.Must(r.Envelopes.Get(r.ctx(), "eve", first.ID)); first.Cover != id || seen.Cover != id {
		t.Errorf("sent with %d, seen with %d, want %d", first.Cover, seen.Cover, id)
	}
	_, err := send("eve", "without")
	apptest.WantCode(t, "without a piece", err, stock.CodeNotHeld)
	r.decide(id, cover.Freeze)
	_, err = send("ann", "frozen")
	apptest.WantCode(t, "frozen", err, cover.CodeFrozen)
	if again := apptest.Must(send("ann", "with")); again.ID != first.ID {
		t.Error("a repeated order is another one")
	}
	r.decide(id, cover.TakeDown)
	if g := apptest.Must(r.Envelopes.Grab(r.ctx(), "eve", first.ID)); g.Outcome != envelope.Won {
		t.Errorf("the envelope of a cover that was taken down: %+v", g)
	}
	r.Clock.Skip(stock.DefaultRules().HoldFor)
	_, err = send("ann", "late")
	apptest.WantCode(t, "taken down", err, cover.CodeNotFound)
	r.MustBalance()
}

func TestTestsHaveTheirOwnMoney(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Test)
	r.buy(id, 2)
	r.claim("bob", r.open(id, stock.KindLink, nil).Code.String(), stock.Claimed)
	r.wantStock(id, 1, 0, 1)
	r.WantBalances(map[string]int64{
		r.marketing(): funds, merchant.Account(r.ID, merchant.Test, merchant.Marketing): funds - 200,
		stock.Revenue(merchant.Live): 0, stock.Revenue(merchant.Test): 100,
	})
	apptest.WantCode(t, "sent", r.Stock.CheckUse(r.ctx(), "bob", id), stock.CodeOfTests)
	r.MustBalance()
}

func TestStatisticsAreExact(t *testing.T) {
	r := newRig(t, nil)
	id, code := r.linked(10)
	for range 3 {
		apptest.Must(r.Stock.Check(r.ctx(), code))
	}
	r.claim("a", code, stock.Claimed)
	if err := r.settle(deaf{r.CoverPots}, r.StockStore); !errors.Is(err, apptest.ErrDied) {
		t.Fatal(err) // settled, and read again
	}
	r.claim("b", code, stock.Claimed)
	apptest.Must(r.Stock.Check(r.ctx(), code))
	r.wantStock(id, 2, 0, 8)
	var views, claims int64
	from := time.Now().Add(-2 * time.Hour)
	for _, h := range apptest.Must(r.Stock.Stats(r.ctx(), vic, r.ID, id, from, from.Add(4*time.Hour))).Hours {
		views, claims = views+h.Views, claims+h.Claims
	}
	if views != 4 || claims != 2 {
		t.Errorf("%d views and %d claims, want 4 and 2", views, claims)
	}
	o := apptest.Must(r.Stock.Look(r.ctx(), vic, r.ID, id))
	if o.Lasts != 4*24*time.Hour || len(o.Batches) != 1 || len(o.Channels) != 1 || o.Channels[0].Claimed != 2 {
		t.Errorf("%+v", o)
	}
	r.MustBalance()
}

func TestMerchantsServersHearOfClaims(t *testing.T) {
	r := newRig(t, nil)
	_, code := r.linked(1)
	r.claim("a", code, stock.Claimed)
	r.MustBalance()
	var types []string
	for _, e := range apptest.Must(r.Webhooks.Events(r.ctx(), merchant.WebhookAccount(r.ID, merchant.Live), 0, 100)) {
		types = append(types, e.Type)
	}
	for _, want := range []string{stock.EventClaimed, stock.EventSoldOut} {
		if !slices.Contains(types, want) {
			t.Errorf("%s is not among %v", want, types)
		}
	}
}

func TestRedisForgets(t *testing.T) {
	r := newRig(t, nil)
	id := r.cover(merchant.Live)
	r.buy(id, 10)
	channel := r.open(id, stock.KindCodes, nil)
	link := r.open(id, stock.KindLink, func(n *stock.NewChannel) { n.Quota = 2 }).Code.String()
	codes := apptest.Must(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, channel.ID, "codes", 2))
	before := r.claim("a", codes[0].String(), stock.Claimed)
	r.claim("b", link, stock.Claimed)
	apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 3))
	r.wantStock(id, 2, 3, 5)
	r.must(r.Redis.Do(r.ctx(), r.Redis.B().Flushall().Build()).Error())
	if _, _, err := r.Stock.Claim(r.ctx(), "c", link); err == nil {
		t.Error("a piece was given away while the pots are lost")
	}
	if recovery := apptest.Must(r.Recover(r.ctx())); !recovery.Lost || recovery.Filled != 1 {
		t.Errorf("%+v", recovery)
	}
	if after := r.claim("a", codes[0].String(), stock.AlreadyHeld); after != before {
		t.Errorf("a has %+v, had %+v", after, before)
	}
	_, _, err := r.Stock.Claim(r.ctx(), "c", codes[0].String())
	apptest.WantCode(t, "a used code", err, stock.CodeClaimUsed)
	r.claim("c", link, stock.Claimed)
	r.claim("d", link, stock.QuotaSpent)
	r.claim("d", codes[1].String(), stock.Claimed)
	r.wantStock(id, 4, 3, 3)
	r.MustBalance()
}

// Redis goes back behind a claim that the ledger has, as a replica does that takes over without the newest writes. What
// is claimed until that is noticed counts, as far as there are pieces; nobody's piece is given away twice.
func TestRedisGoesBack(t *testing.T) {
	r := newRig(t, nil)
	for _, pieces := range []int64{3, 1} {
		id, code := r.linked(pieces)
		restore := apptest.CopyRedis(t, r.App)
		before := r.claim("a", code, stock.Claimed)
		r.must(r.settle(r.CoverPots, r.StockStore))
		restore()
		r.claim("c", code, stock.Claimed)
		if err := r.settle(r.CoverPots, r.StockStore); !errors.Is(err, pots.ErrLost) {
			t.Errorf("a settler of a log that went back: %v", err)
		}
		if _, _, err := r.Stock.Claim(r.ctx(), "d", code); !errors.Is(err, pots.ErrLost) {
			t.Errorf("a claim in a bucket that went back: %v", err)
		}
		for _, want := range []int{1, 0} {
			if done := r.rebuild(); done != want {
				t.Errorf("%d buckets were rebuilt, want %d", done, want)
			}
		}
		apptest.Until(t, "the pots are ours", func() bool { return r.PotsHome(r.ctx()) == nil })
		if after := r.claim("a", code, stock.AlreadyHeld); after != before {
			t.Errorf("a has %+v, had %+v", after, before)
		}
		if pieces == 1 {
			r.claim("c", code, stock.SoldOut) // it was a's piece
			r.wantStock(id, 1, 0, 0)
			continue
		}
		r.claim("c", code, stock.AlreadyHeld)
		r.claim("d", code, stock.Claimed)
		r.wantStock(id, 3, 0, 0)
	}
	r.MustBalance()
}

// rebuild makes one pass over the buckets of all shards, and returns how many of them it made anew.
func (r *rig) rebuild() (done int) {
	r.T.Helper()
	for _, shard := range r.Cluster.All() {
		rebuilt, err := r.Rebuilder().Pass(r.ctx(), shard, false)
		r.must(err)
		done += rebuilt.Buckets
	}
	return done
}

func TestTwoSettlersPayOnce(t *testing.T) {
	r := newRig(t, nil)
	id, code := r.linked(60)
	for i := range 40 {
		r.claim(fmt.Sprintf("user-%d", i), code, stock.Claimed)
	}
	apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 10))
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if err := r.settle(r.CoverPots, r.StockStore); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.wantStock(id, 40, 10, 10)
	r.WantBalances(map[string]int64{r.marketing(): funds - 5000, stock.Revenue(merchant.Live): 4000})
	r.MustBalance()
}

// brokenPot is a pot whose calls that change something fail until it is mended.
type brokenPot struct {
	stock.Pot
	*apptest.Mortal
}

func (b brokenPot) Update(ctx context.Context, t stock.Terms) error {
	return b.Call("update", func() error { return b.Pot.Update(ctx, t) })
}

func (b brokenPot) Fill(ctx context.Context, t stock.Terms, c stock.Contents) error {
	return b.Call("fill", func() error { return b.Pot.Fill(ctx, t, c) })
}

func (b brokenPot) AddCodes(ctx context.Context, cover, channel int64, digests []string) error {
	return b.Call("codes", func() error { return b.Pot.AddCodes(ctx, cover, channel, digests) })
}

func (b brokenPot) Withdraw(ctx context.Context, w stock.Withdrawal) error {
	return b.Call("withdraw", func() error { return b.Pot.Withdraw(ctx, w) })
}

// TestAProcessDiesAtEachCallToThePot lets a process that bought, opened, made codes and withdrew die at each of its
// calls to the pot: what the merchant was told is stored, and the Keeper does the rest.
func TestAProcessDiesAtEachCallToThePot(t *testing.T) {
	r := newRig(t, nil)
	for _, call := range []string{"update", "fill", "codes", "withdraw"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after %v", call, after), func(t *testing.T) {
				id := r.cover(merchant.Live)
				pot := brokenPot{r.CoverPots, &apptest.Mortal{At: call, After: after}}
				s := apptest.Must(stock.NewService(r.Ledger, r.StockStore, pot, r.Covers, stock.DefaultRules(),
					r.Clock.Now, apptest.Quiet()))
				apptest.Must(s.Buy(r.ctx(), fin, r.ID, id, r.purchase(10)))
				channel := apptest.Must(s.OpenChannel(r.ctx(), dev, r.ID, id,
					stock.NewChannel{RequestID: r.RequestID(), Kind: "codes", Name: "x"}))
				codes := apptest.Must(s.MakeCodes(r.ctx(), dev, r.ID, id, channel.ID, r.RequestID(), 2))
				apptest.Must(s.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 4))
				r.keep()
				for i, code := range codes {
					r.claim(fmt.Sprintf("user-%d", i), code.String(), stock.Claimed)
				}
				r.wantStock(id, 2, 4, 4)
				if stale := apptest.Must(r.StockStore.Ordered(r.ctx(), r.Cluster.ForUser("ann"), 10)); len(stale) > 0 {
					t.Errorf("owed for ever: %+v", stale)
				}
			})
		}
	}
	r.MustBalance()
}
