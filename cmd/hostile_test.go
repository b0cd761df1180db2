package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
)

// hostile is a whole installation behind its gateway, and who attacks it.
type hostile struct {
	*testServer
	t      *testing.T
	url    string
	tokens map[string]string // by subject
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{testServer: newServer(t, nil), t: t, tokens: map[string]string{}}
	web, err := listenHTTP(h.App, gatewayOptions{address: "127.0.0.1:0", rpc: []string{h.rpc},
		tokens: h.testServer.tokens, metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(apptest.Start(t, func(ctx context.Context) {
		if err := web.run(ctx); err != nil {
			t.Error(err)
		}
	}))
	h.url = "http://" + web.listener.Addr().String()
	for _, subject := range []string{"alice", "bob", "dave", "erin", "stranger"} {
		h.tokens[subject] = apptest.Must(h.issuer.Issue(subject, []auth.Scope{auth.ScopeUser}, time.Hour))
	}
	h.tokens["chat"] = apptest.Must(h.issuer.Issue("chat", []auth.Scope{auth.ScopeService}, time.Hour))
	h.tokens["ops"] = apptest.Must(h.issuer.Issue("ops", []auth.Scope{auth.ScopeOperator}, time.Hour))
	apptest.Fund(t, h.App, "g", 10_000, "alice", "bob", "carol")
	apptest.Fund(t, h.App, "r", 10_000, "dave", "erin")
	return h
}

// do makes a call and returns its status and its answer.
func (h *hostile) do(subject, verb, path, body string) (int, map[string]any) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), verb, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatalf("%s: %v", path, err)
	}
	request.Header.Set("Authorization", "Bearer "+h.tokens[subject])
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatalf("%s %s: %v", verb, path, err)
	}
	defer response.Body.Close()
	text := apptest.Must(io.ReadAll(response.Body))
	answer := map[string]any{}
	_ = json.Unmarshal(text, &answer)
	return response.StatusCode, answer
}

// refused checks that a call was refused as malformed, forbidden or about nothing.
func (h *hostile) refused(subject, verb, path, body string) {
	h.t.Helper()
	status, answer := h.do(subject, verb, path, body)
	if code, _ := answer["code"].(string); status < 400 || status >= 500 || status == 429 || code == "" {
		h.t.Errorf("%s %s %s: %d %v", verb, path, body, status, answer)
	}
}

// untouched checks that nobody has won or lost anything.
func (h *hostile) untouched() {
	h.t.Helper()
	for user, want := range map[string]int64{"alice": 10_000, "bob": 10_000, "stranger": 0} {
		if got := apptest.Balance(h.t, h.App, user); got != want {
			h.t.Errorf("%s has %d, want %d", user, got, want)
		}
	}
}

// money are the calls that move it: %s stands for an amount, a currency (with its quotes), and a request id.
var money = map[string]string{
	"/v1/wallet/topups":      `{"amount":%s,"currency":%s,"request_id":%s}`,
	"/v1/wallet/withdrawals": `{"amount":%s,"currency":%s,"request_id":%s}`,
	"/v1/transfers":          `{"amount":%s,"currency":%s,"request_id":%s,"to":"bob"}`,
	"/v1/envelopes":          `{"total":%s,"currency":%s,"request_id":%s,"group_id":"g","kind":"equal","count":1}`,
	"/v1/collections":        `{"total":%s,"currency":%s,"request_id":%s,"group_id":"g","kind":"even"}`,
}

