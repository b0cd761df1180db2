package handler

import "github.com/prometheus/client_golang/prometheus"

// latencyBuckets are the same for RPC and HTTP, so that what the gateway adds can be read off, in seconds.
func latencyBuckets() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
}

func rpcSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "hongbao_rpc_seconds", Help: "Calls at the Kitex server, by method and code (ok, or the code of the refusal).",
		Buckets: latencyBuckets(),
	}, []string{"method", "code"})
}

func rpcClosed() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hongbao_rpc_closed_total",
		Help: "Connections that the Kitex server closed for what came over them, by reason.",
	}, []string{"reason"})
}

func httpSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "hongbao_http_seconds", Help: "Requests at the gateway, by method of the API (or unrouted, dev_token) and code.",
		Buckets: latencyBuckets(),
	}, []string{"method", "code"})
}
