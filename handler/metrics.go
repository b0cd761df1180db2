package handler

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/handler/problem"
)

func rpcSeconds() *prometheus.HistogramVec {
	return problem.NewSeconds("hongbao_rpc_seconds",
		"Calls at the Kitex server, by method and code (ok, or the code of the refusal).")
}

func rpcClosed() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hongbao_rpc_closed_total",
		Help: "Connections that the Kitex server closed for what came over them, by reason.",
	}, []string{"reason"})
}
