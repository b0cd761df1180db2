package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// Bounds of an HTTP server. A WebSocket sets its own once it has taken its connection over.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 15 * time.Second
	answerTimeout  = 30 * time.Second
	keepAlive      = 2 * time.Minute
	maxHeader      = 16 << 10 // bytes
)

// Content-Security-Policy of everything that is served: nothing from elsewhere, no inline script, no frames.
const contentSecurityPolicy = "default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:; " +
	"object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

const (
	// strictTransport has browsers use TLS alone for a year, where they came by TLS.
	strictTransport = "max-age=31536000"
	// permissionsPolicy is what the pages may use of a device: they copy a code when somebody asks them to.
	permissionsPolicy = "clipboard-write=(self), accelerometer=(), camera=(), display-capture=(), geolocation=(), " +
		"gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=()"
)

// Config is what a Gateway needs. RPC, Verifier, Log, Metrics and Gatherer are required.
type Config struct {
	RPC       []client.Option // how to reach the Kitex server: client.KitexOptions
	Verifier  *auth.Verifier  // checks tokens before anything else is read; the Kitex server checks again
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	Gatherer  prometheus.Gatherer                    // what /metrics shows
	Ready     map[string]func(context.Context) error // what /readyz asks, by name
	DevTokens *auth.DevTokens                        // at /v1/dev/tokens, in a sandbox; nil for none
	WebSocket http.Handler                           // at /ws
	Page      http.Handler                           // at /
	Images    Images                                 // nil: none are taken or shown here
	Proxies   []netip.Prefix                         // whose X-Forwarded-For is believed; may be empty
	Limits    AddressLimits                          // the zero value limits nothing
	Now       func() time.Time                       // for Limits; nil: time.Now
	Tally     Tally                                  // nil: who was not let in is not counted

	Managed          bool // metrics and readiness are at a management port, and not here
	OperatorsManaged bool // so are the methods of operators: only Management serves them
}

// Gateway is the API as JSON over HTTP, derived from the IDL, with what belongs next to it.
type Gateway struct {
	mux     *http.ServeMux
	proxies []netip.Prefix
	gate    *gate
	clients []io.Closer
	grabs   *grabber
	verify  func(token string) (auth.Caller, error)
	seconds *prometheus.HistogramVec
	log     *slog.Logger
}

// New makes a gateway. Close it when it serves no more.
func New(c Config) (*Gateway, error) {
	promised, err := contract.Load()
	if err != nil {
		return nil, err
	}
	document, err := openAPI(promised)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		mux: http.NewServeMux(), proxies: c.Proxies, seconds: httpSeconds(), log: c.Log, verify: c.Verifier.Verify,
	}
	if err := c.Metrics.Register(g.seconds); err != nil {
		return nil, fmt.Errorf("gateway metrics: %w", err)
	}
	if g.gate, err = newGate(c.Limits, c.Now, c.Proxies, c.Tally); err != nil {
		return nil, err
	}
	if err := g.mountMethods(promised, c); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	if err := g.mountStatement(c); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	if err := g.mountImages(c); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	g.mux.Handle("/openapi.json", fixed("application/json", document))
	if c.Managed {
		MountHealth(g.mux, nil, c.Log) // for whoever looks whether this gateway serves
	} else {
		MountHealth(g.mux, c.Ready, c.Log)
		g.mux.Handle("/metrics", reading(promhttp.HandlerFor(c.Gatherer,
			promhttp.HandlerOpts{EnableOpenMetrics: true})))
	}
	if c.DevTokens != nil {
		give := action{name: "dev_token", call: giveDevToken(c.DevTokens, g.gate)}
		g.mux.Handle(devTokenPath, g.resource(map[string][]action{http.MethodPost: {give}}))
	}
	if c.WebSocket != nil {
		g.mux.Handle("/ws", hideToken(withAddress(c.Proxies, c.WebSocket)))
	}
	g.mux.Handle("/v1", http.HandlerFunc(g.nothingHere))
	g.mux.Handle("/v1/", http.HandlerFunc(g.nothingHere))
	if c.Page == nil {
		c.Page = http.HandlerFunc(g.nothingHere)
	}
	g.mux.Handle("/", c.Page)
	return g, nil
}

