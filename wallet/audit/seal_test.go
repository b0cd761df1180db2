package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/seal"
)

var sealTables = []string{"seals", "unit_seals", "seal_totals", "seal_marks"}

// openSealed opens books in which nothing is in flight and everything is sealed but alice's withdrawal.
func openSealed(t *testing.T) *scene {
	s := openScene(t)
	s.DeliverAll()
	if _, done, err := s.Void(t.Context(), s.hold.ID, 50); !done || err != nil {
		t.Fatal(done, err)
	}
	s.seal()
	return s
}

// What is sealed is not read again, and a change of it is named by the full audit.
func TestFullAuditNamesWhatChangedBelowASeal(t *testing.T) {
	s := openSealed(t)
	if r := s.increment(); !r.Balanced() || r.Entries > 4 || r.Holds != 0 || r.Posts != 0 {
		t.Errorf("an audit of what is sealed: %+v", r) // the withdrawal's account, and #clearing of this very moment
	}
	s.WantBalanced(0)
	restore := s.Keep(append(slices.Clone(ledgerTables), sealTables...)...)
	for _, c := range []struct {
		name, home, what string
	}{
		{"an amount", "UPDATE {entries} SET amount = amount + 1 WHERE account = 'alice' AND seq = 2", "account alice"},
		{"a note", "UPDATE {entries} SET note = 'forged' WHERE account = 'alice' AND seq = 2", "account alice"},
		{"a time", "UPDATE {entries} SET at = at - 1 WHERE account = 'alice' AND seq = 1", "account alice"},
		{"an entry of all", "UPDATE {entries} SET at = 5 WHERE account = '#clearing' LIMIT 1", "account #clearing"},
		{"an entry that is put in", entry + "('#clearing', 'CNY', 1, 0, 0, 'post', '', 1, 0, '', '', 0)",
			"account #clearing"},
		{"an entry of a hold", "UPDATE {entries} SET at = 5 WHERE account = '#hold:$hold' LIMIT 1", "hold $hold"},
		{"a second post", "INSERT INTO {posts} VALUES ($hold, 2, 'mallory', 10, 0, 1, 0)", "hold $hold"},
		{"the time of a post", "UPDATE {posts} SET at = at + 1 WHERE hold = $hold AND part = 1", "hold $hold"},
		{"the message of a hold", "UPDATE {holds} SET note = 'forged' WHERE id = $hold", "hold $hold"},
		{"what a hold carries", "UPDATE {holds} SET detail = 'forged' WHERE id = $voided", "hold $voided"},
		{"a hold that is gone", "DELETE FROM {holds} WHERE id = $voided", "seals of holds"},
		{"a mark", "UPDATE {holds} SET sealed = 0 WHERE id = $hold", "hold $hold"},
		{"the time of a top-up", "UPDATE {fundings} SET created_at = 5 WHERE kind = 'topup' LIMIT 1", "sealed top-up"},
		{"a seal", "UPDATE {seals} SET balance = balance + 1 WHERE account = 'alice'", "account alice"},
		{"the seal of a hold", "DELETE FROM {unit_seals} WHERE id = $hold", "hold $hold"},
		{"a total", "UPDATE {seal_totals} SET posted = posted + 1", "totals"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer restore()
			s.sql(s.home, c.home)
			what := strings.NewReplacer("$hold", fmt.Sprint(s.hold.ID), "$voided", fmt.Sprint(s.voided.ID)).Replace(
				c.what)
			r := s.Audited()
			if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool {
				return d.Code == ledger.AuditSeal && strings.Contains(d.What, what)
			}) {
				t.Errorf("no %s about %q in %+v", ledger.AuditSeal, what, r.Discrepancies)
			}
			if c.name != "a note" && c.name != "the seal of a hold" && c.name != "a total" && c.name != "a mark" {
				return
			}
			// It contradicts nothing but the seal: forget that, and it can be sealed as it is.
			if err := seal.Forget(t.Context(), s.Cluster, s.home); err != nil {
				t.Fatal(err)
			}
			s.WantBalanced(0)
			if r := s.seal(); r.Sealed == 0 {
				t.Errorf("nothing was sealed: %+v", r)
			}
			s.WantBalanced(0)
		})
	}
}

