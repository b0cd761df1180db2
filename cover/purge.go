package cover

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

// Bounds of purges.
const (
	purgeBatch = 100
	// lookAgain is when an image that another cover shows is looked at again.
	lookAgain = time.Hour
	// KeepHidden is how long the files of a hidden image are kept, for whoever has to prove what was taken down.
	KeepHidden = 30 * 24 * time.Hour
)

// showing are the states in which a cover needs its images to be seen, if only by an operator.
func showing() []State { return []State{StateInReview, StateApproved, StateFrozen, StateExpired} }

// PurgeDue hides the images of covers of a shard that were taken down, unless another cover shows them, and deletes
// their files when they were hidden for KeepHidden; it returns how many it looked at. Whoever uploads such an image
// again has it shown again.
//
// Each step may be repeated. A purge hides the files and then looks for new rows; an upload writes its row and then
// shows the files. So whichever of the two is last knows of the other, and what was uploaded again is never left
// hidden.
func (s *Service) PurgeDue(ctx context.Context, shard int) (done int, err error) {
	if s.art == nil {
		return 0, nil
	}
	due, err := s.store.DuePurges(ctx, shard, purgeBatch)
	if err != nil {
		return 0, err
	}
	for _, p := range due {
		if failed := s.purge(ctx, shard, p); failed != nil { // the others go on
			err = errors.Join(err, failed)
			continue
		}
		done++
	}
	return done, err
}

func (s *Service) purge(ctx context.Context, shard int, p Purge) error {
	if p.HiddenAt.IsZero() {
		used, err := s.store.InUse(ctx, p.Hash, showing())
		if err != nil {
			return err
		}
		if used {
			return s.store.Postpone(ctx, shard, p, lookAgain, false)
		}
	}
	uploaded, err := s.store.MarkGone(ctx, p.Hash, p.TakenAt)
	if err != nil {
		return err
	}
	if !uploaded && !p.HiddenAt.IsZero() {
		if err := s.art.Delete(ctx, p.Hash); err != nil {
			return err
		}
		return s.store.EndPurge(ctx, shard, p)
	}
	if !uploaded {
		if err := s.art.Hide(ctx, p.Hash); err != nil {
			return err
		}
		if uploaded, err = s.store.MarkGone(ctx, p.Hash, p.TakenAt); err != nil {
			return err
		}
	}
	if uploaded {
		if err := s.art.Show(ctx, p.Hash); err != nil {
			return err
		}
		return s.store.EndPurge(ctx, shard, p)
	}
	return s.store.Postpone(ctx, shard, p, KeepHidden, true)
}

// RunPurger runs PurgeDue on a shard until the context ends.
func (s *Service) RunPurger(ctx context.Context, shard int) {
	job := loop.Job{
		Name: "cover purge", Log: s.log.With(slog.Int("shard", shard)), Interval: 500 * time.Millisecond,
	}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := s.PurgeDue(ctx, shard)
		return n == purgeBatch, err
	})
}
