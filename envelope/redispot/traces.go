package redispot

import (
	"context"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

var _ envelope.Traces = (*Pots)(nil)

// Traces implements envelope.Traces.
func (p *Pots) Traces(ctx context.Context, bucket int, after, upTo pots.Position) (map[envelope.ShareOf]string, error) {
	traced, err := p.Traced(ctx, bucket, after, upTo)
	if err != nil || len(traced) == 0 {
		return nil, err
	}
	shares := make(map[envelope.ShareOf]string, len(traced))
	for record, trace := range traced { // as take.lua has written them
		id, share, _ := strings.Cut(record, ":")
		var s envelope.ShareOf
		var err1, err2 error
		s.Envelope, err1 = strconv.ParseInt(id, 10, 64)
		s.Share, err2 = strconv.Atoi(share)
		if err1 == nil && err2 == nil {
			shares[s] = trace
		}
	}
	return shares, nil
}