// Close closes the connections to the Kitex server.
func (g *Gateway) Close() error {
	var errs []error
	for _, c := range g.clients {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// HTTPServer is the gateway as a server with bounds: call its Serve with a Listener of the gateway, and its Shutdown
// to let requests finish.
func (g *Gateway) HTTPServer() *http.Server {
	return &http.Server{
		Handler: g, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: keepAlive, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
}

// Pattern is what a request asks for, without ids: the pattern of its address.
func (g *Gateway) Pattern(r *http.Request) string {
	_, pattern := g.mux.Handler(r)
	return r.Method + " " + pattern
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	securityHeaders(w.Header())
	if g.secured(r) {
		w.Header().Set("Strict-Transport-Security", strictTransport)
	}
	defer g.recover(w, r)
	leave, err := g.gate.enter(w.Header(), r)
	if err != nil {
		g.fail(w, r, unrouted, time.Now(), err)
		return
	}
	defer func() { leave(w.Header()) }()
	if unclean(r.URL.Path) { // the mux would redirect
		g.nothingHere(w, r)
		return
	}
	g.mux.ServeHTTP(w, r)
}

// securityHeaders are those of every answer.
func securityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Permissions-Policy", permissionsPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// secured says whether a request came over TLS, here or at a proxy of ours.
func (g *Gateway) secured(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && r.Header.Get("X-Forwarded-Proto") == "https" &&
		slices.ContainsFunc(g.proxies, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
}

type managedKey struct{}

// Management is the gateway as operators reach it at the management port.
func (g *Gateway) Management() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), managedKey{}, true)))
	})
}

// atManagement refuses callers who are let in as operators alone, where those call at the management port. Refusal:
// forbidden.
func (o *operation) atManagement(ctx context.Context, c auth.Caller) error {
	if !o.operatorsManaged || !c.Has(auth.ScopeOperator) || ctx.Value(managedKey{}) != nil {
		return nil
	}
	for _, s := range o.Scopes {
		if s != auth.ScopeOperator && c.Has(s) {
			return nil
		}
	}
	return refusal.New(problem.CodeForbidden, "operators call at the management port of the gateway")
}

// unclean says whether a path has segments that are empty, "." or "..": no address here has.
func unclean(path string) bool {
	return path == "" || path[0] != '/' || strings.Contains(path+"/", "//") && path != "/" ||
		strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../")
}

// recover answers for a handler that panicked.
func (g *Gateway) recover(w http.ResponseWriter, r *http.Request) {
	caught := recover()
	if caught == nil {
		return
	}
	if err, ok := caught.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(caught) // the server's own way to drop a connection
	}
	p, cause := problem.FromError(fmt.Errorf("panic: %v", caught))
	problem.Log(r.Context(), g.log, "request failed", p, cause, slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.String("stack", string(debug.Stack())))
	writeProblem(w, p)
}

// action is one thing that can be done at an address.
type action struct {
	name      string            // in logs and metrics
	constants map[string]string // query values that choose it
	call      func(http.ResponseWriter, *http.Request) (any, error)
}

// mountMethods gives every method of the contract its address.
func (g *Gateway) mountMethods(c *contract.Contract, config Config) error {
	resources := map[string]map[string][]action{} // by path and verb
	for _, s := range c.Services {
		kitex, err := client.NewClient(s.Info, append([]client.Option{client.WithDestService(hongbao.ServiceName)},
			config.RPC...)...)
		if err != nil {
			return fmt.Errorf("client of %s: %w", s.Name, err)
		}
		if closer, ok := kitex.(io.Closer); ok {
			g.clients = append(g.clients, closer)
		}
		for _, m := range c.Methods {
			if m.Service != s.Name {
				continue
			}
			o := &operation{Method: m, client: kitex, verifier: config.Verifier, proxies: config.Proxies,
				operatorsManaged: config.OperatorsManaged}
			if resources[m.Route.Path] == nil {
				resources[m.Route.Path] = map[string][]action{}
			}
			at := resources[m.Route.Path]
			a := action{name: m.String(), constants: m.Route.Constants, call: o.call}
			if m.Key == grabKey {
				g.grabs = newGrabber(kitex)
				a.call = o.gathered(g.grabs)
			}
			at[m.Route.Verb] = append(at[m.Route.Verb], a)
		}
	}
	for path, verbs := range resources {
		g.mux.Handle(path, g.resource(verbs))
	}
	return nil
}

