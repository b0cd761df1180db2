package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/transfer"
)

func loadDocument(t *testing.T, r *handlertest.Harness) *openapi3.T {
	t.Helper()
	a := r.Do(t, "GET", "/openapi.json", "", "")
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v", a.Status, a.Header)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPIIsValid(t *testing.T) {
	doc := loadDocument(t, handlertest.New(t, nil))
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !doc.IsOpenAPI31OrLater() {
		t.Errorf("it says it is %s", doc.OpenAPI)
	}
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Methods {
		o := doc.Paths.Value(m.Route.Path).GetOperation(m.Route.Verb)
		if o == nil || !strings.Contains(o.Description, m.Doc) || !strings.Contains(o.OperationID, m.Key.Method) {
			t.Errorf("%s is not described: %+v", m, o)
			continue
		}
		for _, code := range append(gateway.CodesOf(c, m), gateway.CommonCodes(m)...) {
			response := o.Responses.Status(problem.Status(code))
			if response == nil || !strings.Contains(*response.Value.Description, "`"+code+"`") {
				t.Errorf("%s: %s is not among its responses", m, code)
			}
		}
	}
	if total := doc.Components.Schemas["SendRequest"].Value.Properties["total"].Value; !strings.Contains(
		total.Description, "minor units") {
		t.Errorf("the comment of a field is lost: %+v", total)
	}
}

// Every operation may meet a limit, and errors that are told as those of another method are the method's own.
func TestOpenAPINamesEveryError(t *testing.T) {
	doc := loadDocument(t, handlertest.New(t, nil))
	for path, item := range doc.Paths.Map() {
		for verb, o := range item.Operations() {
			if o.Responses.Status(http.StatusTooManyRequests) == nil {
				t.Errorf("%s %s may not be answered with 429", verb, path)
			}
		}
	}
	for _, x := range []struct{ verb, path, code string }{
		{"POST", "/v1/transfers/{id}/decline", transfer.CodeAlreadyDeclined},
		{"POST", "/v1/wallet/withdrawals", refusal.CodeRequestConflict},
		{"POST", "/v1/merchants/{id}/webhooks/{webhook}/replay", merchant.CodeRoleMissing},
		{"GET", "/v1/merchants/{id}/webhooks/{webhook}/deliveries", merchant.CodeRoleMissing},
	} {
		response := doc.Paths.Value(x.path).GetOperation(x.verb).Responses.Status(problem.Status(x.code))
		if response == nil || !strings.Contains(*response.Value.Description, "`"+x.code+"`") {
			t.Errorf("%s is not among the responses of %s %s", x.code, x.verb, x.path)
		}
	}
}

// Answers are what the document says they are.
func TestAnswersFitTheDocument(t *testing.T) {
	r := handlertest.New(t, nil)
	r.Set(func(s *handlertest.State) { s.View = handlertest.SampleView() })
	doc := loadDocument(t, r)
	user, service := r.Token(t, "alice", auth.ScopeUser), r.Token(t, "chat", auth.ScopeService)
	for _, c := range []struct{ verb, path, template, token, body string }{
		{"POST", "/v1/envelopes", "/v1/envelopes", user, handlertest.GoodOrder},
		{"POST", "/v1/envelopes", "/v1/envelopes", user, "{}"},
		{"POST", "/v1/envelopes/1/grab", "/v1/envelopes/{id}/grab", user, ""},
		{"GET", "/v1/envelopes/1", "/v1/envelopes/{id}", "", ""},
		{"GET", "/v1/wallet/entries?currency=CNY", "/v1/wallet/entries", user, ""},
		{"GET", "/v1/me/envelopes?direction=sent", "/v1/me/envelopes", user, ""},
		{"GET", "/v1/me/envelopes?direction=received", "/v1/me/envelopes", user, ""},
		{"PUT", "/v1/groups/g/members/x", "/v1/groups/{id}/members/{user}", service, ""},
		{"PUT", "/v1/groups/g/members/x", "/v1/groups/{id}/members/{user}", user, ""},
	} {
		a := r.Do(t, c.verb, c.path, c.token, c.body)
		response := doc.Paths.Value(c.template).GetOperation(c.verb).Responses.Status(a.Status)
		if response == nil {
			t.Errorf("%s %s: %d is not described", c.verb, c.path, a.Status)
			continue
		}
		media := response.Value.Content[a.Header.Get("Content-Type")]
		if media == nil {
			t.Errorf("%s %s: %s is not described", c.verb, c.path, a.Header.Get("Content-Type"))
			continue
		}
		var value any
		if err := json.Unmarshal([]byte(a.Text), &value); err != nil {
			t.Fatal(err)
		}
		if err := media.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(),
			openapi3.MultiErrors()); err != nil {
			t.Errorf("%s %s: %s: %v", c.verb, c.path, a.Text, err)
		}
	}
}

// The names of our Go types do not come into JSON by accident.
func TestOpenAPIOfMergedOperation(t *testing.T) {
	doc := loadDocument(t, handlertest.New(t, nil))
	o := doc.Paths.Value("/v1/me/envelopes").Get
	direction := o.Parameters.GetByInAndName("query", "direction")
	if direction == nil || !direction.Required || len(direction.Schema.Value.Enum) != 2 {
		t.Fatalf("direction is %+v", direction)
	}
	if o.Parameters.GetByInAndName("query", "cursor") == nil ||
		len(o.Responses.Status(200).Value.Content["application/json"].Schema.Value.AnyOf) != 2 {
		t.Errorf("the merged operation lacks something: %+v", o)
	}
}
