package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/client"
)

// patient is a retry that outlasts the restart of a whole hongbao under the race detector.
func patient() client.Option {
	return client.WithRetry(client.Retry{Attempts: 1000, Base: 10 * time.Millisecond, Max: 100 * time.Millisecond})
}

// The server dies after it has committed and before its answer arrives. The repetition, at the server's successor,
// gives the answer that was lost.
func TestTheServerRestartsInTheMiddleOfACall(t *testing.T) {
	u := installation(t)
	u.group(t, "restart", "restart-alice", "restart-bob")
	p := newProxy(t, u.rpc)
	direct := u.as(t, "restart-alice")
	viaProxy := u.through(t, p, "restart-alice", patient())

	before, err := direct.Wallet.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost := p.loseAnswer()
	type result struct {
		envelope client.Envelope
		err      error
	}
	done := make(chan result, 1)
	go func() {
		e, err := viaProxy.Envelopes.Send(t.Context(), client.NewEnvelope{
			Group: "restart", Kind: client.Lucky, Total: 888, Count: 2, Currency: "CNY",
		})
		done <- result{e, err}
	}()
	<-lost
	p.cut(true)
	u.kill()
	if err := u.start(); err != nil {
		t.Fatal(err)
	}
	p.cut(false)
	r := <-done
	if r.err != nil || r.envelope.Total != 888 || r.envelope.State != client.EnvelopeOpen {
		t.Fatalf("%+v, %v", r.envelope, r.err)
	}
	var sent []client.SentEnvelope
	for e, err := range direct.Envelopes.Sent(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, e)
	}
	after, err := direct.Wallet.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sent) != 1 || sent[0].ID != r.envelope.ID || after[0].Amount != before[0].Amount-888 {
		t.Errorf("sent %+v for %d, balance %d before and %d after", sent, r.envelope.ID, before[0].Amount,
			after[0].Amount)
	}
}

// A decision has no request id. When its answer is lost, the repetition is told that it was decided, and that is
// success.
func TestADecisionWhoseAnswerIsLost(t *testing.T) {
	u := installation(t)
	u.group(t, "decide", "decide-alice", "decide-bob")
	p := newProxy(t, u.rpc)
	alice, bob := u.as(t, "decide-alice"), u.as(t, "decide-bob")
	shaky := u.through(t, p, "decide-bob")

	offer, err := alice.Transfers.Offer(t.Context(), client.NewTransfer{
		To: "decide-bob", Amount: 5, Currency: "CNY", Note: "taxi",
	})
	if err != nil || offer.State != client.TransferOffered || offer.Arrives != client.ArrivesNow ||
		!offer.ArrivesAt.IsZero() {
		t.Fatalf("%+v, %v", offer, err)
	}
	lost := p.loseAnswer()
	accepted, err := shaky.Transfers.Accept(t.Context(), offer.ID)
	<-lost
	if err != nil || accepted.State != client.TransferArrived {
		t.Fatalf("%+v, %v", accepted, err)
	}
	if _, err := bob.Transfers.Accept(t.Context(), offer.ID); client.Code(err) != client.CodeAlreadyArrived {
		t.Errorf("accepted again: %v", err)
	}

	bill, err := alice.Collections.Open(t.Context(), client.NewCollection{
		Group: "decide", Kind: client.PerPerson, Currency: "CNY", Asks: []client.Ask{{User: "decide-bob", Amount: 7}},
	})
	if err != nil {
		t.Fatal(err)
	}
	lost = p.loseAnswer()
	paid, err := shaky.Collections.Pay(t.Context(), bill.ID, 7, "CNY")
	<-lost
	if err != nil || paid.State != client.CollectionComplete || paid.Parts[0].State != client.PartPaid ||
		paid.Parts[0].Payment == 0 {
		t.Errorf("%+v, %v", paid, err)
	}
	if _, err := bob.Collections.Pay(t.Context(), bill.ID, 7, "CNY"); client.Code(err) != client.CodeAlreadyPaid {
		t.Errorf("paid again: %v", err)
	}
}

