package redispot

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"
)

// ErrForeign says that a bucket is marked as another installation's.
var ErrForeign = errors.New("redispot: this Redis holds the pots of another installation")

// Markers tells how many buckets are marked as this installation's, and whether any is marked as another's. A Redis
// that was filled by this installation and never lost anything has as many as there are buckets.
func (p *Pots) Markers(ctx context.Context) (present int, foreign bool, err error) {
	commands := make(rueidis.Commands, len(p.all))
	for i, b := range p.all {
		commands[i] = p.client.B().Get().Key(b.keys.home).Build()
	}
	for _, r := range p.client.DoMulti(ctx, commands...) {
		home, err := r.ToString()
		switch {
		case rueidis.IsRedisNil(err):
		case err != nil:
			return 0, false, fmt.Errorf("redispot: markers: %w", err)
		case home == p.installation:
			present++
		default:
			foreign = true
		}
	}
	return present, foreign, nil
}

// Install marks every bucket that has no marker as this installation's. From then on its pots may be filled and taken.
// Only the first installation and recovery may call it. Error: ErrForeign, then nothing was marked that was not free.
func (p *Pots) Install(ctx context.Context) error {
	commands := make(rueidis.Commands, len(p.all))
	for i, b := range p.all {
		commands[i] = p.client.B().Set().Key(b.keys.home).Value(p.installation).Nx().Build()
	}
	for _, r := range p.client.DoMulti(ctx, commands...) {
		if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
			return fmt.Errorf("redispot: install: %w", err)
		}
	}
	present, foreign, err := p.Markers(ctx)
	switch {
	case err != nil:
		return err
	case foreign:
		return ErrForeign
	case present < len(p.all):
		return fmt.Errorf("redispot: install: %d of %d buckets are marked: Redis was emptied meanwhile", present,
			len(p.all))
	}
	p.finals.forget()
	return nil
}
