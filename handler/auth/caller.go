package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Scope is what a token allows.
type Scope string

const (
	ScopeUser     Scope = "user"     // act as the person that the token names
	ScopeMerchant Scope = "merchant" // act as the merchant that the token names
	ScopeOperator Scope = "operator" // run the installation
	ScopeService  Scope = "service"  // the chat application itself: it keeps the groups
)

// Scopes are all that there are.
func Scopes() []Scope { return []Scope{ScopeUser, ScopeMerchant, ScopeOperator, ScopeService} }

// Caller is who a verified token names.
type Caller struct {
	Subject string
	Scopes  []Scope
	Expires time.Time // until then the token is good
	TokenID string    // the token's jti; empty where it has none, and so cannot be revoked
	// AuthTime is when the person proved who they are, and Context how (OpenID Connect's auth_time and acr); zero where
	// the token does not say so.
	AuthTime time.Time
	Context  string
	Session  *merchant.Session // in whose name a merchant's server acts; nil for all others
}

// Has says whether the caller's token carries the scope.
func (c Caller) Has(s Scope) bool { return slices.Contains(c.Scopes, s) }

// HasAny says whether the token carries one of the scopes.
func (c Caller) HasAny(scopes []Scope) bool { return slices.ContainsFunc(scopes, c.Has) }

type callerKey struct{}

// WithCaller puts the caller into a context.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller that authentication put into the context.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// RequireCaller is CallerFrom for code that cannot go on without one. Refusal: unauthenticated.
func RequireCaller(ctx context.Context) (Caller, error) {
	c, ok := CallerFrom(ctx)
	if !ok {
		return Caller{}, unauthenticated(sentenceMissing)
	}
	return c, nil
}

// RequireScope refuses a caller whose token carries none of the scopes. Refusal: forbidden.
func RequireScope(c Caller, scopes []Scope) error {
	if c.HasAny(scopes) {
		return nil
	}
	return refusal.New(problem.CodeForbidden, "this needs a token of scope %s", ListScopes(scopes, " or "))
}

// ListScopes is for sentences: "user or service".
func ListScopes(scopes []Scope, conjunction string) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, conjunction)
}
