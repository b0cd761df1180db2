package mysqlmerchant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/merchant/mysqlmerchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// books is an installation with merchants that a test breaks by hand.
type books struct{ *apptest.Harness }

// shop is an active merchant with a member, a key that was rolled, the one in its place, and a move.
type shop struct {
	merchant.Merchant
	first, second merchant.Key
	move          ledger.Hold
}

func (b *books) open() shop {
	b.T.Helper()
	ctx := b.T.Context()
	s := shop{Merchant: apptest.Must(b.Merchants.Apply(ctx, "ann", merchant.Application{
		RequestID: b.RequestID(), Name: "shop", LegalID: "1", Country: "CN", MCC: "5812", Contact: "ann@example.org",
		Currencies: []string{"CNY"},
	}))}
	apptest.Must(b.Merchants.Decide(ctx, "op", s.ID,
		merchant.Decision{RequestID: b.RequestID(), Verb: "approve", Reason: "seen"}))
	apptest.Must(b.Merchants.SetMember(ctx, "ann", s.ID,
		merchant.MemberChange{RequestID: b.RequestID(), User: "bob", Role: "viewer"}))
	var err error
	if s.first, _, err = b.Merchants.CreateKey(ctx, "ann", s.ID, merchant.NewKey{
		RequestID: b.RequestID(), Mode: "live", Name: "till", Permissions: []string{"wallet_read"},
	}); err != nil {
		b.T.Fatal(err)
	}
	s.second, _, err = b.Merchants.RollKey(ctx, "ann", s.ID, s.first.ID, b.RequestID(), time.Hour, nil)
	if err != nil {
		b.T.Fatal(err)
	}
	apptest.Must(b.Merchants.AdvanceBy(ctx, "ann", s.ID, merchant.Advance{RequestID: b.RequestID(), By: time.Hour}))
	b.TopUp(merchant.Account(s.ID, merchant.Live, merchant.Available), 100)
	s.move = apptest.Must(b.Merchants.MoveBy(ctx, "ann", s.ID, "live", merchant.Move{
		RequestID: b.RequestID(), From: merchant.Available, To: merchant.Marketing, Minor: 40, Currency: "CNY",
	}))
	return s
}

