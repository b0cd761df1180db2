package httpfunding

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet"
)

// Decider is what Callbacks needs of wallet.Service.
type Decider interface {
	DecideFunding(ctx context.Context, r wallet.FundingReport) (wallet.FundingOrder, error)
}

// Callbacks takes what the bank reports of its own accord.
type Callbacks struct {
	provider *Provider
	decider  Decider
}

// NewCallbacks makes a Callbacks with the provider's secrets.
func NewCallbacks(p *Provider, d Decider) *Callbacks { return &Callbacks{provider: p, decider: d} }

// Callback checks the signature of a callback (the values of its three headers, and its body as it came) and records
// what it says. It returns the order as it is then, the same for a repeated callback. Refusals: signature_invalid,
// invalid_argument, funding_not_found, funding_mismatch, funding_decided.
func (c *Callbacks) Callback(
	ctx context.Context, id, timestamp, signatures string, body []byte,
) (o wallet.FundingOrder, err error) {
	began := time.Now()
	defer func() { c.provider.metrics.observe(typeDecided, outcomeOf(o.State, err), began) }()
	headers := signature.Headers{ID: id, Timestamp: timestamp, Signature: signatures}
	report, err := c.read(headers, body)
	if err != nil {
		return wallet.FundingOrder{}, err
	}
	o, err = c.decider.DecideFunding(ctx, report)
	switch refusal.CodeOf(err) {
	case wallet.CodeFundingNotFound, wallet.CodeFundingMismatch, wallet.CodeFundingDecided:
		// The bank's books and ours differ: somebody has to look.
		c.provider.log.ErrorContext(ctx, "the bank's callback contradicts the ledger: nothing moves", "funding",
			report.ID,
			"error", err)
	}
	return o, err
}

// read checks who a callback is from and that it is one.
func (c *Callbacks) read(headers signature.Headers, body []byte) (wallet.FundingReport, error) {
	if len(body) > maxMessage {
		return wallet.FundingReport{}, refusal.New(refusal.CodeInvalidArgument, "the callback has more than %d bytes",
			maxMessage)
	}
	err := c.provider.secrets.Verify(headers, c.provider.now(), body)
	switch {
	case errors.Is(err, signature.ErrMissing):
		return wallet.FundingReport{}, refusal.New(wallet.CodeSignatureInvalid,
			"sign the callback: give each of the headers %s, %s and %s once",
			signature.HeaderID, signature.HeaderTimestamp, signature.HeaderSignature)
	case errors.Is(err, signature.ErrStale):
		return wallet.FundingReport{}, refusal.New(wallet.CodeSignatureInvalid,
			"the callback was signed more than %v from now: sign it again", signature.Tolerance)
	case err != nil:
		return wallet.FundingReport{}, refusal.New(wallet.CodeSignatureInvalid, "no signature of the callback matches")
	}
	m, err := parse(body)
	if err != nil || m.Type != typeDecided || !m.Order.State.Final() {
		return wallet.FundingReport{}, refusal.New(refusal.CodeInvalidArgument,
			"the callback is malformed: give the type %s and an order whose state is settled or refused", typeDecided)
	}
	return m.Order.report(), nil
}
