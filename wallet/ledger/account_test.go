package ledger_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func TestAccountsAreUsersAndProducts(t *testing.T) {
	for account, ok := range map[string]bool{
		"ann": true, "ann@example.org": true, "": false, "..": false, "#clearing": false,
		ledger.ProductAccount("merchant", 417, "available"):                      true,
		ledger.ProductAccount("merchant", 417, ledger.TestWallet("available")):   true,
		ledger.ProductAccount("merchant", 1<<62, ledger.TestWallet("available")): true,
		"merchant~417": false, "merchant~417~": false, "~417~available": false, "merchant~0417~available": false,
		"merchant~-1~available": false, "merchant~x~available": false, "merchant~417~available~x": false,
		"Merchant~417~available": false, "merchant~417~a b": false, "merchant~417~" + strings.Repeat("a", 60): false,
	} {
		if got := ledger.CheckAccount("account", account) == nil; got != ok {
			t.Errorf("CheckAccount(%q) = %t", account, got)
		}
		if ledger.IsProductAccount(account) && refusal.CheckID("user", account) == nil {
			t.Errorf("%q is a user id too", account)
		}
	}
}

func TestTestMoneyNeverMeetsOtherMoney(t *testing.T) {
	live := ledger.ProductAccount("merchant", 1, "available")
	test := ledger.ProductAccount("merchant", 1, ledger.TestWallet("available"))
	hold := func(owner, counterparty string) ledger.Hold {
		return ledger.Hold{ID: 1, Subject: "merchant", Owner: owner, Counterparty: counterparty,
			Amount: ledger.Amount{Minor: 5, Currency: "CNY"}, Parts: []int64{5}}
	}
	for _, c := range []struct {
		owner, payee string
		ok           bool
	}{{live, "ann", true}, {"ann", live, true}, {test, "ann", false}, {"ann", test, false},
		{live, test, false}, {test, live, false},
		{test, ledger.ProductAccount("merchant", 1, ledger.TestWallet("marketing")), true}} {
		if err := hold(c.owner, c.payee).Check(); (err == nil) != c.ok {
			t.Errorf("a hold of %s for %s: %v", c.owner, c.payee, err)
		}
		objection := hold(c.owner, "").Objection(ledger.Post{Hold: 1, Payee: c.payee, Minor: 5})
		if (objection == "") != c.ok {
			t.Errorf("a post of %s to %s: %q", c.owner, c.payee, objection)
		}
	}
}
