package auth

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// DevTokens gives a token, without asking for a proof, to whoever sits at this machine. It is for an installation whose
// money is not real. A nil *DevTokens gives none.
type DevTokens struct {
	Issuer   *Issuer
	Life     time.Duration // of a token; at most what the Verifier accepts
	ToAnyone bool          // also to whoever does not sit at this machine
}

// devTokenScopes are what a development token may allow. Whoever runs the installation has the private key, and needs
// none.
func devTokenScopes() []Scope { return []Scope{ScopeUser, ScopeMerchant, ScopeService} }

// Serves says whether a request would be given tokens: both its connection and its Host are of this machine, it came
// through no proxy that says so, and no page of another origin sent it. The Host is what tells a page of elsewhere
// whose name was pointed at this machine (DNS rebinding).
func (d *DevTokens) Serves(r *http.Request) bool {
	if d == nil {
		return false
	}
	if d.ToAnyone {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && loopbackHost(r.Host) && !proxied(r.Header) && ownOrigin(r)
}

// loopbackHost says whether a Host header names this machine to itself (RFC 6761, section 6.3).
func loopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().IsLoopback()
	}
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// proxied says whether a proxy has passed the request on, as far as it says so.
func proxied(h http.Header) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	return false
}

// ownOrigin is false for a request that a page of another origin sent. Browsers name the origin with every POST.
func ownOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return len(origins) == 1 && err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// Admit refuses a request that Serves says no to. Refusal: forbidden.
func (d *DevTokens) Admit(r *http.Request) error {
	if d.Serves(r) {
		return nil
	}
	return refusal.New(problem.CodeForbidden, "only callers on this machine get development tokens: "+
		"address it as localhost or 127.0.0.1, directly, and from its own page")
}

// Issue gives a token to whoever has been admitted. Refusal: invalid_argument.
func (d *DevTokens) Issue(userID string, scopes []string) (string, error) {
	allowed := make([]Scope, len(scopes))
	for i, s := range scopes {
		if allowed[i] = Scope(s); !slices.Contains(devTokenScopes(), allowed[i]) {
			return "", refusal.New(refusal.CodeInvalidArgument,
				"scope %q is not one of a development token: give one or more of %s",
				refusal.Clip(s), ListScopes(devTokenScopes(), ", "))
		}
	}
	return d.Issuer.Issue(userID, allowed, d.Life)
}
