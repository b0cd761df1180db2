package vopr

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/mempot"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/memledger"
)

// answered makes a call that has an answer.
func answered[T any](ctx context.Context, do func() (T, error)) (answer T, err error) {
	err = call(ctx, func() error { answer, err = do(); return err })
	return answer, err
}

// faultyPots are pots whose calls go wrong.
type faultyPots struct {
	*mempot.Pots
	flaw Flaw
}

func (p faultyPots) Fill(ctx context.Context, e envelope.Envelope, taken []envelope.Take) error {
	if p.flaw == RebuiltFull {
		taken = nil
	}
	return call(ctx, func() error { return p.Pots.Fill(ctx, e, taken) })
}

func (p faultyPots) Take(ctx context.Context, id int64, user string) (t envelope.Take, o envelope.Outcome, err error) {
	err = call(ctx, func() error { t, o, err = p.Pots.Take(ctx, id, user); return err })
	return t, o, err
}

func (p faultyPots) state(ctx context.Context, look func() (envelope.PotState, error)) (envelope.PotState, error) {
	s, err := answered(ctx, look)
	if p.flaw == PotsForget {
		s.Taken = nil
	}
	return s, err
}

func (p faultyPots) Look(ctx context.Context, id int64) (envelope.PotState, error) {
	return p.state(ctx, func() (envelope.PotState, error) { return p.Pots.Look(ctx, id) })
}

func (p faultyPots) LookOld(ctx context.Context, id int64, epoch string) (envelope.PotState, error) {
	return p.state(ctx, func() (envelope.PotState, error) { return p.Pots.LookOld(ctx, id, epoch) })
}

func (p faultyPots) Close(ctx context.Context, id int64) (envelope.PotState, error) {
	return p.state(ctx, func() (envelope.PotState, error) { return p.Pots.Close(ctx, id) })
}

func (p faultyPots) Unretired(ctx context.Context, bucket, skip, limit int) ([]int64, error) {
	return answered(ctx, func() ([]int64, error) { return p.Pots.Unretired(ctx, bucket, skip, limit) })
}

func (p faultyPots) Retire(ctx context.Context, retired []envelope.Retirement) error {
	return call(ctx, func() error { return p.Pots.Retire(ctx, retired) })
}

func (p faultyPots) Missing(ctx context.Context, ids []int64) ([]int64, error) {
	return answered(ctx, func() ([]int64, error) { return p.Pots.Missing(ctx, ids) })
}

func (p faultyPots) Position(ctx context.Context, bucket int, r pots.Reader) (pots.Position, error) {
	return answered(ctx, func() (pots.Position, error) { return p.Pots.Position(ctx, bucket, r) })
}

func (p faultyPots) Read(ctx context.Context, bucket int, after pots.Position, limit int,
	wait time.Duration) (records []envelope.Record, upTo pots.Position, err error) {
	err = call(ctx, func() error { records, upTo, err = p.Pots.Read(ctx, bucket, after, limit, wait); return err })
	return records, upTo, err
}

func (p faultyPots) Acknowledge(ctx context.Context, bucket int, r pots.Reader, upTo pots.Position) error {
	return call(ctx, func() error { return p.Pots.Acknowledge(ctx, bucket, r, upTo) })
}

func (p faultyPots) Old(ctx context.Context, bucket int, epoch string, r pots.Reader, after pots.Position,
	limit int) (records []envelope.Record, upTo pots.Position, err error) {
	err = call(ctx, func() error { records, upTo, err = p.Pots.Old(ctx, bucket, epoch, r, after, limit); return err })
	return records, upTo, err
}

func (p faultyPots) Homes(ctx context.Context, buckets []int) ([]pots.Home, error) {
	return answered(ctx, func() ([]pots.Home, error) { return p.Pots.Homes(ctx, buckets) })
}

func (p faultyPots) Fence(ctx context.Context, bucket int, was, epoch string) ([]string, error) {
	return answered(ctx, func() ([]string, error) { return p.Pots.Fence(ctx, bucket, was, epoch) })
}

func (p faultyPots) Unfence(ctx context.Context, bucket int, epoch string) error {
	return call(ctx, func() error { return p.Pots.Unfence(ctx, bucket, epoch) })
}

func (p faultyPots) Forget(ctx context.Context, open map[int]string) error {
	return call(ctx, func() error { return p.Pots.Forget(ctx, open) })
}

// faultyLedger is a ledger whose calls go wrong.
type faultyLedger struct {
	*memledger.Ledger
	audit *auditor // hears of epochs and of what was settled
}

func (l faultyLedger) Hold(ctx context.Context, r ledger.Request, h ledger.Hold) (ledger.Hold, error) {
	return answered(ctx, func() (ledger.Hold, error) { return l.Ledger.Hold(ctx, r, h) })
}

func (l faultyLedger) GetHold(ctx context.Context, id int64) (ledger.Hold, error) {
	if err := quick(ctx); err != nil { // it is called under a lock of the metadata cache, where nobody may stand still
		return ledger.Hold{}, err
	}
	return l.Ledger.GetHold(ctx, id)
}

func (l faultyLedger) GetHolds(ctx context.Context, ids []int64) ([]ledger.Hold, error) {
	return answered(ctx, func() ([]ledger.Hold, error) { return l.Ledger.GetHolds(ctx, ids) })
}

func (l faultyLedger) Posts(ctx context.Context, id int64) ([]ledger.Post, error) {
	return answered(ctx, func() ([]ledger.Post, error) { return l.Ledger.Posts(ctx, id) })
}

func (l faultyLedger) Source(ctx context.Context, shard, source int, log string) (ledger.SourceLog, error) {
	return answered(ctx, func() (ledger.SourceLog, error) { return l.Ledger.Source(ctx, shard, source, log) })
}

func (l faultyLedger) Sources(ctx context.Context, shard int, log string) ([]ledger.SourceLog, error) {
	return answered(ctx, func() ([]ledger.SourceLog, error) { return l.Ledger.Sources(ctx, shard, log) })
}

func (l faultyLedger) Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
	upTo string) (ledger.PostResult, error) {
	return answered(ctx, func() (ledger.PostResult, error) {
		r, err := l.Ledger.Settle(ctx, shard, posts, from, upTo)
		if err == nil {
			l.audit.settled(from, posts, r)
		}
		return r, err
	})
}

func (l faultyLedger) Void(ctx context.Context, id, posted int64) (h ledger.Hold, done bool, err error) {
	err = call(ctx, func() error { h, done, err = l.Ledger.Void(ctx, id, posted); return err })
	return h, done, err
}

func (l faultyLedger) OpenHolds(ctx context.Context, shard int, s ledger.Subject, after int64,
	limit int) ([]ledger.Hold, error) {
	return answered(ctx, func() ([]ledger.Hold, error) { return l.Ledger.OpenHolds(ctx, shard, s, after, limit) })
}

func (l faultyLedger) BeginEpoch(ctx context.Context, shard, source int, logs []string, was, epoch,
	reason string) (bool, error) {
	return answered(ctx, func() (bool, error) {
		begun, err := l.Ledger.BeginEpoch(ctx, shard, source, logs, was, epoch, reason)
		if begun {
			l.audit.begun(source)
		}
		return begun, err
	})
}

func (l faultyLedger) EndRebuild(ctx context.Context, shard, source int, epoch string) error {
	return call(ctx, func() error { return l.Ledger.EndRebuild(ctx, shard, source, epoch) })
}
