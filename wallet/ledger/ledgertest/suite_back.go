package ledgertest

import (
	"testing"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// testWentBack takes a shard back to before posts that have been delivered, and posts them again, in other batches and
// with others: nobody is credited twice, nobody waits behind what has arrived, and what cannot be mended is named.
func testWentBack(t *testing.T, open Open) {
	b := open(t, 2)
	payer := b.UserOn(0)
	payees := []string{b.UserOn(1), b.UserOn(1, b.UserOn(1))}
	third := b.UserOn(1, payees...)
	b.TopUp(payer, 1000)
	h := b.Gift(payer, 10, 20, 30)
	restore := b.KeepShard(t, 0)
	b.PostAll(Pay(h, 0, payees[0]))
	b.DeliverAll()
	restore()
	if r := b.Audited(); !has(r, ledger.AuditCreditUnposted) {
		t.Errorf("a credit whose post is forgotten: the audit finds %+v", r.Discrepancies)
	}
	b.PostAll(Pay(h, 0, payees[0]), Pay(h, 1, payees[1]))
	b.PostAll(Pay(h, 2, third))
	b.DeliverAll()
	b.WantBalances(map[string]int64{payer: 940, payees[0]: 10, payees[1]: 20, third: 30})
	b.WantBalanced(0)

	// The other way round, a credit that its shard has forgotten is named.
	h = b.Gift(payer, 40)
	restore = b.KeepShard(t, 1)
	b.PostAll(Pay(h, 0, third))
	b.DeliverAll()
	restore()
	if r := b.Audited(); !has(r, ledger.AuditPostNotCredited) {
		t.Errorf("a post whose credit is forgotten: the audit finds %+v", r.Discrepancies)
	}
}

func has(r ledger.AuditReport, code string) bool {
	for _, d := range r.Discrepancies {
		if d.Code == code {
			return true
		}
	}
	return false
}