func TestARefusal(t *testing.T) {
	u := installation(t)
	u.group(t, "refusal", "refusal-alice", "refusal-bob")
	alice := u.as(t, "refusal-alice")
	_, err := alice.Envelopes.Send(t.Context(), client.NewEnvelope{
		RequestID: "too-much", Group: "refusal", Kind: client.Lucky, Total: 20_000, Count: 2, Currency: "CNY",
	})
	refusal, ok := errors.AsType[*client.Refusal](err)
	if !ok || refusal.Code != client.CodeInsufficientBalance || refusal.Detail == "" {
		t.Fatalf("%v", err)
	}
	failed, ok := errors.AsType[*client.CallError](err)
	if !ok || failed.Method != "Envelopes.Send" || failed.RequestID != "too-much" || failed.Attempts != 1 {
		t.Errorf("%+v", failed)
	}
	for want, call := range map[string]func() error{
		client.CodeEnvelopeNotFound: func() error { _, err := alice.Envelopes.Grab(t.Context(), 1); return err },
		client.CodeForbidden:        func() error { return alice.Groups.Create(t.Context(), "mine") },
		client.CodeCountOutOfRange: func() error {
			_, err := alice.Envelopes.Send(t.Context(), client.NewEnvelope{ // more than fits the wire
				Group: "refusal", Kind: client.Lucky, Total: 100, Count: 1<<32 + 1, Currency: "CNY"})
			return err
		},
		client.CodeUnknownCurrency: func() error {
			for _, err := range alice.Wallet.Entries(t.Context(), client.EntriesQuery{Currency: "???"}) {
				return err
			}
			return nil
		},
		"": func() error { _, err := alice.Wallet.Balances(t.Context()); return err },
	} {
		if err := call(); client.Code(err) != want {
			t.Errorf("%q: %v", want, err)
		}
	}
	fund := func(amount int64) error {
		_, err := alice.Wallet.TopUp(t.Context(), client.NewFunding{RequestID: "twice", Amount: amount,
			Currency: "CNY"})
		return err
	}
	if first, again, other := fund(1), fund(1), fund(2); first != nil || again != nil ||
		client.Code(other) != client.CodeRequestConflict {
		t.Errorf("%v, the same again: %v, another amount: %v", first, again, other)
	}
}

