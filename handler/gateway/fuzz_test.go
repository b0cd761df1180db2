package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// FuzzArguments feeds any path values, query and body to every method's decoder: what it does not take it refuses with
// a code of the client's, and it never panics.
func FuzzArguments(f *testing.F) {
	c, err := contract.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		goodOrder, `null`, `{"members":[null,{},[[]]],"group_id":"\ud800"}`, `{"total":1e400}`,
		`{"count":9223372036854775808}`, "{", "\xff",
		`{"a":1,"a":2}`, `[]`, ` `,
	} {
		f.Add("1", "cursor=x&limit=1&currency=CNY", "application/json", body)
	}
	f.Add("9223372036854775808", "%zz", "text/plain", "")
	f.Add("\x00", "limit=1&limit=2;", "application/json; charset=x", "{}")
	methods := c.Sorted()
	f.Fuzz(func(t *testing.T, pathValue, query, contentType, body string) {
		for _, m := range methods {
			r := httptest.NewRequest(m.Route.Verb, "/", strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header["Content-Type"] = []string{contentType}
			for _, p := range m.Route.Parameters {
				r.SetPathValue(p, pathValue)
			}
			_, err := (&operation{Method: m}).arguments(r)
			if err == nil {
				continue
			}
			p, _ := problem.FromError(err)
			mine := []string{refusal.CodeInvalidArgument, problem.CodeInvalidJSON, problem.CodeBodyTooLarge,
				problem.CodeUnsupportedMediaType}
			if status := problem.Status(p.Code); status < http.StatusBadRequest || status >= 500 ||
				!slices.Contains(mine, p.Code) {
				t.Errorf("%s: %v", m, err)
			}
		}
	})
}
