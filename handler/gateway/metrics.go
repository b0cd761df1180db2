package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/handler/problem"
)

func httpSeconds() *prometheus.HistogramVec {
	return problem.NewSeconds("hongbao_http_seconds",
		"Requests at the gateway, by method of the API (or unrouted, dev_token) and code.")
}
