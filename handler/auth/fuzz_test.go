package auth

import (
	"strings"
	"testing"
	"time"
)

// FuzzToken holds that no bytes but those of a token that was issued are good, and that nothing panics.
func FuzzToken(f *testing.F) {
	clock := &testClock{time.Unix(1_700_000_000, 0)}
	issuer := NewIssuer(newKey(f), clock.now)
	v := newVerifier(f, clock.now, issuer.PublicKey())
	good, err := issuer.Issue("alice", []Scope{ScopeUser}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "..", "a.b.c", good, good[:len(good)-1], strings.ToUpper(good), good + "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if caller, err := v.Verify(token); err == nil && token != good {
			t.Errorf("%q is good, for %+v", token, caller)
		}
	})
}

// FuzzKeys holds that what is read as keys can verify, and that nothing panics.
func FuzzKeys(f *testing.F) {
	pem, err := EncodePublicKey(publicHalf(newKey(f)))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "{", string(pem), `{"keys":[]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":""}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ring, err := ParseKeys(text)
		if err != nil {
			return
		}
		if _, err := NewVerifier(VerifierConfig{Keys: ring, Life: time.Hour, Now: time.Now}); err != nil {
			t.Errorf("%q was read as keys: %v", text, err)
		}
	})
}
