package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

const (
	keepInterval = time.Second
	fillInterval = 10 * time.Second
	endInterval  = 5 * time.Minute // it asks for every cover that has pieces left
	keepBatch    = 200
)

// Keeper brings pots to what is stored, where the process that changed it died before it did: terms, codes,
// withdrawals, pots that are missing. And it asks for the pieces back that are left of covers whose time is over.
type Keeper struct {
	ids    IDs
	store  Store
	pot    Pot
	covers Covers
	now    func() time.Time
	logger *slog.Logger
}

// NewKeeper makes a keeper.
func NewKeeper(
	ids IDs, store Store, pot Pot, covers Covers, now func() time.Time, logger *slog.Logger,
) *Keeper {
	return &Keeper{ids, store, pot, covers, now, logger}
}

// Run keeps the pots of a shard until the context ends.
func (k *Keeper) Run(ctx context.Context, shard int) {
	var filled, ended time.Time
	loop.Job{Name: "keep covers", Log: k.logger.With("shard", shard), Interval: keepInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			more, err := k.Pass(ctx, shard)
			if now := k.now(); now.Sub(filled) >= fillInterval || now.Before(filled) {
				n, fillErr := k.FillAll(ctx, shard)
				if err = errors.Join(err, fillErr); fillErr == nil {
					filled = now
				}
				if n > 0 {
					k.logger.Info("filled pots of covers that a crash had left out", "shard", shard, "pots", n)
				}
			}
			if now := k.now(); now.Sub(ended) >= endInterval || now.Before(ended) {
				endErr := k.EndAll(ctx, shard)
				if err = errors.Join(err, endErr); endErr == nil {
					ended = now
				}
			}
			return more, err
		})
}

// Pass does what is owed to the pots of a shard; more says that there may be more.
func (k *Keeper) Pass(ctx context.Context, shard int) (more bool, err error) {
	stale, err := k.store.Stale(ctx, shard, keepBatch)
	if err != nil {
		return false, err
	}
	var failed error
	for _, s := range stale {
		failed = errors.Join(failed, bringUp(ctx, k.store, k.pot, s.Cover))
	}
	ordered, err := k.store.Ordered(ctx, shard, keepBatch)
	if err != nil {
		return false, errors.Join(failed, err)
	}
	for _, w := range ordered {
		if err := k.pot.Withdraw(ctx, w); err != nil {
			failed = errors.Join(failed, fmt.Errorf("withdrawal %d: %w", w.ID, err))
		}
	}
	return failed == nil && (len(stale) == keepBatch || len(ordered) == keepBatch), failed
}

// bringUp brings the pot of a cover up to what is stored, and makes it if it is missing.
func bringUp(ctx context.Context, store Store, pot Pot, id int64) error {
	terms, err := store.Terms(ctx, id)
	if err != nil {
		return err
	}
	err = pot.Update(ctx, terms)
	if errors.Is(err, ErrNoPot) {
		err = fill(ctx, store, pot, terms)
	}
	if err != nil {
		return fmt.Errorf("pot of cover %d: %w", id, err)
	}
	for {
		codes, err := store.CodesToAdd(ctx, id, MaxCodes)
		if err != nil {
			return err
		}
		if len(codes) == 0 {
			return store.UpToDate(ctx, id, terms.Version)
		}
		byChannel := map[int64][]string{}
		for _, c := range codes {
			byChannel[c.Channel] = append(byChannel[c.Channel], c.Digest)
		}
		for channel, digests := range byChannel {
			if err := pot.AddCodes(ctx, id, channel, digests); err != nil {
				return err
			}
		}
		if err := store.CodesAdded(ctx, id, codes); err != nil {
			return err
		}
	}
}

func fill(ctx context.Context, store Store, pot Pot, terms Terms) error {
	contents, err := store.Contents(ctx, terms.Cover)
	if err != nil {
		return err
	}
	return pot.Fill(ctx, terms, contents)
}

// FillAll makes every pot that is missing on a shard, and returns how many that were.
func (k *Keeper) FillAll(ctx context.Context, shard int) (filled int, err error) {
	return k.fillIn(ctx, shard, func(int64) bool { return true })
}

// fillIn is FillAll for the covers for which in holds.
func (k *Keeper) fillIn(ctx context.Context, shard int, in func(cover int64) bool) (filled int, err error) {
	err = k.each(ctx, shard, func(stocks []Stock) (failed error) {
		var ids []int64
		for _, s := range stocks {
			if in(s.Cover) {
				ids = append(ids, s.Cover)
			}
		}
		missing, err := k.pot.Missing(ctx, ids)
		if err != nil {
			return err
		}
		for _, id := range missing {
			terms, err := k.store.Terms(ctx, id)
			if err == nil {
				err = fill(ctx, k.store, k.pot, terms)
			}
			if err == nil {
				filled++
			}
			failed = errors.Join(failed, err)
		}
		return failed
	})
	return filled, err
}

// EndAll orders back what is left of the covers of a shard that are over.
func (k *Keeper) EndAll(ctx context.Context, shard int) error {
	return k.each(ctx, shard, func(stocks []Stock) (failed error) {
		for _, s := range stocks {
			if s.Left() > 0 {
				failed = errors.Join(failed, k.end(ctx, s))
			}
		}
		return failed
	})
}

// each walks the stocks of a shard. What fails holds up none of the others.
func (k *Keeper) each(ctx context.Context, shard int, do func([]Stock) error) (failed error) {
	for after := int64(0); ; {
		stocks, err := k.store.Stocks(ctx, shard, after, keepBatch)
		if err != nil || len(stocks) == 0 {
			return errors.Join(failed, err)
		}
		after = stocks[len(stocks)-1].Cover
		failed = errors.Join(failed, do(stocks))
	}
}

// end gives the money of what is left back, where nobody can claim it any more.
func (k *Keeper) end(ctx context.Context, s Stock) error {
	e, err := k.covers.Entry(ctx, s.Cover)
	if refusal.CodeOf(err) == cover.CodeNotFound {
		err = nil
		e.State = cover.StateTakenDown
	}
	if err != nil || e.State != cover.StateExpired && e.State != cover.StateTakenDown {
		return err
	}
	id, err := k.ids.NewID(merchant.WebhookAccount(s.Merchant, s.Mode))
	if err != nil {
		return err
	}
	return k.store.WithdrawRest(ctx, id, s.Cover, k.now())
}
