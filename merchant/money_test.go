package merchant_test

import (
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

func (r *rig) wallet(id int64, mode merchant.Mode, wallet string) int64 {
	return r.Balance(merchant.Account(id, mode, wallet))
}

// fund tops a merchant's wallet up as ann.
func (r *rig) fund(id int64, mode string, minor int64) {
	r.T.Helper()
	account, err := r.Merchants.FundedBy(r.ctx(), "ann", id, mode, "available", "CNY")
	r.must(err)
	_, err = r.Wallets.TopUp(r.ctx(), account, r.RequestID(), minor, "CNY")
	r.must(err)
}

func move(request string, minor int64) merchant.Move {
	return merchant.Move{
		RequestID: request,
		From:      "available",
		To:        "marketing",
		Minor:     minor,
		Currency:  "CNY",
		Note:      "春节",
	}
}

func TestMoneyMovesBetweenAMerchantsOwnWallets(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	r.fund(m.ID, "live", 1000)
	for range 3 {
		_, err := r.Merchants.MoveBy(r.ctx(), "ann", m.ID, "live", move("move-1", 400))
		apptest.WantCode(t, "the same move", err, "")
	}
	_, err := r.Merchants.MoveBy(r.ctx(), "ann", m.ID, "live", move("move-1", 401))
	apptest.WantCode(t, "the same request for more", err, refusal.CodeRequestConflict)
	_, err = r.Merchants.MoveBy(r.ctx(), "ann", m.ID, "live", move("move-2", 601))
	apptest.WantCode(t, "more than there is", err, refusal.CodeInsufficientBalance)
	r.Deliver()
	if a, b := r.wallet(m.ID, merchant.Live, "available"), r.wallet(m.ID, merchant.Live, "marketing"); a != 600 ||
		b != 400 {
		t.Errorf("the wallets have %d and %d", a, b)
	}
	r.must(r.decide(m.ID, "suspend"))
	_, err = r.Merchants.MoveBy(r.ctx(), "ann", m.ID, "live", move("move-3", 1))
	apptest.WantCode(t, "of a suspended merchant", err, merchant.CodeNotActive)
	r.MustBalance()
}

func TestTestMoneyAndLiveMoneyStayApart(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	r.fund(m.ID, "live", 1000)
	r.fund(m.ID, "test", 7000)
	session := func(mode string) merchant.Session {
		_, secret := r.key(m.ID, mode, nil)
		grant, err := r.exchange(secret)
		r.must(err)
		return grant.Session
	}
	test, live := session("test"), session("live")
	_, err := r.Merchants.MoveIn(r.ctx(), test, move("move-1", 2000))
	apptest.WantCode(t, "move test money", err, "")
	_, err = r.Merchants.MoveIn(r.ctx(), live, move("move-1", 2000))
	apptest.WantCode(t, "as much live money", err, refusal.CodeInsufficientBalance)
	_, err = r.Merchants.FundedIn(r.ctx(), live, "available", "CNY")
	apptest.WantCode(t, "a live key tops up", err, merchant.CodeModeMismatch)
	_, err = r.Merchants.FundedIn(r.ctx(), test, "available", "CNY")
	apptest.WantCode(t, "a test key tops up", err, "")
	_, err = r.Merchants.FundedIn(r.ctx(), test, "available", "USD")
	apptest.WantCode(t, "a currency in which it does not deal", err, refusal.CodeUnknownCurrency)
	test.Permissions = []merchant.Permission{merchant.WalletRead}
	_, err = r.Merchants.MoveIn(r.ctx(), test, move("move-2", 1))
	apptest.WantCode(t, "a key that may only read", err, merchant.CodePermissionMissing)
	r.Deliver()
	for account, want := range map[string]int64{
		merchant.Account(m.ID, merchant.Live, "available"): 1000, merchant.Account(m.ID, merchant.Live, "marketing"): 0,
		merchant.Account(m.ID, merchant.Test, "available"): 5000,
		merchant.Account(m.ID, merchant.Test, "marketing"): 2000,
	} {
		if got := r.Balance(account); got != want {
			t.Errorf("%s has %d, want %d", account, got, want)
		}
	}
	r.MustBalance()
}
