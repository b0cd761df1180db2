package gateway

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// goodOrder is the body of a request to send an envelope.
const goodOrder = `{"request_id":"r1","group_id":"g","kind":"lucky","total":1000,"count":5,"currency":"CNY",` +
	`"greeting":"恭喜发财 <b>"}`

// requestShape is what a method's request looks like, with a value of it to decode into.
func requestShape(t *testing.T, service, name string) (*contract.Shape, reflect.Value) {
	t.Helper()
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	m := c.Methods[contract.Key{Service: service, Method: name}]
	_, request := m.NewRequest()
	return m.Request, request
}

// decodingCosts is how many allocations it takes to decode a body, whatever becomes of it.
func decodingCosts(s *contract.Shape, request reflect.Value, body string) float64 {
	return testing.AllocsPerRun(20, func() { _ = decodeBody(s, []byte(body), request) })
}

// What stands behind the first unknown field is never looked at.
func TestFirstUnknownFieldEndsTheReading(t *testing.T) {
	s, request := requestShape(t, "EnvelopeService", "Send")
	strange := func(fields int) string {
		var b strings.Builder
		for i := range fields {
			fmt.Fprintf(&b, `"x%d":1,`, i)
		}
		return `{` + strings.TrimSuffix(b.String(), ",") + `}`
	}
	one, many := decodingCosts(s, request, strange(1)), decodingCosts(s, request, strange(6_400))
	if many > 2*one { // other goroutines of the process allocate as well
		t.Errorf("6,400 unknown fields cost %.0f allocations, one costs %.0f", many, one)
	}
	err := decodeBody(s, []byte(`{"x":`+strings.Repeat("[", 60_000)), request)
	if refusal.CodeOf(err) != refusal.CodeInvalidArgument {
		t.Errorf("an unknown field with a deep value: %v", err)
	}
}

// A body of twice the length costs twice as much, and not four times.
func TestDecodingIsLinear(t *testing.T) {
	s, request := requestShape(t, "GroupService", "CreateGroup")
	members := func(n int) string {
		return `{"group_id":"g","members":[` + strings.TrimSuffix(strings.Repeat(`"a",`, n), ",") + `]}`
	}
	half, whole := decodingCosts(s, request, members(4_000)), decodingCosts(s, request, members(8_000))
	if whole > 2.1*half {
		t.Errorf("8,000 elements cost %.0f allocations, 4,000 cost %.0f", whole, half)
	}
	if got := request.FieldByName("Members").Len(); got != 8_000 {
		t.Errorf("%d elements were read", got)
	}
}

// Half of a surrogate pair is no character: it is refused instead of being replaced by one that nobody sent.
func TestLoneSurrogates(t *testing.T) {
	s, request := requestShape(t, "EnvelopeService", "Send")
	for text, whole := range map[string]bool{
		`\ud83e\udde7`: true, `\uD83E\uDDE7x`: true, `\\ud83e`: true, `\\\\ud83e`: true, `\u0041\n`: true, `🧧`: true,
		`\ufffd`: true, `\"\u00e9`: true,
		`\ud83e`: false, `\udde7`: false, `\udde7\ud83e`: false, `\ud83e\ud83e\udde7`: false, `\ud83ex\udde7`: false,
		`\ud83e\\udde7`: false,
		`\\\ud83e`:      false, `\ud83e\u0041`: false, `x\uDFFF`: false, `\ud83e\udde7\ud83e`: false,
	} {
		err := decodeBody(s, []byte(strings.Replace(goodOrder, "恭喜发财 <b>", text, 1)), request)
		if (err == nil) != whole || !whole && refusal.CodeOf(err) != problem.CodeInvalidJSON {
			t.Errorf("%s: %v", text, err)
		}
		if err := decodeBody(s, []byte(`{"`+text+`":1}`),
			request); refusal.CodeOf(err) == problem.CodeInvalidJSON == whole {
			t.Errorf("a field %s: %v", text, err)
		}
	}
}
