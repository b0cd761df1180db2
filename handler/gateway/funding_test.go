package gateway_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet"
)

const callbackPath = "/v1/funding/callback"

// A callback reaches the service byte for byte, with its three headers and without a token.
func TestCallback(t *testing.T) {
	r := handlertest.New(t, nil)
	good := []string{"webhook-id: msg_1", "webhook-timestamp: 1614265330", "webhook-signature: good"}
	for _, line := range []struct {
		what, body string
		header     []string
		status     int
		code       string
		callback   []string
	}{
		{"as the bank sends it", "{ \"a\": 1,\n\"a\":\"\xff\" }", good, 200, "", []string{"msg_1", "1614265330", "good",
			"{ \"a\": 1,\n\"a\":\"\xff\" }"}},
		{"of another media type", "x", slices.Concat(good, []string{"-Content-Type", "Content-Type: text/plain"}), 200,
			"",
			[]string{"msg_1", "1614265330", "good", "x"}},
		{"without a body", "", good, 200, "", []string{"msg_1", "1614265330", "good", ""}},
		{"signed otherwise", "x", []string{"webhook-id: msg_1", "webhook-timestamp: 1614265330",
			"webhook-signature: bad"},
			401, wallet.CodeSignatureInvalid,
			[]string{"msg_1", "1614265330", "bad", "x"}},
		{"not signed", "x", nil, 401, wallet.CodeSignatureInvalid, []string{"", "", "", "x"}},
		{"signed twice", "x", slices.Concat(good, []string{"webhook-signature: bad"}), 401, wallet.CodeSignatureInvalid,
			[]string{"msg_1", "1614265330", "", "x"}},
		{"too large", strings.Repeat("x", contract.MaxBody+1), good, 413, problem.CodeBodyTooLarge, nil},
	} {
		r.Set(func(s *handlertest.State) { s.Callback = nil })
		got := r.Do(t, http.MethodPost, callbackPath, "", line.body, line.header...)
		if got.Status != line.status || got.Code() != line.code || !slices.Equal(r.Now().Callback, line.callback) {
			t.Errorf("%s: %d %s, the service got %q", line.what, got.Status, got.Text, r.Now().Callback)
		}
	}
	if got := r.Do(t, http.MethodPost, callbackPath+"?x=1", "", "x",
		good...); got.Code() != refusal.CodeInvalidArgument {
		t.Errorf("with a query: %s", got.Text)
	}
	if got := r.Do(t, http.MethodGet, callbackPath, "", ""); got.Code() != problem.CodeMethodNotAllowed {
		t.Errorf("by GET: %s", got.Text)
	}
	answered := r.Do(t, http.MethodPost, callbackPath, "", "x", good...)
	if answered.Body["id"] != "1152921504606846977" || answered.Body["state"] != "settled" {
		t.Errorf("answered %s", answered.Text)
	}
}

func TestNoCallbackWithoutAProvider(t *testing.T) {
	r := handlertest.New(t, func(s *handler.ServerConfig,
		_ *gateway.Config) {
		s.Wallet.(*handler.Wallet).Callbacks = nil
	})
	if got := r.Do(t, http.MethodPost, callbackPath, "", "x"); got.Status != http.StatusNotFound ||
		got.Code() != problem.CodeNotFound {
		t.Errorf("%d %s", got.Status, got.Text)
	}
}

func TestOpenAPIOfTheCallback(t *testing.T) {
	document := handlertest.New(t, nil).Do(t, http.MethodGet, "/openapi.json", "", "").Text
	var found struct {
		Paths map[string]map[string]struct {
			Security    *[]any
			Parameters  []struct{ Name, In string }
			RequestBody struct{ Content map[string]any }
			Responses   map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal([]byte(document), &found); err != nil {
		t.Fatal(err)
	}
	o := found.Paths[callbackPath]["post"]
	if o.Security == nil || len(*o.Security) != 0 {
		t.Errorf("it needs a token: %v", o.Security)
	}
	if len(o.Parameters) != 3 || o.Parameters[2].Name != "webhook-signature" || o.Parameters[2].In != "header" {
		t.Errorf("parameters %+v", o.Parameters)
	}
	if o.RequestBody.Content["application/json"] == nil ||
		!strings.Contains(o.Responses["401"].Description, wallet.CodeSignatureInvalid) ||
		!strings.Contains(o.Responses["409"].Description, wallet.CodeFundingMismatch) ||
		o.Responses["403"].Description != "" {
		t.Errorf("%+v", o)
	}
}
