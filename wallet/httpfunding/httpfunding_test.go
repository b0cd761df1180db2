package httpfunding_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/httpfunding"
	"github.com/hongbao/hongbao/wallet/ledger"
)

var order = wallet.FundingOrder{
	ID: 7<<40 + 3, User: "alice", Kind: ledger.EntryTopUp, Amount: ledger.Amount{Minor: 100, Currency: "CNY"},
	State: wallet.FundingPending,
}

func answer(kind, change, state string) string {
	text := `{"type":"` + kind +
		`","order":{"id":"7696581394435","kind":"topup","user":"alice","amount":100,"currency":"CNY","state":"` +
		state +
		`"}}`
	from, to, _ := strings.Cut(change, "→")
	return strings.Replace(text, from, to, 1)
}

// fixture is a provider in front of a bank that a test writes.
type fixture struct {
	provider *httpfunding.Provider
	secrets  signature.Secrets
	registry *prometheus.Registry
	log      *strings.Builder
	asked    atomic.Int64
}

func newSecrets(t *testing.T) signature.Secrets {
	t.Helper()
	s, err := signature.ParseSecrets([]byte(signature.NewSecret()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newFixture(t *testing.T, bank func(f *fixture, w http.ResponseWriter, r *http.Request, id string)) *fixture {
	f := &fixture{secrets: newSecrets(t), registry: prometheus.NewRegistry(), log: &strings.Builder{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		headers := signature.From(r.Header)
		if err := f.secrets.Verify(headers, time.Now(), body); err != nil {
			t.Errorf("the request is not signed: %v", err)
		}
		bank(f, w, r, headers.ID)
	}))
	t.Cleanup(server.Close)
	var err error
	f.provider, err = httpfunding.New(httpfunding.Config{
		URL: server.URL, Secrets: f.secrets, Log: slog.New(slog.NewTextHandler(f.log, nil)), Registerer: f.registry,
		Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sign answers as the bank does.
func (f *fixture) sign(w http.ResponseWriter, id, body string, at time.Time) {
	f.secrets.Sign(id, at, []byte(body)).Set(w.Header())
	_, _ = io.WriteString(w, body)
}

// Only a signed answer to this request about this order counts; whatever else comes back decides nothing.
func TestAnswers(t *testing.T) {
	const unsigned = "signature"
	for _, line := range []struct {
		what   string
		bank   func(f *fixture, w http.ResponseWriter, r *http.Request, id string)
		state  wallet.FundingState
		wrong  string // in the error; "" for none
		asked  int64
		metric string
	}{
		{"settled", text(answer("funding.order", "", "settled")), wallet.FundingSettled, "", 1, "settled"},
		{"refused", text(answer("funding.order", "", "refused")), wallet.FundingRefused, "", 1, "refused"},
		{"pending", text(answer("funding.order", "", "pending")), wallet.FundingPending, "", 1, "pending"},
		{"with a field more", text(answer("funding.order", `{"type"→{"more":1,"type"`, "settled")),
			wallet.FundingSettled,
			"", 1, "settled"},
		{"never heard of it", text(answer("funding.unknown", "", "")), wallet.FundingUnknown, "", 1, "unknown"},
		{"never heard of another", text(answer("funding.unknown", "4435→4436", "")), "", "funding.unknown", 1, "error"},
		{"another amount", text(answer("funding.order", "100→101", "settled")), "", "funding_mismatch", 1,
			"funding_mismatch"},
		{"another currency", text(answer("funding.order", "CNY→JPY", "settled")), "", "funding_mismatch", 1,
			"funding_mismatch"},
		{"another user", text(answer("funding.order", "alice→malice", "settled")), "", "funding_mismatch", 1,
			"funding_mismatch"},
		{"another kind", text(answer("funding.order", "topup→withdrawal", "settled")), "", "funding_mismatch", 1,
			"funding_mismatch"},
		{"another order", text(answer("funding.order", "4435→4436", "settled")), "", "funding_mismatch", 1,
			"funding_mismatch"},
		{"a state that is none", text(answer("funding.order", "", "done")), "", "done", 1, "error"},
		{"our request sent back", text(answer("funding.create", "", "settled")), "", "funding.create", 1, "error"},
		{"an error of the bank", text(`{"type":"funding.error","error":"closed on Sundays"}`), "", "closed on Sundays",
			1,
			"error"},
		{"no JSON", text("settled"), "", "protocol", 1, "error"},
		{"not signed", func(_ *fixture, w http.ResponseWriter, _ *http.Request, _ string) {
			_, _ = io.WriteString(w, answer("funding.order", "", "settled"))
		}, "", unsigned, 1, "unsigned"},
		{"signed with another secret", func(f *fixture, w http.ResponseWriter, r *http.Request, id string) {
			other, _ := signature.ParseSecrets([]byte(signature.NewSecret()))
			(&fixture{secrets: other}).sign(w, id, answer("funding.order", "", "settled"), time.Now())
		}, "", unsigned, 1, "unsigned"},
		{"signed long ago", func(f *fixture, w http.ResponseWriter, _ *http.Request, id string) {
			f.sign(w, id, answer("funding.order", "", "settled"), time.Now().Add(-6*time.Minute))
		}, "", unsigned, 1, "unsigned"},
		{"the answer to another request", func(f *fixture, w http.ResponseWriter, _ *http.Request, _ string) {
			f.sign(w, "msg_other", answer("funding.order", "", "settled"), time.Now())
		}, "", unsigned, 1, "unsigned"},
		{"elsewhere", func(_ *fixture, w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "", unsigned, 1, "unsigned"},
		{"an endless answer", text(answer("funding.order", "", "settled") + strings.Repeat(" ", 16<<10)), "",
			"more than 16384 bytes", 1, "error"},
		{"a proxy's 502 three times", func(_ *fixture, w http.ResponseWriter, _ *http.Request, _ string) {
			w.WriteHeader(http.StatusBadGateway)
		}, "", "502", 3, "error"},
		{"a dropped connection, then an answer", func(f *fixture, w http.ResponseWriter, _ *http.Request, id string) {
			if f.asked.Load() == 1 {
				panic(http.ErrAbortHandler)
			}
			f.sign(w, id, answer("funding.order", "", "settled"), time.Now())
		}, wallet.FundingSettled, "", 2, "settled"},
		{"no answer at all", func(_ *fixture, _ http.ResponseWriter, r *http.Request, _ string) {
			<-r.Context().Done()
		}, "", "deadline", 1, "error"},
	} {
		t.Run(line.what, func(t *testing.T) {
			if testing.Short() && line.wrong == "deadline" {
				t.Skip("waits for the deadline of a question: not with -short")
			}
			t.Parallel()
			f := newFixture(t, line.bank)
			state, err := f.provider.Query(t.Context(), order)
			if state != line.state || (err == nil) != (line.wrong == "") ||
				err != nil && !strings.Contains(err.Error(), line.wrong) {
				t.Errorf("%q, %v", state, err)
			}
			if n := f.asked.Load(); n != line.asked {
				t.Errorf("asked %d times, want %d", n, line.asked)
			}
			f.wantCounted(t, "funding.query", line.metric)
			if line.metric == "funding_mismatch" && !strings.Contains(f.log.String(), "funding=7696581394435") {
				t.Errorf("it is not logged: %s", f.log)
			}
		})
	}
}

// text is a bank that answers in order.
func text(body string) func(f *fixture, w http.ResponseWriter, r *http.Request, id string) {
	return func(f *fixture, w http.ResponseWriter, _ *http.Request, id string) { f.sign(w, id, body, time.Now()) }
}

func (f *fixture) wantCounted(t *testing.T, message, outcome string) {
	t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["message"] == message && labels["outcome"] == outcome && m.GetHistogram().GetSampleCount() > 0 {
				return
			}
		}
	}
	t.Errorf("%s is not counted as %s", message, outcome)
}

// The bank is told what the ledger has, and an answer that a created order is unknown is none.
func TestCreate(t *testing.T) {
	bodies := make(chan string, 1)
	f := newFixture(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		f.sign(w, signature.From(r.Header).ID, answer("funding.unknown", "", ""), time.Now())
	}))
	defer server.Close()
	provider, err := httpfunding.New(httpfunding.Config{
		URL: server.URL, Secrets: f.secrets, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := provider.Create(t.Context(), order); err == nil || state != "" {
		t.Errorf("%q, %v", state, err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(<-bodies), &got); err != nil {
		t.Fatal(err)
	}
	o := got["order"].(map[string]any)
	if got["type"] != "funding.create" || o["id"] != "7696581394435" || o["user"] != "alice" || o["kind"] != "topup" ||
		o["amount"] != 100.0 || o["currency"] != "CNY" {
		t.Errorf("the bank was told %v", got)
	}
}

func TestURLs(t *testing.T) {
	for url, good := range map[string]bool{
		"https://bank.example/funding": true, "http://127.0.0.1:9090": true, "http://[::1]:9090/x": true,
		"http://localhost/":           true,
		"http://bank.example/funding": false, "http://10.0.0.7/": false, "https://me:secret@bank.example/": false,
		"ftp://bank.example": false,
		"bank.example":       false, "": false, "https://bank.example/?key=secret": false,
		"http://localhost.evil.example/": false,
		"https://":                       false,
	} {
		_, err := httpfunding.New(httpfunding.Config{
			URL: url, Secrets: newSecrets(t), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
			Now: time.Now,
		})
		if (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

// decider stands in for the wallet.
type decider struct {
	err  error
	last wallet.FundingReport
}

func (d *decider) DecideFunding(_ context.Context, r wallet.FundingReport) (wallet.FundingOrder, error) {
	d.last = r
	return wallet.FundingOrder{ID: r.ID, State: r.State}, d.err
}

// Nothing reaches the wallet that is not signed, now, with the secret, as a callback.
func TestCallbacks(t *testing.T) {
	f := newFixture(t, nil)
	good := answer("funding.decided", "", "settled")
	for _, line := range []struct {
		what    string
		body    string
		secrets signature.Secrets
		at      time.Time
		err     error // of the wallet
		code    string
		outcome string
		reached bool
	}{
		{"settled", good, f.secrets, time.Now(), nil, "", "settled", true},
		{"refused", answer("funding.decided", "", "refused"), f.secrets, time.Now(), nil, "", "refused", true},
		{"for another secret", good, newSecrets(t), time.Now(), nil, wallet.CodeSignatureInvalid,
			wallet.CodeSignatureInvalid, false},
		{"6 minutes old", good, f.secrets, time.Now().Add(-6 * time.Minute), nil, wallet.CodeSignatureInvalid,
			wallet.CodeSignatureInvalid, false},
		{"from the future", good, f.secrets, time.Now().Add(6 * time.Minute), nil, wallet.CodeSignatureInvalid,
			wallet.CodeSignatureInvalid, false},
		{"an answer of the bank", answer("funding.order", "", "settled"), f.secrets, time.Now(), nil,
			refusal.CodeInvalidArgument, refusal.CodeInvalidArgument, false},
		{"our own question", answer("funding.create", "", "settled"), f.secrets, time.Now(), nil,
			refusal.CodeInvalidArgument,
			refusal.CodeInvalidArgument, false},
		{"undecided", answer("funding.decided", "", "pending"), f.secrets, time.Now(), nil, refusal.CodeInvalidArgument,
			refusal.CodeInvalidArgument, false},
		{"no JSON", "settled", f.secrets, time.Now(), nil, refusal.CodeInvalidArgument, refusal.CodeInvalidArgument,
			false},
		{"endless", good + strings.Repeat(" ", 16<<10), f.secrets, time.Now(), nil, refusal.CodeInvalidArgument,
			refusal.CodeInvalidArgument, false},
		{"about another order", good, f.secrets, time.Now(), refusal.New(wallet.CodeFundingMismatch, "no"),
			wallet.CodeFundingMismatch, wallet.CodeFundingMismatch, true},
		{"while the ledger is away", good, f.secrets, time.Now(), errors.New("away"), "", "error", true},
	} {
		d := &decider{err: line.err}
		h := line.secrets.Sign("msg_1", line.at, []byte(line.body))
		_, err := httpfunding.NewCallbacks(f.provider, d).Callback(t.Context(), h.ID, h.Timestamp, h.Signature,
			[]byte(line.body))
		if refusal.CodeOf(err) != line.code || (err == nil) != (line.code == "" && line.err == nil) {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		if reached := d.last.ID == order.ID; reached != line.reached {
			t.Errorf("%s: the wallet got %+v", line.what, d.last)
		}
		f.wantCounted(t, "funding.decided", line.outcome)
	}
	if !strings.Contains(f.log.String(), "contradicts") || strings.Contains(f.log.String(), "whsec_") {
		t.Errorf("the log: %s", f.log)
	}
}
