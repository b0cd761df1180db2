package tracing_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hongbao/hongbao/internal/tracing"
)

// Without a collector nothing is wrapped, so a call does not pay for what it does not get.
func TestOffIsNothing(t *testing.T) {
	var off *tracing.Tracing
	if off.Server() != nil || off.Client() != nil || off.Span() != nil || off.Batch() != nil ||
		off.Close(t.Context()) != nil {
		t.Error("something is wrapped")
	}
	bare := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	wrapped := off.HTTP(func(*http.Request) string { return "" }, bare)
	if fmt.Sprintf("%p", wrapped) != fmt.Sprintf("%p", bare) {
		t.Error("the HTTP handler is wrapped")
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	if n := testing.AllocsPerRun(100, func() { wrapped.ServeHTTP(w, r) }); n != 0 {
		t.Errorf("a request makes %v allocations", n)
	}
}

func TestCheck(t *testing.T) {
	for endpoint, isGood := range map[string]bool{
		"http://jaeger:4318": true, "https://collector.example:443": true, "jaeger:4318": false, "": false,
		"ftp://x": false, "http://": false, "http://user:password@x": false,
	} {
		_, err := tracing.New(t.Context(), tracing.Config{Endpoint: endpoint, Sample: 1, Part: "rpc", Version: "1",
			Log: slog.New(slog.DiscardHandler)})
		if (err == nil) != isGood {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	for _, sample := range []float64{-0.1, 1.1} {
		if (tracing.Config{Endpoint: "http://x", Sample: sample}).Check() == nil {
			t.Errorf("a sample of %v is taken", sample)
		}
	}
}
