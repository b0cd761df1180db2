package simulation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	socialUsers = 8
	socialPart  = 50 // minor units of every part of a bill
)

// promise is what a user was told about a transfer or a bill: its state at the last acknowledged call.
type promise struct{ kind, id, state string }

// friend is one user of the simulation.
type friend struct {
	name, token string

	mu       sync.Mutex
	promises []promise
}

func (f *friend) told(kind, id, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.promises = append(f.promises, promise{kind, id, state})
}

// circle are friends who send each other money and share bills without a pause.
type circle struct {
	u       *up
	t       *testing.T
	friends []*friend

	mu        sync.Mutex
	transfers []offered
	bills     []string
	done      int // acknowledged calls
}

type offered struct {
	id       string
	from, to *friend
}

// try makes a call, and says whether it was acknowledged. A refusal is an answer, too.
func (c *circle) try(f *friend, path string, body, answer any) bool {
	status, err := c.u.call(http.MethodPost, path, f.token, body, answer)
	switch {
	case err != nil || status == http.StatusServiceUnavailable:
		return false // what happened is not known
	case status >= 500:
		c.t.Errorf("%s by %s: %d", path, f.name, status)
	case status == http.StatusOK:
		c.mu.Lock()
		c.done++
		c.mu.Unlock()
		return true
	}
	return false
}

type transferAnswer struct{ ID, State string }

// live does what friends do until done is closed.
func (c *circle) live(done <-chan struct{}, f *friend, random *rand.Rand) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		switch random.IntN(8) {
		case 0, 1:
			c.offer(f, fmt.Sprintf("t%d", n), random)
		case 2, 3, 4:
			c.decide(random)
		case 5:
			c.open(f, fmt.Sprintf("b%d", n))
		default:
			c.pay(f, random)
		}
	}
}

func (c *circle) offer(f *friend, request string, random *rand.Rand) {
	to := c.friends[random.IntN(len(c.friends))]
	if to == f {
		return
	}
	arrives := []string{"now", "2h", "24h"}[random.IntN(3)]
	var answer transferAnswer
	body := map[string]any{"request_id": request, "to": to.name, "amount": 1 + random.IntN(100), "currency": "CNY",
		"note": "福", "arrives_in": arrives}
	if !c.try(f, "/v1/transfers", body, &answer) {
		return
	}
	f.told("transfer", answer.ID, answer.State)
	c.mu.Lock()
	c.transfers = append(c.transfers, offered{answer.ID, f, to})
	c.mu.Unlock()
}

// decide lets somebody do something with a recent transfer.
func (c *circle) decide(random *rand.Rand) {
	c.mu.Lock()
	recent := min(len(c.transfers), 20)
	var x offered
	if recent > 0 {
		x = c.transfers[len(c.transfers)-1-random.IntN(recent)]
	}
	c.mu.Unlock()
	if recent == 0 {
		return
	}
	who, action := x.to, []string{"accept", "accept", "decline", "recall"}[random.IntN(4)]
	if action == "recall" {
		who = x.from
	}
	var answer transferAnswer
	if c.try(who, "/v1/transfers/"+x.id+"/"+action, nil, &answer) {
		who.told("transfer", x.id, answer.State)
	}
}

func (c *circle) open(f *friend, request string) {
	var answer transferAnswer
	body := map[string]any{"request_id": request, "group_id": "circle", "kind": "even", "currency": "CNY",
		"total": socialPart * (socialUsers - 1), "note": "饭"}
	if c.try(f, "/v1/collections", body, &answer) {
		f.told("bill", answer.ID, "open")
		c.mu.Lock()
		c.bills = append(c.bills, answer.ID)
		c.mu.Unlock()
	}
}

// pay pays into a recent bill, or closes one.
func (c *circle) pay(f *friend, random *rand.Rand) {
	c.mu.Lock()
	recent := min(len(c.bills), 10)
	id := ""
	if recent > 0 {
		id = c.bills[len(c.bills)-1-random.IntN(recent)]
	}
	c.mu.Unlock()
	if recent == 0 {
		return
	}
	if random.IntN(20) == 0 {
		c.try(f, "/v1/collections/"+id+"/close", nil, nil)
	} else if c.try(f, "/v1/collections/"+id+"/pay", map[string]any{"amount": socialPart, "currency": "CNY"}, nil) {
		f.told("bill", id, "paid")
	}
}

