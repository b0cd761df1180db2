package mysqlledger_test

import (
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

var (
	_ transfer.Ledger           = (*mysqlledger.Ledger)(nil)
	_ transfer.CollectionLedger = (*mysqlledger.Ledger)(nil)
	_ transfer.Notices          = (*mysqlledger.Ledger)(nil)
)
