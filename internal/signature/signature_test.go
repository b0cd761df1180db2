package signature_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/signature"
)

// The specification's own example.
const (
	exampleSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	exampleSeconds   = 1614265330
	exampleBody      = `{"test": 2432232314}`
	exampleSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func secrets(t *testing.T, lines ...string) signature.Secrets {
	t.Helper()
	s, err := signature.ParseSecrets([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheExampleOfTheSpecification(t *testing.T) {
	h := secrets(t, exampleSecret).Sign(exampleID, time.Unix(exampleSeconds, 0), []byte(exampleBody))
	if h.Signature != exampleSignature || h.Timestamp != "1614265330" || h.ID != exampleID {
		t.Errorf("signed as %+v", h)
	}
}

func TestVerify(t *testing.T) {
	s := secrets(t, exampleSecret)
	at := time.Unix(exampleSeconds, 0)
	good := signature.Headers{ID: exampleID, Timestamp: "1614265330", Signature: exampleSignature}
	change := func(f func(*signature.Headers)) signature.Headers { h := good; f(&h); return h }
	for _, line := range []struct {
		what    string
		headers signature.Headers
		now     time.Time
		body    string
		want    error
	}{
		{"as it was sent", good, at, exampleBody, nil},
		{"5 minutes later", good, at.Add(5 * time.Minute), exampleBody, nil},
		{"5 minutes before, by a clock that is slow", good, at.Add(-5 * time.Minute), exampleBody, nil},
		{"a second more", good, at.Add(5*time.Minute + time.Second), exampleBody, signature.ErrStale},
		{"a second more, from the future", good, at.Add(-5*time.Minute - time.Second), exampleBody, signature.ErrStale},
		{"another body", good, at, `{"test": 2432232315}`, signature.ErrForged},
		{"another id", change(func(h *signature.Headers) { h.ID += "x" }), at, exampleBody, signature.ErrForged},
		{"a moved full stop", change(func(h *signature.Headers) { h.ID += ".1614265330" }), at, exampleBody,
			signature.ErrMissing},
		{"another timestamp", change(func(h *signature.Headers) { h.Timestamp = "1614265331" }), at, exampleBody,
			signature.ErrForged},
		{"a timestamp spelled otherwise", change(func(h *signature.Headers) { h.Timestamp = "+1614265330" }), at,
			exampleBody, signature.ErrMissing},
		{"a timestamp out of range", change(func(h *signature.Headers) { h.Timestamp = "9223372036854775807" }), at,
			exampleBody, signature.ErrStale},
		{"another version", change(func(h *signature.Headers) { h.Signature = "v2" + h.Signature[2:] }), at,
			exampleBody,
			signature.ErrForged},
		{"among others", change(func(h *signature.Headers) { h.Signature = "v1a,xx v1,AAAA " + h.Signature }), at,
			exampleBody, nil},
		{"behind too many others", change(func(h *signature.Headers) {
			h.Signature = strings.Repeat("v1,AAAA ", 16) + h.Signature
		}), at, exampleBody, signature.ErrForged},
		{"an empty signature", change(func(h *signature.Headers) { h.Signature = "v1," }), at, exampleBody,
			signature.ErrForged},
		{"no signature", change(func(h *signature.Headers) { h.Signature = "" }), at, exampleBody,
			signature.ErrMissing},
		{"no id", change(func(h *signature.Headers) { h.ID = "" }), at, exampleBody, signature.ErrMissing},
		{"an endless id", change(func(h *signature.Headers) { h.ID = strings.Repeat("x", 129) }), at, exampleBody,
			signature.ErrMissing},
	} {
		if err := s.Verify(line.headers, line.now, []byte(line.body)); !errors.Is(err, line.want) ||
			(err == nil) != (line.want == nil) {
			t.Errorf("%s: %v, want %v", line.what, err, line.want)
		}
	}
}

// A secret is replaced on one side after the other: each message is accepted at every step.
func TestRollingASecret(t *testing.T) {
	before, after := signature.NewSecret(), signature.NewSecret()
	now, body := time.Now(), []byte("{}")
	steps := []signature.Secrets{secrets(t, before), secrets(t, "# the new one", after, "", before), secrets(t, after)}
	for i, sender := range steps {
		for j, receiver := range steps {
			err := receiver.Verify(sender.Sign(signature.NewID(), now, body), now, body)
			if disjoint := i-j == 2 || j-i == 2; disjoint != errors.Is(err, signature.ErrForged) || !disjoint &&
				err != nil {
				t.Errorf("step %d to step %d: %v", i, j, err)
			}
		}
	}
}

func TestParseSecretsRefuses(t *testing.T) {
	for _, text := range []string{
		"", "# nothing", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZ", "whsec_c2hvcnQ=",
		exampleSecret + " " + exampleSecret,
		strings.Repeat(exampleSecret+"\n", 9), "whsec_" + strings.Repeat("MfKQ", 30),
	} {
		_, err := signature.ParseSecrets([]byte(text))
		if err == nil {
			t.Errorf("%q was taken", text)
		} else if strings.Contains(err.Error(), "MfKQ") {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
}

func TestSecretsArePrintedNowhere(t *testing.T) {
	s := secrets(t, exampleSecret)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, s); !strings.Contains(text, "1 secrets") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := http.Header{}
	want := secrets(t, exampleSecret).Sign("msg_1", time.Now(), nil)
	want.Set(h)
	if got := signature.From(h); got != want {
		t.Errorf("%+v came back as %+v", want, got)
	}
	h.Add(signature.HeaderID, "msg_2")
	if got := signature.From(h); got.ID != "" {
		t.Errorf("of two ids, %q was taken", got.ID)
	}
}