// TestNoTransferIsLostInCrashes kills hongbao, Redis and MariaDB again and again while people send each other money and
// share bills. An hour of a transfer lasts 100 ms, an offer stays open for 5 s.
func TestNoTransferIsLostInCrashes(t *testing.T) {
	u := newUp(t, "--transfer-hour", "100ms", "--transfer-expiry", "5s", "--reminder-after", "2s")
	c := &circle{u: u, t: t}
	var names []string
	for i := range socialUsers {
		f := &friend{name: fmt.Sprintf("friend%02d", i)}
		f.token = u.token(f.name, "user")
		u.must(http.MethodPost, "/v1/wallet/topups", f.token,
			map[string]any{"request_id": "fund", "amount": crashFunds, "currency": "CNY"}, nil)
		c.friends, names = append(c.friends, f), append(names, f.name)
	}
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"),
		map[string]any{"group_id": "circle", "members": names}, nil)

	done := make(chan struct{})
	var living sync.WaitGroup
	for i, f := range c.friends {
		living.Go(func() { c.live(done, f, rand.New(rand.NewPCG(2, uint64(i)))) })
	}
	const kills = 9 // three of each
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for i := range kills {
		c.mustGrow()
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the random moment
		switch i % 3 {
		case 0:
			u.kill()
			u.start()
		case 1:
			u.killServer("redis-server")
		case 2:
			u.killLedger()
		}
	}
	c.mustGrow()
	close(done)
	living.Wait()
	c.checkBooks()
}

