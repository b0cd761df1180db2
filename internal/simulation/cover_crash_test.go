package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	coverClaimers = 6   // at a time
	coverPeople   = 600 // who have their tokens before anything is killed
	coverPrice    = 100 // minor units
)

// giveaway is a merchant's cover whose pieces are bought, claimed and withdrawn without a pause.
type giveaway struct {
	u     *up
	t     *testing.T
	owner string // a token
	cover string // the path of the cover
	id    string // of the merchant
	code  string

	tokens map[string]string // by user
	done   atomic.Int64      // acknowledged calls

	mu       sync.Mutex
	asked    int64 // pieces of all purchases, acknowledged or not
	batches  map[string]int64
	orders   []string
	claimed  map[string]bool // by user
	answered map[string]int
}

func newGiveaway(t *testing.T, u *up) *giveaway {
	t.Helper()
	g := &giveaway{u: u, t: t, owner: u.token("owner", "user"), batches: map[string]int64{},
		claimed: map[string]bool{}, tokens: map[string]string{},
		answered: map[string]int{}}
	operator := u.operatorToken()
	var made struct{ ID string }
	u.must(http.MethodPost, "/v1/merchants", g.owner, map[string]any{
		"request_id": "shop", "name": "shop", "legal_id": "1", "country": "CN", "mcc": "5812",
		"contact":    "a@example.org",
		"currencies": []string{"CNY"},
	}, &made)
	g.id = made.ID
	u.must(http.MethodPost, "/v1/operator/merchants/"+g.id+"/decide", operator,
		map[string]any{"request_id": "yes", "decision": "approve", "reason": "seen"}, nil)
	u.must(http.MethodPost, "/v1/merchants/"+g.id+"/topups", g.owner, map[string]any{
		"request_id": "fund", "mode": "live", "wallet": "marketing", "amount": crashFunds, "currency": "CNY",
	}, nil)
	u.must(http.MethodPost, "/v1/merchants/"+g.id+"/covers", g.owner, map[string]any{
		"request_id": "cover", "mode": "live", "design": map[string]any{
			"name": "春", "face": g.face(), "opened": "", "pendant": "", "story": []any{}, "colour": "#c8102e",
			"accent": "#ffd700", "greeting": "",
		},
	}, &made)
	g.cover = "/v1/merchants/" + g.id + "/covers/" + made.ID
	u.must(http.MethodPost, g.cover+"/submit", g.owner, map[string]any{"request_id": "submit"}, nil)
	u.must(http.MethodPost, "/v1/operator/covers/"+made.ID+"/decide", operator,
		map[string]any{"request_id": "approve", "decision": "approve", "reason": "seen", "findings": []any{}}, nil)
	g.buy(0, coverPeople/2)
	var channel struct{ Code string }
	u.must(http.MethodPost, g.cover+"/channels", g.owner,
		map[string]any{"request_id": "link", "kind": "link", "name": "door"}, &channel)
	g.code = channel.Code
	return g
}

// face uploads a small image.
func (g *giveaway) face() string {
	g.t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		g.t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost,
		g.u.address()+"/v1/merchant/images?mode=live&merchant_id="+g.id, &file)
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+g.owner)
	response, err := g.u.http.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	var kept struct{ Hash string }
	if err := json.NewDecoder(response.Body).Decode(&kept); err != nil || kept.Hash == "" {
		g.t.Fatalf("upload: %d, %v", response.StatusCode, err)
	}
	return kept.Hash
}

// try makes a call, and says whether it was carried out for sure.
func (g *giveaway) try(path, token string, body, answer any) bool {
	status, err := g.u.call(http.MethodPost, path, token, body, answer)
	switch {
	case err != nil || status == http.StatusServiceUnavailable:
		return false
	case status >= 500:
		g.t.Errorf("%s: %d", path, status)
	case status == http.StatusOK:
		g.done.Add(1)
		return true
	}
	return false
}

func (g *giveaway) buy(n int, pieces int64) {
	g.mu.Lock()
	g.asked += pieces
	g.mu.Unlock()
	var batch struct{ ID string }
	body := map[string]any{"request_id": fmt.Sprintf("buy-%d", n), "pieces": pieces, "wallet": "marketing",
		"currency": "CNY"}
	if g.try(g.cover+"/stock", g.owner, body, &batch) {
		g.mu.Lock()
		g.batches[batch.ID] = pieces
		g.mu.Unlock()
	}
}

// trade buys and withdraws until done is closed.
func (g *giveaway) trade(done <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		if n%4 != 1 {
			g.buy(n, 20)
			continue
		}
		var order struct{ ID string }
		body := map[string]any{"request_id": fmt.Sprintf("back-%d", n), "pieces": 7}
		if g.try(g.cover+"/withdraw", g.owner, body, &order) {
			g.mu.Lock()
			g.orders = append(g.orders, order.ID)
			g.mu.Unlock()
		}
	}
}

