package audit_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// undecided is a funding provider that settles top-ups and takes its time with withdrawals.
type undecided struct{ wallet.Sandbox }

func (undecided) Create(_ context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	if o.Kind == ledger.EntryWithdrawal {
		return wallet.FundingPending, nil
	}
	return wallet.FundingSettled, nil
}

// scene is a set of books in which everything that there is happens: alice's hold of 30, 20, 10, of which bob (on the
// other shard) has his 30 and carol's 20 are in flight; a hold that was voided; a pending withdrawal.
type scene struct {
	*ledgertest.MySQL
	hold, voided ledger.Hold
	home, away   int // shards of alice and of bob
	bob, carol   string
	withdrawal   int64
}

// Before all that, others have sent, won, paid in and taken out, which is sealed.
func openScene(t *testing.T) *scene {
	s := &scene{MySQL: ledgertest.OpenMySQL(t, 2)}
	s.sealOthers()
	s.home = s.Cluster.ForUser("alice")
	s.away = 1 - s.home
	s.bob = s.Elsewhere("alice")
	s.carol = s.bob + ".carol"
	for i := 0; s.Cluster.ForUser(s.carol) != s.away; i++ {
		s.carol = fmt.Sprintf("carol-%d", i)
	}
	s.TopUp("alice", 500)
	s.TopUp(s.bob, 100)
	s.hold = s.Gift("alice", 30, 20, 10)
	s.voided = s.Gift("alice", 50)
	s.PostAll(ledgertest.Pay(s.hold, 0, s.bob))
	s.DeliverAll()
	s.PostAll(ledgertest.Pay(s.hold, 1, s.carol))
	if _, done, err := s.Void(t.Context(), s.voided.ID, 0); !done || err != nil {
		t.Fatal(done, err)
	}
	most := ledger.DailyLimits{Default: 1000} // so that the withdrawal counts
	wallets := wallet.NewService(s.Ledger, undecided{}, time.Now).Limit(most)
	o, err := wallets.Withdraw(t.Context(), "alice", "out", 40, "CNY")
	if err != nil || o.State != wallet.FundingPending {
		t.Fatalf("withdraw: %+v, %v", o, err)
	}
	s.withdrawal = o.ID
	s.WantBalanced(20)
	return s
}

// sealOthers makes books in which everything is sealed.
func (s *scene) sealOthers() {
	s.T.Helper()
	dave, erin := "dave", "erin"
	for i := 0; s.Cluster.ForUser(erin) == s.Cluster.ForUser(dave); i++ {
		erin = fmt.Sprintf("erin-%d", i)
	}
	s.TopUp(dave, 500)
	s.TopUp(erin, 70)
	h := s.Gift(dave, 30, 20, 10)
	s.PostAll(ledgertest.Pay(h, 0, erin), ledgertest.Pay(h, 1, dave))
	s.DeliverAll()
	if _, done, err := s.Void(s.T.Context(), h.ID, 50); !done || err != nil {
		s.T.Fatal(done, err)
	}
	r := s.seal()
	// dave and erin, #clearing and #funding on each shard, the hold and two top-ups
	if r.Sealed < 7 || s.Count(s.Cluster.ForUser(dave), "SELECT COUNT(*) FROM "+
		s.Table(s.Cluster.ForUser(dave), "holds")+" WHERE sealed = 0") != 0 {
		s.T.Fatalf("sealed %+v", r)
	}
}

// seal audits in increments and seals what it can.
func (s *scene) seal() ledger.AuditReport {
	s.T.Helper()
	r, err := s.Auditor.AuditWith(s.T.Context(), audit.Options{Incremental: true, Seal: true,
		Settled: time.Nanosecond})
	if err != nil || !r.Balanced() {
		s.T.Fatalf("seal: %+v, %v", r, err)
	}
	return r
}

// increment audits what no seal covers.
func (s *scene) increment() ledger.AuditReport {
	s.T.Helper()
	r, err := s.Auditor.AuditWith(s.T.Context(), audit.Options{Incremental: true})
	if err != nil {
		s.T.Fatal(err)
	}
	return r
}