var (
	hostileAmounts = []string{
		"0", "-0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "1099511627777", "1e2",
		"1E2", "1.0", "0.1", "-0.0", "1e400", `"100"`, `""`, "null", "true", "[]", "[100]", "{}", "NaN", "Infinity", "010",
		"0x10", "+1", "1_000", "１００", "١٠٠", "100n", "1 0", "99999999999999999999999999999999999999", "",
	}
	hostileCurrencies = []string{
		`""`, `"cny"`, `"CN"`, `"CNYY"`, `"CNY "`, `" CNY"`, `"CNY\u0000"`, `"ＣＮＹ"`, `"XXX"`, `"XTS"`, `"XAU"`, `"XDR"`,
		`"ZWL"`, `"HRK"`, `"RMB"`, `"¥"`, "null", "156", `["CNY"]`, `"' OR ''='"`,
	}
	hostileTexts = []string{
		"", ".", "..", " ", "a b", "a/b", `a\\b`, "a%2fb", `a\u0000`, `a\nb`, `a\u202eb`, `a\u200bb`, "é", "用户",
		"#clearing", "#funding", "#hold:1", "~", "merchant~1~available", "' OR 1=1 --", "<script>alert(1)</script>",
		"{b0}:e:1", "a|b", "*", "${jndi:ldap://x}", "%s%n", `a\"b`,
	}
)

// What 2,000 hostile calls may not do, to one installation.
func TestHostile(t *testing.T) {
	h := newHostile(t)
	t.Run("money", h.testMoney)
	t.Run("paths", h.testPaths)
	t.Run("other people's things", h.testOtherPeoplesThings)
	t.Run("races", h.testRaces)
}

// Nothing that is no amount, no currency or no id moves money, whichever call it comes with.
func (h *hostile) testMoney(t *testing.T) {
	h.t = t
	long := strings.Repeat("x", 65)
	for path, body := range money {
		for i, amount := range hostileAmounts {
			h.refused("alice", "POST", path, fmt.Sprintf(body, amount, `"CNY"`, fmt.Sprintf(`"a%d"`, i)))
		}
		for i, currency := range hostileCurrencies {
			h.refused("alice", "POST", path, fmt.Sprintf(body, "100", currency, fmt.Sprintf(`"c%d"`, i)))
		}
		for _, text := range append(hostileTexts, long) {
			h.refused("alice", "POST", path, fmt.Sprintf(body, "100", `"CNY"`, `"`+text+`"`))
		}
	}
	for i, text := range append(hostileTexts, long) {
		h.refused("alice", "POST", "/v1/transfers", fmt.Sprintf(
			`{"amount":1,"currency":"CNY","request_id":"t%d","to":"%s"}`, i, text))
		h.refused("alice", "POST", "/v1/envelopes", fmt.Sprintf(
			`{"total":1,"currency":"CNY","request_id":"g%d","group_id":"%s","kind":"equal","count":1}`, i, text))
		h.refused("alice", "POST", "/v1/envelopes", fmt.Sprintf(
			`{"total":1,"currency":"CNY","request_id":"e%d","group_id":"g","kind":"exclusive","count":1,"to":"%s"}`, i, text))
		h.refused("alice", "POST", "/v1/envelopes", fmt.Sprintf(
			`{"total":1,"currency":"CNY","request_id":"k%d","group_id":"g","kind":"%s","count":1}`, i, text))
		h.refused("chat", "POST", "/v1/groups", fmt.Sprintf(`{"group_id":"h%d","members":["%s"]}`, i, text))
	}
	for i, count := range hostileAmounts {
		h.refused("alice", "POST", "/v1/envelopes", fmt.Sprintf(
			`{"total":100,"currency":"CNY","request_id":"n%d","group_id":"g","kind":"lucky","count":%s}`, i, count))
	}
	h.untouched()
	apptest.MustBalance(t, h.App)
}

