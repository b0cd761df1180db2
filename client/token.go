package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// TokenSource gives the signed tokens (JWT) that calls carry. A client asks when it has none, when the one it has is
// about to expire, and when the server no longer accepts it; never twice at the same time.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// TokenFunc is a function as a TokenSource.
type TokenFunc func(ctx context.Context) (string, error)

// Token calls the function.
func (f TokenFunc) Token(ctx context.Context) (string, error) { return f(ctx) }

// StaticToken is a TokenSource of one token.
type StaticToken string

// Token returns the token.
func (t StaticToken) Token(context.Context) (string, error) { return string(t), nil }

// refreshBefore is how long before its expiry a token is replaced: more than a call takes with its retries. A token
// that is short-lived itself is replaced when a tenth of its life is left.
const refreshBefore = 30 * time.Second

// tokenCache keeps the token of a source.
type tokenCache struct {
	source TokenSource
	turn   chan struct{} // holds one element: who takes it may use what is below. A mutex would ignore the context
	token  string
	until  time.Time // zero: until the server refuses it
	now    func() time.Time
}

func newTokenCache(source TokenSource) *tokenCache {
	c := &tokenCache{source: source, turn: make(chan struct{}, 1), now: time.Now}
	c.turn <- struct{}{}
	return c
}

var errNoToken = errors.New("no token: give WithToken or WithTokenSource, or call through Client.As")

// get returns the token to call with. A refused token, unless empty, is not returned again unless the source insists.
func (c *tokenCache) get(ctx context.Context, refused string) (string, error) {
	if c.source == nil {
		return "", errNoToken
	}
	select {
	case <-c.turn:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { c.turn <- struct{}{} }()
	if c.token != "" && c.token != refused && (c.until.IsZero() || c.now().Before(c.until)) {
		return c.token, nil
	}
	token, err := c.source.Token(ctx)
	if err != nil {
		return "", err
	}
	if token == "" {
		return "", errNoToken
	}
	c.token, c.until = token, refreshAt(token, c.now())
	return token, nil
}

// refreshAt is when a token that was just obtained has to be replaced; zero where the token does not say.
func refreshAt(token string, now time.Time) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Expires float64 `json:"exp"` // seconds; RFC 7519 allows fractions
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 {
		return time.Time{}
	}
	expires := time.UnixMilli(int64(claims.Expires * 1000))
	return expires.Add(-min(refreshBefore, expires.Sub(now)/10))
}