// damage runs a statement on the merchant's shard; {table} is there, and {away:table} on the next one.
func (b *books) damage(s shop, statement string) {
	b.T.Helper()
	home := b.Cluster.ForUser("ann")
	for _, table := range []string{
		"merchants", "merchant_members", "merchant_keys", "merchant_history", "index_entries", "holds",
	} {
		statement = strings.ReplaceAll(statement, "{"+table+"}", b.Cluster.Table(home, table))
		statement = strings.ReplaceAll(statement, "{away:"+table+"}",
			b.Cluster.Table((home+1)%b.Cluster.Shards(), table))
	}
	done, err := b.Cluster.DB(home).ExecContext(b.T.Context(), s.fill(statement))
	if err != nil {
		b.T.Fatalf("%s: %v", statement, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		b.T.Fatalf("%s: changed %d rows, %v", statement, n, err)
	}
}

func (s shop) fill(text string) string {
	return strings.NewReplacer("$merchant", fmt.Sprint(s.ID), "$first", fmt.Sprint(s.first.ID),
		"$second", fmt.Sprint(s.second.ID), "$move", fmt.Sprint(s.move.ID)).Replace(text)
}

// TestAuditNamesWhatIsWrongWithMerchants breaks a merchant in each way there is; each is named, and a whole one is not.
func TestAuditNamesWhatIsWrongWithMerchants(t *testing.T) {
	devstack.SkipInShort(t)
	b := &books{apptest.NewHarness(t, nil, "ann", "bob")}
	cases := []struct {
		statement string
		code      string
		what      string // a part of what is named
	}{
		{"UPDATE {merchants} SET state = 'suspended' WHERE id = $merchant",
			mysqlmerchant.AuditState, "merchant $merchant, against its history"},
		{"INSERT INTO {away:merchants} SELECT * FROM {merchants} WHERE id = $merchant",
			mysqlmerchant.AuditState, "merchant $merchant: the shard of its wallets"},
		{"DELETE FROM {merchants} WHERE id = $merchant", mysqlmerchant.AuditState, "rows of merchant $merchant in "},
		{"UPDATE {merchants} SET history = history + 1 WHERE id = $merchant",
			mysqlmerchant.AuditHistory, "merchant $merchant: lines"},
		{"DELETE FROM {merchant_history} WHERE merchant = $merchant AND seq = 3",
			mysqlmerchant.AuditHistory, "merchant $merchant: the line after the one before"},
		{"UPDATE {merchant_history} SET was = 'suspended' WHERE merchant = $merchant AND seq = 2",
			mysqlmerchant.AuditHistory, "merchant $merchant: line 2, from suspended to active"},
		{"UPDATE {merchant_history} SET became = 'closed' WHERE merchant = $merchant AND seq = 2",
			mysqlmerchant.AuditHistory, "merchant $merchant: line 2, from applied to closed"},
		{"UPDATE {merchant_history} SET reason = '' WHERE merchant = $merchant AND seq = 2",
			mysqlmerchant.AuditHistory, "merchant $merchant: line 2"},
		{"UPDATE {merchant_members} SET role = 'finance' WHERE merchant = $merchant AND user = 'ann'",
			mysqlmerchant.AuditMembers, "merchant $merchant: owners"},
		{"UPDATE {merchant_members} SET role = 'boss' WHERE merchant = $merchant AND user = 'bob'",
			mysqlmerchant.AuditMembers, "merchant $merchant: the role of bob"},
		{"DELETE FROM {index_entries} WHERE who = 'ann' AND reference = $merchant",
			ledger.AuditIndex, "merchant $merchant"},
		{"UPDATE {merchant_keys} SET secret_hash = 'hb_live_1_secret' WHERE id = $first",
			mysqlmerchant.AuditKey, "key $first of merchant $merchant"},
		{"UPDATE {merchant_keys} SET public_key = secret_hash WHERE id = $first",
			mysqlmerchant.AuditKey, "key $first of merchant $merchant"},
		{"UPDATE {merchant_keys} SET expires_at = 0 WHERE id = $first",
			mysqlmerchant.AuditKey, "key $first of merchant $merchant, rolling"},
		{"UPDATE {merchant_keys} SET mode = 'prod' WHERE id = $second",
			mysqlmerchant.AuditKey, "key $second of merchant $merchant: its mode"},
		{"UPDATE {merchant_keys} SET state = 'lost' WHERE id = $second",
			mysqlmerchant.AuditKey, "key $second of merchant $merchant: its state"},
		{"UPDATE {merchants} SET test_ahead = 0 WHERE id = $merchant",
			mysqlmerchant.AuditClock, "merchant $merchant: its test clock"},
		{"UPDATE {merchant_history} SET was = '1' WHERE merchant = $merchant AND action = 'advance_clock'",
			mysqlmerchant.AuditClock, "merchant $merchant: line "},
		{"UPDATE {holds} SET counterparty = 'bob' WHERE id = $move", merchant.AuditMove, "move $move"},
		{"UPDATE {holds} SET posted = 39 WHERE id = $move", merchant.AuditMove, "move $move: posted"},
	}
	whole := b.open()
	broken := make([]shop, len(cases))
	for i := range cases {
		broken[i] = b.open()
	}
	b.MustBalance()
	for i, c := range cases {
		b.damage(broken[i], c.statement)
	}
	report, err := b.Auditor.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	named := func(code, what string) bool {
		for _, d := range report.Discrepancies {
			if (code == "" || d.Code == code) && strings.Contains(d.What, what) && d.Expected != d.Found {
				return true
			}
		}
		return false
	}
	for i, c := range cases {
		if what := broken[i].fill(c.what); !named(c.code, what) {
			t.Errorf("%s: no %s about %q", c.statement, c.code, what)
		}
	}
	if named("", fmt.Sprint(whole.ID)) || named("", fmt.Sprint(whole.move.ID)) {
		t.Errorf("something is said of merchant %d, which is whole: %+v", whole.ID, report.Discrepancies)
	}
}