// sql replaces {table} by its full name on a shard, and $hold, $voided, $funding, $bob and $carol by what they are.
func (s *scene) sql(shard int, statements string) {
	s.T.Helper()
	for _, table := range append(slices.Clone(ledgerTables), sealTables...) {
		statements = strings.ReplaceAll(statements, "{"+table+"}", s.Cluster.Table(shard, table))
	}
	statements = strings.NewReplacer("$hold", fmt.Sprint(s.hold.ID), "$voided", fmt.Sprint(s.voided.ID), "$funding",
		fmt.Sprint(s.withdrawal),
		"$bob", "'"+s.bob+"'", "$carol", "'"+s.carol+"'").Replace(statements)
	for statement := range strings.SplitSeq(statements, ";") {
		if table, ok := strings.CutSuffix(statement, " DROP PRIMARY KEY"); ok {
			s.dropPrimaryKey(shard, strings.TrimPrefix(table, "ALTER TABLE "))
		} else {
			s.Exec(shard, statement)
		}
	}
}

// dropPrimaryKey makes a table anew without one: TiDB cannot drop the key that its rows lie in the order of.
func (s *scene) dropPrimaryKey(shard int, table string) {
	s.T.Helper()
	s.Exec(shard, "RENAME TABLE "+table+" TO "+s.Table(shard, "keyed"))
	var name, made string
	asked := s.Cluster.DB(shard).QueryRowContext(s.T.Context(), "SHOW CREATE TABLE "+s.Table(shard, "keyed"))
	if err := asked.Scan(&name, &made); err != nil {
		s.T.Fatal(err)
	}
	made = regexp.MustCompile(`\n *PRIMARY KEY .*`).ReplaceAllString(made, "") // another key comes after it
	s.Exec(shard, strings.Replace(made, "`keyed`", table, 1))
	s.Exec(shard, "INSERT INTO "+table+" SELECT * FROM "+s.Table(shard, "keyed"))
}

// ledgerTables are those that a case may change.
var ledgerTables = []string{
	"accounts", "entries", "holds", "posts", "outbox", "inbox", "rejections", "fundings", "daily_usage",
	"index_entries",
}

const entry = "INSERT INTO {entries} (account, currency, seq, amount, balance, kind, subject, reference, part, " +
	"counterparty, note, at) VALUES "

