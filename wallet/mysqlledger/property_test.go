package mysqlledger_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// auditor is an account of what should have happened, kept in memory and apart from the ledger: plain numbers, changed
// by the rules in the comments of envelope.Ledger.
type auditor struct {
	balance map[string]int64 // what has arrived
	flying  map[string]int64 // posted to a user and not yet delivered
	holds   []*heldMoney
	calls   map[string]string // owner and request id → body
	made    map[string]int64  // owner and request id → hold
}

type heldMoney struct {
	hold           ledger.Hold
	payees         map[int]string
	posted, voided int64
}

func (h *heldMoney) pending() int64 { return h.hold.Amount.Minor - h.posted - h.voided }

// post says what should become of a post: "posted", "repeated" or "rejected".
func (a *auditor) post(h *heldMoney, p ledger.Post) string {
	if before, ok := h.payees[p.Part]; ok && before == p.Payee && p.Minor == h.hold.Parts[p.Part] {
		return "repeated"
	}
	for _, payee := range h.payees {
		if payee == p.Payee {
			return "rejected"
		}
	}
	if _, ok := h.payees[p.Part]; ok || p.Minor != h.hold.Parts[p.Part] || p.Minor > h.pending() {
		return "rejected"
	}
	h.payees[p.Part] = p.Payee
	h.posted += p.Minor
	a.flying[p.Payee] += p.Minor
	return "posted"
}

// Random sequences of everything the ledger does agree, after each step, with an auditor that knows nothing of it.
func TestLedgerAgreesWithAuditor(t *testing.T) {
	b := open(t, 3)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		users := make([]string, 6) // users of this run alone
		for i := range users {
			users[i] = fmt.Sprintf("run%d-user%d", run, i)
		}
		a := &auditor{balance: map[string]int64{}, flying: map[string]int64{}, calls: map[string]string{}, made: map[string]int64{}}
		user := rapid.SampledFrom(users)
		anyHold := func(rt *rapid.T) *heldMoney {
			if len(a.holds) == 0 {
				rt.Skip("no hold yet")
			}
			return rapid.SampledFrom(a.holds).Draw(rt, "hold")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"topUp": func(rt *rapid.T) {
				who, minor := user.Draw(rt, "user"), rapid.Int64Range(1, 500).Draw(rt, "minor")
				b.topUp(who, minor)
				a.balance[who] += minor
			},
			"withdraw": func(rt *rapid.T) {
				who, minor := user.Draw(rt, "user"), rapid.Int64Range(1, 500).Draw(rt, "minor")
				b.calls++
				_, err := b.wallet.Withdraw(t.Context(), who, fmt.Sprintf("out-%d", b.calls), minor, string(cny))
				if refused := refusal.CodeOf(err) == refusal.CodeInsufficientBalance; refused != (minor > a.balance[who]) || err != nil && !refused {
					rt.Fatalf("withdraw %d of %d: %v", minor, a.balance[who], err)
				}
				if err == nil {
					a.balance[who] -= minor
				}
			},
			"hold": func(rt *rapid.T) { a.hold(rt, b, user.Draw(rt, "owner")) },
			"post": func(rt *rapid.T) {
				h := anyHold(rt)
				a.batch(rt, b, h, users)
			},
			"deliver": func(rt *rapid.T) {
				b.deliver()
				for who, minor := range a.flying {
					a.balance[who] += minor
				}
				clear(a.flying)
			},
			"void": func(rt *rapid.T) {
				h := anyHold(rt)
				posted := h.posted
				if rapid.IntRange(0, 3).Draw(rt, "wrong") == 0 {
					posted++
				}
				got, done, err := b.Void(t.Context(), h.hold.ID, posted)
				if err != nil || done != (posted == h.posted) {
					rt.Fatalf("void with %d of %d posted: %v, %v", posted, h.posted, done, err)
				}
				if done {
					a.balance[h.hold.Owner] += h.pending()
					h.voided += h.pending()
				}
				if got.Posted != h.posted || got.Voided != h.voided || got.Open != (h.pending() > 0) {
					rt.Fatalf("void left %+v, want %d posted and %d voided", got, h.posted, h.voided)
				}
			},
			"": func(rt *rapid.T) {
				for _, who := range users {
					if got := b.balance(who); got != a.balance[who] {
						rt.Fatalf("%s has %d, want %d", who, got, a.balance[who])
					}
				}
			},
		})
		var flying int64
		for minor := range maps.Values(a.flying) {
			flying += minor
		}
		if r := b.audit(); r.Found > 0 && hasOther(r) || r.InFlight[cny] != flying {
			rt.Fatalf("audit: %+v; in flight %d, want %d", r.Discrepancies, r.InFlight[cny], flying)
		}
		b.deliver() // leave nothing in flight, and no rejections, to the next run
		for shard := range b.Shards() {
			exec(t, b, shard, "DELETE FROM "+b.cluster.Table(shard, "rejections"))
		}
	})
}

