package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/deploy/bank/bankserver"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/httpfunding"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// branch is an installation with real money and the bank behind it, each on its own address on loopback.
type branch struct {
	*testing.T
	*app.App
	bank     *bankserver.Bank
	server   *httptest.Server // of the bank
	address  string           // of the bank
	provider *httpfunding.Provider
	secrets  signature.Secrets
	config   bankserver.Config
	stop     func() // ends the bank's Run

	ahead   atomic.Int64 // of our clock before the bank's, nanoseconds
	took    atomic.Int64 // callbacks that were taken
	dropped atomic.Int64 // callbacks of which the answer is to be lost
}

func newBranch(t *testing.T) *branch {
	b := &branch{T: t}
	var err error
	if b.secrets, err = signature.ParseSecrets([]byte(signature.NewSecret())); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = listener.Addr().String()
	b.provider, err = httpfunding.New(httpfunding.Config{
		URL: "http://" + b.address, Secrets: b.secrets, Log: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.App = apptest.New(t, func(c *app.Config) { c.Funding, c.Now = b.provider, b.now })
	callbacks := httptest.NewServer(http.HandlerFunc(b.callback))
	t.Cleanup(callbacks.Close)
	b.config = bankserver.Config{
		Secrets: b.secrets, Journal: filepath.Join(t.TempDir(), "journal"), CallbackURL: callbacks.URL,
		Retry: time.Millisecond,
		Log:   slog.New(slog.DiscardHandler),
	}
	b.openBank(listener)
	t.Cleanup(func() { b.closeBank() })
	return b
}

func (b *branch) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

// later moves our clock.
func (b *branch) later(d time.Duration) { b.ahead.Add(int64(d)) }

func (b *branch) openBank(listener net.Listener) {
	b.Helper()
	var err error
	if listener == nil {
		if listener, err = net.Listen("tcp", b.address); err != nil {
			b.Fatal(err)
		}
	}
	if b.bank, err = bankserver.Open(b.config); err != nil {
		b.Fatal(err)
	}
	b.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: b.bank.Handler()}}
	b.server.Start()
	b.stop = apptest.Start(b, b.bank.Run)
}

func (b *branch) closeBank() {
	b.server.Close()
	b.stop()
	_ = b.bank.Close()
}

