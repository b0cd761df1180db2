package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
)

// Every code that a comment of the IDL promises exists.
func TestCodesOfTheIDL(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for _, m := range c.Methods {
		for _, f := range slices.Concat(m.Request.Fields, m.Response.Fields) {
			fields[f.Name] = true
		}
	}
	for _, m := range c.Methods {
		_, errors, found := strings.Cut(m.Doc, "Errors: ")
		if !found {
			continue
		}
		if other := asAnother.FindStringSubmatch(m.Doc); other != nil &&
			c.Methods[contract.Key{Service: m.Service, Method: other[1]}] == nil {
			t.Errorf("%s has the errors of %s, which there is not", m, other[1])
		}
		for _, match := range backticked.FindAllStringSubmatch(errors, -1) {
			if !problem.IsCode(match[1]) && !fields[match[1]] {
				t.Errorf("%s promises %q", m, match[1])
			}
		}
	}
}
