package cover

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Bounds of a pass of the Expirer.
const (
	expireBatch = 100 // covers that it ends
	clockBatch  = 200 // test clocks that it asks about at a time
)

// ExpireDue ends covers of a shard whose validity is over, and returns how many. Until it does, they are as good as
// ended: whoever asks a Directory is told so.
func (s *Service) ExpireDue(ctx context.Context, shard int) (done int, err error) {
	due, err := s.due(ctx, shard)
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		c, _, err := s.store.Get(ctx, id)
		if err != nil {
			return done, err
		}
		w := change{verb: Expire, requestID: "expire-" + strconv.FormatInt(id, 10)}
		_, err = s.change(ctx, SideSystem, "", c, w, func(c *Cover, now time.Time) error {
			if now.Before(c.UsableUntil) {
				return refusal.New(CodeNotAllowedInState, "the cover is good until %s", c.UsableUntil)
			}
			return nil
		})
		if err != nil && refusal.CodeOf(err) != CodeNotAllowedInState { // it was frozen meanwhile
			return done, err
		}
		done++
	}
	return done, nil
}

// due are covers of a shard whose validity is over, by our clock or by that of their test side.
func (s *Service) due(ctx context.Context, shard int) ([]int64, error) {
	due, err := s.store.Due(ctx, shard, nil, expireBatch)
	for after := int64(0); err == nil && len(due) < expireBatch; {
		var clocks []merchant.TestClock
		clocks, err = s.merchants.TestClocks(ctx, shard, after, clockBatch)
		if err != nil || len(clocks) == 0 {
			return due, err
		}
		after = clocks[len(clocks)-1].Merchant
		var more []int64
		more, err = s.store.Due(ctx, shard, clocks, expireBatch-len(due))
		due = append(due, more...)
	}
	return due, err
}

// RunExpirer runs ExpireDue on a shard until the context ends.
func (s *Service) RunExpirer(ctx context.Context, shard int) {
	job := loop.Job{Name: "cover expiry", Log: s.log.With(slog.Int("shard", shard)), Interval: time.Second}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := s.ExpireDue(ctx, shard)
		return n == expireBatch, err
	})
}