// What the engine itself could do to a sealed hold moves money, and that is named without reading the hold.
func TestIncrementalAuditNamesMoneyOfSealedHolds(t *testing.T) {
	s := openSealed(t)
	restore := s.Keep(append(slices.Clone(ledgerTables), sealTables...)...)
	for _, c := range []struct {
		name, home string
		code       string
	}{
		{"a second void", entry + "('alice', 'CNY', 8, 10, 1, 'void', 'gift', $hold, 1, '', '', 0), " +
			"('#hold:$hold', 'CNY', 9, -10, 0, 'void', 'gift', 9, 1, '', '', 0)", ledger.AuditShardUnbalanced},
		{"a post", entry + "('#clearing', 'CNY', 9000000000000000000, 10, 0, 'post', '', 9, 0, '', '', 0), " +
			"('#hold:$hold', 'CNY', 9000000000000000000, -10, 0, 'post', 'gift', 9, 0, '', '', 0)",
			ledger.AuditClearing},
		{"a credit", "UPDATE {accounts} SET balance = balance + 10, seq = seq + 1 WHERE account = 'alice';" +
			entry + "('alice', 'CNY', (SELECT seq FROM {accounts} a WHERE account = 'alice'), 10, " +
			"(SELECT balance FROM {accounts} a WHERE account = 'alice'), 'post', 'gift', $hold, 7, '', '', 0), " +
			"('#clearing', 'CNY', 9000000000000000000, -10, 0, 'post', '', 9, 0, '', '', 0)",
			ledger.AuditCreditUnposted},
		{"entries that are gone", "DELETE FROM {entries} WHERE account = 'alice' AND seq > 1", ledger.AuditSeal},
		{"all entries that are gone", "DELETE FROM {entries} WHERE account = 'alice'", ledger.AuditSeal},
		{"the first entry that is gone", "DELETE FROM {entries} WHERE account = 'alice' AND seq = 1",
			ledger.AuditAccountSequence},
		{"a balance", "UPDATE {accounts} SET balance = balance + 1 WHERE account = 'alice'",
			ledger.AuditAccountBalance},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer restore()
			s.sql(s.home, c.home)
			r := s.increment()
			if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool { return d.Code == c.code }) {
				t.Errorf("no %s in %+v", c.code, r.Discrepancies)
			}
		})
	}
}

// errDies ends a process before a write.
var errDies = errors.New("the process dies here")

// A process dies before each transaction that seals; what it has sealed until then is right, and the next one ends it.
func TestSealingDiesAnywhere(t *testing.T) {
	s := openScene(t)
	s.DeliverAll()
	for dead, at := true, 0; dead; at++ {
		left := at
		s.Auditor.Writes(func() error {
			if left--; left < 0 {
				return errDies
			}
			return nil
		})
		r, err := s.Auditor.AuditWith(t.Context(), audit.Options{Incremental: true, Seal: true})
		if dead = errors.Is(err, errDies); err != nil && !dead || !r.Balanced() {
			t.Fatalf("%+v, %v", r, err)
		}
		s.WantBalanced(0)
		if at > 100 {
			t.Fatal("sealing never ends")
		}
	}
	if r := s.increment(); !r.Balanced() || r.Holds != 1 {
		t.Errorf("afterwards: %+v", r) // the open hold
	}
}

// While senders and a deliverer are at work, two workers seal; every audit finds the books balanced, incremental and
// full, and at the end everything is sealed.
func TestTwoWorkersSealWhileTheSystemRuns(t *testing.T) {
	const sends = 12 // of each sender
	b := ledgertest.OpenMySQL(t, 2)
	senders := []string{"alice", "bob", "carol"}
	for _, s := range senders {
		b.TopUp(s, 100_000)
	}
	sent, stop := context.WithCancel(t.Context())
	var sending, working sync.WaitGroup
	for i, s := range senders {
		sending.Go(func() {
			for n := range sends {
				h := b.Gift(s, 5, 4, 3, 2)
				b.PostAll(ledgertest.Pay(h, 0, fmt.Sprintf("user-%d", (n+i)%9)), ledgertest.Pay(h, 1, s))
				if _, done, err := b.Void(t.Context(), h.ID, 9); !done || err != nil {
					t.Errorf("void: %v, %v", done, err)
				}
				b.DeliverAll()
			}
		})
	}
	for range 2 {
		working.Go(func() {
			for sent.Err() == nil {
				r, err := b.Auditor.AuditWith(t.Context(), audit.Options{Incremental: true, Seal: true})
				if err != nil || !r.Balanced() {
					t.Errorf("audit: %+v, %v", r.Discrepancies, err)
				}
			}
		})
	}
	go func() { sending.Wait(); stop() }()
	for sent.Err() == nil {
		if r := b.Audited(); !r.Balanced() {
			t.Errorf("full audit: %+v", r.Discrepancies)
		}
	}
	working.Wait()
	b.DeliverAll()
	for range 2 {
		r, err := b.Auditor.AuditWith(t.Context(), audit.Options{Incremental: true, Seal: true})
		if err != nil || !r.Balanced() {
			t.Fatalf("audit: %+v, %v", r, err)
		}
	}
	r, err := b.Auditor.AuditWith(t.Context(), audit.Options{Incremental: true})
	if err != nil || r.Holds+r.Posts != 0 {
		t.Errorf("everything is sealed, and yet it reads %+v, %v", r, err)
	}
	b.WantBalanced(0)
}
