package gateway

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
)

// hideToken moves the token of a WebSocket request from the query to the Authorization header, where one is not there
// already, so that no line that anybody writes about the request's address can contain it.
func hideToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query() // drops what is malformed
		hidden := r.Clone(r.Context())
		if token := query.Get("token"); token != "" && hidden.Header.Get("Authorization") == "" {
			hidden.Header.Set("Authorization", "Bearer "+token)
		}
		query.Del("token")
		hidden.URL.RawQuery = query.Encode()
		hidden.RequestURI = hidden.URL.RequestURI()
		next.ServeHTTP(w, hidden)
	})
}

// withAddress puts the address from which a request comes into its context.
func withAddress(proxies []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(auth.WithAddress(r.Context(), addressOf(r, proxies))))
	})
}

// Authenticated lets requests through whose bearer token carries one of the scopes, with the Caller in their context,
// and refuses the others as the API does. It is for handlers beside the API, such as the WebSocket's.
func Authenticated(v *auth.Verifier, log *slog.Logger, next http.Handler, scopes ...auth.Scope) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		_, caller, err := v.VerifyRequest(r)
		if err == nil {
			err = auth.RequireScope(caller, scopes)
		}
		if err != nil {
			p, cause := problem.FromError(err)
			problem.Log(r.Context(), log, "request failed", p, cause, slog.String("method", r.URL.Path),
				slog.String("caller", caller.Subject), slog.Duration("duration", time.Since(began)))
			writeProblem(w, p)
			return
		}
		next.ServeHTTP(w, r.WithContext(auth.WithCaller(r.Context(), caller)))
	})
}