// callback is what the gateway and the Kitex service do with one.
func (b *branch) callback(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, err := b.tell(signature.From(r.Header), body)
	if b.dropped.Add(-1) >= 0 {
		panic(http.ErrAbortHandler)
	}
	switch {
	case err == nil:
		b.took.Add(1)
	case refusal.CodeOf(err) != "":
		w.WriteHeader(http.StatusConflict)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (b *branch) tell(h signature.Headers, body []byte) (wallet.FundingOrder, error) {
	return httpfunding.NewCallbacks(b.provider, b.Wallets).Callback(context.WithoutCancel(b.Context()), h.ID,
		h.Timestamp,
		h.Signature, body)
}

func (b *branch) rule(decide bankserver.State, fault bankserver.Fault) {
	b.Helper()
	if err := b.bank.SetRule(bankserver.Rule{Decide: decide, After: "0s", Fault: fault}); err != nil {
		b.Fatal(err)
	}
}

// order tops up or withdraws 100, and wants the state; "" is for a refusal.
func (b *branch) order(kind ledger.EntryKind, request string, want wallet.FundingState) wallet.FundingOrder {
	b.Helper()
	call := b.Wallets.TopUp
	if kind == ledger.EntryWithdrawal {
		call = b.Wallets.Withdraw
	}
	o, err := call(b.Context(), "alice", request, 100, "CNY")
	if want == "" {
		if refusal.CodeOf(err) != wallet.CodeFundingRefused {
			b.Fatalf("%s %s: %+v, %v", kind, request, o, err)
		}
		return o
	}
	if err != nil || o.State != want {
		b.Fatalf("%s %s: %+v, %v; want %s", kind, request, o, err, want)
	}
	return o
}

// resume is a pass of the job over every shard.
func (b *branch) resume() (finished int) {
	b.Helper()
	for shard := range b.Buckets.Shards {
		n, err := b.Wallets.ResumeFundings(b.Context(), shard)
		if err != nil {
			b.Errorf("resume: %v", err)
		}
		finished += n
	}
	return finished
}

// wants checks alice's balance, and the books.
func (b *branch) wants(what string, minor int64) {
	b.Helper()
	if got := apptest.Balance(b, b.App, "alice"); got != minor {
		b.Errorf("%s: alice has %d, want %d", what, got, minor)
	}
	apptest.MustBalance(b, b.App)
}

func id(o wallet.FundingOrder) string { return fmt.Sprint(o.ID) }

// state is the order as the ledger has it.
func (b *branch) state(o wallet.FundingOrder) wallet.FundingState {
	b.Helper()
	got, err := b.Ledger.Funding(b.Context(), o.ID)
	if err != nil {
		b.Fatal(err)
	}
	return got.State
}

// A top-up and a withdrawal through everything that a bank can say, with the books checked after each.
func TestFundingStates(t *testing.T) {
	b := newBranch(t)
	b.rule(bankserver.Settled, bankserver.NoFault)
	b.order(ledger.EntryTopUp, "settled", wallet.FundingSettled)
	b.wants("settled at once", 100)
	b.order(ledger.EntryWithdrawal, "out", wallet.FundingSettled)
	b.wants("paid out at once", 0)
	b.rule(bankserver.Refused, bankserver.NoFault)
	b.order(ledger.EntryTopUp, "refused", "")
	b.wants("refused at once", 0)
	b.rule(bankserver.Settled, bankserver.NoFault)
	b.order(ledger.EntryTopUp, "more", wallet.FundingSettled)
	b.rule(bankserver.Refused, bankserver.NoFault)
	b.order(ledger.EntryWithdrawal, "refused-out", "")
	b.wants("payout refused at once", 100)

	b.rule(bankserver.Pending, bankserver.NoFault)
	called := b.order(ledger.EntryTopUp, "called-back", wallet.FundingPending)
	b.wants("pending", 100)
	must(t, b.bank.Decide(id(called), bankserver.Settled, 0))
	apptest.Until(t, "the callback has settled it", func() bool { return b.state(called) == wallet.FundingSettled })
	b.wants("settled by the callback", 200)
	b.order(ledger.EntryTopUp, "called-back", wallet.FundingSettled)

	forgotten := b.order(ledger.EntryTopUp, "forgotten", wallet.FundingPending)
	must(t, b.bank.Forget(id(forgotten)))
	b.later(6 * time.Second)
	b.resume()
	b.wants("unknown to the bank, and created again", 200)
	must(t, b.bank.Decide(id(forgotten), bankserver.Refused, 0))
	apptest.Until(t, "the callback has refused it", func() bool { return b.state(forgotten) == wallet.FundingRefused })
	b.order(ledger.EntryTopUp, "forgotten", "")
	b.wants("refused by the callback", 200)

	b.rule(bankserver.Pending, bankserver.Silent)
	late := b.order(ledger.EntryWithdrawal, "late", wallet.FundingPending)
	for range 200 {
		b.later(time.Hour)
		if b.resume() != 0 {
			t.Fatal("something was finished that is not decided")
		}
	}
	b.wants("pending for more than a week", 100)
	must(t, b.bank.Decide(id(late), bankserver.Settled, 0))
	b.later(time.Hour)
	if n := b.resume(); n != 1 {
		t.Errorf("finished %d", n)
	}
	b.wants("late, by a query", 100)
	b.order(ledger.EntryWithdrawal, "late", wallet.FundingSettled)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mortal is a provider whose process dies at one point of Create: what it was to return is never heard.
type mortal struct {
	wallet.Funding
	before, after bool
}

var errDied = errors.New("died")

func (m mortal) Create(ctx context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	if m.before {
		return "", errDied
	}
	state, err := m.Funding.Create(ctx, o)
	if m.after {
		return "", errDied
	}
	return state, err
}

// A process dies between each two lines of a top-up and of a withdrawal. Whatever then goes on from there, the job, the
// callback or the client's repetition, the money moves once.
func TestFundingDiesBetweenEachTwoLines(t *testing.T) {
	b := newBranch(t)
	balance := int64(0)
	number := 0
	for _, kind := range []ledger.EntryKind{ledger.EntryTopUp, ledger.EntryWithdrawal} {
		for _, decided := range []bankserver.State{bankserver.Settled, bankserver.Refused} {
			for _, point := range []mortal{{before: true}, {after: true}} {
				for _, rescuer := range []string{"job", "client", "callback"} {
					what := fmt.Sprintf("%s %s, dies before %t after %t, %s", kind, decided, point.before, point.after,
						rescuer)
					number++
					request := fmt.Sprintf("r-%d", number)
					b.rule(bankserver.Settled, bankserver.Silent)
					if balance < 100 {
						b.order(ledger.EntryTopUp, request+"-first", wallet.FundingSettled)
						balance += 100
					}
					b.rule(decided, bankserver.Silent)
					point.Funding = b.provider
					dying := wallet.NewService(b.Ledger, point, b.now)
					call := dying.TopUp
					if kind == ledger.EntryWithdrawal {
						call = dying.Withdraw
					}
					o, err := call(t.Context(), "alice", request, 100, "CNY")
					if err != nil || o.State != wallet.FundingPending {
						t.Fatalf("%s: %+v, %v", what, o, err)
					}
					held := balance
					if kind == ledger.EntryWithdrawal {
						held -= 100
					}
					b.wants(what+", dead", held)
					switch {
					case rescuer == "job" || point.before && rescuer == "callback": // the bank knows nothing to tell
						b.later(6 * time.Second)
						if n := b.resume(); n != 1 {
							t.Errorf("%s: finished %d", what, n)
						}
					case rescuer == "callback":
						b.rule(decided, bankserver.NoFault)
						apptest.Until(t, "the callback is taken", func() bool { return b.state(o).Final() })
					}
					want := wallet.FundingSettled
					if decided == bankserver.Refused {
						want = ""
					}
					b.order(kind, request, want)
					switch {
					case decided == bankserver.Settled && kind == ledger.EntryTopUp:
						balance += 100
					case decided == bankserver.Settled:
						balance -= 100
					}
					b.wants(what, balance)
				}
			}
		}
	}
}

// A process dies after it has taken a callback and before it answers: the bank repeats it until it hears the answer.
func TestCallbackIsTakenAndItsAnswerLost(t *testing.T) {
	b := newBranch(t)
	o := b.order(ledger.EntryTopUp, "a", wallet.FundingPending)
	b.dropped.Store(3)
	must(t, b.bank.Decide(id(o), bankserver.Settled, 0))
	apptest.Until(t, "the bank is answered", func() bool { return b.bank.Orders()[0].Told })
	if r := b.bank.Orders()[0]; r.Attempts != 4 || b.took.Load() != 1 {
		t.Errorf("%d attempts, %d heard", r.Attempts, b.took.Load())
	}
	b.wants("told four times", 100)
}

// Callbacks, two workers and clients all settle the same orders at once.
func TestEverybodySettlesAtOnce(t *testing.T) {
	b := newBranch(t)
	b.rule(bankserver.Pending, bankserver.Silent)
	const orders = 12
	var all []wallet.FundingOrder
	for i := range orders {
		all = append(all, b.order(ledger.EntryTopUp, fmt.Sprintf("a-%d", i), wallet.FundingPending))
	}
	b.later(6 * time.Second)
	for i, o := range all {
		must(t, b.bank.Decide(id(o), []bankserver.State{bankserver.Settled, bankserver.Refused}[i%2], 0))
	}
	elsewhere := b.Config()
	other := apptest.Open(t, elsewhere) // one more process
	b.rule(bankserver.Pending, bankserver.NoFault)
	var wg sync.WaitGroup
	for _, service := range []*wallet.Service{b.Wallets, other.Wallets} {
		for shard := range b.Buckets.Shards {
			wg.Go(func() {
				if _, err := service.ResumeFundings(t.Context(), shard); err != nil {
					t.Errorf("resume: %v", err)
				}
			})
		}
		wg.Go(func() {
			for i := range orders {
				_, err := service.TopUp(t.Context(), "alice", fmt.Sprintf("a-%d", i), 100, "CNY")
				if code := refusal.CodeOf(err); err != nil && code != wallet.CodeFundingRefused {
					t.Errorf("client: %v", err)
				}
			}
		})
	}
	wg.Wait()
	apptest.Until(t, "the bank has told everything", func() bool {
		for _, r := range b.bank.Orders() {
			if !r.Told {
				return false
			}
		}
		return true
	})
	for _, o := range all {
		must(t, b.bank.Repeat(id(o)))
	}
	apptest.Until(t, "the bank has told everything again", func() bool { return b.took.Load() >= 2*orders })
	b.wants("six were settled", 600)
}

// The bank is down for an hour: orders stay pending, and all are carried out when it is back.
func TestTheBankIsDownForAnHour(t *testing.T) {
	b := newBranch(t)
	b.rule(bankserver.Settled, bankserver.NoFault)
	b.order(ledger.EntryTopUp, "first", wallet.FundingSettled)
	apptest.Until(t, "it is told", func() bool { return b.bank.Orders()[0].Told })
	b.closeBank()
	b.order(ledger.EntryTopUp, "in", wallet.FundingPending)
	b.order(ledger.EntryWithdrawal, "out", wallet.FundingPending)
	for range 60 {
		b.later(time.Minute)
		for shard := range b.Buckets.Shards {
			if n, _ := b.Wallets.ResumeFundings(t.Context(), shard); n != 0 {
				t.Fatalf("%d were finished without the bank", n)
			}
		}
	}
	b.wants("down", 0)
	b.openBank(nil)
	b.rule(bankserver.Settled, bankserver.NoFault)
	b.later(16 * time.Minute)
	if n := b.resume(); n != 2 {
		t.Errorf("finished %d", n)
	}
	b.wants("back", 100)
}

// The bank's answer to a payout is lost and the payout is refused later, told twice and asked about: it comes back
// once.
func TestARefusedPayoutComesBackOnce(t *testing.T) {
	b := newBranch(t)
	b.rule(bankserver.Settled, bankserver.NoFault)
	b.order(ledger.EntryTopUp, "first", wallet.FundingSettled)
	b.rule(bankserver.Pending, bankserver.LoseAnswer)
	o := b.order(ledger.EntryWithdrawal, "out", wallet.FundingPending)
	b.wants("no answer", 0)
	b.rule(bankserver.Pending, bankserver.NoFault)
	must(t, b.bank.Decide(id(o), bankserver.Refused, 0))
	apptest.Until(t, "it is refused", func() bool { return b.state(o) == wallet.FundingRefused })
	must(t, b.bank.Repeat(id(o)))
	b.later(time.Hour)
	b.resume()
	apptest.Until(t, "it is told again", func() bool { return b.took.Load() >= 3 })
	b.order(ledger.EntryWithdrawal, "out", "")
	b.wants("refused", 100)
}

// Whatever a callback may be that is not the bank's, or that the ledger contradicts: nothing moves.
func TestCallbacksThatMoveNothing(t *testing.T) {
	b := newBranch(t)
	b.rule(bankserver.Pending, bankserver.Silent)
	o := b.order(ledger.EntryTopUp, "a", wallet.FundingPending)
	body := func(id int64, user string, minor int64, currency, state string) []byte {
		return fmt.Appendf(nil,
			`{"type":"funding.decided","order":{"id":"%d","kind":"topup","user":%q,"amount":%d,"currency":%q,"state":%q}}`,
			id, user, minor, currency, state)
	}
	good := body(o.ID, "alice", 100, "CNY", "settled")
	other, err := signature.ParseSecrets([]byte(signature.NewSecret()))
	must(t, err)
	signed := func(body []byte) signature.Headers { return b.secrets.Sign("msg_1", time.Now(), body) }
	for _, line := range []struct {
		what    string
		headers signature.Headers
		body    []byte
		code    string
	}{
		{"signed by somebody else", other.Sign("msg_1", time.Now(), good), good, wallet.CodeSignatureInvalid},
		{"an old one", b.secrets.Sign("msg_1", time.Now().Add(-6*time.Minute), good), good,
			wallet.CodeSignatureInvalid},
		{"changed under way", signed(good), body(o.ID, "alice", 1000, "CNY", "settled"), wallet.CodeSignatureInvalid},
		{"ten times the amount", signed(body(o.ID, "alice", 1000, "CNY", "settled")), body(o.ID, "alice", 1000, "CNY",
			"settled"), wallet.CodeFundingMismatch},
		{"another currency", signed(body(o.ID, "alice", 100, "USD", "settled")),
			body(o.ID, "alice", 100, "USD", "settled"),
			wallet.CodeFundingMismatch},
		{"another user", signed(body(o.ID, "mallory", 100, "CNY", "settled")),
			body(o.ID, "mallory", 100, "CNY", "settled"),
			wallet.CodeFundingMismatch},
		{"an order that there is not", signed(body(o.ID+1024, "alice", 100, "CNY", "settled")),
			body(o.ID+1024, "alice", 100,
				"CNY", "settled"), wallet.CodeFundingNotFound},
	} {
		if _, err := b.tell(line.headers, line.body); refusal.CodeOf(err) != line.code {
			t.Errorf("%s: %v, want %s", line.what, err, line.code)
		}
		b.wants(line.what, 0)
	}
	headers := signed(good)
	for range 3 { // once, and replayed
		if got, err := b.tell(headers, good); err != nil || got.State != wallet.FundingSettled || got.ID != o.ID {
			t.Errorf("%+v, %v", got, err)
		}
	}
	b.wants("replayed", 100)
	contrary := body(o.ID, "alice", 100, "CNY", "refused")
	if _, err := b.tell(signed(contrary), contrary); refusal.CodeOf(err) != wallet.CodeFundingDecided {
		t.Errorf("refused after it was settled: %v", err)
	}
	b.wants("refused after it was settled", 100)
}

// Play money and real money never meet: an installation is opened as what it was made.
func TestSandboxAndRealMoneyNeverMeet(t *testing.T) {
	sandbox := apptest.New(t, nil)
	provided := sandbox.Config()
	provided.Funding = wallet.Unfunded{}
	if _, err := app.Open(t.Context(), provided); !errors.Is(err, app.ErrSandbox) {
		t.Errorf("a sandbox with a bank: %v", err)
	}
	if err := app.Install(t.Context(), sandbox.Config(), 1, false); err == nil {
		t.Error("a sandbox was made real")
	}

	real := newBranch(t)
	without := real.Config()
	without.Funding = nil
	if _, err := app.Open(t.Context(), without); !errors.Is(err, app.ErrNoFunding) {
		t.Errorf("real money without a bank: %v", err)
	}
	without.Unfunded = true
	s := apptest.Open(t, without)
	if o, err := s.Wallets.TopUp(t.Context(), "alice", "a", 100, "CNY"); err != nil ||
		o.State != wallet.FundingPending {
		t.Errorf("in a process that moves no money: %+v, %v", o, err)
	}
	real.wants("nothing moved", 0)
}
