package stock_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/cover/stock/mysqlstock"
	"github.com/hongbao/hongbao/merchant"
)

// TestAuditNamesWhatIsWrongWithPieces breaks the books of a cover in each way there is; each is named, for its cover.
func TestAuditNamesWhatIsWrongWithPieces(t *testing.T) {
	r := newRig(t, nil)
	away := r.Elsewhere("ann")
	cases := []struct{ statement, code, what string }{
		{"UPDATE {cover_stocks} SET bought = bought + 1 WHERE cover = $cover", mysqlstock.AuditStock, "purchases"},
		{"UPDATE {cover_stocks} SET claimed = claimed + 1 WHERE cover = $cover", mysqlstock.AuditClaims, "its claims"},
		{"UPDATE {cover_stocks} SET withdrawn = 9 WHERE cover = $cover", mysqlstock.AuditStock, "bought"},
		{"DELETE FROM {cover_stocks} WHERE cover = $cover", mysqlstock.AuditStock, "a purchase of cover $cover"},
		{"UPDATE {cover_batches} SET pieces = pieces + 1 WHERE id = $batch", mysqlstock.AuditBatch, "purchase $batch"},
		{"UPDATE {cover_batches} SET claimed = claimed - 1, withdrawn = withdrawn + 1 WHERE id = $batch",
			mysqlstock.AuditBatch, "purchase $batch"},
		{"UPDATE {cover_batches} SET unit = 99 WHERE id = $batch", mysqlstock.AuditBatch, "purchase $batch"},
		{"DELETE FROM {cover_batches} WHERE id = $batch", mysqlstock.AuditBatch, "purchase $batch"},
		{"INSERT INTO {cover_batches} SELECT id + 1, cover, pieces, unit, currency, claimed, withdrawn, bought_by, " +
			"bought_at FROM {cover_batches} WHERE id = $batch", mysqlstock.AuditBatch, "purchase "},
		{"UPDATE {cover_withdrawals} SET pieces = pieces + 1 WHERE cover = $cover", mysqlstock.AuditStock,
			"withdrawals"},
		{"UPDATE {cover_withdrawals} SET done = 0 WHERE cover = $cover", mysqlstock.AuditStock, "withdrawals"},
		{"DELETE FROM {cover_claims} WHERE cover = $cover AND user = 'ann'", mysqlstock.AuditClaims, "its claims"},
		{"UPDATE {cover_claims} SET digest = '' WHERE cover = $cover AND digest <> ''",
			mysqlstock.AuditClaims, "used codes"},
		{"UPDATE {cover_codes} SET user = 'eve' WHERE cover = $cover AND user <> ''", mysqlstock.AuditClaims,
			"used codes"},
		{"UPDATE {cover_codes} SET user = 'eve' WHERE cover = $cover AND user = ''", mysqlstock.AuditClaims,
			"used codes"},
		{"UPDATE {cover_channels} SET claimed = claimed + 1 WHERE cover = $cover AND kind = 'link'",
			mysqlstock.AuditClaims, "its channels"},
		{"UPDATE {cover_channels} SET quota = 1 WHERE cover = $cover AND claimed > 1",
			mysqlstock.AuditClaims, "its channels"},
		{"UPDATE {cover_hours} SET claims = claims + 1 WHERE cover = $cover", mysqlstock.AuditClaims, "its statistics"},
		{"UPDATE {away:cover_holdings} SET channel = 7 WHERE cover = $cover", mysqlstock.AuditHolding,
			"$away of cover $cover"},
		{"UPDATE {away:cover_holdings} SET user = 'nobody' WHERE cover = $cover",
			mysqlstock.AuditHolding, "nobody of cover $cover"},
	}
	whole := r.audited(away)
	damaged := make([]*strings.Replacer, len(cases))
	for i, c := range cases {
		damaged[i] = r.audited(away)
		r.damage(away, damaged[i].Replace(c.statement))
	}
	late := r.audited(away)
	r.damage(away, late.Replace("DELETE FROM {away:cover_holdings} WHERE cover = $cover"))
	r.damage(away, late.Replace("UPDATE {cover_claims} SET claimed_at = 1 WHERE cover = $cover"))
	report := apptest.Must(r.Auditor.Audit(t.Context()))
	named := func(code, what string) bool {
		for _, d := range report.Discrepancies {
			if d.Code == code && strings.Contains(d.What, what) {
				return true
			}
		}
		return false
	}
	for i, c := range cases {
		cover := damaged[i].Replace("$cover")
		found := false
		for _, d := range report.Discrepancies {
			about := strings.Contains(d.What, cover) || strings.Contains(d.What, damaged[i].Replace("$batch")[:15])
			found = found || about && d.Code == c.code && strings.Contains(d.What, damaged[i].Replace(c.what))
		}
		if !found {
			t.Errorf("%s: no %s about %q", c.statement, c.code, damaged[i].Replace(c.what))
		}
	}
	for _, code := range []string{mysqlstock.AuditStock, mysqlstock.AuditClaims, mysqlstock.AuditHolding} {
		if named(code, whole.Replace("$cover")) {
			t.Errorf("a whole cover is named for %s", code)
		}
	}
	if !named(mysqlstock.AuditHolding, late.Replace("$away of cover $cover: the holding of the claim")) {
		t.Error("a holding that never arrives is not named")
	}
	if t.Failed() {
		for _, d := range report.Discrepancies {
			t.Logf("%s: %s: %s, not %s", d.Code, d.What, d.Found, d.Expected)
		}
	}
}

// audited is a cover with something of everything, settled, and its names for statements.
func (r *rig) audited(away string) *strings.Replacer {
	r.T.Helper()
	id := r.cover(merchant.Live)
	batch := r.buy(id, 6)
	link := r.open(id, stock.KindLink, nil).Code.String()
	channel := r.open(id, stock.KindCodes, nil)
	codes := apptest.Must(r.Stock.MakeCodes(r.ctx(), dev, r.ID, id, channel.ID, r.RequestID(), 2))
	r.claim("ann", link, stock.Claimed)
	r.claim(away, link, stock.Claimed)
	r.claim("bob", codes[0].String(), stock.Claimed)
	apptest.Must(r.Stock.Withdraw(r.ctx(), fin, r.ID, id, r.RequestID(), 1))
	r.wantStock(id, 3, 1, 2)
	return strings.NewReplacer("$cover", fmt.Sprint(id), "$batch", fmt.Sprint(batch.ID), "$away", away)
}

// damage runs a statement on the shard of the covers, or of a user elsewhere.
func (r *rig) damage(away, statement string) {
	r.T.Helper()
	home, _ := r.Cluster.ShardOf(r.ID)
	at := home
	if strings.Contains(statement, "{away:") {
		at = r.Cluster.ForUser(away)
	}
	for _, table := range []string{"stocks", "batches", "withdrawals", "channels", "codes", "claims", "hours",
		"holdings"} {
		statement = strings.ReplaceAll(statement, "{cover_"+table+"}", r.Cluster.Table(at, "cover_"+table))
		statement = strings.ReplaceAll(statement, "{away:cover_"+table+"}", r.Cluster.Table(at, "cover_"+table))
	}
	done, err := r.Cluster.DB(at).ExecContext(r.ctx(), statement)
	r.must(err)
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		r.T.Fatalf("%s: changed %d rows, %v", statement, n, err)
	}
}
