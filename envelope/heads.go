package envelope

import (
	"context"
	"errors"
	"fmt"

	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/wallet"
)

// maxHeads bounds the envelopes that a process remembers; one takes about half a kilobyte.
const maxHeads = 200_000

// Heads remembers the immutable part of envelopes (all but their shares), which every grab, view and event needs. It is
// shared by the parts of one process and safe for concurrent use.
type Heads struct {
	ledger Ledger
	cache  *otter.Cache[int64, *Envelope]
}

// NewHeads makes an empty memory over a ledger.
func NewHeads(ledger Ledger) *Heads {
	return &Heads{ledger: ledger, cache: otter.Must(&otter.Options[int64, *Envelope]{MaximumSize: maxHeads})}
}

var errUnknownEnvelope = wallet.Refuse(CodeEnvelopeNotFound, "there is no such envelope")

// get returns an envelope without its shares; the caller must not change it. Refusal: envelope_not_found.
func (h *Heads) get(ctx context.Context, id int64) (*Envelope, error) {
	if e, ok := h.cache.GetIfPresent(id); ok {
		return e, nil
	}
	return h.cache.Get(ctx, id, otter.LoaderFunc[int64, *Envelope](h.load))
}

func (h *Heads) load(ctx context.Context, id int64) (*Envelope, error) {
	e, _, err := loadEnvelope(ctx, h.ledger, id)
	if err != nil {
		return nil, err
	}
	return withoutShares(e), nil
}

func (h *Heads) put(e Envelope) { h.cache.Set(e.ID, withoutShares(e)) }

func withoutShares(e Envelope) *Envelope {
	e.Shares = nil
	return &e
}

// loadEnvelope reads an envelope and its hold. Refusal: envelope_not_found.
func loadEnvelope(ctx context.Context, ledger Ledger, id int64) (Envelope, wallet.Hold, error) {
	if _, ok := ledger.ShardOf(id); !ok {
		return Envelope{}, wallet.Hold{}, errUnknownEnvelope
	}
	h, err := ledger.GetHold(ctx, id)
	switch {
	case errors.Is(err, wallet.ErrHoldNotFound):
		return Envelope{}, wallet.Hold{}, errUnknownEnvelope
	case err != nil:
		return Envelope{}, wallet.Hold{}, fmt.Errorf("load envelope %d: %w", id, err)
	case h.Subject != wallet.SubjectEnvelope:
		return Envelope{}, wallet.Hold{}, errUnknownEnvelope
	}
	e, err := fromHold(h)
	return e, h, err
}
