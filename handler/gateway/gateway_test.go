package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

func TestEveryMethodOverHTTP(t *testing.T) {
	r := handlertest.New(t, nil)
	r.Set(func(s *handlertest.State) { s.View = handlertest.SampleView() })
	user, service := r.Token(t, "alice", auth.ScopeUser), r.Token(t, "chat", auth.ScopeService)
	const envelopeJSON = `{"id":"4611686018427387905","group_id":"g","sender":"alice","kind":"lucky","total":1000,"count":2,"currency":"CNY",` +
		`"greeting":"恭喜","to":"","state":"drained","created_at":1700000000000,"expires_at":1700003600000,` +
		`"taken":[{"user_id":"bob","share":0,"amount":400,"at":1700000000000,"best":false},` +
		`{"user_id":"carol","share":1,"amount":600,"at":1700000000000,"best":true}],"taken_amount":1000,"refunded":0,` +
		`"commitment":"c0","seed":"ab00000000000000000000000000000000000000000000000000000000000000"}`
	const funding = `{"id":"1152921504606846977","state":"settled","balance":100,"currency":"CNY"}`
	for _, c := range []struct{ verb, path, token, body, want string }{
		{"POST", "/v1/envelopes", user, handlertest.GoodOrder, envelopeJSON},
		{"GET", "/v1/envelopes/4611686018427387905", user, "", envelopeJSON},
		{"POST", "/v1/envelopes/4611686018427387905/grab", user, "",
			`{"outcome":"empty","amount":0,"currency":"CNY","share":-1}`},
		{"POST", "/v1/envelopes/7/grab", user, "{}", `{"outcome":"empty","amount":0,"currency":"CNY","share":-1}`},
		{"GET", "/v1/me/envelopes?direction=sent", user, "", `{"envelopes":[],"next_cursor":""}`},
		{"GET", "/v1/me/envelopes?direction=received&limit=3&cursor=", user, "", `{"shares":[],"next_cursor":""}`},
		{"GET", "/v1/wallet", user, "", `{"balances":[{"currency":"CNY","amount":1234}]}`},
		{"GET", "/v1/wallet/entries?currency=CNY", user, "", `{"entries":[` +
			`{"seq":3,"amount":-5,"balance":5,"kind":"hold","subject":"envelope","reference":"4611686018427387904","counterparty":"","note":"","at":1700000000000},` +
			`{"seq":2,"amount":10,"balance":10,"kind":"topup","subject":"funding","reference":"7","counterparty":"","note":"","at":1700000000000}` +
			`],"next_cursor":"AAAAAAAAAAI"}`},
		{"POST", "/v1/wallet/topups", user, `{"request_id":"a","amount":100,"currency":"CNY"}`, funding},
		{"POST", "/v1/wallet/withdrawals", user, `{"request_id":"a","amount":100,"currency":"CNY"}`, funding},
		{"POST", "/v1/groups", service, `{"group_id":"g2","members":["a","b"]}`,
			`{"group_id":"g2","members":["a","b"]}`},
		{"GET", "/v1/groups/g2/members", service, "", `{"group_id":"g2","members":["a","b"]}`},
		{"PUT", "/v1/groups/g2/members/c", service, "", `{"group_id":"g2","members":["a","b","c"]}`},
		{"DELETE", "/v1/groups/g2/members/c", service, "", `{"group_id":"g2","members":["a","b","c"]}`},
		{"GET", "/v1/groups/g/members", user, "", `{"group_id":"g","members":["alice","bob"]}`},
		{"GET", "/v1/me/groups", user, "", `{"group_ids":[]}`},
	} {
		a := r.Do(t, c.verb, c.path, c.token, c.body)
		if a.Status != http.StatusOK || strings.TrimSpace(a.Text) != c.want {
			t.Errorf("%s %s: %d\n got %s\nwant %s", c.verb, c.path, a.Status, a.Text, c.want)
		}
		if caller := r.Now().Caller; c.token == user && !strings.HasPrefix(c.path, "/v1/groups") && caller != "alice" {
			t.Errorf("%s %s: the domain heard that %q asks", c.verb, c.path, caller)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		} {
			if a.Header.Get(name) != want {
				t.Errorf("%s %s: %s is %q", c.verb, c.path, name, a.Header.Get(name))
			}
		}
	}
	want := envelope.Order{RequestID: "r1", Group: "g", Kind: "lucky", Total: 1000, Count: 5, Currency: "CNY",
		Greeting: "恭喜发财 <b>"}
	if got := r.Now().Order; got != want {
		t.Errorf("the domain got %+v", got)
	}
}

