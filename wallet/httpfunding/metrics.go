package httpfunding

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet"
)

// metrics counts and times what passes between the bank and us.
type metrics struct {
	seconds *prometheus.HistogramVec // by message and outcome
}

func newMetrics() *metrics {
	return &metrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "hongbao_funding_seconds",
		Help: "Questions to the funding provider with all attempts, and its callbacks (funding.decided), by outcome: " +
			"a state, the code of a refusal (funding_mismatch: it speaks of another order), unsigned, or error.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 5},
	}, []string{"message", "outcome"})}
}

func (m *metrics) observe(message, outcome string, began time.Time) {
	m.seconds.WithLabelValues(message, outcome).Observe(time.Since(began).Seconds())
}

// outcomeOf is one of a few words.
func outcomeOf(state wallet.FundingState, err error) string {
	code := refusal.CodeOf(err)
	switch {
	case err == nil:
		return string(state)
	case code != "":
		return code
	case errors.Is(err, signature.ErrForged), errors.Is(err, signature.ErrStale), errors.Is(err, signature.ErrMissing):
		return "unsigned"
	}
	return "error"
}