// Whatever stands in a path or a cursor where an id is expected is refused, by every method that has one.
func (h *hostile) testPaths(t *testing.T) {
	h.t = t
	promised, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"0", "-1", "1e3", "1.0", "007", "9223372036854775808", "abc", "%00", "1%20", "%D9%A3", "1%2F2", "'",
		"%FF", "4096"}
	who := map[auth.Scope]string{auth.ScopeUser: "alice", auth.ScopeService: "chat", auth.ScopeOperator: "ops"}
	tried := 0
	for _, m := range promised.Sorted() {
		params := m.Request.From(contract.FromPath)
		if len(params) == 0 || m.Signed || who[m.Scopes[0]] == "" || params[0].Kind != contract.KindInteger {
			continue
		}
		for _, id := range ids {
			path := m.Route.Path
			for _, p := range params {
				path = strings.ReplaceAll(path, "{"+p.Param+"}", id)
			}
			tried++
			h.refused(who[m.Scopes[0]], m.Route.Verb, path, "")
		}
	}
	if tried < 200 {
		t.Errorf("only %d calls were tried", tried)
	}
	for _, cursor := range append(hostileTexts, "0", "-1", "AAAAAAAAAAA", "__________8") {
		if cursor == "" {
			continue // the first page
		}
		query := url.QueryEscape(strings.NewReplacer(`\u0000`, "\x00", `\n`, "\n").Replace(cursor))
		for _, path := range []string{
			"/v1/wallet/entries?currency=CNY&cursor=", "/v1/me/envelopes?direction=sent&cursor=",
		} {
			h.refused("alice", "GET", path+query, "")
		}
		h.refused("ops", "GET", "/v1/operator/reviews?cursor="+query, "")
	}
	h.untouched()
}

// Other people's things are not found or not allowed, and nothing about them changes.
func (h *hostile) testOtherPeoplesThings(t *testing.T) {
	h.t = t
	made := func(subject, path, body, id string) string {
		t.Helper()
		status, answer := h.do(subject, "POST", path, body)
		value, _ := answer[id].(string)
		if status != http.StatusOK || value == "" {
			t.Fatalf("%s %s: %d %v", path, body, status, answer)
		}
		return value
	}
	e := made("alice", "/v1/envelopes",
		`{"total":100,"currency":"CNY","request_id":"e","group_id":"g","kind":"equal","count":2}`, "id")
	x := made("alice", "/v1/envelopes",
		`{"total":100,"currency":"CNY","request_id":"x","group_id":"g","kind":"exclusive","count":1,"to":"carol"}`, "id")
	tr := made("alice", "/v1/transfers", `{"amount":100,"currency":"CNY","request_id":"t","to":"bob"}`, "id")
	c := made("alice", "/v1/collections",
		`{"total":100,"currency":"CNY","request_id":"c","group_id":"g","kind":"even"}`, "id")
	const pay = `{"amount":50,"currency":"CNY"}`
	for _, line := range []struct{ who, verb, path, body string }{
		{"stranger", "GET", "/v1/envelopes/" + e, ""}, {"stranger", "POST", "/v1/envelopes/" + e + "/grab", "{}"},
		{"bob", "POST", "/v1/envelopes/" + x + "/grab", "{}"}, {"stranger", "GET", "/v1/groups/g/members", ""},
		{"stranger", "GET", "/v1/transfers/" + tr, ""}, {"stranger", "POST", "/v1/transfers/" + tr + "/accept", "{}"},
		{"stranger", "POST", "/v1/transfers/" + tr + "/decline", "{}"},
		{"stranger", "POST", "/v1/transfers/" + tr + "/recall", "{}"},
		{"bob", "POST", "/v1/transfers/" + tr + "/recall", "{}"},
		{"alice", "POST", "/v1/transfers/" + tr + "/accept", "{}"}, {"stranger", "GET", "/v1/collections/" + c, ""},
		{"stranger", "POST", "/v1/collections/" + c + "/pay", pay},
		{"stranger", "POST", "/v1/collections/" + c + "/close", "{}"},
		{"bob", "POST", "/v1/collections/" + c + "/close", "{}"},
		{"bob", "POST", "/v1/collections/" + e + "/pay", pay}, // an id of something else
		{"bob", "POST", "/v1/transfers/" + e + "/accept", "{}"}, {"bob", "POST", "/v1/envelopes/" + tr + "/grab", "{}"},
		{"stranger", "POST", "/v1/envelopes",
			`{"total":1,"currency":"CNY","request_id":"s","group_id":"g","kind":"equal","count":1}`},
		{"stranger", "POST", "/v1/groups", `{"group_id":"mine","members":["alice"]}`},
		{"stranger", "PUT", "/v1/groups/g/members/stranger", ""}, {"alice", "DELETE", "/v1/groups/g/members/bob", ""},
		{"alice", "GET", "/v1/operator/audits/last", ""}, {"chat", "GET", "/v1/operator/reviews", ""},
		{"alice", "POST", "/v1/operator/freezes", `{"account":"bob","reason":"x"}`}, {"chat", "GET", "/v1/wallet", ""},
		{"ops", "POST", "/v1/wallet/withdrawals", `{"amount":1,"currency":"CNY","request_id":"o"}`},
	} {
		status, answer := h.do(line.who, line.verb, line.path, line.body)
		if status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("%s: %s %s: %d %v", line.who, line.verb, line.path, status, answer)
		}
	}
	for user, want := range map[string]int64{"alice": 10_000 - 300, "bob": 10_000, "stranger": 0} {
		if got := apptest.Balance(t, h.App, user); got != want {
			t.Errorf("%s has %d, want %d", user, got, want)
		}
	}
	apptest.MustBalance(t, h.App)
}