// The books are broken by hand in each way there is, and each is named.
func TestAuditNamesEachDiscrepancy(t *testing.T) {
	cases := []struct {
		name  string
		home  string // statements on alice's shard
		away  string // statements on bob's and carol's
		codes []string
		what  string // part of what the first of the codes names; "" for anything
	}{
		{"an amount of the clearing account",
			"UPDATE {entries} SET amount = amount + 1 WHERE account = '#clearing' AND amount = 20", "",
			[]string{ledger.AuditShardUnbalanced, ledger.AuditClearing}, "CNY"},
		{"a balance", "UPDATE {accounts} SET balance = balance + 1 WHERE account = 'alice'", "",
			[]string{ledger.AuditAccountBalance, ledger.AuditAccountRunning}, "account alice"},
		{"money for an account without entries", "INSERT INTO {accounts} VALUES ('zoe', 'CNY', 5, 0)", "",
			[]string{ledger.AuditAccountBalance}, "account zoe"},
		{"a running balance", "UPDATE {entries} SET balance = balance + 1 WHERE account = 'alice' AND seq = 2", "",
			[]string{ledger.AuditAccountRunning}, "entry 2 of account alice"},
		{"a last running balance", "", "UPDATE {entries} SET balance = balance + 1 WHERE account = $bob AND seq = 2",
			[]string{ledger.AuditAccountRunning}, "account "},
		{"a number of an entry", "UPDATE {entries} SET seq = 9 WHERE account = 'alice' AND seq = 5", "",
			[]string{ledger.AuditAccountSequence}, "entry after 4 of account alice"},
		{"the number of entries", "UPDATE {accounts} SET seq = seq + 1 WHERE account = 'alice'", "",
			[]string{ledger.AuditAccountSequence}, "account alice"},
		{"an entry that is gone", "DELETE FROM {entries} WHERE account = 'alice' AND seq = 1", "",
			[]string{ledger.AuditAccountSequence, ledger.AuditAccountBalance, ledger.AuditShardUnbalanced,
				ledger.AuditFunding}, "entry after 0 of account alice"},
		{"a negative balance", "UPDATE {accounts} SET balance = -1, seq = 0 WHERE account = 'alice'", "",
			[]string{ledger.AuditAccountNegative, ledger.AuditAccountBalance}, "account alice"},
		{"a wallet that is gone", "DELETE FROM {accounts} WHERE account = 'alice'", "",
			[]string{ledger.AuditAccountMissing},
			"account alice"},
		{"a system account of no kind",
			entry + "('#till', 'CNY', 1, 5, 0, 'post', '', 1, 0, '', '', 0), ('#till', 'CNY', " +
				"2, -5, 0, 'post', '', 2, 0, '', '', 0)", "",
			[]string{ledger.AuditAccountUnknown}, "account #till"},
		{"the account of no hold", entry + "('#hold:77', 'CNY', 1, 5, 0, 'hold', '', 1, 0, '', '', 0), ('#hold:77', " +
			"'CNY', 2, -5, 0, 'hold', '', 2, 0, '', '', 0)", "",
			[]string{ledger.AuditAccountUnknown}, "account #hold:77"},
		{"the account of no funding", entry + "('#funding:x', 'CNY', 1, 5, 0, 'hold', '', 1, 0, '', '', 0), " +
			"('#funding:x', 'CNY', 2, -5, 0, 'hold', '', 2, 0, '', '', 0)", "",
			[]string{ledger.AuditAccountUnknown}, "account #funding:x"},
		{"a wallet on the wrong shard", "", "INSERT INTO {accounts} VALUES ('alice', 'CNY', 0, 2);" + entry +
			"('alice', 'CNY', 1, 5, 5, 'topup', 'funding', 1, 0, '', '', 0), " +
			"('alice', 'CNY', 2, -5, 0, 'withdrawal', " +
			"'funding', 2, 0, '', '', 0)",
			[]string{ledger.AuditAccountUnknown}, "account alice"},
		{"the amount of a hold", "UPDATE {holds} SET amount = amount - 1 WHERE id = $hold", "",
			[]string{ledger.AuditHoldAmount, ledger.AuditHoldEntries, ledger.AuditHoldOwner}, "hold $hold"},
		{"more voided than there was", "UPDATE {holds} SET voided = 1000, is_open = 0 WHERE id = $hold", "",
			[]string{ledger.AuditHoldAmount, ledger.AuditHoldOwner}, "hold $hold"},
		{"what was posted of a hold", "UPDATE {holds} SET posted = posted + 1 WHERE id = $hold", "",
			[]string{ledger.AuditHoldPosted, ledger.AuditHoldEntries}, "hold $hold"},
		{"money moved from hold to hold",
			"UPDATE {entries} SET amount = amount + 7 WHERE account = '#hold:$hold' AND kind = 'hold';" +
				"UPDATE {entries} SET amount = amount - 7 WHERE account = '#hold:$voided' AND kind = 'hold'", "",
			[]string{ledger.AuditHoldEntries}, "hold $hold"},
		{"a hold that its owner cannot see",
			"UPDATE {entries} SET reference = 5 WHERE account = 'alice' AND reference = $hold", "",
			[]string{ledger.AuditHoldOwner}, "hold $hold in the statement of alice"},
		{"a void that its owner cannot see",
			"UPDATE {entries} SET reference = 5 WHERE account = 'alice' AND kind = 'void'",
			"", []string{ledger.AuditHoldOwner}, "void of hold $voided"},
		{"an open hold that is marked done", "UPDATE {holds} SET is_open = 0 WHERE id = $hold", "",
			[]string{ledger.AuditHoldOpen}, "hold $hold"},
		{"a void hold that is marked open", "UPDATE {holds} SET is_open = 1 WHERE id = $voided", "",
			[]string{ledger.AuditHoldOpen}, "hold $voided"},
		{"the amount of a post", "UPDATE {posts} SET amount = amount + 1 WHERE hold = $hold AND part = 0", "",
			[]string{ledger.AuditPostAmount, ledger.AuditHoldPosted, ledger.AuditCreditDiffers,
				ledger.AuditClearing}, "post of hold $hold part 0"},
		{"a hold that is gone", "DELETE FROM {holds} WHERE id = $hold", "", []string{ledger.AuditPostHold,
			ledger.AuditAccountUnknown}, "post of hold $hold part 0"},
		{"a post of a part that is not there", "UPDATE {posts} SET part = 9 WHERE hold = $hold AND part = 1", "",
			[]string{ledger.AuditPostHold, ledger.AuditOutbox}, "part 9"},
		{"a part that was paid twice", "ALTER TABLE {posts} DROP PRIMARY KEY; INSERT INTO {posts} VALUES ($hold, 0, " +
			"'dave', 30, 0, 1, 0)", "",
			[]string{ledger.AuditPartTwice, ledger.AuditHoldPosted,
				ledger.AuditPostNotCredited}, "post of hold $hold part 0"},
		{"a user with two shares",
			"ALTER TABLE {posts} DROP KEY payee_once; UPDATE {posts} SET payee = $bob WHERE hold = " +
				"$hold AND part = 1", "",
			[]string{ledger.AuditUserTwice, ledger.AuditOutbox}, "part 1 to "},
		{"an outbox row that is lost", "DELETE FROM {outbox}", "", []string{ledger.AuditPostNotCredited,
			ledger.AuditClearing}, "post of hold $hold part 1"},
		{"an inbox that says it came", "", "INSERT INTO {inbox} SELECT $home, id, 0 FROM $outbox",
			[]string{ledger.AuditPostNotCredited, ledger.AuditClearing}, "post of hold $hold part 1"},
		{"a credit that is gone", "", "DELETE FROM {entries} WHERE account = $bob AND kind = 'post'",
			[]string{ledger.AuditPostNotCredited, ledger.AuditClearing, ledger.AuditAccountBalance}, "part 0"},
		{"the amount of a credit", "",
			"UPDATE {entries} SET amount = amount + 1, balance = balance + 1 WHERE account = $bob AND kind = 'post';" +
				"UPDATE {accounts} SET balance = balance + 1 WHERE account = $bob;" +
				"UPDATE {entries} SET amount = amount - 1 WHERE account = '#clearing'",
			[]string{ledger.AuditCreditDiffers}, "post of hold $hold part 0"},
		{"a credit twice", "", "ALTER TABLE {entries} DROP KEY leg;" + entry +
			"($bob, 'CNY', 3, 30, 160, 'post', 'gift', $hold, 0, 'alice', '', 0), " +
			"('#clearing', 'CNY', 3, -30, 0, 'post', '', 3, 0, '', '', 0);" +
			"UPDATE {accounts} SET balance = 160, seq = 3 WHERE account = $bob",
			[]string{ledger.AuditCreditTwice}, "post of hold $hold part 0"},
		{"a credit without a post", "DELETE FROM {posts} WHERE hold = $hold AND part = 0", "",
			[]string{ledger.AuditCreditUnposted, ledger.AuditHoldPosted, ledger.AuditClearing}, "hold $hold part 0"},
		{"a credit of no hold at all", "",
			"UPDATE {entries} SET reference = 1023 WHERE account = $bob AND kind = 'post'",
			[]string{ledger.AuditCreditUnposted, ledger.AuditPostNotCredited}, "hold 1023"},
		{"money in clearing that nobody posted", entry +
			"('#clearing', 'CNY', 9000000000000000000, 5, 0, 'post', '', 1, 0, '', '', 0), " +
			"('#hold:$hold', 'CNY', 1, -5, 0, 'post', '', 1, 0, '', '', 0)", "",
			[]string{ledger.AuditClearing, ledger.AuditHoldEntries}, "account #clearing"},
		{"the amount of an outbox row", "UPDATE {outbox} SET amount = amount + 1", "", []string{ledger.AuditOutbox,
			ledger.AuditClearing}, "message"},
		{"a leg of an outbox row", `UPDATE {outbox} SET payload = REPLACE(payload, '"p":1', '"p":2')`, "",
			[]string{ledger.AuditOutbox}, "leg of hold $hold part 2"},
		{"the legs of an outbox row", "UPDATE {outbox} SET payload = 'torn'", "", []string{ledger.AuditOutbox},
			"message"},
		{"an outbox row for no shard", "UPDATE {outbox} SET dest = 7", "", []string{ledger.AuditOutbox,
			ledger.AuditPostNotCredited}, "message"},
		{"a post that was kept aside",
			"INSERT INTO {rejections} VALUES ($hold, 0, 'mallory', 30, 0, 'the part was paid to bob')", "",
			[]string{ledger.AuditRejection}, "mallory"},
		{"a withdrawal that was not settled", "UPDATE {fundings} SET state = 'settled' WHERE id = $funding", "",
			[]string{ledger.AuditFunding}, "withdrawal $funding, settled: account #funding:$funding"},
		{"a withdrawal that was not counted", "DELETE FROM {daily_usage}", "", []string{ledger.AuditDailyUsage},
			"daily usage of alice"},
		{"a refused withdrawal that is counted", "UPDATE {fundings} SET state = 'refused' WHERE id = $funding", "",
			[]string{ledger.AuditFunding, ledger.AuditDailyUsage}, ""},
		{"a top-up nobody ordered", "DELETE FROM {fundings} WHERE kind = 'topup'", "", []string{ledger.AuditFunding},
			"account #funding"},
	}
	named := map[string]bool{}
	shared := openScene(t)
	restore := shared.Keep(ledgerTables...)
	for _, c := range cases {
		for _, code := range c.codes {
			named[code] = true
		}
		t.Run(c.name, func(t *testing.T) {
			s := shared
			if strings.Contains(c.home+c.away, "ALTER") { // which cannot be undone
				s = openScene(t)
			} else {
				defer restore()
			}
			fill := strings.NewReplacer("$home", fmt.Sprint(s.home), "$outbox", s.Cluster.Table(s.home, "outbox"))
			if c.home != "" {
				s.sql(s.home, fill.Replace(c.home))
			}
			if c.away != "" {
				s.sql(s.away, fill.Replace(c.away))
			}
			what := strings.NewReplacer("$hold", fmt.Sprint(s.hold.ID), "$voided", fmt.Sprint(s.voided.ID), "$funding",
				fmt.Sprint(s.withdrawal)).Replace(c.what)
			for _, r := range []ledger.AuditReport{s.Audited(), s.increment()} {
				for i, code := range c.codes {
					if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool {
						return d.Code == code && (i > 0 || strings.Contains(d.What, what)) && d.Expected != d.Found
					}) {
						t.Errorf("incremental %v: no %s about %q in %+v", r.Incremental, code, what, r.Discrepancies)
					}
				}
				for _, d := range r.Discrepancies {
					if !slices.Contains(c.codes, d.Code) {
						t.Logf("also %+v", d)
					}
				}
			}
		})
	}
	for _, code := range []string{
		ledger.AuditShardUnbalanced, ledger.AuditAccountBalance, ledger.AuditAccountRunning,
		ledger.AuditAccountSequence,
		ledger.AuditAccountNegative, ledger.AuditAccountMissing, ledger.AuditAccountUnknown, ledger.AuditHoldAmount,
		ledger.AuditHoldPosted, ledger.AuditHoldEntries, ledger.AuditHoldOwner, ledger.AuditHoldOpen,
		ledger.AuditPostAmount, ledger.AuditPostHold, ledger.AuditPartTwice, ledger.AuditUserTwice,
		ledger.AuditPostNotCredited, ledger.AuditCreditDiffers, ledger.AuditCreditTwice, ledger.AuditCreditUnposted,
		ledger.AuditClearing, ledger.AuditOutbox, ledger.AuditRejection, ledger.AuditFunding,
	} {
		if !named[code] {
			t.Errorf("no case breaks the books as %s", code)
		}
	}
}

