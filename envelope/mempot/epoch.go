package mempot

import (
	"context"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/internal/pots"
)

var _ pots.Store = (*Pots)(nil)

// Homes implements pots.Store.
func (p *Pots) Homes(_ context.Context, numbers []int) ([]pots.Home, error) {
	homes := make([]pots.Home, len(numbers))
	for i, number := range numbers {
		b, err := p.bucket(number)
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		switch c := b.contents; {
		case c == nil:
			homes[i] = pots.Home{State: pots.HomeEmpty}
		case c.fenced:
			homes[i] = pots.Home{State: pots.HomeFenced, Epoch: c.epoch}
		default:
			homes[i] = pots.Home{State: pots.HomeOpen, Epoch: c.epoch}
		}
		b.mu.Unlock()
	}
	return homes, nil
}

// Fence implements pots.Store.
func (p *Pots) Fence(_ context.Context, number int, _, epoch string) ([]string, error) {
	b, err := p.bucket(number)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.contents
	if was == nil || was.epoch != epoch {
		b.contents = newContents()
		b.contents.epoch, b.contents.fenced = epoch, true
		if was != nil {
			maps.Copy(b.contents.old, was.old)
			b.contents.old[was.epoch] = was
		}
		b.wake()
	}
	return slices.Sorted(maps.Keys(b.contents.old)), nil
}

// Unfence implements pots.Store.
func (p *Pots) Unfence(_ context.Context, number int, epoch string) error {
	b, err := p.bucket(number)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contents == nil || b.contents.epoch != epoch {
		return pots.ErrLost
	}
	b.contents.fenced = false
	b.wake()
	return nil
}

// Forget implements pots.Store.
func (p *Pots) Forget(_ context.Context, open map[int]string) error {
	for number, epoch := range open {
		b, err := p.bucket(number)
		if err != nil {
			return err
		}
		b.mu.Lock()
		if b.contents != nil && b.contents.epoch == epoch && !b.contents.fenced {
			b.contents.old = map[string]*contents{}
		}
		b.mu.Unlock()
	}
	return nil
}
