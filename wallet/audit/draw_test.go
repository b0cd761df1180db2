package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// What is wrong with a metered hold is named: its units, and that its posts lie end to end.
func TestAuditNamesWhatIsWrongWithDraws(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 2)
	home := b.Cluster.ForUser("alice")
	b.TopUp("alice", 100)
	h := b.Supply("alice", b.Elsewhere("alice"), 5, 10)
	for _, to := range []ledger.FundsState{ledger.FundsPosted, ledger.FundsVoided, ledger.FundsPosted} {
		if _, done, err := b.Draw(h.ID, 2, to); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	b.WantBalanced(20)
	restore := b.Keep("holds", "posts", "entries")
	for _, c := range []struct {
		name, sql string
		codes     []string
	}{
		{"the unit", "UPDATE {holds} SET unit = 4 WHERE id = $hold",
			[]string{ledger.AuditHoldAmount, ledger.AuditPostAmount}},
		{"an amount that is no whole units", "UPDATE {holds} SET amount = 52 WHERE id = $hold",
			[]string{ledger.AuditHoldAmount}},
		{"a hold that is not metered", "UPDATE {holds} SET unit = 0 WHERE id = $hold",
			[]string{ledger.AuditHoldAmount, ledger.AuditPostHold, ledger.AuditUserTwice, ledger.AuditHoldStage}},
		{"units that were paid and are missing", "DELETE FROM {posts} WHERE hold = $hold AND part = 0",
			[]string{ledger.AuditPostAmount, ledger.AuditHoldPosted}},
		{"units that were paid twice", "UPDATE {posts} SET part = 1 WHERE hold = $hold AND part = 2",
			[]string{ledger.AuditPostAmount}},
		{"a part of a unit", "UPDATE {posts} SET amount = 9 WHERE hold = $hold AND part = 0",
			[]string{ledger.AuditPostAmount, ledger.AuditHoldPosted}},
		{"units given back that nobody got", "UPDATE {holds} SET voided = voided + 5 WHERE id = $hold",
			[]string{ledger.AuditHoldOwner, ledger.AuditHoldEntries}},
		{"a hold that nobody ends",
			"UPDATE {holds} SET expires_at = (UNIX_TIMESTAMP() - 601) * 1000 WHERE id = $hold",
			[]string{ledger.AuditHoldOverdue}},
		{"another payee", "UPDATE {posts} SET payee = 'mallory' WHERE hold = $hold AND part = 0",
			[]string{ledger.AuditPostPayee}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer restore()
			statement := strings.ReplaceAll(c.sql, "$hold", fmt.Sprint(h.ID))
			for _, table := range []string{"holds", "posts"} {
				statement = strings.ReplaceAll(statement, "{"+table+"}", b.Table(home, table))
			}
			b.Exec(home, statement)
			r := b.Audited()
			for _, code := range c.codes {
				if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool { return d.Code == code }) {
					t.Errorf("no %s in %+v", code, r.Discrepancies)
				}
			}
		})
	}
	b.Exec(home, "UPDATE "+b.Table(home, "holds")+" SET expires_at = (UNIX_TIMESTAMP() - 500) * 1000")
	b.WantBalanced(20) // its time is over, and not for so long that somebody has to look
}