// mustGrow waits until some more calls were acknowledged: the system serves again.
func (c *circle) mustGrow() {
	c.t.Helper()
	count := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.done }
	before, deadline := count(), time.Now().Add(startTimeout)
	for count() < before+40 {
		if time.Now().After(deadline) {
			c.t.Fatalf("no progress: %d → %d calls\n%s", before, count(), c.u.output)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}

// entryLine is a line of a statement.
type entryLine struct {
	Kind, Subject, Reference string
	Amount                   int64
}

// checkBooks waits until every transfer and payment is over, then holds each acknowledgement against what there is.
func (c *circle) checkBooks() {
	c.t.Helper()
	lines := map[string]map[entryLine]int{} // by user, without the amount
	total := int64(0)
	c.waitUntilAllIsOver()
	for _, f := range c.friends {
		lines[f.name] = map[entryLine]int{}
		for _, l := range statement(c.u, f.token) {
			total += l.Amount
			l.Amount = 0
			lines[f.name][l]++
		}
	}
	if total != socialUsers*crashFunds {
		c.t.Errorf("all statements sum to %d, want %d", total, socialUsers*crashFunds)
	}
	if output, exit := c.u.run("audit"); exit != 0 {
		c.t.Errorf("audit: exit %d\n%s", exit, output)
	}
	counts := map[string]int{}
	for _, f := range c.friends {
		for _, p := range f.promises {
			if p.kind == "transfer" {
				counts[c.checkTransfer(f, p, lines)]++
			} else {
				counts[p.kind+" "+p.state]++
				c.checkBill(f, p, lines)
			}
		}
	}
	c.t.Logf("acknowledged calls by how their transfers ended, and of bills: %v", counts)
	for _, some := range []string{"arrived", "declined", "expired", "recalled", "bill open", "bill paid"} {
		if counts[some] == 0 {
			c.t.Errorf("nothing was %s, so this test proved less than it should", some)
		}
	}
}

// checkTransfer returns how a transfer has ended, which has to agree with what a user was told, and with both
// statements.
func (c *circle) checkTransfer(f *friend, p promise, lines map[string]map[entryLine]int) string {
	var x struct{ Sender, To, State string }
	c.u.must(http.MethodGet, "/v1/transfers/"+p.id, f.token, nil, &x)
	if p.state != "offered" && p.state != x.State && !(p.state == "accepted" &&
		(x.State == "arrived" || x.State == "recalled")) {
		c.t.Errorf("%s was told that transfer %s is %s, and it is %s", f.name, p.id, p.state, x.State)
	}
	posted, voided := 0, 1
	if x.State == "arrived" {
		posted, voided = 1, 0
	}
	for _, want := range []struct {
		user, kind string
		n          int
	}{{x.Sender, "hold", 1}, {x.Sender, "void", voided}, {x.To, "post", posted}} {
		if got := lines[want.user][entryLine{Kind: want.kind, Subject: "transfer", Reference: p.id}]; got != want.n {
			c.t.Errorf("transfer %s, %s: %d entries of kind %s in the statement of %s, want %d", p.id, x.State, got,
				want.kind, want.user, want.n)
		}
	}
	return x.State
}

// billView is a collection as its participants see it.
type billView struct {
	Collector string
	Parts     []struct {
		UserID    string `json:"user_id"`
		State     string
		PaymentID string `json:"payment_id"`
	}
}

func (c *circle) checkBill(f *friend, p promise, lines map[string]map[entryLine]int) {
	var b billView
	c.u.must(http.MethodGet, "/v1/collections/"+p.id, f.token, nil, &b)
	for _, part := range b.Parts {
		if part.UserID == f.name && p.state == "paid" && part.State != "paid" {
			c.t.Errorf("%s was told that their part of bill %s is paid, and it is %s", f.name, p.id, part.State)
		}
		if part.State != "paid" {
			continue
		}
		for user, kind := range map[string]string{part.UserID: "hold", b.Collector: "post"} {
			if got := lines[user][entryLine{Kind: kind, Subject: "collection", Reference: part.PaymentID}]; got != 1 {
				c.t.Errorf("bill %s, part of %s: %d entries of kind %s in the statement of %s", p.id, part.UserID, got,
					kind, user)
			}
		}
	}
}

// waitUntilAllIsOver waits until no transfer is open, no part claimed, and all money has reached somebody.
func (c *circle) waitUntilAllIsOver() {
	c.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		open, sum := 0, int64(0)
		for _, f := range c.friends {
			for _, state := range sentStates(c.u, f.token) {
				if state == "offered" || state == "accepted" {
					open++
				}
			}
			var wallet struct {
				Balances []struct{ Amount int64 }
			}
			c.u.must(http.MethodGet, "/v1/wallet", f.token, nil, &wallet)
			sum += wallet.Balances[0].Amount
		}
		for _, id := range c.bills {
			var b billView
			c.u.must(http.MethodGet, "/v1/collections/"+id, c.friends[0].token, nil, &b)
			for _, part := range b.Parts {
				if part.State == "claimed" {
					open++
				}
			}
		}
		if open == 0 && sum == socialUsers*crashFunds {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d transfers and payments are still open, and all wallets sum to %d", open, sum)
		}
		time.Sleep(200 * time.Millisecond) // the interval of the condition
	}
}

// pagesOf walks a list by its cursor.
func pagesOf(u *up, token, path, field string, page func(raw json.RawMessage)) {
	for cursor := ""; ; {
		var answer map[string]json.RawMessage
		u.must(http.MethodGet, path+"&limit=100&cursor="+cursor, token, nil, &answer)
		page(answer[field])
		if _ = json.Unmarshal(answer["next_cursor"], &cursor); cursor == "" {
			return
		}
	}
}

func statement(u *up, token string) (all []entryLine) {
	pagesOf(u, token, "/v1/wallet/entries?currency=CNY", "entries", func(raw json.RawMessage) {
		var lines []entryLine
		_ = json.Unmarshal(raw, &lines) // what is missing fails the sum
		all = append(all, lines...)
	})
	return all
}

func sentStates(u *up, token string) (all []string) {
	pagesOf(u, token, "/v1/me/transfers?direction=sent", "transfers", func(raw json.RawMessage) {
		var page []transferAnswer
		_ = json.Unmarshal(raw, &page)
		for _, x := range page {
			all = append(all, x.State)
		}
	})
	return all
}