// hasOther says whether anything but rejections was found; random posts are often rejected.
func hasOther(r ledger.AuditReport) bool {
	for _, d := range r.Discrepancies {
		if d.Code != ledger.AuditRejection {
			return true
		}
	}
	return r.Found > int64(len(r.Discrepancies)) // the list is full: nobody can tell
}

func (a *auditor) hold(rt *rapid.T, b *book, owner string) {
	parts := rapid.SliceOfN(rapid.Int64Range(1, 90), 1, 5).Draw(rt, "parts")
	id := fmt.Sprintf("send-%d", rapid.IntRange(0, 5).Draw(rt, "request")) // few, so that some come again
	body := fmt.Sprint(parts)
	h := b.draft(owner, parts...)
	got, err := b.Hold(b.t.Context(), request(b.t, id, body), h)
	key := owner + " " + id
	first, repeated := a.calls[key]
	want := ""
	switch {
	case repeated && first != body:
		want = refusal.CodeRequestConflict
	case !repeated && h.Amount.Minor > a.balance[owner]:
		want = refusal.CodeInsufficientBalance
	}
	if refusal.CodeOf(err) != want || want == "" && err != nil {
		rt.Fatalf("hold %s of %d, with %d there: %v, want %q", id, h.Amount.Minor, a.balance[owner], err, want)
	}
	switch {
	case err != nil:
	case repeated:
		if got.ID != a.made[key] {
			rt.Fatalf("hold %s again made %d, want %d", id, got.ID, a.made[key])
		}
	default:
		a.calls[key], a.made[key] = body, got.ID
		a.balance[owner] -= h.Amount.Minor
		a.holds = append(a.holds, &heldMoney{hold: got, payees: map[int]string{}})
	}
}

func (a *auditor) batch(rt *rapid.T, b *book, h *heldMoney, users []string) {
	var posts []ledger.Post
	want := map[string]int{}
	// In the order of parts, which is the order in which a batch that contradicts itself is decided.
	for part := range h.hold.Parts {
		for range rapid.IntRange(0, 2).Draw(rt, "times") {
			p := ledger.Post{Hold: h.hold.ID, Part: part, Payee: rapid.SampledFrom(users).Draw(rt, "payee"), Minor: h.hold.Parts[part],
				At: h.hold.CreatedAt.Add(time.Duration(part) * time.Millisecond)}
			if rapid.IntRange(0, 9).Draw(rt, "wrong amount") == 0 {
				p.Minor++
			}
			want[a.post(h, p)]++
			posts = append(posts, p)
		}
	}
	if len(posts) == 0 {
		return
	}
	r := b.post(posts...)
	if r.Posted != want["posted"] || r.Repeated != want["repeated"] || len(r.Rejected) != want["rejected"] || (len(r.Completed) == 1) != (h.pending() == 0) {
		rt.Fatalf("post: %+v, want %v, and completed: %t", r, want, h.pending() == 0)
	}
}