func TestBadInput(t *testing.T) {
	r := handlertest.New(t, nil)
	user := r.Token(t, "alice", auth.ScopeUser)
	order := func(old, replacement string) string {
		return strings.Replace(handlertest.GoodOrder, old, replacement, 1)
	}
	for _, c := range []struct {
		name, verb, path, body string
		header                 []string
		status                 int
		code, detail           string // a part of it
	}{
		{"not JSON", "POST", "/v1/envelopes", `{"request_id":`, nil, 400, "invalid_json",
			"unexpected end of JSON input"},
		{"an HTML form", "POST", "/v1/envelopes", `a=b`, nil, 400, "invalid_json", "at byte 1"},
		{"nothing", "POST", "/v1/envelopes", ``, []string{"Content-Type: application/json"}, 400, "invalid_json",
			"it is empty"},
		{"null", "POST", "/v1/envelopes", `null`, nil, 400, "invalid_json", "the body is null"},
		{"a list", "POST", "/v1/envelopes", ` [1]`, nil, 400, "invalid_json", "the body is a list"},
		{"trailing garbage", "POST", "/v1/envelopes", handlertest.GoodOrder + `{}`, nil, 400, "invalid_json",
			"after top-level value"},
		{"a field twice", "POST", "/v1/envelopes", order(`"count":5`, `"count":5,"count":6`), nil, 400, "invalid_json",
			`"count" appears twice`},
		{"not UTF-8", "POST", "/v1/envelopes", order("g", "\xff"), nil, 400, "invalid_json", "not UTF-8"},
		{"an unknown field", "POST", "/v1/envelopes", order(`"count"`, `"sender":"bob","count"`), nil, 400,
			"invalid_argument", `"sender" is unknown: give request_id, group_id`},
		{"another case", "POST", "/v1/envelopes", order(`"count"`, `"Count"`), nil, 400, "invalid_argument",
			`"Count" is unknown`},
		{"missing fields", "POST", "/v1/envelopes", `{"kind":"lucky"}`, nil, 400, "invalid_argument",
			"missing: request_id (a string), group_id (a string), total (a whole number"},
		{"null for a required field", "POST", "/v1/envelopes", order(`5`, `null`), nil, 400, "invalid_argument",
			"count is null: give a whole number"},
		{"a string for a number", "POST", "/v1/envelopes", order(`1000`, `"1000"`), nil, 400, "invalid_argument",
			"total is a string: give a whole number"},
		{"a number for a string", "POST", "/v1/envelopes", order(`"lucky"`, `1`), nil, 400, "invalid_argument",
			"kind is a number: give a string"},
		{"a fraction", "POST", "/v1/envelopes", order(`1000`, `10.00`), nil, 400, "invalid_argument",
			`to 9223372036854775807; money is in minor units, as 888 for 8.88`},
		{"an exponent", "POST", "/v1/envelopes", order(`1000`, `1e400`), nil, 400, "invalid_argument",
			`total "1e400" is malformed`},
		{"2^63", "POST", "/v1/envelopes", order(`1000`, `9223372036854775808`), nil, 400, "invalid_argument",
			`"9223372036854775808" is out of range: give a whole number from -9223372036854775808 to 9223372036854775807`},
		{"2^31", "POST", "/v1/envelopes", order(`:5`, `:2147483648`), nil, 400, "invalid_argument",
			`count "2147483648" is out of range: give a whole number from -2147483648 to 2147483647`},
		{"an object in a list", "POST", "/v1/groups", `{"group_id":"g","members":["a",{}]}`, nil, 400,
			"invalid_argument", "members[1] is an object: give a string"},
		{"text for a list", "POST", "/v1/groups", `{"group_id":"g","members":"a"}`, nil, 400, "invalid_argument",
			"members is a string: give a list"},
		{"a body for a method without", "POST", "/v1/envelopes/1/grab", `{"user_id":"bob"}`, nil, 400,
			"invalid_argument", `"user_id" is unknown: give no fields`},
		{"the id in the body", "POST", "/v1/envelopes/1/grab", `{"envelope_id":"2"}`, nil, 400, "invalid_argument",
			`"envelope_id" is unknown`},
		{"a large body", "POST", "/v1/envelopes", order("g", strings.Repeat("x", contract.MaxBody)), nil, 413,
			"body_too_large", "65536"},
		{"a form's content type", "POST", "/v1/envelopes", handlertest.GoodOrder,
			[]string{"-Content-Type", "Content-Type: text/plain"}, 415, "unsupported_media_type", "application/json"},
		{"no content type", "POST", "/v1/envelopes", handlertest.GoodOrder, []string{"-Content-Type"}, 415,
			"unsupported_media_type", "application/json"},
		{"two content types", "POST", "/v1/envelopes", handlertest.GoodOrder,
			[]string{"Content-Type: application/json"}, 415, "unsupported_media_type", "one Content-Type"},
		{"another charset", "POST", "/v1/envelopes", handlertest.GoodOrder,
			[]string{"-Content-Type",
				"Content-Type: application/json; charset=gbk"}, 415, "unsupported_media_type", "UTF-8"},
		{"compressed", "POST", "/v1/envelopes", handlertest.GoodOrder, []string{"Content-Encoding: gzip"}, 415,
			"unsupported_media_type", "Content-Encoding"},
		{"letters for an id", "GET", "/v1/envelopes/abc", "", nil, 400, "invalid_argument",
			`envelope_id "abc" is malformed: give an id`},
		{"an id of zeros", "GET", "/v1/envelopes/007", "", nil, 400, "invalid_argument", "malformed"},
		{"an id with NUL", "GET", "/v1/envelopes/1%00", "", nil, 400, "invalid_argument", `"1\x00" is malformed`},
		{"an id with a slash", "GET", "/v1/envelopes/1%2F2", "", nil, 400, "invalid_argument", "malformed"},
		{"an id of 2^63", "GET", "/v1/envelopes/9223372036854775808", "", nil, 400, "invalid_argument", "out of range"},
		{"a group with NUL", "GET", "/v1/groups/%00/members", "", nil, 400, "invalid_argument",
			`group_id "\x00" is malformed`},
		{"a group that is not UTF-8", "GET", "/v1/groups/%ff/members", "", nil, 400, "invalid_argument",
			`group_id "\xff" is malformed`},
		{"an empty segment", "GET", "/v1/groups//members", "", nil, 404, "not_found", "openapi.json"},
		{"dots", "GET", "/v1/groups/%2e%2e/members", "", nil, 404, "not_found", ""},
		{"an unknown path", "GET", "/v1/nothing", "", nil, 404, "not_found", "nothing at this address"},
		{"an unknown path outside the API", "GET", "/wp-login.php", "", nil, 404, "not_found", ""},
		{"the version alone", "GET", "/v1", "", nil, 404, "not_found", ""},
		{"development tokens where there are none", "POST", "/v1/dev/tokens", `{"user_id":"a","scopes":["user"]}`, nil,
			404, "not_found", ""},
		{"the wrong method", "PATCH", "/v1/envelopes", handlertest.GoodOrder, nil, 405, "method_not_allowed",
			"use POST"},
		{"a missing query parameter", "GET", "/v1/wallet/entries", "", nil, 400, "invalid_argument",
			`"currency" is missing`},
		{"an unknown query parameter", "GET", "/v1/wallet/entries?currency=CNY&limt=3", "", nil, 400,
			"invalid_argument", `"limt" is unknown: give currency, cursor, from, limit, to`},
		{"a query parameter twice", "GET", "/v1/wallet/entries?currency=CNY&currency=USD", "", nil, 400,
			"invalid_argument", "twice"},
		{"a malformed query", "GET", "/v1/wallet/entries?currency=%zz", "", nil, 400, "invalid_argument",
			"query is malformed"},
		{"no direction", "GET", "/v1/me/envelopes", "", nil, 400, "invalid_argument",
			"give direction=received or direction=sent"},
		{"an unknown direction", "GET", "/v1/me/envelopes?direction=up", "", nil, 400, "invalid_argument",
			"direction=sent"},
		{"two directions", "GET", "/v1/me/envelopes?direction=sent&direction=received", "", nil, 400,
			"invalid_argument", "twice"},
		{"limit 0", "GET", "/v1/me/envelopes?direction=sent&limit=0", "", nil, 400, "invalid_argument",
			"limit 0 is out of range: give 1 to 100"},
		{"limit 101", "GET", "/v1/me/envelopes?direction=received&limit=101", "", nil, 400, "invalid_argument",
			"limit 101"},
		{"limit 201", "GET", "/v1/wallet/entries?currency=CNY&limit=201", "", nil, 400, "invalid_argument",
			"give 1 to 200"},
		{"no limit", "GET", "/v1/wallet/entries?currency=CNY&limit=", "", nil, 400, "invalid_argument",
			`limit "" is malformed`},
		{"a made-up cursor", "GET", "/v1/wallet/entries?currency=CNY&cursor=abc", "", nil, 400, "invalid_argument",
			"next_cursor"},
		{"a negative cursor", "GET", "/v1/wallet/entries?currency=CNY&cursor=__________8", "", nil, 400,
			"invalid_argument", "next_cursor"},
		{"no money", "POST", "/v1/wallet/topups", `{"request_id":"a","amount":0,"currency":"CNY"}`, nil, 400,
			"amount_out_of_range", "amount 0"},
		{"negative money", "POST", "/v1/wallet/topups", `{"request_id":"a","amount":-1,"currency":"CNY"}`, nil, 400,
			"amount_out_of_range", "amount -1"},
		{"no such currency", "POST", "/v1/wallet/topups", `{"request_id":"a","amount":1,"currency":"cny"}`, nil, 400,
			"unknown_currency", "cny"},
		{"a service's method", "POST", "/v1/groups", `{"group_id":"g","members":[]}`, nil, 403, "forbidden",
			"scope service"},
		{"somebody else's group", "GET", "/v1/groups/strangers/members", "", nil, 403, "not_a_member", ""},
		{"a group that is not there", "GET", "/v1/groups/g9/members", "", nil, 403, "not_a_member", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := r.Do(t, c.verb, c.path, user, c.body, c.header...)
			detail, _ := a.Body["detail"].(string)
			if a.Status != c.status || a.Code() != c.code || !strings.Contains(detail, c.detail) {
				t.Fatalf("got %d %s, want %d %s %q", a.Status, a.Text, c.status, c.code, c.detail)
			}
			handlertest.CheckProblem(t, a)
		})
	}
	if strings.Contains(r.Log.String(), user) {
		t.Error("the token is in the log")
	}
}

