package redispot

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

const (
	// lastMark is before the share that is taken last.
	lastMark = '!'
	// maxSharesInCall bounds the shares of the pots that one script fills, unless it fills a single one: it holds a
	// Redis for about a millisecond.
	maxSharesInCall = 2000
)

// filling is one call of Fill: a pot as fill.lua reads it, and then what became of it.
type filling struct {
	id     int64
	shares int
	args   [5]string
	err    error
}

// Fill implements envelope.Pot. Refusals: invalid_argument for a malformed user, unavailable when too many pots wait to
// be filled or too few replicas confirmed.
func (p *Pots) Fill(ctx context.Context, e envelope.Envelope, taken []envelope.Take) error {
	b, err := p.of(e.ID)
	if err != nil {
		return fmt.Errorf("redispot: fill: no shard made the id %d", e.ID)
	}
	toTake, tookBy, err := pack(e, taken)
	if err != nil {
		return err
	}
	f, err := b.fillings.Do(ctx, filling{id: e.ID, shares: len(e.Shares), args: [...]string{
		strconv.FormatInt(e.ID, 10), strconv.FormatInt(e.ExpiresAt.UnixMilli(), 10), strconv.Itoa(len(e.Shares)),
		toTake, tookBy}})
	if err == nil {
		err = f.err
	}
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}

// fill fills the pots of a batch, several with each script, and delivers the answers.
func (b *bucket) fill(batch []*gather.Call[filling]) {
	var some []*gather.Call[filling]
	shares := 0
	for _, c := range batch {
		if c.Abandoned() {
			continue
		}
		if len(some) > 0 && shares+c.Data.shares > maxSharesInCall {
			b.fillTogether(some)
			some, shares = some[:0], 0
		}
		some, shares = append(some, c), shares+c.Data.shares
	}
	if len(some) > 0 {
		b.fillTogether(some)
	}
}

// fillTogether fills pots by one script.
func (b *bucket) fillTogether(calls []*gather.Call[filling]) {
	ctx, cancel := b.pots.Bounded(context.Background())
	defer cancel()
	safe, err := b.runFill(ctx, calls)
	if err == nil && !safe {
		err = redisbucket.Unsafe()
	}
	for _, c := range calls {
		c.Deliver(filling{err: err})
	}
}

func (b *bucket) runFill(ctx context.Context, calls []*gather.Call[filling]) (safe bool, err error) {
	at, err := b.keys(ctx)
	if err != nil {
		return false, err
	}
	keys, args := []string{at.Home, at.Log, at.ends()}, []string{at.Mark}
	for _, c := range calls {
		pot, shares := at.pot(c.Data.id)
		keys, args = append(keys, pot, shares), append(args, c.Data.args[:]...)
	}
	_, safe, err = b.pots.RunSafely(ctx, at.Bucket, &b.pots.scripts.fill, keys, args)
	return safe, err
}

// pack writes shares and takes as fill.lua reads them. It fails as envelope.Untaken does.
func pack(e envelope.Envelope, taken []envelope.Take) (toTake, tookBy string, err error) {
	untaken, err := envelope.Untaken(e, taken)
	if err != nil {
		return "", "", fmt.Errorf("redispot: fill: %w", err)
	}
	var took []byte
	for _, t := range taken {
		took = append(took, t.User...)
		took = append(took, ' ')
		took = appendShare(took, t.Share, t.Minor)
		took = append(took, ':')
		took = strconv.AppendInt(took, t.At.UnixMilli(), 10)
		took = append(took, ' ')
	}
	var left []byte
	for n, share := range untaken {
		if n == len(untaken)-1 {
			left = append(left, lastMark)
		}
		left = append(appendShare(left, share, e.Shares[share]), ' ')
	}
	return string(left), string(took), nil
}

func appendShare(to []byte, share int, minor int64) []byte {
	to = strconv.AppendInt(to, int64(share), 10)
	to = append(to, ':')
	return strconv.AppendInt(to, minor, 10)
}
