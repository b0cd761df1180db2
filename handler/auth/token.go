package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Issuer and audience of every token.
const (
	tokenIssuer   = "hongbao"
	tokenAudience = "hongbao"
)

const (
	// clockSkew is how far the clocks of who signs and who verifies may be apart.
	clockSkew = 5 * time.Second
	// MaxTokenBytes bounds what is parsed; ours have about 300.
	MaxTokenBytes = 4 << 10
	// DefaultTokenLife is how long a token may be good where an installation says nothing else.
	DefaultTokenLife = 24 * time.Hour
	// maxVerifiedTokens bounds the tokens remembered as good; one takes about 300 bytes.
	maxVerifiedTokens = 1 << 16
)

// Issuer signs tokens.
type Issuer struct {
	key ed25519.PrivateKey
	id  string
	now func() time.Time
}

// NewIssuer makes an issuer; its tokens carry the KeyID of the key's public half.
func NewIssuer(key ed25519.PrivateKey, now func() time.Time) *Issuer {
	return &Issuer{key: key, id: KeyID(publicHalf(key)), now: now}
}

func publicHalf(key ed25519.PrivateKey) ed25519.PublicKey {
	return key.Public().(ed25519.PublicKey) // by its documentation
}

// PublicKey is what a Verifier needs to accept the issuer's tokens.
func (i *Issuer) PublicKey() ed25519.PublicKey { return publicHalf(i.key) }

// Issue signs a token that lets its bearer act as the subject until life is over. Refusals: invalid_argument.
func (i *Issuer) Issue(subject string, scopes []Scope, life time.Duration) (string, error) {
	if err := refusal.CheckID("user_id", subject); err != nil {
		return "", err
	}
	if err := checkScopes(scopes); err != nil {
		return "", err
	}
	return i.sign(claims{RegisteredClaims: i.registered(subject, i.now().Add(life)), Scope: scopes})
}

// registered are the claims of every token.
func (i *Issuer) registered(subject string, until time.Time) jwt.RegisteredClaims {
	return jwt.RegisteredClaims{
		Issuer: tokenIssuer, Audience: jwt.ClaimStrings{tokenAudience}, Subject: subject,
		ID: rand.Text(), IssuedAt: jwt.NewNumericDate(i.now()), ExpiresAt: jwt.NewNumericDate(until),
	}
}

func (i *Issuer) sign(c claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	token.Header["kid"] = i.id
	signed, err := token.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

func checkScopes(scopes []Scope) error {
	if len(scopes) == 0 {
		return refusal.New(refusal.CodeInvalidArgument, "scopes is empty: give one or more of %s",
			ListScopes(Scopes(), ", "))
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return refusal.New(refusal.CodeInvalidArgument, "scope %q is unknown: give one or more of %s",
				refusal.Clip(string(s)), ListScopes(Scopes(), ", "))
		}
	}
	return nil
}

// Verifier checks tokens. It remembers those it found good until they expire, so that the next call with one costs a
// hash instead of a signature check. It is safe for concurrent use.
type Verifier struct {
	keys    atomic.Pointer[Keyring]
	own     Keyring
	parser  *jwt.Parser
	good    *otter.Cache[[sha256.Size]byte, verified] // by the hash of the whole token, signature included
	life    time.Duration
	revoked func(id string) bool
	now     func() time.Time
}

// VerifierConfig is what a Verifier needs. Everything but Own is required.
type VerifierConfig struct {
	Keys    Keyring              // tokens must be signed with one of them
	Own     Keyring              // or, those of merchants, with one of these; may be empty
	Life    time.Duration        // most time between a token's iat and exp
	Revoked func(id string) bool // whether that jti is revoked, from memory: it is asked with each call
	Now     func() time.Time     // the clock that tokens expire by
}

// RevokedUntil is how long a revocation matters that is made now: until every token that was issued by now has expired.
func (v *Verifier) RevokedUntil() time.Time { return v.now().Add(v.life + 2*clockSkew) }

// NewVerifier makes a verifier.
func NewVerifier(c VerifierConfig) (*Verifier, error) {
	if len(c.Keys) == 0 {
		return nil, errors.New("verifier: no public key given")
	}
	if c.Life < time.Second {
		return nil, fmt.Errorf("verifier: tokens may be good for %v: give at least 1s", c.Life)
	}
	cache, err := otter.New(&otter.Options[[sha256.Size]byte, verified]{MaximumSize: maxVerifiedTokens})
	if err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	v := &Verifier{
		own: c.Own,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(tokenIssuer), jwt.WithAudience(tokenAudience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockSkew),
			jwt.WithStrictDecoding(), jwt.WithTimeFunc(c.Now),
		),
		good: cache, life: c.Life, revoked: c.Revoked, now: c.Now,
	}
	return v, v.SetKeys(c.Keys)
}

// SetKeys replaces the keys that tokens must be signed with, except the installation's own. A token that was signed
// with another one is refused from then on, also where it is remembered as good. An error leaves the keys before.
func (v *Verifier) SetKeys(keys Keyring) error {
	if len(keys) == 0 {
		return errors.New("verifier: no public key given")
	}
	for _, ring := range []Keyring{keys, v.own} {
		for id, key := range ring {
			if len(key) != ed25519.PublicKeySize {
				return fmt.Errorf("verifier: key %q has %d bytes instead of %d", id, len(key), ed25519.PublicKeySize)
			}
		}
	}
	for id := range v.own {
		if _, both := keys[id]; both {
			return fmt.Errorf("verifier: key %q is both the chat application's and the installation's own", id)
		}
	}
	v.keys.Store(&keys)
	return nil
}

