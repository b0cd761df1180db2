package handler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/webhook"
)

const (
	hooks = "/v1/merchants/1/webhooks"
	hook  = hooks + "/4611686018427387911"
	keys  = `"keys":[{"number":2,"public_key":"whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","until":0,"secret":"SECRET"},` +
		`{"number":1,"public_key":"whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","until":1800000000000,"secret":""}]`
	plain = `{"id":"4611686018427387911","url":"https://example.org/hook","types":["merchant.*"],"asymmetric":true,` +
		`"state":"active","reason":"","failing_since":0,"not_before":0,"created_at":1800000000000,` +
		`"changed_at":1800000000000,` + keys + `}`
	shownSecret = "whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBjaGFyYWN0ZXJz"
)

// Every call of the WebhookService: what it asks of the domain, and what it answers.
func TestWebhookCalls(t *testing.T) {
	h := handlertest.New(t, nil)
	token := h.Token(t, "alice", auth.ScopeUser)
	bare, shown := strings.Replace(plain, "SECRET", "", 1), strings.Replace(plain, "SECRET", shownSecret, 1)
	for _, c := range []struct {
		verb, path, body, want string
		asked                  func(handlertest.State) bool
	}{
		{"POST", hooks, `{"request_id":"r","mode":"test","url":"https://a.example/","types":["*"],"asymmetric":true}`, shown,
			func(s handlertest.State) bool {
				return s.Settings.URL == "https://a.example/" && s.Settings.Types[0] == "*" && s.Settings.Asymmetric
			}},
		{"GET", hooks + "?mode=test&limit=2", "",
			`{"webhooks":[` + bare + `],"types":["merchant.changed","webhook.disabled"],"next_cursor":""}`,
			func(s handlertest.State) bool { return s.Limit == 3 && s.Before == 0 }},
		{"GET", hook + "?mode=test", "", bare, nil},
		{"POST", hook + "/update", `{"mode":"test","url":"https://b.example/","types":["merchant.changed"]}`, bare,
			func(s handlertest.State) bool {
				return s.Settings.URL == "https://b.example/" && s.Settings.Types[0] == "merchant.changed"
			}},
		{"POST", hook + "/pause", `{"mode":"test"}`, bare,
			func(s handlertest.State) bool { return s.WebhookState == webhook.StatePaused }},
		{"POST", hook + "/resume", `{"mode":"test"}`, bare,
			func(s handlertest.State) bool { return s.WebhookState == webhook.StateActive }},
		{"POST", hook + "/disable", `{"mode":"test"}`, bare,
			func(s handlertest.State) bool { return s.WebhookState == webhook.StateDisabled }},
		{"POST", hook + "/roll", `{"mode":"test","request_id":"r"}`, shown, nil},
		{"POST", hook + "/roll", `{"mode":"test","request_id":"again"}`, bare, nil},
		{"POST", hook + "/test", `{"mode":"test","request_id":"r"}`, bare, nil},
		{"POST", hook + "/replay", `{"mode":"test","event_id":"4611686018427387912"}`, `{"deliveries":3}`,
			func(s handlertest.State) bool {
				return s.Replayed.Event == 1<<62+8 && s.Replayed.From.IsZero() && s.Replayed.To.IsZero()
			}},
		{"POST", hook + "/replay", `{"mode":"test","from":1000,"to":2000}`, `{"deliveries":3}`,
			func(s handlertest.State) bool {
				return s.Replayed.Event == 0 && s.Replayed.From.UnixMilli() == 1000 && s.Replayed.To.UnixMilli() == 2000
			}},
		{"GET", hook + "/deliveries?mode=test&state=due&limit=1", "", `{"deliveries":[{"event_id":"4611686018427387912",` +
			`"type":"merchant.changed","state":"due","attempts":1,"next_at":1800000000000,"status":500}],` +
			`"next_cursor":"QAAAAAAAAAg"}`,
			func(s handlertest.State) bool { return s.DeliveryState == webhook.DeliveryDue && s.Limit == 2 }},
		{"GET", hook + "/deliveries?mode=test&cursor=QAAAAAAAAAg", "", `{"deliveries":[{"event_id":"4611686018427387912",` +
			`"type":"merchant.changed","state":"due","attempts":1,"next_at":1800000000000,"status":500}],"next_cursor":""}`,
			func(s handlertest.State) bool { return s.Before == 1<<62+8 && s.DeliveryState == "" }},
		{"GET", hook + "/deliveries/4611686018427387912/attempts?mode=test", "", `{"attempts":[{"number":1,` +
			`"at":1800000000000,"took_ms":12,"outcome":"failed","status":500,"failure":"","timestamp":"1800000000",` +
			`"signature":"v1,c2lnbmF0dXJl","signed":"8.1800000000.{\"note\":\"恭喜\"}","answer":"no` + "\uFFFD" +
			`where"}],"next_cursor":""}`, nil},
		{"GET", "/v1/merchants/1/events?mode=test&after=41", "", `{"events":[{"id":"4611686018427387912","position":42,` +
			`"type":"merchant.changed","object":"merchant:1","sequence":1,"payload":"{\"type\":\"merchant.changed\"}",` +
			`"at":1800000000000}]}`,
			func(s handlertest.State) bool { return s.Before == 41 && s.Limit == 20 }},
		{"GET", "/v1/merchants/1/events?mode=test&before=43&limit=3", "", `{"events":[{"id":"4611686018427387912",` +
			`"position":42,"type":"merchant.changed","object":"merchant:1","sequence":1,` +
			`"payload":"{\"type\":\"merchant.changed\"}","at":1800000000000}]}`,
			func(s handlertest.State) bool { return s.Before == -43 && s.Limit == 3 }},
	} {
		a := h.Do(t, c.verb, c.path, token, c.body)
		if a.Status != http.StatusOK || a.Text != c.want+"\n" {
			t.Errorf("%s %s: %d\n got %s\nwant %s", c.verb, c.path, a.Status, a.Text, c.want)
		}
		s := h.Now()
		if s.Caller != merchant.WebhookAccount(1, merchant.Test) {
			t.Errorf("%s %s was asked for %q", c.verb, c.path, s.Caller)
		}
		if c.asked != nil && !c.asked(s) {
			t.Errorf("%s %s asked %+v", c.verb, c.path, s)
		}
	}
}

