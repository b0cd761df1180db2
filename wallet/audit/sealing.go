package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// maxSealPosts bounds the posts of the units that one transaction seals, unless a single one has more.
const maxSealPosts = 4000

// seal seals what the early snapshots show and cannot change any more, after an audit of them that found nothing.
func (r *run) seal(ctx context.Context, settled time.Duration) error {
	for _, shard := range r.cluster.All() {
		s := &sealing{run: r, ctx: ctx, shard: shard, settled: shards.FirstAt(r.earlyOf(shard).at.Add(-settled))}
		s.lowest = s.settled
		err := s.accounts()
		if err == nil {
			err = s.holds()
		}
		if err == nil {
			err = s.orders()
		}
		if err == nil {
			err = s.raise()
		}
		if err != nil {
			return fmt.Errorf("shard %d: %w", shard, err)
		}
	}
	return nil
}

// sealing is the sealing of a shard.
type sealing struct {
	*run
	ctx     context.Context
	shard   int
	settled int64 // no transaction with a lower id commits any more
	lowest  int64 // of settled and the units that are not sealed

	units []seal.Unit
	posts int // of the units
}

// accounts seals the entries of wallets and, where they are old enough, of the accounts that all share.
func (s *sealing) accounts() error {
	early, t := s.earlyOf(s.shard), s.tables[s.shard]
	marks, err := seal.MarksOf(s.ctx, early, t)
	if err != nil {
		return err
	}
	for groups, err := range rows.Chunks(groupPages(s.ctx, early, t, marks.Sealed), seal.Batch) {
		if err != nil {
			return err
		}
		seals, moved, from, err := s.above(s.ctx, s.shard, walked(groups))
		if err != nil {
			return err
		}
		if len(moved) == 0 {
			continue
		}
		at := map[accountKey]*seal.Step{}
		for _, k := range moved {
			key := seal.Key{Account: k.account, Currency: k.currency}
			at[k] = &seal.Step{Key: key, From: seals[key].State, To: seals[key].State}
		}
		for e, err := range entriesAbove(s.ctx, early, t, moved, from) {
			if err != nil {
				return err
			}
			if !isSystem(e.Account) || e.Seq < s.settled {
				at[accountKey{e.Account, e.Currency}].To.Add(e)
			}
		}
		var steps []seal.Step
		for _, k := range moved { // in the order of locks
			if at[k].To.Seq > at[k].From.Seq {
				steps = append(steps, *at[k])
			}
		}
		if len(steps) == 0 {
			continue
		}
		if err := s.writes(); err != nil {
			return err
		}
		sealed, err := seal.Accounts(s.ctx, s.cluster, s.shard, steps)
		if err != nil {
			return err
		}
		s.report.Sealed += sealed
	}
	return nil
}

// holds seals holds that are closed and whose posts have all been delivered.
func (s *sealing) holds() error {
	early, t := s.earlyOf(s.shard), s.tables[s.shard]
	for holds, err := range rows.Chunks(holdPages(s.ctx, early, t, "sealed = 0 AND "), lookupSize) {
		if err != nil {
			return err
		}
		var closed []int64
		for _, h := range holds {
			if h.Open {
				s.lowest = min(s.lowest, h.ID)
			} else {
				closed = append(closed, h.ID)
			}
		}
		if len(closed) == 0 {
			continue
		}
		if err := s.closed(holds, closed); err != nil {
			return err
		}
	}
	return nil
}

// closed seals those of the closed holds of which nothing is in flight.
func (s *sealing) closed(holds []ledger.Hold, closed []int64) error {
	early, t := s.earlyOf(s.shard), s.tables[s.shard]
	books, err := s.entriesOfHolds(s.ctx, s.shard, holds)
	if err != nil {
		return err
	}
	posts, stop := pull(postPages(s.ctx, early, t, closed...))
	defer stop()
	if err := posts.advance(); err != nil {
		return err
	}
	for i := range holds {
		h := &holds[i]
		if h.Open {
			continue
		}
		unit := seal.Unit{Hold: h, Entries: books.entriesOf[mysqlledger.HoldAccount(h.ID)]}
		for posts.more && posts.head.Hold == h.ID {
			unit.Posts = append(unit.Posts, posts.head.sealed())
			if err := posts.advance(); err != nil {
				return err
			}
		}
		if err := s.add(unit); err != nil {
			return err
		}
	}
	return s.flush() // the units are of this page of holds
}

// landed leaves out the units of which a post is still in the outbox.
func (s *sealing) landed() ([]seal.Unit, error) {
	byDest := map[int]map[int64]bool{}
	for i := range s.units {
		for _, p := range s.units[i].Posts {
			dest := s.cluster.ForUser(p.Payee)
			if byDest[dest] == nil {
				byDest[dest] = map[int64]bool{}
			}
			byDest[dest][p.Outbox] = true
		}
	}
	flying := map[int64]bool{}
	for dest, messages := range byDest {
		for ids := range slices.Chunk(slices.Collect(maps.Keys(messages)), rows.Max) {
			found, err := lookUpIDs(s.ctx, s.earlyOf(s.shard), s.cluster.Table(s.shard, "outbox"), "dest", dest, ids)
			if err != nil {
				return nil, err
			}
			maps.Copy(flying, found)
		}
	}
	return slices.DeleteFunc(s.units, func(u seal.Unit) bool {
		out := slices.ContainsFunc(u.Posts, func(p seal.Post) bool { return flying[p.Outbox] })
		if out {
			s.lowest = min(s.lowest, u.ID())
		}
		return out
	}), nil
}

// orders seals top-ups and withdrawals that are settled or refused.
func (s *sealing) orders() error {
	for orders, err := range fundingPages(s.ctx, s.earlyOf(s.shard), s.tables[s.shard], "sealed = 0 AND ") {
		if err != nil {
			return err
		}
		own, _, err := s.entriesOfFundings(s.ctx, s.shard, orders)
		if err != nil {
			return err
		}
		for i := range orders {
			if err := s.order(&orders[i], own); err != nil {
				return err
			}
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (s *sealing) order(o *wallet.FundingOrder, own accountBooks) error {
	if !o.State.Final() {
		s.lowest = min(s.lowest, o.ID)
		return nil
	}
	return s.add(seal.Unit{Order: o, Entries: own.entriesOf[mysqlledger.FundingAccount(o.ID)]})
}

func (s *sealing) add(u seal.Unit) error {
	s.units = append(s.units, u)
	if s.posts += len(u.Posts); len(s.units) < seal.Batch && s.posts < maxSealPosts {
		return nil
	}
	return s.flush()
}

// flush seals the units that were added and of which nothing is in flight. Those that another worker seals at the same
// time are left to the next audit.
func (s *sealing) flush() error {
	units, err := s.landed()
	s.units, s.posts = nil, 0
	if err != nil || len(units) == 0 {
		return err
	}
	if err := s.writes(); err != nil {
		return err
	}
	sealed, err := seal.SealUnits(s.ctx, s.cluster, s.shard, units)
	if sealed < len(units) {
		for i := range units {
			s.lowest = min(s.lowest, units[i].ID())
		}
	}
	s.report.Sealed += int64(sealed)
	return err
}

// raise moves the mark below which everything is sealed.
func (s *sealing) raise() error {
	if err := s.writes(); err != nil {
		return err
	}
	return seal.RaiseMark(s.ctx, s.cluster, s.shard, seal.MarkSealed, s.lowest)
}