// claim has people claim until done is closed. One who got no answer asks again, as an application would.
func (g *giveaway) claim(done <-chan struct{}, people <-chan string) {
	for user := range people {
		token := g.tokens[user]
		for {
			select {
			case <-done:
				return
			default:
			}
			var answer struct{ Outcome string }
			if !g.try("/v1/covers/claim", token, map[string]any{"code": g.code}, &answer) {
				continue
			}
			g.mu.Lock()
			if g.answered[answer.Outcome]++; answer.Outcome == "claimed" || answer.Outcome == "already_held" {
				g.claimed[user] = true
			}
			g.mu.Unlock()
			break
		}
	}
}

// TestNoPieceIsLostInCrashes kills hongbao, Redis and MariaDB again and again while a merchant buys and withdraws
// pieces of a cover and people claim them.
func TestNoPieceIsLostInCrashes(t *testing.T) {
	u := newUp(t)
	g := newGiveaway(t, u)
	people := make(chan string, coverPeople)
	for i := range coverPeople {
		user := fmt.Sprintf("claimer%d", i)
		g.tokens[user] = u.token(user, "user")
		people <- user
	}
	close(people)
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { g.trade(done) })
	for range coverClaimers {
		all.Go(func() { g.claim(done, people) })
	}
	const kills = 3 // one of each
	for i := range kills {
		g.mustGrow()
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
	g.mustGrow()
	g.mustHaveTraded()
	close(done)
	all.Wait()
	g.check()
}

// mustGrow waits until some more calls were acknowledged: the system serves again.
func (g *giveaway) mustGrow() {
	g.t.Helper()
	before, deadline := g.done.Load(), time.Now().Add(startTimeout)
	for g.done.Load() < before+40 {
		if time.Now().After(deadline) {
			g.t.Fatalf("no progress: %d → %d calls\n%s", before, g.done.Load(), g.u.output)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}

// mustHaveTraded waits until enough was bought and withdrawn for check to say something.
func (g *giveaway) mustHaveTraded() {
	g.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		g.mu.Lock()
		purchases, withdrawals, claims := len(g.batches), len(g.orders), len(g.claimed)
		g.mu.Unlock()
		if purchases >= 3 && withdrawals > 0 && claims > 0 {
			return
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%d purchases, %d withdrawals, %d claims", purchases, withdrawals, claims)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}

// stockView is what a merchant sees of a cover's pieces.
type stockView struct {
	Bought, Claimed, Withdrawn, Left int64
	Batches                          []struct {
		ID     string
		Pieces int64
	}
	Withdrawals []struct {
		ID   string
		Done bool
	}
}

// holds says whether a user has a cover that they may send with.
func (g *giveaway) holds(user string) bool {
	g.t.Helper()
	var mine struct{ Covers []struct{ Usable bool } }
	g.u.must(http.MethodGet, "/v1/me/covers", g.tokens[user], nil, &mine)
	return len(mine.Covers) == 1 && mine.Covers[0].Usable
}

// check holds each acknowledgement against what there is, once everything has come to rest.
func (g *giveaway) check() {
	g.t.Helper()
	var s stockView
	deadline := time.Now().Add(2 * time.Minute)
	for rest := false; !rest; {
		before := s.Claimed
		g.u.must(http.MethodGet, g.cover+"/stock", g.owner, nil, &s)
		rest = s.Claimed >= int64(len(g.claimed)) && s.Claimed == before
		for _, w := range s.Withdrawals {
			rest = rest && w.Done
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%d people were told that they have a piece, and %+v", len(g.claimed), s)
		}
		time.Sleep(300 * time.Millisecond) // the interval of the condition
	}
	batches := map[string]int64{}
	for _, b := range s.Batches {
		batches[b.ID] = b.Pieces
	}
	for id, pieces := range g.batches {
		if batches[id] != pieces {
			g.t.Errorf("purchase %s of %d pieces has %d", id, pieces, batches[id])
		}
	}
	if s.Bought > g.asked || s.Bought != s.Claimed+s.Withdrawn+s.Left {
		g.t.Errorf("%+v of %d", s, g.asked)
	}
	for user := range g.claimed {
		for !g.holds(user) { // the holding travels to its user's shard
			if time.Now().After(deadline) {
				g.t.Fatalf("%s was told that they have a piece, and has none", user)
			}
			time.Sleep(100 * time.Millisecond) // the interval of the condition
		}
	}
	g.u.audit()
	var wallets struct {
		Wallets []struct {
			Wallet, Currency string
			Amount           int64
		}
	}
	g.u.must(http.MethodGet, "/v1/merchants/"+g.id+"/wallets?mode=live", g.owner, nil, &wallets)
	for _, w := range wallets.Wallets {
		if want := crashFunds - coverPrice*(s.Bought-s.Withdrawn); w.Wallet == "marketing" && w.Amount != want {
			g.t.Errorf("the merchant has %d, want %d", w.Amount, want)
		}
	}
	g.t.Logf("%+v; answers to claims: %v", s, g.answered)
	if s.Withdrawn == 0 {
		g.t.Error("this test proved less than it should")
	}
}
