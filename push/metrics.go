package push

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	connections prometheus.Gauge
	topics      prometheus.Gauge
	frames      prometheus.Counter
	slow        prometheus.Counter
	resumes     *prometheus.CounterVec // by outcome: complete, reload
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hongbao_push_connections", Help: "Open WebSocket connections.",
		}),
		topics: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hongbao_push_topics", Help: "Topics that somebody on this node listens to.",
		}),
		frames: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hongbao_push_frames_sent_total", Help: "Frames written to connections.",
		}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hongbao_push_slow_disconnects_total", Help: "Connections cut off because their queue was full.",
		}),
		resumes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hongbao_push_resumes_total", Help: "Subscribes that asked to go on from a place, by outcome.",
		}, []string{"outcome"}),
	}
	reg.MustRegister(m.connections, m.topics, m.frames, m.slow, m.resumes)
	return m
}

func (m metrics) resumed(complete bool) {
	outcome := "reload"
	if complete {
		outcome = "complete"
	}
	m.resumes.WithLabelValues(outcome).Inc()
}
