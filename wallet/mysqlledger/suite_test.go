package mysqlledger_test

import (
	"testing"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

var _ wallet.FundingLedger = (*mysqlledger.Ledger)(nil)

const cny = ledgertest.CNY

func TestConformance(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB, n int) *ledgertest.Book { return ledgertest.OpenMySQL(t, n).Book })
}
