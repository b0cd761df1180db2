package ledgertest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// model is an account of what should have happened, kept apart from the ledger: plain numbers, changed by the rules in
// the comments of package ledger.
type model struct {
	book    *Book
	users   []string
	balance map[string]int64 // what has arrived
	flying  map[string]int64 // posted to a user and not yet delivered
	usage   map[string]int64 // what a user's offers of the one day sum to
	gifts   []*heldMoney
	offers  []*heldMoney
	meters  []*heldMoney
	indexed map[string][]int64 // offers to a user, delivered
	sent    map[string][]int64 // offers to a user, not delivered
	calls   map[string]string  // owner and request id → body; "" for a cancelled one
	made    map[string]int64   // owner and request id → hold
}

type heldMoney struct {
	hold           ledger.Hold
	payees         map[int]string
	stage          ledger.Stage
	posted, voided int64
}

func (h *heldMoney) pending() int64 { return h.hold.Amount.Minor - h.posted - h.voided }

// wantHold wants a hold as the ledger has it to be as the model has it.
func (h *heldMoney) wantHold(rt *rapid.T, got ledger.Hold) {
	if got.Posted != h.posted || got.Voided != h.voided || got.Open != (h.pending() > 0) || got.Stage != h.stage {
		rt.Fatalf("%+v, want %d posted, %d voided, stage %q", got, h.posted, h.voided, h.stage)
	}
}

// post says what should become of a post: "posted", "repeated" or "rejected".
func (m *model) post(h *heldMoney, p ledger.Post) string {
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
	m.flying[p.Payee] += p.Minor
	return "posted"
}

// Random sequences of everything that a ledger does agree, after each step, with a model that knows nothing of it.
func testModel(t *testing.T, open Open) {
	const runsOfABook = 20 // a book's rejections stay, and an audit names a thousand discrepancies at most
	var b *Book
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		if run%runsOfABook == 0 {
			b = open(t, 3)
		}
		run++
		m := &model{book: b, balance: map[string]int64{}, flying: map[string]int64{}, usage: map[string]int64{},
			indexed: map[string][]int64{}, sent: map[string][]int64{}, calls: map[string]string{},
			made: map[string]int64{}}
		for i := range 6 { // users of this run alone
			m.users = append(m.users, fmt.Sprintf("run%d-user%d", run, i))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"topUp": m.topUp, "withdraw": m.withdraw, "hold": m.hold, "cancel": m.cancel, "post": m.batch,
			"void":  m.void,
			"offer": m.offer, "step": m.step, "supply": m.supply, "draw": m.draw,
			"deliver": func(*rapid.T) { m.deliver() }, "": m.compare,
		})
		var flying int64
		for minor := range maps.Values(m.flying) {
			flying += minor
		}
		if r := b.Audited(); r.Found > 0 && hasOther(r) || r.InFlight[CNY] != flying {
			rt.Fatalf("audit: %+v; in flight %v, want %d", r.Discrepancies, r.InFlight, flying)
		}
		b.DeliverAll() // leave nothing in flight to the next run
	})
}

// hasOther says whether anything but rejections was found; random posts are often rejected.
func hasOther(r ledger.AuditReport) bool {
	other := func(d ledger.Discrepancy) bool { return d.Code != ledger.AuditRejection }
	return slices.ContainsFunc(r.Discrepancies, other) || r.Found > int64(len(r.Discrepancies)) // or nobody can tell
}

func (m *model) user(rt *rapid.T, what string) string {
	return rapid.SampledFrom(m.users).Draw(rt, what)
}

func minor(rt *rapid.T) int64 { return rapid.Int64Range(1, 500).Draw(rt, "minor") }

func anyOf(rt *rapid.T, holds []*heldMoney) *heldMoney {
	if len(holds) == 0 {
		rt.Skip("no hold yet")
	}
	return rapid.SampledFrom(holds).Draw(rt, "hold")
}

func (m *model) topUp(rt *rapid.T) {
	who, n := m.user(rt, "user"), minor(rt)
	m.book.TopUp(who, n)
	m.balance[who] += n
}

func (m *model) withdraw(rt *rapid.T) {
	who, n := m.user(rt, "user"), minor(rt)
	_, err := m.book.Wallet.Withdraw(m.book.T.Context(), who, m.book.NextRequest(), n, string(CNY))
	refused := codeOf(err) == refusal.CodeInsufficientBalance
	if refused != (n > m.balance[who]) || err != nil && !refused {
		rt.Fatalf("withdraw %d of %d: %v", n, m.balance[who], err)
	}
	if err == nil {
		m.balance[who] -= n
	}
}

// request draws one of few ids, so that some come again.
func request(rt *rapid.T) string {
	return fmt.Sprintf("send-%d", rapid.IntRange(0, 5).Draw(rt, "request"))
}

