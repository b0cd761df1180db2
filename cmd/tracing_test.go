package cmd

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler/auth"
)

// spans is a collector.
type spans struct {
	lock sync.Mutex
	all  []*otlp.Span
}

// ServeHTTP implements http.Handler.
func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(text, &request) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.all = append(s.all, scope.GetSpans()...)
		}
	}
}

func (s *spans) find(t *testing.T, name string, kind otlp.Span_SpanKind) *otlp.Span {
	t.Helper()
	return s.after(t, nil, name, kind)
}

// after finds the span that follows from another one; nil: wherever it is.
func (s *spans) after(t *testing.T, parent *otlp.Span, name string, kind otlp.Span_SpanKind) *otlp.Span {
	t.Helper()
	s.lock.Lock()
	defer s.lock.Unlock()
	var names []string
	for _, span := range s.all {
		if span.GetName() == name && span.GetKind() == kind && (parent == nil ||
			bytes.Equal(span.GetTraceId(), parent.GetTraceId()) &&
				bytes.Equal(span.GetParentSpanId(), parent.GetSpanId())) {
			return span
		}
		names = append(names, span.GetName())
	}
	t.Fatalf("no span %s among %q", name, names)
	return nil
}

// lockedBuffer is a log that several write to.
type lockedBuffer struct {
	lock sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.Write(p)
}