// refusingOwners let nobody look after webhooks, and say who asked.
type refusingOwners struct{}

func (refusingOwners) WebhooksOf(_ context.Context, user string, _ int64, mode string) (string, error) {
	return "", refusal.New(merchant.CodeRoleMissing, "%s, %s", user, mode)
}

func (refusingOwners) WebhooksIn(_ context.Context, s merchant.Session, _ int64, mode string) (string, error) {
	return "", refusal.New(merchant.CodeModeMismatch, "%s, %s", s.Account(), mode)
}

// No call reaches webhooks whose merchant does not let the caller in.
func TestWebhooksAskTheMerchantFirst(t *testing.T) {
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Webhook = &handler.Webhook{Owners: refusingOwners{}} // a call of the domain would panic
	})
	user, server := h.Token(t, "alice", auth.ScopeUser), h.SessionToken(t)
	for _, c := range []struct{ verb, path, body string }{
		{"POST", hooks, `{"request_id":"r","mode":"live","url":"https://a.example/","types":["*"]}`},
		{"GET", hooks + "?mode=live", ""},
		{"GET", hook + "?mode=live", ""},
		{"POST", hook + "/update", `{"mode":"live","url":"https://b.example/","types":["*"]}`},
		{"POST", hook + "/pause", `{"mode":"live"}`},
		{"POST", hook + "/resume", `{"mode":"live"}`},
		{"POST", hook + "/disable", `{"mode":"live"}`},
		{"POST", hook + "/roll", `{"mode":"live","request_id":"r"}`},
		{"POST", hook + "/test", `{"mode":"live","request_id":"r"}`},
		{"POST", hook + "/replay", `{"mode":"live","event_id":"1"}`},
		{"GET", hook + "/deliveries?mode=live", ""},
		{"GET", hook + "/deliveries/1/attempts?mode=live", ""},
		{"GET", "/v1/merchants/1/events?mode=live", ""},
	} {
		a := h.Do(t, c.verb, c.path, user, c.body)
		if a.Code() != merchant.CodeRoleMissing || a.Body["detail"] != "alice, live" {
			t.Errorf("%s %s for a user: %d %s", c.verb, c.path, a.Status, a.Text)
		}
		a = h.Do(t, c.verb, c.path, server, c.body)
		if a.Code() != merchant.CodeModeMismatch || a.Body["detail"] != "merchant~1~test-available, live" {
			t.Errorf("%s %s for a server: %d %s", c.verb, c.path, a.Status, a.Text)
		}
	}
}

// A key's secret is in the one answer that may show it, and in no log.
func TestASecretOfAWebhookIsNotLogged(t *testing.T) {
	h := handlertest.New(t, nil)
	a := h.Do(t, "POST", hook+"/roll", h.Token(t, "alice", auth.ScopeUser), `{"mode":"test","request_id":"r"}`)
	if !strings.Contains(a.Text, shownSecret) {
		t.Errorf("answer: %s", a.Text)
	}
	if strings.Contains(h.Log.String(), "whsec_") || strings.Contains(h.Log.String(), "thirty-two") {
		t.Errorf("log: %s", h.Log)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a secret may be cached: %v", a.Header)
	}
	if k := (webhook.Key{Secret: []byte("thirty-two"), Until: time.Now()}); strings.Contains(k.GoString(), "thirty") {
		t.Error("a key prints its secret")
	}
}
