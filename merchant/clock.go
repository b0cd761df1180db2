package merchant

import (
	"context"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Bounds of a test side's clock. It never goes back.
const (
	MaxAdvance = 366 * 24 * time.Hour      // of one call
	MaxAhead   = 10 * 366 * 24 * time.Hour // in all
)

// Ahead is how far the clock of a side is ahead of ours: that of the live side never is.
func (m Merchant) Ahead(mode Mode) time.Duration {
	if mode == Test {
		return m.TestAhead
	}
	return 0
}

// Advance is what a merchant asks for: its test side is to be later by a time.
type Advance struct {
	RequestID string
	By        time.Duration // whole milliseconds
}

func (a Advance) check() error {
	if a.By < time.Millisecond || a.By > MaxAdvance {
		return refusal.New(refusal.CodeInvalidArgument, "by_ms is %d: give 1 to %d, which is 366 days",
			a.By.Milliseconds(), MaxAdvance.Milliseconds())
	}
	return nil
}

// AdvanceBy advances the clock of a merchant's test side for a member. Repeating it advances nothing more. Refusals:
// see idl/merchant.thrift.
func (s *Service) AdvanceBy(ctx context.Context, user string, id int64, a Advance) (Merchant, error) {
	return s.advance(ctx, id, a, Change{By: user, Side: SideMember}, func(r Record) error {
		return mayDo(r.Members, user, AdvanceClock)
	})
}

// AdvanceIn advances the clock of a merchant's test side for a session of it. Repeating it advances nothing more.
// Refusals: see idl/merchant.thrift.
func (s *Service) AdvanceIn(ctx context.Context, session Session, id int64, a Advance) (Merchant, error) {
	if _, err := s.Server(ctx, session, id, Test, ClockAdvance); err != nil {
		return Merchant{}, err
	}
	by := Change{By: strconv.FormatInt(session.Key, 10), Side: SideServer}
	return s.advance(ctx, id, a, by, func(Record) error { return nil })
}

func (s *Service) advance(
	ctx context.Context, id int64, a Advance, change Change, may func(Record) error,
) (Merchant, error) {
	if err := a.check(); err != nil {
		return Merchant{}, err
	}
	change.Action, change.Object = ActionAdvanceClock, string(Test)
	r, _, err := s.update(ctx, id, a.RequestID, change, a.By.Milliseconds(), func(r Record, e *Edit) error {
		if err := may(r); err != nil {
			return err
		}
		if err := r.Active(Test); err != nil {
			return err
		}
		if left := MaxAhead - r.TestAhead; a.By > left {
			return refusal.New(refusal.CodeInvalidArgument,
				"by_ms is %d: the clock can be advanced by another %d, it is ten years ahead then",
				a.By.Milliseconds(), left.Milliseconds())
		}
		e.TestAhead = r.TestAhead + a.By
		e.Change.From = strconv.FormatInt(r.TestAhead.Milliseconds(), 10)
		e.Change.To = strconv.FormatInt(e.TestAhead.Milliseconds(), 10)
		return nil
	})
	return r.Merchant, err
}

// Ahead says how far the clock of a merchant's side is ahead of ours. It reads one row for a test side, and nothing
// for a live one. Refusal: merchant_not_found.
func (s *Service) Ahead(ctx context.Context, id int64, mode Mode) (time.Duration, error) {
	if mode != Test {
		return 0, nil
	}
	m, err := s.line(ctx, id)
	return m.Ahead(mode), err
}

// TestClock is how far the clock of a merchant's test side is ahead of ours.
type TestClock struct {
	Merchant int64
	Ahead    time.Duration
}

// TestClocks are those of a shard that are ahead, in the order of merchants, after one.
func (s *Service) TestClocks(ctx context.Context, shard int, after int64, limit int) ([]TestClock, error) {
	return s.store.TestClocks(ctx, shard, after, limit)
}
