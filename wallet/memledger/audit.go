package memledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Audit says whether, at one moment, held = posted + voided + pending for every hold, every shard sums to zero in every
// currency, and everything else agrees that is written in two places. It adds everything up anew.
func (l *Ledger) Audit(ctx context.Context) (ledger.AuditReport, error) {
	if err := ctx.Err(); err != nil {
		return ledger.AuditReport{}, err
	}
	for _, s := range l.shards { // in order, and nobody else holds two
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	a := &audit{shards: l.shards, report: ledger.AuditReport{Shards: len(l.shards),
		InFlight:      map[ledger.Currency]int64{},
		Discrepancies: []ledger.Discrepancy{}}}
	clearing := sums{}
	for n, s := range l.shards {
		a.entries(n, &s.state)
		a.holds(n, &s.state)
		a.fundings(n, &s.state)
		a.rejections(n, &s.state)
		a.outbox(&s.state)
		a.credits(n, &s.state)
		for key, minor := range s.system {
			if key.account == clearingAccount {
				clearing[key.currency] += minor
			}
		}
	}
	a.compare(ledger.AuditClearing, 0, "clearing accounts of all shards, against messages in no inbox",
		a.report.InFlight, clearing)
	maps.DeleteFunc(a.report.InFlight, func(_ ledger.Currency, minor int64) bool { return minor == 0 })
	slices.SortFunc(a.report.Discrepancies, func(a, b ledger.Discrepancy) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Code, b.Code), cmp.Compare(a.What, b.What))
	})
	return a.report, nil
}

type sums map[ledger.Currency]int64

type audit struct {
	shards []*shard
	report ledger.AuditReport
}

// found names a discrepancy.
func (a *audit) found(code string, n int, what string, expected, found any) {
	a.report.Found++
	if len(a.report.Discrepancies) < ledger.MaxDiscrepancies {
		a.report.Discrepancies = append(a.report.Discrepancies, ledger.Discrepancy{
			Code: code, Shard: n, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)})
	}
}

// want names a discrepancy where two numbers differ.
func (a *audit) want(code string, n int, what string, expected, found int64) {
	if expected != found {
		a.found(code, n, what, expected, found)
	}
}

func (a *audit) compare(code string, n int, what string, expected, found sums) {
	currencies := maps.Clone(expected)
	maps.Copy(currencies, found)
	for c := range currencies {
		a.want(code, n, what+", "+string(c), expected[c], found[c])
	}
}

// entries checks statements, and that everything on a shard sums to zero.
func (a *audit) entries(n int, s *state) {
	all := sums{}
	for key, entries := range s.wallets {
		a.report.Accounts++
		var balance int64
		for i, e := range entries {
			a.report.Entries++
			balance += e.Minor
			what := fmt.Sprintf("entry %d of account %s, %s", e.Seq, key.account, key.currency)
			a.want(ledger.AuditAccountSequence, n, what, int64(i+1), e.Seq)
			a.want(ledger.AuditAccountRunning, n, what, balance, e.Balance)
			if balance < 0 {
				a.found(ledger.AuditAccountNegative, n, what, "0 or more", balance)
			}
		}
		all[key.currency] += balance
	}
	for key, minor := range s.system {
		all[key.currency] += minor
	}
	a.compare(ledger.AuditShardUnbalanced, n, "sum of all accounts", sums{}, all)
}

