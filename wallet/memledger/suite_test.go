package memledger_test

import (
	"testing"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/memledger"
)

var (
	_ envelope.Ledger      = (*memledger.Ledger)(nil)
	_ transfer.Ledger      = (*memledger.Ledger)(nil)
	_ collection.Ledger    = (*memledger.Ledger)(nil)
	_ wallet.FundingLedger = (*memledger.Ledger)(nil)
)

func open(t testing.TB, shards int) *ledgertest.Book {
	t.Helper()
	book, _ := openLedger(t, shards)
	return book
}

func openLedger(t testing.TB, shards int) (*ledgertest.Book, *memledger.Ledger) {
	t.Helper()
	clock := new(ledgertest.Clock)
	l, err := memledger.New(memledger.Config{Shards: shards, Now: clock.Now, NewID: memledger.Count()})
	if err != nil {
		t.Fatal(err)
	}
	return ledgertest.OfMemory(t, l, clock), l
}

func TestConformance(t *testing.T) { ledgertest.Run(t, open) }