func (m *model) hold(rt *rapid.T) {
	owner, id := m.user(rt, "owner"), request(rt)
	parts := rapid.SliceOfN(rapid.Int64Range(1, 90), 1, 5).Draw(rt, "parts")
	body := fmt.Sprint(parts)
	h := m.book.Draft(owner, parts...)
	got, err := m.book.Hold(m.book.T.Context(), Request(m.book.T, id, body), h)
	key := owner + " " + id
	first, repeated := m.calls[key]
	want := ""
	switch {
	case repeated && first != body:
		want = refusal.CodeRequestConflict
	case repeated && m.made[key] == 0:
		want = malformed // it was cancelled
	case !repeated && h.Amount.Minor > m.balance[owner]:
		want = refusal.CodeInsufficientBalance
	}
	if codeOf(err) != want {
		rt.Fatalf("hold %s of %d, with %d there: %v, want %q", id, h.Amount.Minor, m.balance[owner], err, want)
	}
	switch {
	case err != nil:
	case repeated:
		if got.ID != m.made[key] {
			rt.Fatalf("hold %s again made %d, want %d", id, got.ID, m.made[key])
		}
	default:
		m.calls[key], m.made[key] = body, got.ID
		m.balance[owner] -= h.Amount.Minor
		m.gifts = append(m.gifts, &heldMoney{hold: got, payees: map[int]string{}})
	}
}

func (m *model) cancel(rt *rapid.T) {
	owner, id := m.user(rt, "owner"), request(rt)
	body := fmt.Sprint([]int64{rapid.Int64Range(1, 3).Draw(rt, "part")})
	got, ok, err := m.book.CancelRequest(m.book.T.Context(), owner, Request(m.book.T, id, body))
	key := owner + " " + id
	first, known := m.calls[key]
	if known && first != body {
		if codeOf(err) != refusal.CodeRequestConflict {
			rt.Fatalf("cancel %s with another body: %v", id, err)
		}
		return
	}
	if err != nil || ok != (m.made[key] != 0) || got != m.made[key] {
		rt.Fatalf("cancel %s: %d, %v, %v, want %d", id, got, ok, err, m.made[key])
	}
	m.calls[key] = body
}

func (m *model) batch(rt *rapid.T) {
	h := anyOf(rt, m.gifts)
	var posts []ledger.Post
	want := map[string]int{}
	// In the order of parts, which is the order in which a batch that contradicts itself is decided.
	for part := range h.hold.Parts {
		for range rapid.IntRange(0, 2).Draw(rt, "times") {
			p := ledger.Post{Hold: h.hold.ID, Part: part, Payee: m.user(rt, "payee"), Minor: h.hold.Parts[part],
				At: h.hold.CreatedAt.Add(time.Duration(part) * time.Millisecond)}
			if rapid.IntRange(0, 9).Draw(rt, "wrong amount") == 0 {
				p.Minor++
			}
			want[m.post(h, p)]++
			posts = append(posts, p)
		}
	}
	if len(posts) == 0 {
		return
	}
	r := m.book.PostAll(posts...)
	completed := (len(r.Completed) == 1) == (h.pending() == 0)
	if r.Posted != want["posted"] || r.Repeated != want["repeated"] || len(r.Rejected) != want["rejected"] ||
		!completed {
		rt.Fatalf("post: %+v, want %v, and completed: %t", r, want, h.pending() == 0)
	}
}

func (m *model) void(rt *rapid.T) {
	h := anyOf(rt, m.gifts)
	posted := h.posted
	if rapid.IntRange(0, 3).Draw(rt, "wrong") == 0 {
		posted++
	}
	got, done, err := m.book.Void(m.book.T.Context(), h.hold.ID, posted)
	if err != nil || done != (posted == h.posted) {
		rt.Fatalf("void with %d of %d posted: %v, %v", posted, h.posted, done, err)
	}
	if done {
		m.balance[h.hold.Owner] += h.pending()
		h.voided += h.pending()
	}
	h.wantHold(rt, got)
}

