package redisbucket

import (
	"context"
	"fmt"

	"github.com/hongbao/hongbao/internal/pots"
)

// maxTraces bounds the entries of one look for traces.
const maxTraces = 1024

// Traced returns the traces that were written with the log entries after a position and up to another one, by what the
// owner of the log calls a record, and drops those of earlier entries. What is there was written by a script of ours,
// and may be cut off at any time.
func (s *Store) Traced(ctx context.Context, bucket int, after, upTo pots.Position) (map[string]string, error) {
	b, err := s.positioned(ctx, bucket, upTo)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	entries, err := s.client.Do(ctx, s.client.B().Xrange().Key(b.Traces).Start("("+orBeginning(after)).End(upTo.ID()).
		Count(maxTraces).Build()).AsXRange()
	if err != nil {
		return nil, fmt.Errorf("traces of %s: %w", b.Log, err)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	if after != "" { // a failure leaves more than is needed, within the bounds of the stream
		_ = s.client.Do(ctx, s.client.B().Xtrim().Key(b.Traces).Minid().Threshold(after.ID()).Build()).Error()
	}
	traced := map[string]string{}
	for _, e := range entries {
		for record, trace := range e.FieldValues {
			traced[record] = trace
		}
	}
	return traced, nil
}