// A token that the server no longer accepts is replaced once; a source that has no other gives the server's refusal.
func TestAnExpiredTokenIsReplaced(t *testing.T) {
	u := installation(t)
	expired := u.signed(t, "expired-alice", -time.Hour)
	good := u.signed(t, "expired-alice", time.Hour)
	tokens := []string{expired, good}
	source := client.TokenFunc(func(context.Context) (string, error) {
		next := tokens[0]
		tokens = tokens[1:]
		return next, nil
	})
	c, err := client.New(client.WithAddress(u.rpc), client.WithTokenSource(source))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for range 3 { // the good one is kept, or the source would panic
		if _, err := c.Wallet.Balances(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.As(client.StaticToken(expired)).Wallet.Balances(t.Context())
	if refusal, ok := client.RefusalOf(err); !ok || refusal.Code != client.CodeUnauthenticated ||
		!strings.Contains(refusal.Detail, "expired") {
		t.Errorf("%v", err)
	}
	broken := errors.New("the token service is away")
	away := client.TokenFunc(func(context.Context) (string, error) { return "", broken })
	_, err = c.As(away).Wallet.Balances(t.Context())
	if failed, _ := errors.AsType[*client.CallError](err); !errors.Is(err, broken) || failed.Attempts != 0 ||
		client.Code(err) != "" {
		t.Errorf("%v", err)
	}
}

func TestListsOfMoreThanOnePage(t *testing.T) {
	u := installation(t)
	u.group(t, "pages", "pages-alice", "pages-bob")
	alice := u.as(t, "pages-alice", client.WithPageSize(2))
	var want []int64
	for range 5 {
		offer, err := alice.Transfers.Offer(t.Context(), client.NewTransfer{To: "pages-bob", Amount: 1,
			Currency: "CNY"})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, offer.ID)
	}
	slices.Reverse(want) // newest first
	var got []int64
	for offer, err := range alice.Transfers.Sent(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, offer.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	balance := int64(10_000 - 5)
	var lines int
	for line, err := range alice.Wallet.Entries(t.Context(), client.EntriesQuery{Currency: "CNY"}) {
		if err != nil || line.Balance != balance {
			t.Fatalf("%+v, %v", line, err)
		}
		balance -= line.Amount
		lines++
	}
	if lines != 6 || balance != 0 {
		t.Errorf("%d lines, %d before the first", lines, balance)
	}
	for range alice.Transfers.Sent(t.Context()) {
		break // ends the iteration without fetching the rest
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n int
	var failed error
	for _, err := range alice.Transfers.Sent(ctx) {
		if failed = err; err != nil {
			break
		}
		n++
		cancel()
	}
	if n != 2 || !errors.Is(failed, context.Canceled) {
		t.Errorf("cancelled in the first page: %d items, %v", n, failed)
	}
}

// One of two servers is dead, and which one a call goes to first changes: each call finds the other.
func TestSeveralAddresses(t *testing.T) {
	u := installation(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	token, err := u.token("several-alice", "user")
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.WithAddress(dead.Addr().String(), u.rpc), client.WithToken(token),
		client.WithRetry(client.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for range 6 {
		if _, err := c.Wallet.Balances(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Nobody answers: an attempt ends with its timeout, the call with its attempts or its context.
func TestTimeouts(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections are accepted by the system, and nobody reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	c, err := client.New(
		client.WithAddress(silent.Addr().String()), client.WithToken("x"), client.WithTimeout(50*time.Millisecond),
		client.WithRetry(client.Retry{Attempts: 3, Base: time.Millisecond, Max: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		_, err = c.Wallet.TopUp(ctx, client.NewFunding{Amount: 1, Currency: "CNY"})
		failed, _ := errors.AsType[*client.CallError](err)
		if failed == nil || failed.Attempts != 3 || failed.RequestID == "" ||
			client.Code(err) != client.CodeUnavailable || !client.IsTimeout(err) {
			t.Errorf("attempts: %+v", failed)
		}
	}
	if _, err := c.Operator.Audit(ctxWithin(t, 100*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) ||
		client.Code(err) != client.CodeUnavailable {
		t.Errorf("an audit until the context ends: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cancel()
	if _, err := c.Wallet.Balances(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func ctxWithin(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestOptionsAreChecked(t *testing.T) {
	for want, options := range map[string][]client.Option{
		"no address":        {},
		"give host:port":    {client.WithAddress("localhost")},
		"leave out the pat": {client.WithAddress("h:1"), client.WithGateway("http://h/x")},
		"give http://host":  {client.WithAddress("h:1"), client.WithGateway("h:80")},
		"page size 101":     {client.WithAddress("h:1"), client.WithPageSize(101)},
		"timeout 0s":        {client.WithAddress("h:1"), client.WithTimeout(0)},
		"at least 1 attemp": {client.WithAddress("h:1"), client.WithRetry(client.Retry{})},
	} {
		if _, err := client.New(options...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	c, err := client.New(client.WithAddress("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Wallet.Balances(t.Context()); err == nil || !strings.Contains(err.Error(), "no token") {
		t.Errorf("without a token: %v", err)
	}
	for _, err := range c.As(client.StaticToken("x")).Listen(t.Context(), client.UserTopic("x")) {
		if err == nil || !strings.Contains(err.Error(), "WithGateway") {
			t.Errorf("without a gateway: %v", err)
		}
	}
}