// While senders, settlers and two deliverers are at work, every audit finds the books balanced.
func TestAuditWhileTheSystemRuns(t *testing.T) {
	const sends = 60 // of each sender; the audits go on until all are done
	b := ledgertest.OpenMySQL(t, 4)
	senders := []string{"alice", "bob", "carol", "dave"}
	for _, s := range senders {
		b.TopUp(s, 1_000_000)
	}
	sent, stop := context.WithCancel(t.Context())
	var sending, delivering sync.WaitGroup
	for i, s := range senders {
		sending.Go(func() {
			for n := range sends {
				h := b.Gift(s, 5, 4, 3, 2)
				b.PostAll(ledgertest.Pay(h, 0, fmt.Sprintf("user-%d", (n+i)%9)), ledgertest.Pay(h, 1, s),
					ledgertest.Pay(h, 2,
						fmt.Sprintf("user-%d", 20+(n+i)%7)))
				if _, done, err := b.Void(t.Context(), h.ID, 12); !done || err != nil {
					t.Errorf("void: %v, %v", done, err)
				}
			}
		})
	}
	for range 2 {
		delivering.Go(func() {
			for sent.Err() == nil {
				for shard := range b.Shards() {
					if _, err := b.Deliver(t.Context(), shard); err != nil {
						t.Errorf("deliver: %v", err)
					}
				}
			}
		})
	}
	go func() { sending.Wait(); stop() }()
	audits, flying := 0, 0
	for ; sent.Err() == nil; audits++ {
		r := b.Audited()
		for _, d := range r.Discrepancies {
			t.Errorf("audit: %+v", d)
		}
		if r.InFlight[ledgertest.CNY] > 0 {
			flying++
		}
	}
	delivering.Wait()
	if flying == 0 {
		t.Errorf("none of %d audits saw anything in flight, so this test proved little", audits)
	}
	b.DeliverAll()
	b.WantBalanced(0)
}