// holds checks holds against their posts, their accounts and what is counted of them.
func (a *audit) holds(n int, s *state) {
	usage := map[usageKey]int64{}
	for id, h := range s.holds {
		a.report.Holds++
		name := fmt.Sprintf("hold %d", id)
		var posted int64
		for _, part := range s.postsOf[id] {
			a.report.Posts++
			posted += s.posts[partKey{id, part}].Minor
		}
		pending := s.system[accountKey{holdAccount(id), h.Amount.Currency}]
		a.want(ledger.AuditHoldPosted, n, name+", against the sum of its posts", posted, h.Posted)
		a.want(ledger.AuditHoldEntries, n, name+": its account, against what is pending", h.Pending(), pending)
		a.want(ledger.AuditHoldAmount, n, name+": posted + voided + pending", h.Amount.Minor, posted+h.Voided+pending)
		if h.Posted < 0 || h.Voided < 0 || h.Pending() < 0 {
			a.found(ledger.AuditHoldAmount, n, name, "nothing below 0", fmt.Sprint(h.Posted, h.Voided, h.Pending()))
		}
		if h.Open != (h.Pending() > 0) {
			a.found(ledger.AuditHoldOpen, n, name, h.Pending() > 0, h.Open)
		}
		if h.CountsDaily {
			usage[usageOf(h)] += h.Amount.Minor - h.Voided
		}
	}
	for _, o := range s.fundings {
		if o.CountsDaily && o.State != wallet.FundingRefused {
			usage[usageOfOrder(o)] += o.Amount.Minor
		}
	}
	keys := maps.Clone(usage)
	maps.Copy(keys, s.usage)
	for key := range keys {
		what := fmt.Sprintf("daily usage of %s in %s on day %d", key.user, key.currency, key.day)
		a.want(ledger.AuditDailyUsage, n, what, usage[key], s.usage[key])
	}
}

// fundings checks what orders have moved.
func (a *audit) fundings(n int, s *state) {
	outside, found := sums{}, sums{}
	for id, o := range s.fundings {
		own := int64(0)
		switch {
		case o.Kind == ledger.EntryTopUp && o.State == wallet.FundingSettled:
			outside[o.Amount.Currency] -= o.Amount.Minor
		case o.Kind == ledger.EntryWithdrawal && o.State == wallet.FundingSettled:
			outside[o.Amount.Currency] += o.Amount.Minor
		case o.Kind == ledger.EntryWithdrawal && o.State == wallet.FundingPending:
			own = o.Amount.Minor
		}
		account := fundingAccount(id)
		a.want(ledger.AuditFunding, n, "account "+account, own, s.system[accountKey{account, o.Amount.Currency}])
	}
	for key, minor := range s.system {
		if key.account == outsideAccount {
			found[key.currency] = minor
		}
	}
	a.compare(ledger.AuditFunding, n, "account "+outsideAccount, outside, found)
}

func (a *audit) rejections(n int, s *state) {
	for _, r := range s.rejections {
		what := fmt.Sprintf("post of hold %d part %d to %q, amount %d", r.Hold, r.Part, r.Payee, r.Minor)
		a.found(ledger.AuditRejection, n, what, "no contradiction", r.Reason)
	}
}

// credits checks that each post has reached its payee's wallet or is on its way, and that each credit has a post.
func (a *audit) credits(n int, s *state) {
	onTheWay := map[partKey]bool{}
	for _, m := range s.outbox {
		for _, c := range m.credits {
			onTheWay[partKey{c.Hold, c.Part}] = true
		}
	}
	for key, p := range s.posts {
		arrived := slices.ContainsFunc(a.shards, func(to *shard) bool {
			return to.legs[legKey{p.Hold, p.Part, p.Payee}]
		})
		if !arrived && !onTheWay[key] {
			a.found(ledger.AuditPostNotCredited, n, nameOf(p.Hold, p.Part, p.Payee), "a credit", "none")
		}
	}
	for leg := range s.legs {
		posted := slices.ContainsFunc(a.shards, func(from *shard) bool {
			return from.posts[partKey{leg.hold, leg.part}].Payee == leg.payee
		})
		if !posted {
			a.found(ledger.AuditCreditUnposted, n, nameOf(leg.hold, leg.part, leg.payee), "a post", "none")
		}
	}
}

func nameOf(hold int64, part int, payee string) string {
	return fmt.Sprintf("hold %d part %d to %q", hold, part, payee)
}

// outbox adds up what is in flight: messages that have not arrived.
func (a *audit) outbox(s *state) {
	for _, m := range s.outbox {
		if a.shards[m.dest].inbox[m.id] {
			continue
		}
		for _, c := range m.credits {
			a.report.InFlight[c.Currency] += c.Minor
		}
	}
}
