package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hongbao/hongbao/handler/problem"
)

// reading lets only GET and HEAD through.
func reading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, problem.Problem{
				Code: problem.CodeMethodNotAllowed, Detail: "this can only be read: use GET or HEAD",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fixed serves the same bytes every time.
func fixed(mediaType string, body []byte) http.Handler {
	return reading(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(body) // a client that is gone needs no answer
	}))
}

// MountHealth adds /healthz, which says that the process runs, and /readyz, which says whether all checks succeed.
func MountHealth(mux *http.ServeMux, checks map[string]func(context.Context) error, log *slog.Logger) {
	mux.Handle("/healthz", fixed("application/json", []byte(`{"status":"ok"}`+"\n")))
	mux.Handle("/readyz", readiness(checks, log))
}

// readyTimeout bounds all checks of /readyz together.
const readyTimeout = 2 * time.Second

// accepted is what a check returns with which the process serves all the same, in words that name no host.
type accepted interface {
	error
	Accepted() string
}

// readiness is a line for each check, and 503 where one fails. What a check found goes to the log only: it may name
// hosts.
func readiness(checks map[string]func(context.Context) error, log *slog.Logger) http.Handler {
	return reading(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		found := struct {
			Ready  bool              `json:"ready"`
			Checks map[string]string `json:"checks"`
		}{Ready: true, Checks: map[string]string{}}
		var running sync.WaitGroup
		var lock sync.Mutex
		for name, check := range checks {
			running.Go(func() {
				err := check(ctx)
				lock.Lock()
				defer lock.Unlock()
				if err == nil {
					found.Checks[name] = "ok"
					return
				}
				if known, ok := errors.AsType[accepted](err); ok {
					found.Checks[name] = known.Accepted()
					return
				}
				found.Ready, found.Checks[name] = false, "failing"
				log.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", name),
					slog.String("error", err.Error()))
			})
		}
		running.Wait()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !found.Ready {
			w.Header().Set("Retry-After", retryAfterSeconds)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(found) // a client that is gone needs no answer
	}))
}
