package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// testClock is a clock that a test moves.
type testClock struct{ at time.Time }

func (c *testClock) now() time.Time { return c.at }

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newVerifier(t testing.TB, now func() time.Time, keys ...ed25519.PublicKey) *Verifier {
	t.Helper()
	v, err := NewVerifier(VerifierConfig{
		Keys: NewKeyring(keys...), Life: DefaultTokenLife, Revoked: func(string) bool { return false }, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// forge signs whatever claims with whatever key.
func forge(t testing.TB, method jwt.SigningMethod, key any, kid string, c map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(c))
	if kid != "" {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// with are good claims, changed: nil removes one.
func with(now time.Time, change map[string]any) map[string]any {
	c := map[string]any{
		"iss": "hongbao", "aud": "hongbao", "sub": "alice", "scope": []string{"user"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range change {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func TestVerify(t *testing.T) {
	clock := &testClock{time.Unix(1_700_000_000, 0)}
	key, other := newKey(t), newKey(t)
	kid := KeyID(publicHalf(key))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	eddsa := func(change map[string]any) string {
		return forge(t, jwt.SigningMethodEdDSA, key, kid, with(clock.at, change))
	}
	// sign signs whatever header and claims.
	sign := func(header, claims string) string {
		encode := base64.RawURLEncoding.EncodeToString
		signed := encode([]byte(header)) + "." + encode([]byte(claims))
		return signed + "." + encode(ed25519.Sign(key, []byte(signed)))
	}
	usual := `"iss":"hongbao","aud":"hongbao","scope":["user"],"iat":1700000000,"exp":1700003600`
	raw := func(claims string) string { return sign(`{"alg":"EdDSA","kid":"`+kid+`"}`, `{`+usual+`,`+claims+`}`) }
	header := func(header string) string { return sign(header, `{`+usual+`,"sub":"alice"}`) }
	good := eddsa(nil)
	parts := strings.Split(good, ".")
	swapped := base64.RawURLEncoding.EncodeToString([]byte(
		`{"iss":"hongbao","aud":"hongbao","sub":"mallory","scope":["operator"],"exp":1700003600}`))
	changed := "A" + parts[2][1:]
	if changed == parts[2] {
		changed = "B" + parts[2][1:]
	}
	v := newVerifier(t, clock.now, publicHalf(key))
	for _, c := range []struct{ name, token, sentence string }{
		{"none", "", "no token was sent"},
		{"not a JWT", "abc", "malformed"},
		{"too long", strings.Repeat("a", MaxTokenBytes+1), "too long"},
		{"alg none", forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, with(clock.at, nil)),
			"forged"},
		{"HMAC with the public key", forge(t, jwt.SigningMethodHS256, []byte(publicHalf(key)), kid,
			with(clock.at, nil)), "forged"},
		{"RSA", forge(t, jwt.SigningMethodRS256, rsaKey, kid, with(clock.at, nil)), "forged"},
		{"another key, its own kid", forge(t, jwt.SigningMethodEdDSA, other, KeyID(publicHalf(other)),
			with(clock.at, nil)), "no key that is known"},
		{"another key, our kid", forge(t, jwt.SigningMethodEdDSA, other, kid, with(clock.at, nil)),
			"forged: its signature"},
		{"no kid", forge(t, jwt.SigningMethodEdDSA, key, "", with(clock.at, nil)), "no key that is known"},
		{"other claims under a good signature", parts[0] + "." + swapped + "." + parts[2], "forged: its signature"},
		{"no signature", parts[0] + "." + parts[1] + ".", "forged: its signature"},
		{"a changed signature", parts[0] + "." + parts[1] + "." + changed, "forged: its signature"},
		{"expired", eddsa(map[string]any{"exp": clock.at.Add(-time.Minute).Unix()}), "expired"},
		{"no exp", eddsa(map[string]any{"exp": nil}), "lacks a claim"},
		{"exp is text", eddsa(map[string]any{"exp": "tomorrow"}), "malformed"},
		{"not yet", eddsa(map[string]any{"nbf": clock.at.Add(time.Minute).Unix()}), "not valid yet"},
		{"issued in the future", eddsa(map[string]any{"iat": clock.at.Add(time.Minute).Unix()}), "in the future"},
		{"another issuer", eddsa(map[string]any{"iss": "elsewhere"}), "iss must be"},
		{"no issuer", eddsa(map[string]any{"iss": nil}), "lacks a claim"},
		{"another audience", eddsa(map[string]any{"aud": "elsewhere"}), "aud must be"},
		{"no audience", eddsa(map[string]any{"aud": nil}), "lacks a claim"},
		{"no subject", eddsa(map[string]any{"sub": nil}), "sub is not a user id"},
		{"a subject with a space", eddsa(map[string]any{"sub": "a b"}), "sub is not a user id"},
		{"the subject twice", raw(`"sub":"mallory","sub":"alice"`), "malformed"},
		{"the subject twice, once escaped", raw(`"sub":"mallory","\u0073ub":"alice"`), "malformed"},
		{"the subject in capitals", raw(`"SUB":"alice"`), "sub is not a user id"},
		{"the subject is null", raw(`"sub":null`), "malformed"},
		{"the subject is a number", raw(`"sub":1`), "malformed"},
		{"the subject is a list", raw(`"sub":["alice"]`), "malformed"},
		{"exp is a number in a string", eddsa(map[string]any{"exp": "1700003600"}), "malformed"},
		{"nbf is null", raw(`"sub":"alice","nbf":null`), "malformed"},
		{"exp is beyond all time", eddsa(map[string]any{"exp": 1e300}), "malformed"},
		{"iat is a number in a string", eddsa(map[string]any{"iat": "1700000000"}), "malformed"},
		{"nbf is before 1970", eddsa(map[string]any{"nbf": -1}), "malformed"},
		{"aud is a number", eddsa(map[string]any{"aud": 1}), "malformed"},
		{"a list of audiences with a number", eddsa(map[string]any{"aud": []any{"hongbao", 1}}), "malformed"},
		{"a list of scopes with null", eddsa(map[string]any{"scope": []any{"user", nil}}), "malformed"},
		{"jti is null", raw(`"sub":"alice","jti":null`), "malformed"},
		{"no iat", eddsa(map[string]any{"iat": nil}), "lacks a claim"},
		{"good for too long", eddsa(map[string]any{"exp": 1_700_000_000 + 24*60*60 + 1}), "24h0m0s after its iat"},
		{"good for too long, issued long ago", eddsa(map[string]any{"iat": 0}), "at most 24h0m0s after its iat"},
		{"critical extensions", header(`{"alg":"EdDSA","kid":"` + kid + `","crit":["exp"],"exp":1}`), "says more than"},
		{"no critical extensions, said so", header(`{"alg":"EdDSA","kid":"` + kid + `","crit":[]}`), "says more than"},
		{"the key twice", header(`{"alg":"EdDSA","kid":"x","kid":"` + kid + `"}`), "malformed"},
		{"the algorithm twice", header(`{"alg":"none","alg":"EdDSA","kid":"` + kid + `"}`), "malformed"},
		{"the key in capitals", header(`{"alg":"EdDSA","KID":"` + kid + `"}`), "no key that is known"},
		{"scope is text", eddsa(map[string]any{"scope": "user"}), "scope (a list)"},
	} {
		for range 2 { // the second time something could be remembered
			if _, err := v.Verify(c.token); refusal.CodeOf(err) != problem.CodeUnauthenticated ||
				!strings.Contains(err.Error(), c.sentence) {
				t.Errorf("%s: %v, want %q", c.name, err, c.sentence)
			}
			if caller, err := v.Verify(good); err != nil || caller.Subject != "alice" || !caller.Has(ScopeUser) ||
				caller.Has(ScopeOperator) {
				t.Errorf("%s: and then the good token: %v, %v", c.name, caller, err)
			}
		}
	}
	if n := v.good.EstimatedSize(); n != 1 {
		t.Errorf("%d tokens are remembered, of which 1 was good", n)
	}
}

func TestVerifiedTokenExpiresInMemory(t *testing.T) {
	clock := &testClock{time.Unix(1_700_000_000, 0)}
	issuer := NewIssuer(newKey(t), clock.now)
	v := newVerifier(t, clock.now, issuer.PublicKey())
	token, err := issuer.Issue("alice", []Scope{ScopeUser, ScopeService}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		caller, err := v.Verify(token)
		if err != nil || !caller.Expires.Equal(clock.at.Add(time.Minute)) {
			t.Fatal(caller, err)
		}
	}
	clock.at = clock.at.Add(time.Minute + clockSkew)
	for range 2 {
		if _, err := v.Verify(token); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Fatalf("after its time: %v", err)
		}
	}
}

// A revoked token is refused at once, also where it is remembered as good; others of the same user stay good.
func TestRevokedToken(t *testing.T) {
	clock := &testClock{time.Unix(1_700_000_000, 0)}
	issuer := NewIssuer(newKey(t), clock.now)
	revoked := map[string]bool{"": true} // a token without an id is none of these
	v, err := NewVerifier(VerifierConfig{
		Keys: NewKeyring(issuer.PublicKey()), Life: time.Hour, Now: clock.now,
		Revoked: func(id string) bool { return revoked[id] },
	})
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := issuer.Issue("alice", []Scope{ScopeUser}, time.Hour)
	two, err2 := issuer.Issue("alice", []Scope{ScopeUser}, time.Hour)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	caller, err := v.Verify(one)
	if err != nil || len(caller.TokenID) < 16 {
		t.Fatalf("%+v, %v", caller, err)
	}
	revoked[caller.TokenID] = true
	for range 2 {
		_, err := v.Verify(one)
		if refusal.CodeOf(err) != problem.CodeUnauthenticated || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("revoked: %v", err)
		}
		if _, err := v.Verify(two); err != nil {
			t.Errorf("another token: %v", err)
		}
	}
	unnamed := forge(t, jwt.SigningMethodEdDSA, issuer.key, issuer.id, with(clock.at, nil))
	if _, err := v.Verify(unnamed); err != nil {
		t.Errorf("a token without an id: %v", err)
	}
	if until := v.RevokedUntil(); until.Before(caller.Expires.Add(clockSkew)) {
		t.Errorf("the revocation is forgotten at %v, the token is good until %v", until, caller.Expires)
	}
}

func TestRotation(t *testing.T) {
	before, after := NewIssuer(newKey(t), time.Now), NewIssuer(newKey(t), time.Now)
	both := newVerifier(t, time.Now, before.PublicKey(), after.PublicKey())
	for _, i := range []*Issuer{before, after} {
		token, err := i.Issue("alice", []Scope{ScopeUser}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := both.Verify(token); err != nil {
			t.Error(err)
		}
	}
}

// A key that is taken away is worth nothing from then on, also where its tokens are remembered as good.
func TestKeysAreReplacedWhileTokensAreChecked(t *testing.T) {
	before, after := NewIssuer(newKey(t), time.Now), NewIssuer(newKey(t), time.Now)
	v := newVerifier(t, time.Now, before.PublicKey())
	old, err1 := before.Issue("alice", []Scope{ScopeUser}, time.Hour)
	recent, err2 := after.Issue("alice", []Scope{ScopeUser}, time.Hour)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	good := func(token string) bool { _, err := v.Verify(token); return err == nil }
	if !good(old) || good(recent) {
		t.Error("before the rotation")
	}
	if err := v.SetKeys(NewKeyring(before.PublicKey(), after.PublicKey())); err != nil || !good(old) || !good(recent) {
		t.Errorf("during it: %v", err)
	}
	if err := v.SetKeys(Keyring{}); err == nil || !good(old) {
		t.Error("no keys at all were taken")
	}
	if err := v.SetKeys(NewKeyring(after.PublicKey())); err != nil || good(old) || !good(recent) {
		t.Errorf("after it: %v", err)
	}
}

// The time and the manner of a proof come from their claims, exactly named and typed.
func TestClaimsOfAProof(t *testing.T) {
	clock := &testClock{time.Unix(1_700_000_000, 0)}
	issuer := NewIssuer(newKey(t), clock.now)
	v := newVerifier(t, clock.now, issuer.PublicKey())
	for _, c := range []struct {
		more map[string]any
		ok   bool
	}{
		{map[string]any{"acr": "mfa", "auth_time": 1_699_999_990}, true},
		{map[string]any{"acr": 2}, false}, {map[string]any{"auth_time": "1699999990"}, false},
	} {
		caller, err := v.Verify(forge(t, jwt.SigningMethodEdDSA, issuer.key, issuer.id, with(clock.at, c.more)))
		if (err == nil) != c.ok || c.ok && (caller.Context != "mfa" || caller.AuthTime.Unix() != 1_699_999_990) {
			t.Errorf("%v: %+v, %v", c.more, caller, err)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	issuer := NewIssuer(newKey(t), time.Now)
	for _, c := range []struct {
		subject string
		scopes  []Scope
	}{{"", []Scope{ScopeUser}}, {"a b", []Scope{ScopeUser}}, {"alice", nil}, {"alice", []Scope{"root"}}} {
		if _, err := issuer.Issue(c.subject, c.scopes, time.Hour); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	key := newKey(t)
	private, err := EncodePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParsePrivateKey(private)
	if err != nil || !back.Equal(key) {
		t.Errorf("private key: %v", err)
	}
	first, err1 := EncodePublicKey(publicHalf(key))
	second, err2 := EncodePublicKey(publicHalf(newKey(t)))
	ring, err3 := ParseKeyring(append(first, second...))
	if err := errors.Join(err1, err2, err3); err != nil || len(ring) != 2 ||
		!ring[KeyID(publicHalf(key))].Equal(publicHalf(key)) {
		t.Errorf("public keys: %v %v", ring, err)
	}
	for _, bad := range []string{"", "text", string(private),
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := ParseKeyring([]byte(bad)); err == nil {
			t.Errorf("%q was read as public keys", bad)
		}
	}
	for _, bad := range []string{"", string(first), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParsePrivateKey([]byte(bad)); err == nil {
			t.Errorf("%q was read as a private key", bad)
		}
	}
}

// The example of RFC 8037, appendix A.3.
func TestKeyIDIsTheThumbprint(t *testing.T) {
	x, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if id := KeyID(x); id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Error(id)
	}
}

func BenchmarkVerifyRemembered(b *testing.B) {
	issuer := NewIssuer(newKey(b), time.Now)
	v := newVerifier(b, time.Now, issuer.PublicKey())
	token, err := issuer.Issue("alice", []Scope{ScopeUser}, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