// A grab is one trace from the HTTP request through the Kitex call to the pot, and on to the credit in the winner's
// wallet, which is made later and in a batch. The log of a call that fails names its trace. What a client says of its
// own trace becomes a link.
func TestAGrabIsOneTrace(t *testing.T) {
	found := &spans{}
	server := httptest.NewServer(found)
	defer server.Close()
	log := &lockedBuffer{}

	c := &connected{metrics: prometheus.NewRegistry(), close: func() {}}
	c.config.Log = slog.New(slog.NewTextHandler(log, nil))
	if err := (traceFlags{traceFlag{server.URL}, 1}).trace(t.Context(), c, "test"); err != nil {
		t.Fatal(err)
	}
	s := apptest.New(t, func(cfg *app.Config) {
		cfg.Log, cfg.Span, cfg.Traces = c.config.Log, c.config.Span, c.config.Traces
	})
	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol")
	sent, err := s.Envelopes.Send(t.Context(), "alice", envelope.Order{RequestID: "r", Group: "g",
		Kind: string(envelope.Lucky), Total: 100, Currency: "CNY", Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	call, _ := serveTraced(t, s, c)

	const outside = "4bf92f3577b34da6a3ce929d0e0e4736"
	path := fmt.Sprintf("/v1/envelopes/%d/grab", sent.ID)
	if status := call("POST", path, outside); status != http.StatusOK {
		t.Fatalf("the grab answers %d", status)
	}
	if status := call("GET", "/v1/envelopes/1", ""); status != http.StatusNotFound {
		t.Errorf("an envelope that does not exist answers %d", status)
	}
	// Another grab of the batch, which is no part of that trace.
	if _, err := s.Envelopes.Grab(t.Context(), "carol", sent.ID); err != nil {
		t.Fatal(err)
	}
	apptest.Settle(t, s)
	if got := apptest.Balance(t, s, "bob"); got <= 1000 {
		t.Fatalf("bob has %d", got)
	}
	c.close() // sends what is left

	request := found.find(t, "POST /v1/envelopes/{id}/grab", otlp.Span_SPAN_KIND_SERVER)
	client := found.after(t, request, "EnvelopeService.Grab", otlp.Span_SPAN_KIND_CLIENT)
	grab := found.after(t, client, "EnvelopeService.Grab", otlp.Span_SPAN_KIND_SERVER)
	take := found.after(t, grab, "pot.take", otlp.Span_SPAN_KIND_INTERNAL)
	if len(request.GetParentSpanId()) != 0 || len(request.GetLinks()) != 1 ||
		hex.EncodeToString(request.GetLinks()[0].GetTraceId()) != outside {
		t.Errorf("the client's trace is not a link: %v", request)
	}
	settle := found.after(t, take, "envelope.settle", otlp.Span_SPAN_KIND_CONSUMER)
	deliver := found.after(t, settle, "outbox.deliver", otlp.Span_SPAN_KIND_CONSUMER)
	found.after(t, deliver, "ledger.credit", otlp.Span_SPAN_KIND_CONSUMER)
	failed := found.find(t, "EnvelopeService.Get", otlp.Span_SPAN_KIND_SERVER)
	log.lock.Lock()
	defer log.lock.Unlock()
	if want := "trace_id=" + hex.EncodeToString(failed.GetTraceId()); !strings.Contains(log.text.String(), want) {
		t.Errorf("no %s in the log: %s", want, log.text.String())
	}
}

// A grab over the WebSocket is a trace of its own, which goes as far as one over HTTP.
func TestAGrabOverTheWebSocketIsOneTrace(t *testing.T) {
	found := &spans{}
	server := httptest.NewServer(found)
	defer server.Close()
	c := &connected{metrics: prometheus.NewRegistry(), close: func() {}}
	c.config.Log = apptest.Quiet()
	if err := (traceFlags{traceFlag{server.URL}, 1}).trace(t.Context(), c, "test"); err != nil {
		t.Fatal(err)
	}
	s := apptest.New(t, func(cfg *app.Config) { cfg.Log, cfg.Span = c.config.Log, c.config.Span })
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	_, connect := serveTraced(t, s, c)
	ws := connect()
	for _, id := range []string{"first", "second"} {
		sent, err := s.Envelopes.Send(t.Context(), "alice", envelope.Order{RequestID: id, Group: "g",
			Kind: string(envelope.Lucky), Total: 100, Currency: "CNY", Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		message := fmt.Sprintf(`{"op":"grab","envelope":"%d"}`, sent.ID)
		var answer struct{ Code, Outcome string }
		if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if err := ws.ReadJSON(&answer); err != nil || answer.Outcome != string(envelope.Won) {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	c.close() // sends what is left
	frame := found.find(t, "websocket.grab", otlp.Span_SPAN_KIND_INTERNAL)
	client := found.find(t, "EnvelopeService.Grab", otlp.Span_SPAN_KIND_CLIENT)
	grab := found.find(t, "EnvelopeService.Grab", otlp.Span_SPAN_KIND_SERVER)
	take := found.find(t, "pot.take", otlp.Span_SPAN_KIND_INTERNAL)
	for _, pair := range [][2]*otlp.Span{{frame, client}, {client, grab}, {grab, take}} {
		if !bytes.Equal(pair[0].GetSpanId(), pair[1].GetParentSpanId()) {
			t.Errorf("%s does not follow from %s", pair[1].GetName(), pair[0].GetName())
		}
	}
	traces := map[string]bool{}
	for _, span := range found.all {
		if span.GetName() == "websocket.grab" && len(span.GetParentSpanId()) == 0 {
			traces[string(span.GetTraceId())] = true
		}
	}
	if len(traces) != 2 {
		t.Errorf("two messages of one connection are %d traces", len(traces))
	}
}

// serveTraced runs the Kitex services and a gateway, and returns how to call that, and how to connect to it, as bob.
func serveTraced(t *testing.T, s *app.App, c *connected) (call func(method, path, trace string) (status int),
	connect func() *websocket.Conn) {
	t.Helper()
	issuer, err := makePrivateKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenRules{MaxTokenLife: time.Hour}.tokens(s, auth.NewKeyring(issuer.PublicKey()), auth.Keyring{})
	if err != nil {
		t.Fatal(err)
	}
	rpc, address, err := listenRPC(s, rpcOptions{address: "127.0.0.1:0", tokens: tokens,
		merchants: merchantRules{MerchantCalls: 100}, metrics: c.metrics, tracing: c.tracing})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(apptest.Start(t, func(ctx context.Context) { _ = rpc.Run(ctx) }))
	web, err := listenHTTP(s, gatewayOptions{address: "127.0.0.1:0", rpc: []string{address.String()}, tokens: tokens,
		metrics: c.metrics, tracing: c.tracing})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(apptest.Start(t, func(ctx context.Context) { _ = web.run(ctx) }))
	token, err := issuer.Issue("bob", []auth.Scope{auth.ScopeUser}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	connect = func() *websocket.Conn {
		t.Helper()
		ws, response, err := websocket.DefaultDialer.DialContext(t.Context(),
			"ws://"+web.listener.Addr().String()+"/ws", http.Header{"Authorization": {"Bearer " + token}})
		if err != nil {
			t.Fatalf("%v (%v)", err, response)
		}
		t.Cleanup(func() { _ = ws.Close() })
		_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
		return ws
	}
	return func(method, path, trace string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+web.listener.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if trace != "" {
			r.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}, connect
}