// resource serves one address.
func (g *Gateway) resource(verbs map[string][]action) http.Handler {
	allowed := slices.Sorted(maps.Keys(verbs))
	if _, ok := verbs[http.MethodGet]; ok {
		allowed = append(allowed, http.MethodHead)
	}
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verb := r.Method
		if verb == http.MethodHead {
			verb = http.MethodGet
		}
		actions, ok := verbs[verb]
		if !ok {
			w.Header().Set("Allow", allow)
			g.fail(w, r, unrouted, time.Now(), refusal.New(problem.CodeMethodNotAllowed,
				"%s is not possible here: use %s", refusal.Clip(r.Method), allow))
			return
		}
		g.serve(w, r, actions)
	})
}

// unrouted names requests in logs and metrics that no method was found for.
const unrouted = "unrouted"

// serve chooses between the actions of an address and verb, carries the request out and answers.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, actions []action) {
	began := time.Now()
	chosen, err := choose(actions, r)
	if err != nil {
		g.fail(w, r, unrouted, began, err)
		return
	}
	result, err := chosen.call(w, r)
	if err != nil {
		g.fail(w, r, chosen.name, began, err)
		return
	}
	body, err := json.Marshal(result)
	if err != nil {
		g.fail(w, r, chosen.name, began, fmt.Errorf("encode the answer: %w", err))
		return
	}
	problem.Observe(r.Context(), g.seconds.WithLabelValues(chosen.name, problem.OK), began)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}

// choose finds the action that the constants in the query ask for. Refusal: invalid_argument.
func choose(actions []action, r *http.Request) (action, error) {
	query := r.URL.Query()
	var options []string
	for _, e := range actions {
		matches := true
		for name, want := range e.constants {
			matches = matches && query.Get(name) == want
			options = append(options, name+"="+want)
		}
		if matches {
			return e, nil
		}
	}
	slices.Sort(options)
	return action{}, invalid("the query must say which: give %s", strings.Join(options, " or "))
}

// fail answers with what an error means to a client, and logs it unless the Kitex server has.
func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, name string, began time.Time, err error) {
	took := time.Since(began)
	p, ok := problem.FromClient(err)
	if !ok {
		var cause error
		p, cause = problem.FromError(err)
		problem.Log(r.Context(), g.log, "request failed", p, cause, slog.String("method", name),
			slog.String("verb", r.Method), slog.String("path", r.URL.Path), slog.Duration("duration", took))
	}
	problem.Observe(r.Context(), g.seconds.WithLabelValues(name, p.Code), began)
	if p.Code == problem.CodeBodyTooLarge || name == uploadMethod {
		refuseBody(w, r, p)
		return
	}
	writeProblem(w, p)
}

// Bounds of what is read of a body that is too large, after the answer.
const (
	maxDrained   = 16 << 20 // bytes
	drainTimeout = 5 * time.Second
)

// refuseBody answers, and then reads on for a while: a client that sends its whole body before it reads would find the
// connection reset instead of the answer.
func refuseBody(w http.ResponseWriter, r *http.Request, p problem.Problem) {
	connection := http.NewResponseController(w)
	err := connection.EnableFullDuplex() // otherwise net/http lets nobody read after the answer has begun
	w.Header().Set("Connection", "close")
	writeProblem(w, p)
	if r.ContentLength > contract.MaxBody && r.Header.Get("Expect") != "" {
		return // nothing of it was asked for, so nothing comes
	}
	if err = errors.Join(err, connection.Flush(), connection.SetReadDeadline(
		time.Now().Add(drainTimeout))); err != nil {
		return // the client is gone, or this is no connection
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxDrained) // whatever ends it, the answer has been given
}

func (g *Gateway) nothingHere(w http.ResponseWriter, r *http.Request) {
	g.fail(w, r, unrouted, time.Now(), refusal.New(problem.CodeNotFound,
		"there is nothing at this address: see /openapi.json for what there is"))
}
