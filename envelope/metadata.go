package envelope

import (
	"context"
	"errors"
	"fmt"

	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// maxMetadata bounds the envelopes that a process remembers; one takes about half a kilobyte.
const maxMetadata = 200_000

// Metadata remembers the immutable part of envelopes (all but their shares), which every grab, view and event needs. It
// is shared by the parts of one process and safe for concurrent use.
type Metadata struct {
	ledger Ledger
	cache  *otter.Cache[int64, *Envelope]
}

// NewMetadata makes an empty memory over a ledger.
func NewMetadata(l Ledger) *Metadata {
	return &Metadata{ledger: l, cache: otter.Must(&otter.Options[int64, *Envelope]{MaximumSize: maxMetadata})}
}

var errUnknownEnvelope = refusal.New(CodeEnvelopeNotFound, "there is no such envelope")

// get returns an envelope without its shares; the caller must not change it. Refusal: envelope_not_found.
func (m *Metadata) get(ctx context.Context, id int64) (*Envelope, error) {
	if e, ok := m.cache.GetIfPresent(id); ok {
		return e, nil
	}
	return m.cache.Get(ctx, id, otter.LoaderFunc[int64, *Envelope](m.load))
}

func (m *Metadata) load(ctx context.Context, id int64) (*Envelope, error) {
	e, _, err := loadEnvelope(ctx, m.ledger, id)
	if err != nil {
		return nil, err
	}
	return withoutShares(e), nil
}

func (m *Metadata) put(e Envelope) { m.cache.Set(e.ID, withoutShares(e)) }

func withoutShares(e Envelope) *Envelope {
	e.Shares = nil
	return &e
}

// loadEnvelope reads an envelope and its hold. Refusal: envelope_not_found.
func loadEnvelope(ctx context.Context, l Ledger, id int64) (Envelope, ledger.Hold, error) {
	if _, ok := l.ShardOf(id); !ok {
		return Envelope{}, ledger.Hold{}, errUnknownEnvelope
	}
	h, err := l.GetHold(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrHoldNotFound):
		return Envelope{}, ledger.Hold{}, errUnknownEnvelope
	case err != nil:
		return Envelope{}, ledger.Hold{}, fmt.Errorf("load envelope %d: %w", id, err)
	case h.Subject != Subject:
		return Envelope{}, ledger.Hold{}, errUnknownEnvelope
	}
	e, err := fromHold(h)
	return e, h, err
}
