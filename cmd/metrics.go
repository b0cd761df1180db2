package cmd

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsFlag is where a process without a gateway shows its metrics.
type metricsFlag struct {
	Metrics string `help:"Address of /metrics, for example 127.0.0.1:9100. Empty means no metrics." default:""`
}

func (m metricsFlag) check() error {
	if m.Metrics == "" {
		return nil
	}
	return checkAddress("metrics", m.Metrics)
}

// serve shows the metrics until the context ends.
func (m metricsFlag) serve(ctx context.Context, metrics *prometheus.Registry) error {
	if m.Metrics == "" {
		<-ctx.Done()
		return nil
	}
	listener, err := listen("metrics", m.Metrics)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