// Verify returns who the token names. Refusal: unauthenticated, with a sentence that says what is wrong with it.
func (v *Verifier) Verify(token string) (Caller, error) {
	if token == "" {
		return Caller{}, unauthenticated(sentenceMissing)
	}
	if len(token) > MaxTokenBytes {
		return Caller{}, unauthenticated(sentenceTooLong)
	}
	hash := sha256.Sum256([]byte(token))
	keys := v.keys.Load()
	found, remembered := v.good.GetIfPresent(hash)
	c := found.Caller
	if !remembered || found.keys != keys {
		var err error
		if c, err = v.parse(token, *keys); err != nil {
			return Caller{}, err
		}
		v.good.Set(hash, verified{c, keys})
	}
	if !v.now().Before(c.Expires.Add(clockSkew)) {
		v.good.Invalidate(hash)
		return Caller{}, unauthenticated(sentenceExpired)
	}
	if c.TokenID != "" && v.revoked(c.TokenID) || c.Session != nil && v.revoked(merchant.RevocationID(c.Session.Key)) {
		return Caller{}, unauthenticated(sentenceRevoked)
	}
	return c, nil
}

// verified is a token that was found good by keys.
type verified struct {
	Caller
	keys *Keyring
}

func (v *Verifier) parse(token string, keys Keyring) (Caller, error) {
	if err := checkHeader(token); err != nil {
		return Caller{}, unauthenticated(sentence(jwt.ErrTokenMalformed))
	}
	var said claims
	parsed, err := v.parser.ParseWithClaims(token, &said, func(t *jwt.Token) (any, error) { return v.key(t, keys) })
	if err != nil {
		return Caller{}, unauthenticated(sentence(err))
	}
	if said.IssuedAt == nil {
		return Caller{}, unauthenticated(sentence(jwt.ErrTokenRequiredClaimMissing))
	}
	c := Caller{Subject: said.Subject, Scopes: said.Scope, Expires: said.ExpiresAt.Time, TokenID: said.ID,
		Context: said.Context}
	if said.AuthTime != nil {
		c.AuthTime = said.AuthTime.Time
	}
	if _, own := v.own[keyIDOf(parsed)]; own {
		if c.Session, err = sessionOf(said); err != nil {
			return Caller{}, unauthenticated(err.Error())
		}
		return c, nil
	}
	if said.Merchant != nil {
		return Caller{}, unauthenticated(errNotASession.Error())
	}
	if said.ExpiresAt.Sub(said.IssuedAt.Time) > v.life {
		return Caller{}, unauthenticated(
			fmt.Sprintf("the token is good for too long: its exp may be at most %v after its iat", v.life))
	}
	if refusal.CheckID("sub", said.Subject) != nil {
		return Caller{}, unauthenticated("the token's sub is not a user id: " +
			"1 to 64 characters of A-Z a-z 0-9 . _ : @ - other than . and ..")
	}
	return c, nil
}

// keyIDOf is the key that a token says it was signed with.
func keyIDOf(t *jwt.Token) string {
	id, _ := t.Header["kid"].(string)
	return id
}

var errUnknownKey = errors.New("the token names no key that is known here")

// key finds the public key that a token says it was signed with.
func (v *Verifier) key(t *jwt.Token, keys Keyring) (any, error) {
	if _, critical := t.Header["crit"]; critical { // RFC 7515: what is not understood must be refused
		return nil, errors.New("the token has critical extensions")
	}
	id := keyIDOf(t)
	for _, ring := range []Keyring{keys, v.own} {
		if key, ok := ring[id]; ok {
			return key, nil
		}
	}
	return nil, errUnknownKey
}

const (
	sentenceMissing = "no token was sent: send one, in HTTP as `Authorization: Bearer TOKEN`"
	sentenceTooLong = "the token is malformed: it is too long"
	sentenceRevoked = "the token has been revoked: get a new one"
	sentenceExpired = "the token has expired: get a new one"
)

// sentence says what is wrong with a token, from the library's errors.
func sentence(err error) string {
	for _, known := range []struct {
		cause error
		text  string
	}{
		{errUnknownKey, "the token is forged or of another installation: its kid names no key that is known here"},
		{jwt.ErrTokenMalformed,
			"the token is malformed: it must be a JWT with the claims iss, aud, sub, scope (a list), iat " +
				"and exp, each once and of its type"},
		{jwt.ErrTokenSignatureInvalid, "the token is forged: its signature is not one of EdDSA by the key it names"},
		{jwt.ErrTokenUnverifiable, "the token cannot be verified: its header says more than is understood here"},
		{jwt.ErrTokenExpired, sentenceExpired},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{jwt.ErrTokenUsedBeforeIssued, "the token was issued in the future: check the clock of who signs"},
		{jwt.ErrTokenInvalidIssuer, "the token is not for this service: its iss must be " + tokenIssuer},
		{jwt.ErrTokenInvalidAudience, "the token is not for this service: its aud must be " + tokenAudience},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks a claim: iss, aud, sub, scope, iat and exp are needed"},
	} {
		if errors.Is(err, known.cause) {
			return known.text
		}
	}
	return "the token is not valid"
}

func unauthenticated(detail string) error {
	return &refusal.Error{Code: problem.CodeUnauthenticated, Detail: detail}
}
