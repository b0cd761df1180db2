package bankserver

import (
	"embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

//go:embed page.html
var page embed.FS

// Admin is the bank as whoever runs it sees it: a page at /, and what the page calls. It asks nobody who they are, so
// it belongs on a loopback address; pages of other origins are refused.
//
//	GET  /orders        {"orders":[…],"rule":{…}}
//	POST /orders/{id}   {"do":"settle"|"refuse"|"forget"|"repeat","after":"90s"}   after: for settle and refuse
//	PUT  /rule          {"decide":"pending"|"settled"|"refused","after":"0s","fault":"none"|"lose"|"error"|"silent"}
func (b *Bank) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'")
		http.ServeFileFS(w, r, page, "page.html")
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) { b.show(w) })
	mux.HandleFunc("POST /orders/{id}", b.act)
	mux.HandleFunc("PUT /rule", func(w http.ResponseWriter, r *http.Request) {
		rule := b.Rule()
		err := read(w, r, &rule)
		if err == nil {
			err = b.SetRule(rule)
		}
		b.done(w, err)
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// act does something about an order.
func (b *Bank) act(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Do    string `json:"do"`
		After string `json:"after"`
	}
	if err := read(w, r, &request); err != nil {
		b.done(w, err)
		return
	}
	var after time.Duration
	if request.After != "" {
		var err error
		if after, err = time.ParseDuration(request.After); err != nil {
			b.done(w, errors.New("after is malformed: give a duration, as 90s"))
			return
		}
	}
	id := r.PathValue("id")
	switch request.Do {
	case "settle":
		b.done(w, b.Decide(id, Settled, after))
	case "refuse":
		b.done(w, b.Decide(id, Refused, after))
	case "forget":
		b.done(w, b.Forget(id))
	case "repeat":
		b.done(w, b.Repeat(id))
	default:
		b.done(w, errors.New("do is unknown: give settle, refuse, forget or repeat"))
	}
}

func read(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return errors.New("the body is malformed: give a JSON object as described")
	}
	return nil
}

// done answers with everything, or with what was wrong.
func (b *Bank) done(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case err == nil:
		b.show(w)
		return
	case errors.Is(err, errNoOrder):
		status = http.StatusNotFound
	case errors.Is(err, errDecided):
		status = http.StatusConflict
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // whoever asked may be gone
}

func (b *Bank) show(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"orders": b.Orders(), "rule": b.Rule()}) // likewise
}
