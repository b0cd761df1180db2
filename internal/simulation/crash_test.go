package simulation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	crashUsers    = 12
	crashFunds    = 1_000_000
	crashEnvelope = 1_200 // minor units, in 6 shares
	crashShares   = 6
	crashExpiry   = "15s"
)

// member is one user of the simulation, and what was acknowledged to them.
type member struct {
	name  string
	token string

	mu    sync.Mutex
	sends map[string]string // request id → envelope id, acknowledged
	wins  map[string]int64  // envelope id → amount, acknowledged
}

// chat is a group whose members send and grab without a pause.
type chat struct {
	u       *up
	members []*member
	seed    uint64
	history history

	mu        sync.Mutex
	envelopes []string
}

func newChat(t *testing.T, u *up) *chat {
	t.Helper()
	c := &chat{u: u, seed: crashSeed(t), history: history{began: time.Now()}}
	var names []string
	for i := range crashUsers {
		m := &member{name: fmt.Sprintf("user%02d", i), sends: map[string]string{}, wins: map[string]int64{}}
		m.token = u.token(m.name, "user")
		u.must(http.MethodPost, "/v1/wallet/topups", m.token,
			map[string]any{"request_id": "fund", "amount": crashFunds, "currency": "CNY"}, nil)
		c.members, names = append(c.members, m), append(names, m.name)
	}
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"), map[string]any{"group_id": "g", "members": names},
		nil)
	return c
}

// live sends and grabs until done is closed. What fails without an answer is repeated, as a chat application would.
func (c *chat) live(t *testing.T, done <-chan struct{}, number int) {
	m, random := c.members[number], rand.New(rand.NewPCG(c.seed, uint64(number)+1))
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		if n%6 == 0 {
			c.send(t, m, fmt.Sprintf("r%d", n))
		} else if id := c.pick(random); id != "" {
			c.grab(t, number, id)
		}
	}
}

func (c *chat) send(t *testing.T, m *member, request string) {
	var answer struct{ ID string }
	body := map[string]any{"request_id": request, "group_id": "g", "kind": "lucky", "total": crashEnvelope,
		"count": crashShares, "currency": "CNY", "greeting": "福"}
	status, err := c.u.call(http.MethodPost, "/v1/envelopes", m.token, body, &answer)
	if err != nil || status == http.StatusServiceUnavailable {
		return // the outcome is unknown: it must exist or be refunded
	}
	if status != http.StatusOK {
		t.Errorf("send of %s: %d", m.name, status)
		return
	}
	m.mu.Lock()
	m.sends[request] = answer.ID
	m.mu.Unlock()
	c.mu.Lock()
	c.envelopes = append(c.envelopes, answer.ID)
	c.mu.Unlock()
}

// pick prefers envelopes that are probably still open.
func (c *chat) pick(random *rand.Rand) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.envelopes) == 0 {
		return ""
	}
	recent := min(len(c.envelopes), 20)
	return c.envelopes[len(c.envelopes)-1-random.IntN(recent)]
}

func (c *chat) grab(t *testing.T, number int, id string) {
	m, asked := c.members[number], time.Now()
	told := func(outcome string, amount int64) {
		c.history.grab(number, grabInput{id, m.name}, asked, grabOutput{outcome, amount})
	}
	var answer struct {
		Outcome string
		Amount  int64
	}
	status, err := c.u.call(http.MethodPost, "/v1/envelopes/"+id+"/grab", m.token, nil, &answer)
	if err != nil || status == http.StatusServiceUnavailable {
		told(outcomeUnknown, 0)
		return
	}
	if status != http.StatusOK {
		t.Errorf("grab of %s: %d", m.name, status)
		told(outcomeUnknown, 0)
		return
	}
	told(answer.Outcome, answer.Amount)
	if answer.Outcome != "won" && answer.Outcome != "already_won" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, ok := m.wins[id]; ok && before != answer.Amount {
		t.Errorf("%s was told %d and %d for envelope %s", m.name, before, answer.Amount, id)
	}
	m.wins[id] = answer.Amount
}

