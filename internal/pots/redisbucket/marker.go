package redisbucket

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"
)

// ErrForeign says that a bucket is marked as another installation's.
var ErrForeign = errors.New("this Redis holds the pots of another installation")

// Markers tells how many buckets are marked as this installation's, and whether any is marked as another's. A Redis
// that was filled by this installation and never lost anything has as many as there are buckets.
func (s *Store) Markers(ctx context.Context) (present int, foreign bool, err error) {
	commands := make(rueidis.Commands, len(s.all))
	for i, b := range s.all {
		commands[i] = s.client.B().Get().Key(b.Home).Build()
	}
	for _, r := range s.client.DoMulti(ctx, commands...) {
		home, err := r.ToString()
		switch {
		case rueidis.IsRedisNil(err):
		case err != nil:
			return 0, false, fmt.Errorf("markers: %w", err)
		case home == s.config.Installation:
			present++
		default:
			foreign = true
		}
	}
	return present, foreign, nil
}

// Install marks every bucket that has no marker as this installation's. From then on its pots may be filled and taken.
// Only the first installation and recovery may call it. Error: ErrForeign, then nothing was marked that was not free.
func (s *Store) Install(ctx context.Context) error {
	commands := make(rueidis.Commands, len(s.all))
	for i, b := range s.all {
		commands[i] = s.client.B().Set().Key(b.Home).Value(s.config.Installation).Nx().Build()
	}
	for _, r := range s.client.DoMulti(ctx, commands...) {
		if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
			return fmt.Errorf("install: %w", err)
		}
	}
	present, foreign, err := s.Markers(ctx)
	switch {
	case err != nil:
		return err
	case foreign:
		return ErrForeign
	case present < len(s.all):
		return fmt.Errorf("install: %d of %d buckets are marked: Redis was emptied meanwhile", present,
			len(s.all))
	}
	s.config.Lost()
	return nil
}
