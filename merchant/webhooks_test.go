package merchant_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/webhook"
)

// heard are the events of one side of a merchant, as type and action.
func (r *rig) heard(id int64, side merchant.Mode) (told []string) {
	r.T.Helper()
	r.Deliver()
	events, err := r.Webhooks.Events(r.ctx(), merchant.WebhookAccount(id, side), 0, 100)
	r.must(err)
	for i, e := range events {
		var body struct {
			Data struct {
				Merchant string `json:"merchant_id"`
				Action   string
				Seq      int64
			}
		}
		r.must(json.Unmarshal(e.Payload, &body))
		if e.Position != int64(i+1) || e.Sequence != int64(i+1) || body.Data.Merchant != strconv.FormatInt(id, 10) ||
			e.Object != "merchant:"+body.Data.Merchant {
			r.T.Errorf("event %d: %+v, %s", i, e, e.Payload)
		}
		told = append(told, fmt.Sprintf("%s %s %d", e.Type, body.Data.Action, body.Data.Seq))
	}
	return told
}

// Each change is told once, to the sides that it concerns, and in the order of the history.
func TestServersHearOfWhatChanges(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	if _, err := r.Merchants.Apply(r.ctx(), "ann", application("request-1")); err != nil { // once more
		t.Fatal(err)
	}
	r.must(r.setMember("ann", m.ID, "bob", "developer"))
	k, _ := r.key(m.ID, "test", nil)
	r.key(m.ID, "live", nil)
	r.must(r.revoke(m.ID, k.ID))
	r.must(r.removeMember("ann", m.ID, "bob"))
	apptest.WantCode(t, "bob, who is no member", r.setMember("bob", m.ID, "cem", "owner"), merchant.CodeNotFound)
	r.must(r.decide(m.ID, "suspend"))
	for side, want := range map[merchant.Mode][]string{
		merchant.Live: {
			"merchant.changed apply 1", "merchant.changed approve 2", "merchant.member_changed set_member 3",
			"merchant.key_changed create_key 5", "merchant.member_changed remove_member 7",
			"merchant.changed suspend 8",
		},
		merchant.Test: {
			"merchant.changed apply 1", "merchant.changed approve 2", "merchant.member_changed set_member 3",
			"merchant.key_changed create_key 4", "merchant.key_changed revoke_key 6",
			"merchant.member_changed remove_member 7", "merchant.changed suspend 8",
		},
	} {
		if got := r.heard(m.ID, side); !slices.Equal(got, want) {
			t.Errorf("%s heard\n%q, want\n%q", side, got, want)
		}
	}
	r.MustBalance()
}

// Whoever looks after webhooks is an owner, a developer, or a key of the side with the permission.
func TestWhoLooksAfterWebhooks(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	r.must(r.setMember("ann", m.ID, "bob", "developer"))
	r.must(r.setMember("ann", m.ID, "cem", "finance"))
	r.must(r.setMember("ann", m.ID, "dan", "viewer"))
	live, test := merchant.WebhookAccount(m.ID, merchant.Live), merchant.WebhookAccount(m.ID, merchant.Test)
	for _, c := range []struct{ user, mode, account, code string }{
		{"ann", "live", live, ""},
		{"ann", "test", test, ""},
		{"bob", "live", live, ""},
		{"cem", "live", "", merchant.CodeRoleMissing},
		{"dan", "live", "", merchant.CodeRoleMissing},
		{"eve", "live", "", merchant.CodeNotFound},
		{"ann", "both", "", refusal.CodeInvalidArgument},
	} {
		account, err := r.Merchants.WebhooksOf(r.ctx(), c.user, m.ID, c.mode)
		apptest.WantCode(t, c.user+" "+c.mode, err, c.code)
		if c.code == "" && account != c.account {
			t.Errorf("%s %s: %q", c.user, c.mode, account)
		}
	}
	session := merchant.Session{
		Merchant: m.ID, Mode: merchant.Test, Permissions: []merchant.Permission{merchant.WebhookManage},
	}
	poor := session
	poor.Permissions = []merchant.Permission{merchant.WalletMove}
	for _, c := range []struct {
		what    string
		session merchant.Session
		id      int64
		mode    string
		code    string
	}{
		{"its own side", session, m.ID, "test", ""},
		{"the other side", session, m.ID, "live", merchant.CodeModeMismatch},
		{"another merchant", session, m.ID + 1, "test", merchant.CodeNotFound},
		{"without the permission", poor, m.ID, "test", merchant.CodePermissionMissing},
		{"no side", session, m.ID, "", refusal.CodeInvalidArgument},
	} {
		account, err := r.Merchants.WebhooksIn(r.ctx(), c.session, c.id, c.mode)
		apptest.WantCode(t, c.what, err, c.code)
		if c.code == "" && account != test {
			t.Errorf("%s: %q", c.what, account)
		}
	}
	r.must(r.decide(m.ID, "suspend"))
	_, err := r.Merchants.WebhooksIn(r.ctx(), session, m.ID, "test")
	apptest.WantCode(t, "a key of a suspended merchant", err, merchant.CodeNotActive)
}

// An installation's worker delivers a merchant's events, which the specification's own library verifies.
func TestAWorkerTellsAMerchantsServer(t *testing.T) {
	r := newRig(t, func(c *app.Config) { c.Webhooks.AllowPrivate = true })
	m := r.active()
	type delivered struct {
		header http.Header
		body   []byte
	}
	arrived := make(chan delivered, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		arrived <- delivered{request.Header, body}
	}))
	defer server.Close()
	r.Deliver() // what happened before is not for the webhook
	_, k, err := r.Webhooks.Create(r.ctx(), merchant.WebhookAccount(m.ID, merchant.Test), r.RequestID(),
		webhook.Settings{URL: server.URL, Types: []string{"merchant.*"}})
	r.must(err)
	r.Work()
	r.key(m.ID, "live", nil) // of which the test side hears nothing
	r.key(m.ID, "test", nil)
	d := <-arrived
	library, err := standardwebhooks.NewWebhook(signature.EncodeSecret(k.Secret))
	r.must(err)
	if err := library.Verify(d.body, d.header); err != nil {
		t.Errorf("the specification's library: %v", err)
	}
	var body struct {
		Type string
		Data struct{ Action, Object, State string }
	}
	r.must(json.Unmarshal(d.body, &body))
	if body.Type != merchant.EventKey || body.Data.Action != "create_key" || body.Data.State != "active" {
		t.Errorf("the server heard %s", d.body)
	}
}