// However many calls come at once, each thing happens once.
func (h *hostile) testRaces(t *testing.T) {
	h.t = t
	const crowd = 24
	race := func(call func(i int) (int, map[string]any)) (done int64, ids map[any]bool) {
		var all sync.WaitGroup
		var mu sync.Mutex
		var ok atomic.Int64
		ids = map[any]bool{}
		for i := range crowd {
			all.Go(func() {
				status, answer := call(i)
				if status >= 500 {
					t.Errorf("%d %v", status, answer)
				}
				if status == http.StatusOK {
					ok.Add(1)
					mu.Lock()
					ids[answer["id"]] = true
					mu.Unlock()
				}
			})
		}
		all.Wait()
		return ok.Load(), ids
	}
	const offer = `{"amount":100,"currency":"CNY","request_id":"%s","to":"erin"}`
	if done, ids := race(func(int) (int, map[string]any) {
		return h.do("dave", "POST", "/v1/transfers", fmt.Sprintf(offer, "same"))
	}); done != crowd || len(ids) != 1 {
		t.Errorf("one transfer, asked for at once: %d answers, ids %v", done, ids)
	}
	if done, _ := race(func(i int) (int, map[string]any) {
		return h.do("dave", "POST", "/v1/wallet/withdrawals", fmt.Sprintf(
			`{"amount":900,"currency":"CNY","request_id":"w%d"}`, i))
	}); done != 11 { // 9,900 are there
		t.Errorf("%d withdrawals of 900 passed", done)
	}
	_, sent := h.do("erin", "POST", "/v1/envelopes",
		`{"total":10,"currency":"CNY","request_id":"e","group_id":"r","kind":"equal","count":2}`)
	var won atomic.Int64
	race(func(i int) (int, map[string]any) {
		who := []string{"dave", "erin"}[i%2]
		status, answer := h.do(who, "POST", fmt.Sprintf("/v1/envelopes/%v/grab", sent["id"]), "{}")
		if answer["outcome"] == "won" {
			won.Add(1)
		}
		return status, answer
	})
	if won.Load() != 2 {
		t.Errorf("%d shares of two were won", won.Load())
	}
	_, made := h.do("erin", "POST", "/v1/transfers", `{"amount":100,"currency":"CNY","request_id":"r","to":"dave"}`)
	var states sync.Map
	race(func(i int) (int, map[string]any) {
		who, step := "dave", []string{"accept", "decline"}[i%2]
		if i%3 == 0 {
			who, step = "erin", "recall"
		}
		status, answer := h.do(who, "POST", fmt.Sprintf("/v1/transfers/%v/%s", made["id"], step), "{}")
		if status == http.StatusOK {
			states.Store(answer["state"], true)
		}
		return status, answer
	})
	ends := 0
	states.Range(func(any, any) bool { ends++; return true })
	if ends != 1 {
		t.Errorf("a transfer has ended in %d ways", ends)
	}
	apptest.Settle(t, h.App)
	apptest.MustBalance(t, h.App)
}
