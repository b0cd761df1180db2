package handler

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// requestShape is what a method's request looks like, with a value of it to decode into.
func requestShape(t *testing.T, service, name string) (*shape, reflect.Value) {
	t.Helper()
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	m := contract.methods[methodKey{service, name}]
	_, request := m.empty()
	return m.request, request
}

// decodingCosts is how many allocations it takes to decode a body, whatever becomes of it.
func decodingCosts(s *shape, request reflect.Value, body string) float64 {
	return testing.AllocsPerRun(20, func() { _ = s.decodeBody([]byte(body), request) })
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
	if many > one {
		t.Errorf("6,400 unknown fields cost %.0f allocations, one costs %.0f", many, one)
	}
	err := s.decodeBody([]byte(`{"x":`+strings.Repeat("[", 60_000)), request)
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

// untouchable is a body that nobody may read.
type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read before the caller was known")
	return 0, io.EOF
}

// Whoever is not known gets no further than the token: neither the body, nor the query, nor the path is looked at.
func TestTokenComesFirst(t *testing.T) {
	r := newRig(t, nil)
	stranger, err := NewIssuer(newKey(t), time.Now).Issue("alice", []Scope{ScopeUser}, time.Hour)
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
			r.gateway.ServeHTTP(w, request)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s with token %q: %d %s", c.verb, c.path, token, w.Code, w.Body)
			}
		}
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
		err := s.decodeBody([]byte(strings.Replace(goodOrder, "恭喜发财 <b>", text, 1)), request)
		if (err == nil) != whole || !whole && refusal.CodeOf(err) != CodeInvalidJSON {
			t.Errorf("%s: %v", text, err)
		}
		if err := s.decodeBody([]byte(`{"`+text+`":1}`), request); refusal.CodeOf(err) == CodeInvalidJSON == whole {
			t.Errorf("a field %s: %v", text, err)
		}
	}
}
