package memledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Source returns what the ledger knows of a source's log.
func (l *Ledger) Source(ctx context.Context, n, source int, log string) (s ledger.SourceLog, err error) {
	err = l.read(ctx, n, func(at *state) { s = at.source(source, log) })
	return s, err
}

func (s *state) source(number int, log string) ledger.SourceLog {
	if known, ok := s.sources[sourceKey{number, log}]; ok {
		return known
	}
	return ledger.SourceLog{Source: number, Log: log}
}

// Sources returns what the ledger knows of all sources of a shard by one of their logs.
func (l *Ledger) Sources(ctx context.Context, n int, log string) (all []ledger.SourceLog, err error) {
	err = l.read(ctx, n, func(at *state) {
		for key, s := range at.sources {
			if key.log == log {
				all = append(all, s)
			}
		}
	})
	slices.SortFunc(all, func(a, b ledger.SourceLog) int { return cmp.Compare(a.Source, b.Source) })
	return all, err
}

// Settle pays what was read from a log of a source, as Post does, and notes in the same transaction that the log is
// settled up to a record. Error: ledger.ErrSourceMoved, then nothing happened.
func (l *Ledger) Settle(ctx context.Context, n int, posts []ledger.Post, from ledger.SourceLog,
	upTo string) (ledger.PostResult, error) {
	to := from
	to.UpTo = upTo
	if err := errors.Join(from.Check(), to.Check()); err != nil {
		return ledger.PostResult{}, err
	}
	return l.post(ctx, n, posts, func(tx *transaction) error {
		known := tx.source(from.Source, from.Log)
		if known.Epoch != from.Epoch || known.UpTo != from.UpTo {
			return ledger.ErrSourceMoved
		}
		known.UpTo = upTo
		put(tx, tx.sources, sourceKey{from.Source, from.Log}, known)
		return nil
	})
}

// BeginEpoch ends an epoch of a source with all its logs and begins another one, in which nothing is settled and the
// source is to be rebuilt. begun is false, and nothing happens, where the source is in another epoch than was.
func (l *Ledger) BeginEpoch(ctx context.Context, n, source int, logs []string, was, epoch,
	reason string) (begun bool, err error) {
	if err := l.checkShard(n); err != nil {
		return false, err
	}
	err = l.onShard(ctx, n, func(tx *transaction) error {
		settled := make([]string, 0, len(logs))
		for _, log := range logs {
			known := tx.source(source, log)
			if known.Epoch != was {
				return nil
			}
			settled = append(settled, log+" "+known.UpTo)
		}
		for _, log := range logs {
			to := ledger.SourceLog{Source: source, Log: log, Epoch: epoch, Rebuilding: true}
			if err := to.Check(); err != nil {
				return err
			}
			put(tx, tx.sources, sourceKey{source, log}, to)
		}
		begun = true
		set(tx, &tx.rebuilds, append(tx.rebuilds, ledger.Rebuild{Shard: n, Source: source, Epoch: epoch, Was: was,
			Settled: strings.Join(settled, ", "), Reason: reason, Began: l.now().UnixMilli()}))
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("new epoch of source %d: %w", source, err)
	}
	return begun, nil
}

// EndRebuild notes that a source is as the ledger has it, unless it is in another epoch by now.
func (l *Ledger) EndRebuild(ctx context.Context, n, source int, epoch string) error {
	if err := l.checkShard(n); err != nil {
		return err
	}
	return l.onShard(ctx, n, func(tx *transaction) error {
		for key, known := range tx.sources {
			if key.number == source && known.Epoch == epoch {
				known.Rebuilding = false
				put(tx, tx.sources, key, known)
			}
		}
		rebuilds := slices.Clone(tx.rebuilds)
		for i, r := range rebuilds {
			if r.Source == source && r.Epoch == epoch && r.Ended == 0 {
				rebuilds[i].Ended = l.now().UnixMilli()
			}
		}
		set(tx, &tx.rebuilds, rebuilds)
		return nil
	})
}

// Rebuilds are the latest epochs that began on a shard, the newest first.
func (l *Ledger) Rebuilds(ctx context.Context, n, limit int) (all []ledger.Rebuild, err error) {
	err = l.read(ctx, n, func(at *state) { all = slices.Clone(at.rebuilds) })
	slices.Reverse(all)
	return all[:min(len(all), limit)], err
}

// Rejections are the posts that contradicted a shard, in the order of hold, part and payee.
func (l *Ledger) Rejections(ctx context.Context, n int) (all []ledger.Rejection, err error) {
	err = l.read(ctx, n, func(at *state) { all = slices.Collect(maps.Values(at.rejections)) })
	slices.SortFunc(all, func(a, b ledger.Rejection) int {
		return cmp.Or(cmp.Compare(a.Hold, b.Hold), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Payee, b.Payee))
	})
	return all, err
}