// Between the audit's early and its late snapshot, what was in flight arrives and something new is posted and arrives.
// The audit's pool has two connections, of which the test holds one until that has happened.
func TestAuditBetweenItsSnapshots(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 2)
	b.TopUp("alice", 1000)
	before, after := b.Gift("alice", 30, 20), b.Gift("alice", 7, 5)
	b.PostAll(ledgertest.Pay(before, 0, "bob"), ledgertest.Pay(before, 1, "carol"))

	narrow, err := shards.Open(shards.Config{DSNs: []string{devstack.TestMySQL(t)}, Shards: 2, MaxConns: 2,
		Prefix: strings.TrimSuffix(b.Cluster.Schema(0), "0000"), Volatile: devstack.TestMySQLIsVolatile()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = narrow.Close() })
	auditor := ledgertest.OpenMySQLOn(t, narrow, 1)
	held, err := narrow.DB(0).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waited := narrow.ServerDB(0).Stats().WaitCount
	var report ledger.AuditReport
	audited := make(chan error)
	go func() {
		var err error
		report, err = auditor.Audit(t.Context())
		audited <- err
	}()
	deadline := time.After(20 * time.Second)
	for narrow.ServerDB(0).Stats().WaitCount == waited {
		select {
		case <-deadline:
			t.Fatal("the audit never waited for its late snapshot")
		case <-time.After(time.Millisecond):
		}
	}
	b.DeliverAll()
	b.PostAll(ledgertest.Pay(after, 0, "bob"), ledgertest.Pay(after, 1, "carol"))
	b.DeliverAll()
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-audited; err != nil || !report.Balanced() || report.InFlight[ledgertest.CNY] != 0 || report.Posts != 2 {
		t.Errorf("audit: %+v, %v", report, err)
	}
}
