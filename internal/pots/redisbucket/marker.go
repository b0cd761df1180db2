package redisbucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/pots"
)

// ErrForeign says that a bucket is marked as another installation's.
var ErrForeign = errors.New("this Redis holds the pots of another installation")

// fenced begins the word behind a mark that lets no call in.
const fenced = "!"

// Homes implements pots.Store.
func (s *Store) Homes(ctx context.Context, buckets []int) ([]pots.Home, error) {
	commands := make(rueidis.Commands, len(buckets))
	for i, number := range buckets {
		if err := s.checkBucket(number); err != nil {
			return nil, err
		}
		commands[i] = s.client.B().Get().Key(s.in(number, "").Home).Build()
	}
	homes := make([]pots.Home, len(buckets))
	for i, r := range s.client.DoMulti(ctx, commands...) {
		home, err := r.ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, fmt.Errorf("markers: %w", err)
		}
		homes[i] = s.parseHome(home)
	}
	return homes, nil
}

// parseHome reads what a Home holds: the installation, the epoch unless it is the first, and what keeps calls out.
func (s *Store) parseHome(home string) pots.Home {
	words := strings.Fields(home)
	switch {
	case len(words) == 0:
		return pots.Home{State: pots.HomeEmpty}
	case words[0] != s.config.Installation:
		return pots.Home{State: pots.HomeForeign}
	}
	at := pots.Home{State: pots.HomeOpen}
	for _, word := range words[1:] {
		if strings.HasPrefix(word, fenced) {
			at.State = pots.HomeFenced
		} else {
			at.Epoch = word
		}
	}
	return at
}

// Markers tells how many buckets are open in their epoch, and whether any is marked as another installation's. A Redis
// that was filled by this installation and never lost anything has as many as there are buckets. A bucket whose ledger
// does not answer counts as it is.
func (s *Store) Markers(ctx context.Context) (present int, foreign bool, err error) {
	numbers := make([]int, len(s.all))
	for i := range numbers {
		numbers[i] = i
	}
	homes, err := s.Homes(ctx, numbers)
	if err != nil {
		return 0, false, err
	}
	for i, home := range homes {
		switch home.State {
		case pots.HomeForeign:
			foreign = true
		case pots.HomeOpen:
			if b, err := s.Bucket(ctx, i); err != nil || b.epoch == home.Epoch || s.reload(ctx, i) == home.Epoch {
				present++
			}
		}
	}
	return present, foreign, nil
}

// reload is the epoch of a bucket, asked for again.
func (s *Store) reload(ctx context.Context, number int) string {
	s.all[number].suspect.Store(true)
	b, err := s.Bucket(ctx, number)
	if err != nil {
		return ""
	}
	return b.epoch
}

// Install marks every bucket that has no marker as this installation's, in the epoch in which the ledger has it. From
// then on its pots may be filled and taken. Only the first installation may call it. Error: ErrForeign, then nothing
// was marked that was not free.
func (s *Store) Install(ctx context.Context) error {
	commands := make(rueidis.Commands, len(s.all))
	for i := range s.all {
		b, err := s.Bucket(ctx, i)
		if err != nil {
			return err
		}
		commands[i] = s.client.B().Set().Key(b.Home).Value(b.Mark).Nx().Build()
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