func TestDomainErrorsOverHTTP(t *testing.T) {
	r := handlertest.New(t, nil)
	user := r.Token(t, "alice", auth.ScopeUser)
	const (
		unavailable = "the service cannot answer right now: try again, with the same request_id"
		internal    = "this is our fault, not yours: try again with the same request_id, " +
			"and quote the incident if it stays"
	)
	for _, c := range []struct {
		err          error
		status       int
		code, detail string
		logged       string // beside the code
	}{
		{refusal.New(refusal.CodeInsufficientBalance, "you have 3, %s", `"quoted" ✓`), 402, "insufficient_balance",
			`you have 3, "quoted" ✓`, ""},
		{refusal.New(refusal.CodeRequestConflict, "x"), 409, "request_conflict", "x", ""},
		{fmt.Errorf("wrapped: %w", refusal.New(envelope.CodeNotTheRecipient, "y")), 403, "not_the_recipient", "y", ""},
		{fmt.Errorf("lua: %w", pots.ErrLost), 503, "unavailable", unavailable,
			"lua: the pots are lost"},
		{envelope.ErrNoPot, 503, "unavailable", unavailable, "no pot"},
		{errors.New("Error 1064: near SELECT"), 500, "internal", internal, "near SELECT"},
		{refusal.New("no_such_code", "z"), 500, "internal", internal, "no_such_code"},
	} {
		r.Fail(c.err)
		before := len(r.Log.String())
		a := r.Do(t, "GET", "/v1/wallet", user, "")
		if a.Status != c.status || a.Code() != c.code || a.Body["detail"] != c.detail {
			t.Errorf("%v: got %d %s", c.err, a.Status, a.Text)
		}
		handlertest.CheckProblem(t, a)
		line := r.Log.String()[before:]
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, `"code":"`+c.code+`"`) ||
			!strings.Contains(line, c.logged) ||
			!strings.Contains(line, `"caller":"alice"`) ||
			!strings.Contains(line, `"method":"WalletService.Balances"`) {
			t.Errorf("%v: the log says %s", c.err, line)
		}
		if incident, _ := a.Body["incident"].(string); (incident != "") != (c.code == problem.CodeInternal) ||
			!strings.Contains(line, incident) {
			t.Errorf("%v: incident %q, log %s", c.err, incident, line)
		}
	}
}

