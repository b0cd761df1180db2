package handler

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
)

// FuzzArguments feeds any path values, query and body to every method's decoder: what it does not take it refuses with
// a code of the client's, and it never panics.
func FuzzArguments(f *testing.F) {
	contract, err := loadContract()
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		goodOrder, `null`, `{"members":[null,{},[[]]],"group_id":"\ud800"}`, `{"total":1e400}`, `{"count":9223372036854775808}`, "{", "\xff",
		`{"a":1,"a":2}`, `[]`, ` `,
	} {
		f.Add("1", "cursor=x&limit=1&currency=CNY", "application/json", body)
	}
	f.Add("9223372036854775808", "%zz", "text/plain", "")
	f.Add("\x00", "limit=1&limit=2;", "application/json; charset=x", "{}")
	methods := contract.sorted()
	f.Fuzz(func(t *testing.T, pathValue, query, contentType, body string) {
		for _, m := range methods {
			r := httptest.NewRequest(m.route.verb, "/", strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header["Content-Type"] = []string{contentType}
			for _, p := range m.route.parameters {
				r.SetPathValue(p, pathValue)
			}
			_, err := (&operation{method: m}).arguments(r)
			if err == nil {
				continue
			}
			problem, _ := judge(err)
			mine := []string{refusal.CodeInvalidArgument, CodeInvalidJSON, CodeBodyTooLarge, CodeUnsupportedMediaType}
			if status := problem.verdict().status; status < http.StatusBadRequest || status >= 500 || !slices.Contains(mine, problem.Code) {
				t.Errorf("%s: %v", m, err)
			}
		}
	})
}
