package cmd

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hongbao/hongbao/handler/gateway"
)

// newMetrics are those of every process: its runtime, itself, and what it was built from.
func newMetrics() *prometheus.Registry {
	metrics := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hongbao_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": version(), "go": runtime.Version()},
	})
	build.Set(1)
	metrics.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build)
	return metrics
}

// metricsFlag is where a process shows its metrics, its health and its profiles to whoever runs it.
type metricsFlag struct {
	Metrics string `help:"Address of the management port: /metrics, /healthz, /readyz and /debug/pprof, for example 127.0.0.1:9100. Nobody else should reach it. Empty means none." default:""`
}

func (m metricsFlag) check() error {
	if m.Metrics == "" {
		return nil
	}
	return checkAddress("metrics", m.Metrics)
}

// checks are what /readyz asks, by name.
type checks = map[string]func(context.Context) error

// serve shows the metrics and the health of a process until the context ends, and rest, which may be nil, at all other
// addresses.
func (m metricsFlag) serve(
	ctx context.Context, ready checks, log *slog.Logger, metrics *prometheus.Registry, rest http.Handler,
) error {
	if m.Metrics == "" {
		<-ctx.Done()
		return nil
	}
	listener, err := listen("metrics", m.Metrics)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	gateway.MountHealth(mux, ready, log)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mountProfiles(mux)
	if rest != nil {
		mux.Handle("/", rest)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