func TestPanicIsAnIncident(t *testing.T) {
	r := handlertest.New(t, nil)
	r.Set(func(s *handlertest.State) { s.Panics = true })
	a := r.Do(t, "GET", "/v1/wallet", r.Token(t, "alice", auth.ScopeUser), "")
	if a.Status != 500 || a.Code() != problem.CodeInternal || strings.Contains(a.Text, "SELECT") ||
		strings.Contains(a.Text, ".go") {
		t.Fatalf("got %d %s", a.Status, a.Text)
	}
	if !strings.Contains(r.Log.String(), "SELECT secret") ||
		!strings.Contains(r.Log.String(), "handlertest/domain.go") {
		t.Errorf("the log does not tell: %s", r.Log.String())
	}
}

// TestServerIsAway asks where nobody listens, and where somebody hangs up.
func TestServerIsAway(t *testing.T) {
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hangsUp.Close()
	go func() {
		for {
			c, err := hangsUp.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}()
	for _, address := range []string{"127.0.0.1:1", hangsUp.Addr().String()} {
		r := handlertest.New(t, nil)
		g, err := gateway.New(gateway.Config{
			RPC:      hongbao.KitexOptions(hongbao.DefaultTimeout, address),
			Verifier: handlertest.NewVerifier(t, r.Issuer.PublicKey()),
			Log:      slog.New(slog.NewJSONHandler(r.Log, nil)), Metrics: prometheus.NewRegistry(), Gatherer: r.Metrics,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		web := httptest.NewServer(g)
		defer web.Close()
		r.URL = web.URL
		a := r.Do(t, "GET", "/v1/wallet", r.Token(t, "alice", auth.ScopeUser), "")
		if a.Status != 503 || a.Code() != refusal.CodeUnavailable {
			t.Fatalf("%s: got %d %s, log %s", address, a.Status, a.Text, r.Log)
		}
		handlertest.CheckProblem(t, a)
	}
}

func TestPage(t *testing.T) {
	r := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				panic("not a page")
			}
		})
	})
	a := r.Do(t, "GET", "/", "", "")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:;",
		"Referrer-Policy":         "no-referrer",
		"X-Content-Type-Options":  "nosniff",
	} {
		if a.Status != 200 || !strings.HasPrefix(a.Header.Get(name), want) {
			t.Errorf("%d, %s is %q", a.Status, name, a.Header.Get(name))
		}
	}
	if a := r.Do(t, "GET", "/broken", "", ""); a.Status != 500 || a.Code() != problem.CodeInternal ||
		strings.Contains(a.Text, "not a page") {
		t.Errorf("a panic: %d %s", a.Status, a.Text)
	}
	if a := r.Do(t, "GET", "/v1/nothing", "", ""); a.Status != 404 || a.Code() != problem.CodeNotFound {
		t.Errorf("under /v1/: %d %s", a.Status, a.Text)
	}
	if a := r.Do(t, "HEAD", "/v1/wallet", r.Token(t, "alice", auth.ScopeUser), ""); a.Status != 200 || a.Text != "" {
		t.Errorf("HEAD: %d %q", a.Status, a.Text)
	}
}

