package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// sessionClaims is in whose name a token lets a merchant's server act.
type sessionClaims struct {
	ID          int64                 `json:"id,string"`
	Key         int64                 `json:"key,string"`
	Mode        merchant.Mode         `json:"mode"`
	Permissions []merchant.Permission `json:"permissions"`
	Allowed     []netip.Prefix        `json:"allowed"`
}

// readSession reads the claim that says so.
func readSession(raw json.RawMessage, into **sessionClaims) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// IssueSession signs a token for a merchant's server. Its key is the installation's own: that of the chat application
// cannot make such tokens.
func (i *Issuer) IssueSession(s merchant.Session, until time.Time) (string, error) {
	return i.sign(claims{
		RegisteredClaims: i.registered(s.Account(), until), Scope: []Scope{ScopeMerchant},
		Merchant: &sessionClaims{
			ID:          s.Merchant,
			Key:         s.Key,
			Mode:        s.Mode,
			Permissions: s.Permissions,
			Allowed:     s.Allowed,
		},
	})
}

var errNotASession = errors.New("the token is not one that this installation gives to merchants")

// sessionOf is the session of a token that is signed with the installation's own key.
func sessionOf(said claims) (*merchant.Session, error) {
	c := said.Merchant
	if c == nil || len(said.Scope) != 1 || said.Scope[0] != ScopeMerchant {
		return nil, errNotASession
	}
	s := merchant.Session{Merchant: c.ID, Key: c.Key, Mode: c.Mode, Permissions: c.Permissions, Allowed: c.Allowed}
	if said.Subject != s.Account() {
		return nil, errNotASession
	}
	return &s, nil
}

// SessionFrom is in whose name a merchant's server calls; zero for all others.
func SessionFrom(ctx context.Context) merchant.Session {
	if c, _ := CallerFrom(ctx); c.Session != nil {
		return *c.Session
	}
	return merchant.Session{}
}

// RequireSession refuses a caller whom only the scope merchant admits, and whose token no key was exchanged for.
// Refusal: forbidden.
func RequireSession(c Caller, scopes []Scope) error {
	for _, s := range scopes {
		if s != ScopeMerchant && c.Has(s) {
			return nil
		}
	}
	if c.Session == nil {
		return refusal.New(problem.CodeForbidden,
			"this needs a token that a merchant's key was exchanged for: see POST /v1/merchant/token")
	}
	return nil
}

type addressKey struct{}

// WithAddress puts the address from which a call comes into a context.
func WithAddress(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, a)
}

// AddressFrom is the address from which a call comes; the zero Addr, which no network has, where it is not known.
func AddressFrom(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(addressKey{}).(netip.Addr)
	return a
}
