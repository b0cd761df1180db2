package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	dueBatch    = 200
	dueWidth    = 8
	dueInterval = time.Second
)

// DueHolds is what a DuePass needs of the ledger.
type DueHolds interface {
	// DueHolds returns open holds of a subject on a shard whose ExpiresAt is over by the shard's own clock, the oldest
	// first, from the one behind after (the zero Hold: from the oldest).
	DueHolds(ctx context.Context, shard int, s Subject, after Hold, limit int) ([]Hold, error)
}

// DuePass is the background job of a product whose holds have to be ended when their time is over. Any number of
// processes may run it for the same shard if End is safe to repeat. No process's clock decides anything: the ledger
// says what is due.
type DuePass struct {
	Name    string
	Holds   DueHolds
	Subject Subject
	Log     *slog.Logger
	// End ends one hold. done is false where somebody else has done so or it cannot be ended yet.
	End func(ctx context.Context, h Hold) (done bool, err error)
	// Away tells an error that every hold of the shard would meet now from one of a single hold; nil for the refusal
	// unavailable alone.
	Away func(error) bool
}

// Run ends what is due on a shard until the context ends.
func (p *DuePass) Run(ctx context.Context, shard int) {
	job := loop.Job{Name: p.Name, Log: p.Log.With("shard", shard), Interval: dueInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		_, ended, err := p.Pass(ctx, shard)
		return ended > 0, err
	})
}

// Pass looks once at every hold that is due on a shard, and returns how many there were and how many it ended. A hold
// that cannot be ended yet, or fails, does not hold up the others.
func (p *DuePass) Pass(ctx context.Context, shard int) (due, ended int, err error) {
	var errs []error
	for after := (Hold{}); ctx.Err() == nil; {
		holds, err := p.Holds.DueHolds(ctx, shard, p.Subject, after, dueBatch)
		if err != nil {
			return due, ended, errors.Join(append(errs, err)...)
		}
		var done atomic.Int64
		err = loop.FanOut(holds, dueWidth, func(h Hold) error {
			ok, err := p.End(ctx, h)
			if ok {
				done.Add(1)
			}
			return err
		})
		due, ended, errs = due+len(holds), ended+int(done.Load()), append(errs, err)
		if len(holds) < dueBatch || p.away(err) {
			break
		}
		after = holds[len(holds)-1]
	}
	return due, ended, errors.Join(append(errs, ctx.Err())...)
}

func (p *DuePass) away(err error) bool {
	return refusal.CodeOf(err) == refusal.CodeUnavailable || p.Away != nil && p.Away(err)
}