func TestServeMuxCannotBeTalkedIntoARedirect(t *testing.T) {
	r := handlertest.New(t, nil)
	for _, path := range []string{"//v1/x", "/v1//x", "/v1/./x", "/v1/../v1/x", "/v1/x/..", "/v1/%2e%2e/x"} {
		w := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "http://h"+path, nil)
		r.Gateway.ServeHTTP(w, request)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestTokensOverHTTP(t *testing.T) {
	r := handlertest.New(t, nil)
	now := time.Now()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{
		"iss": "hongbao", "aud": "hongbao", "sub": "alice", "scope": []string{"user"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	unsigned.Header["kid"] = auth.KeyID(r.Issuer.PublicKey())
	none, err := unsigned.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name, token, code string
		header            []string
	}{
		{"missing", "", problem.CodeUnauthenticated, nil},
		{"alg none", none, problem.CodeUnauthenticated, nil},
		{"not a bearer", "", problem.CodeUnauthenticated, []string{"Authorization: Basic YTpi"}},
		{"empty", "", problem.CodeUnauthenticated, []string{"Authorization: Bearer "}},
		{"two", r.Token(t, "alice", auth.ScopeUser), problem.CodeUnauthenticated, []string{"Authorization: Bearer x"}},
		{"long", strings.Repeat("a", auth.MaxTokenBytes+1), problem.CodeUnauthenticated, nil},
		{"in the query", "", problem.CodeUnauthenticated, nil},
		{"wrong scope", r.Token(t, "alice", auth.ScopeService), problem.CodeForbidden, nil},
	} {
		a := r.Do(t, "GET", "/v1/wallet", x.token, "", x.header...)
		want := http.StatusUnauthorized
		if x.code == problem.CodeForbidden {
			want = http.StatusForbidden
		}
		if a.Status != want || a.Code() != x.code {
			t.Errorf("%s: %d %s", x.name, a.Status, a.Text)
		}
		handlertest.CheckProblem(t, a)
	}
}

// untouchable is a body that nobody may read.
type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read before the caller was known")
	return 0, io.EOF
}

// Whoever is not known gets no further than the token: neither the body, nor the query, nor the path is looked at.
func TestTokenComesFirst(t *testing.T) {
	r := handlertest.New(t, nil)
	stranger, err := auth.NewIssuer(handlertest.NewKey(t), time.Now).Issue("alice", []auth.Scope{auth.ScopeUser},
		time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ verb, path string }{
		{"POST", "/v1/envelopes"}, {"POST", "/v1/groups"}, {"POST", "/v1/envelopes/x/grab"},
		{"GET", "/v1/wallet/entries?nonsense=1"}, {"GET", "/v1/wallet/statement.csv?nonsense=1"},
	} {
		for _, token := range []string{stranger, "x.y.z", ""} {
			request := httptest.NewRequest(c.verb, c.path, untouchable{t})
			if token != "" {
				request.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			r.Gateway.ServeHTTP(w, request)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s with token %q: %d %s", c.verb, c.path, token, w.Code, w.Body)
			}
		}
	}
}