// offer makes an offer, or pays at once, all on one day and sometimes within a limit of 300.
func (m *model) offer(rt *rapid.T) {
	owner, to, n := m.user(rt, "owner"), m.user(rt, "to"), minor(rt)
	h := m.book.OfferDraft(owner, to)
	h.Amount.Minor, h.Parts = n, []int64{n}
	h.CreatedAt = Day("2026-02-16 12:00:00")
	var o ledger.HoldOptions
	if rapid.Bool().Draw(rt, "limit") {
		o.DailyLimit = 300
	}
	if o.PayNow = rapid.Bool().Draw(rt, "pay now"); o.PayNow {
		h.Subject, h.Stage = Gift, ""
	}
	got, err := m.book.Make(h, o)
	want := ""
	switch {
	case o.DailyLimit > 0 && m.usage[owner]+n > o.DailyLimit:
		want = refusal.CodeDailyLimitExceeded
	case n > m.balance[owner]:
		want = refusal.CodeInsufficientBalance
	}
	if codeOf(err) != want {
		rt.Fatalf("offer of %d, with %d there and %d sent: %v, want %q", n, m.balance[owner], m.usage[owner], err, want)
	}
	if err != nil {
		return
	}
	made := &heldMoney{hold: got, stage: h.Stage}
	m.balance[owner] -= n
	m.usage[owner] += n
	if o.PayNow {
		made.posted = n
		m.flying[to] += n
	} else {
		m.offers = append(m.offers, made)
		m.sent[to] = append(m.sent[to], got.ID)
	}
	made.wantHold(rt, got)
}

func (m *model) step(rt *rapid.T) {
	h := anyOf(rt, m.offers)
	from := rapid.SampledFrom([]ledger.Stage{Offered, Accepted, Arrived}).Draw(rt, "from")
	to := rapid.SampledFrom([]ledger.Stage{Accepted, Arrived, Returned}).Draw(rt, "to")
	if from == to {
		rt.Skip("no step")
	}
	s := StepOf(h.hold, from, to)
	at := h.hold.ExpiresAt.Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "when")) * time.Minute)
	s.Due = rapid.Bool().Draw(rt, "due")
	got, done, err := m.book.Advance(s, at)
	want := h.pending() > 0 && h.stage == from && s.Due != at.Before(h.hold.ExpiresAt)
	if err != nil || done != want {
		rt.Fatalf("step %+v: %v, %v, want %v", s, done, err, want)
	}
	if done {
		n := h.pending()
		switch h.stage = to; s.Funds {
		case ledger.FundsPosted:
			h.posted = n
			m.flying[h.hold.Counterparty] += n
		case ledger.FundsVoided:
			h.voided = n
			m.balance[h.hold.Owner] += n
			m.usage[h.hold.Owner] -= n
		}
	}
	h.wantHold(rt, got)
}

func (m *model) supply(rt *rapid.T) {
	owner, to := m.user(rt, "owner"), m.user(rt, "to")
	unit, units := rapid.Int64Range(1, 30).Draw(rt, "unit"), rapid.Int64Range(1, 20).Draw(rt, "units")
	h := m.book.SupplyDraft(owner, to, unit, units)
	got, err := m.book.Hold(m.book.T.Context(), Request(m.book.T, m.book.NextRequest(), ""), h)
	short := unit*units > m.balance[owner]
	if short != (codeOf(err) == refusal.CodeInsufficientBalance) || err != nil && !short {
		rt.Fatalf("supply of %d, with %d there: %v", unit*units, m.balance[owner], err)
	}
	if err == nil {
		m.balance[owner] -= unit * units
		m.meters = append(m.meters, &heldMoney{hold: got})
	}
}

func (m *model) draw(rt *rapid.T) {
	h := anyOf(rt, m.meters)
	units := rapid.Int64Range(1, 8).Draw(rt, "units")
	to := rapid.SampledFrom([]ledger.FundsState{ledger.FundsPosted, ledger.FundsVoided}).Draw(rt, "funds")
	got, done, err := m.book.Draw(h.hold.ID, units, to)
	minor := units * h.hold.Unit
	if err != nil || done != (minor <= h.pending()) {
		rt.Fatalf("draw of %d with %d pending: %v, %v", minor, h.pending(), done, err)
	}
	switch {
	case !done:
	case to == ledger.FundsPosted:
		h.posted += minor
		m.flying[h.hold.Counterparty] += minor
	default:
		h.voided += minor
		m.balance[h.hold.Owner] += minor
	}
	h.wantHold(rt, got)
}

func (m *model) deliver() {
	m.book.DeliverAll()
	for who, minor := range m.flying {
		m.balance[who] += minor
	}
	for who, ids := range m.sent {
		m.indexed[who] = append(m.indexed[who], ids...)
	}
	clear(m.flying)
	clear(m.sent)
}

func (m *model) compare(rt *rapid.T) {
	for _, who := range m.users {
		if got := m.book.Balance(who); got != m.balance[who] {
			rt.Fatalf("%s has %d, want %d", who, got, m.balance[who])
		}
		want := slices.Sorted(slices.Values(m.indexed[who]))
		slices.Reverse(want)
		if got, err := m.book.Indexed(m.book.T.Context(), who, Offer, 0, 1000); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("%s finds %v, %v, want %v", who, got, err, want)
		}
	}
}