// TestNothingIsLostInCrashes kills hongbao, Redis and MariaDB again and again while people send and grab. What they are
// told is what one pot for each envelope would say, one grab after the other (linearizability), and is in the books.
func TestNothingIsLostInCrashes(t *testing.T) {
	u := newUp(t, "--expiry", crashExpiry)
	c := newChat(t, u)
	done := make(chan struct{})
	var living sync.WaitGroup
	for number := range c.members {
		living.Go(func() { c.live(t, done, number) })
	}
	const kills = 9 // three of each
	random := rand.New(rand.NewPCG(c.seed, 0))
	for i := range kills {
		c.mustGrow(t, u)
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
	c.mustGrow(t, u)
	close(done)
	living.Wait()
	c.history.check(t)
	c.checkBooks(t)
}

// seedVariable gives the crash tests a seed: what their users do, and when servers are killed, is drawn from it. What
// the machine does meanwhile is not.
const seedVariable = "CRASH_SEED"

// crashSeed is that seed, or another one each time.
func crashSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

// mustGrow waits until some more sends and grabs were acknowledged: the system serves again.
func (c *chat) mustGrow(t *testing.T, u *up) {
	t.Helper()
	sends, wins := c.counts()
	deadline := time.Now().Add(startTimeout)
	for {
		nowSends, nowWins := c.counts()
		if nowSends >= sends+5 && nowWins >= wins+10 {
			return
		}
		if time.Now().After(deadline) {
			u.mu.Lock()
			defer u.mu.Unlock()
			t.Fatalf("no progress: %d → %d sends, %d → %d wins\n%s", sends, nowSends, wins, nowWins, u.output)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}

func (c *chat) counts() (sends, wins int) {
	for _, m := range c.members {
		m.mu.Lock()
		sends += len(m.sends)
		wins += len(m.wins)
		m.mu.Unlock()
	}
	return sends, wins
}

// checkBooks waits until every envelope is over, then holds each acknowledgement against the wallets.
func (c *chat) checkBooks(t *testing.T) {
	t.Helper()
	c.waitUntilAllIsOver(t)
	if output, exit := c.u.run("audit"); exit != 0 {
		t.Errorf("audit: exit %d\n%s", exit, output)
	}
	total := int64(0)
	for _, m := range c.members {
		var wallet struct {
			Balances []struct{ Amount int64 }
		}
		c.u.must(http.MethodGet, "/v1/wallet", m.token, nil, &wallet)
		total += wallet.Balances[0].Amount
		credited := c.credited(t, m)
		for id, amount := range m.wins {
			if credited[id] != amount {
				t.Errorf("%s won %d of envelope %s and was credited %d", m.name, amount, id, credited[id])
			}
		}
		sent := c.sent(m)
		for request, id := range m.sends {
			if !sent[id] {
				t.Errorf("%s: the acknowledged send %s (envelope %s) does not exist", m.name, request, id)
			}
		}
	}
	if total != crashUsers*crashFunds {
		t.Errorf("all wallets sum to %d, want %d", total, crashUsers*crashFunds)
	}
	sends, wins := c.counts()
	t.Logf("%d acknowledged sends, %d acknowledged wins", sends, wins)
}

type sentLine struct {
	EnvelopeID               string `json:"envelope_id"`
	Total, Settled, Refunded int64
}

// eachPage walks a list by its cursor.
func eachPage[T any](c *chat, m *member, path string, page func(raw json.RawMessage) []T) (all []T) {
	cursor := ""
	for {
		var answer map[string]json.RawMessage
		c.u.must(http.MethodGet, path+"&limit=100&cursor="+cursor, m.token, nil, &answer)
		for key, raw := range answer {
			if key == "next_cursor" {
				_ = json.Unmarshal(raw, &cursor)
			} else {
				all = append(all, page(raw)...)
			}
		}
		if cursor == "" {
			return all
		}
	}
}

func (c *chat) sentLines(m *member) []sentLine {
	return eachPage(c, m, "/v1/me/envelopes?direction=sent", func(raw json.RawMessage) (lines []sentLine) {
		_ = json.Unmarshal(raw, &lines)
		return lines
	})
}

func (c *chat) sent(m *member) map[string]bool {
	ids := map[string]bool{}
	for _, line := range c.sentLines(m) {
		ids[line.EnvelopeID] = true
	}
	return ids
}

func (c *chat) credited(t *testing.T, m *member) map[string]int64 {
	type share struct {
		EnvelopeID string `json:"envelope_id"`
		Amount     int64
	}
	credits := map[string]int64{}
	for _, s := range eachPage(c, m, "/v1/me/envelopes?direction=received", func(raw json.RawMessage) (shares []share) {
		_ = json.Unmarshal(raw, &shares)
		return shares
	}) {
		if _, twice := credits[s.EnvelopeID]; twice {
			t.Errorf("%s was credited twice for envelope %s", m.name, s.EnvelopeID)
		}
		credits[s.EnvelopeID] = s.Amount
	}
	return credits
}

// waitUntilAllIsOver waits until every envelope's money has reached somebody.
func (c *chat) waitUntilAllIsOver(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		open, pending := 0, int64(0)
		for _, m := range c.members {
			for _, line := range c.sentLines(m) {
				if rest := line.Total - line.Settled - line.Refunded; rest != 0 {
					open++
					pending += rest
				}
			}
		}
		if open == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d envelopes with %d minor units are still open", open, pending)
		}
		time.Sleep(100 * time.Millisecond) // the interval of the condition
	}
}
