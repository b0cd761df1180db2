package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Source returns what the ledger knows of a source's log. Error: shards.ErrUnavailable.
func (l *Ledger) Source(ctx context.Context, shard, source int, log string) (ledger.SourceLog, error) {
	if err := l.checkShard(shard); err != nil {
		return ledger.SourceLog{}, err
	}
	s := ledger.SourceLog{Source: source, Log: log}
	err := l.cluster.DB(shard).QueryRowContext(ctx, "SELECT epoch, up_to, rebuilding FROM "+l.tables[shard].Sources+
		" WHERE number = ? AND log = ?", source, log).Scan(&s.Epoch, &s.UpTo, &s.Rebuilding)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ledger.SourceLog{}, shards.Classify(fmt.Errorf("source %d of shard %d: %w", source, shard, err))
	}
	return s, nil
}

// Sources returns what the ledger knows of all sources of a shard by one of their logs. Error: shards.ErrUnavailable.
func (l *Ledger) Sources(ctx context.Context, shard int, log string) ([]ledger.SourceLog, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	all, err := rows.Select(ctx, l.cluster.DB(shard), func(row *sql.Rows) (ledger.SourceLog, error) {
		s := ledger.SourceLog{Log: log}
		err := row.Scan(&s.Source, &s.Epoch, &s.UpTo, &s.Rebuilding)
		return s, err
	}, "SELECT number, epoch, up_to, rebuilding FROM "+l.tables[shard].Sources+" WHERE log = ? ORDER BY number", log)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("sources of shard %d: %w", shard, err))
	}
	return all, nil
}

// Settle pays what was read from a log of a source, as Post does, and notes in the same transaction that the log is
// settled up to a record. Where the log is not as the caller knows it, nothing happens. At most maxPosts posts. Errors:
// ledger.ErrSourceMoved, shards.ErrUnavailable.
func (l *Ledger) Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
	upTo string) (ledger.PostResult, error) {
	if err := errors.Join(l.checkShard(shard), from.Check()); err != nil {
		return ledger.PostResult{}, err
	}
	if len(posts) > maxPosts {
		return ledger.PostResult{}, fmt.Errorf("mysqlledger: settle %d posts at a time: at most %d", len(posts),
			maxPosts)
	}
	check := func(tx *Tx) error { return tx.Settled(ctx, from, upTo) }
	if len(posts) == 0 {
		err := l.SQLTxOn(ctx, shard, check)
		return ledger.PostResult{}, wrapSettle(err, from, shard)
	}
	result, err := l.postChunk(ctx, shard, posts, check)
	if err != nil {
		return ledger.PostResult{}, wrapSettle(err, from, shard)
	}
	l.metrics.posts.Add(float64(result.Posted))
	l.metrics.rejections.Add(float64(len(result.Rejected)))
	return result, nil
}

func wrapSettle(err error, from ledger.SourceLog, shard int) error {
	if err == nil {
		return nil
	}
	return shards.Classify(fmt.Errorf("settle %s of source %d, shard %d: %w", from.Log, from.Source, shard, err))
}

// Settled locks a log of a source, and notes that it is settled up to a record. upTo may be from.UpTo: then the lock
// alone holds up a new epoch until the transaction is over. Error: ledger.ErrSourceMoved where the log is not as from
// says. It comes before all other locks of the transaction.
func (tx *Tx) Settled(ctx context.Context, from ledger.SourceLog, upTo string) error {
	to := from
	to.UpTo = upTo
	if err := to.Check(); err != nil {
		return err
	}
	moved, err := tx.moveSource(ctx, from, upTo)
	if err != nil || moved {
		return err
	}
	if from.Epoch != "" || from.UpTo != "" {
		return ledger.ErrSourceMoved
	}
	if err := tx.addSources(ctx, from.Source, from.Log); err != nil {
		return err
	}
	if moved, err = tx.moveSource(ctx, from, upTo); err != nil {
		return err
	}
	if !moved {
		return ledger.ErrSourceMoved
	}
	return nil
}

func (tx *Tx) moveSource(ctx context.Context, from ledger.SourceLog, upTo string) (moved bool, err error) {
	done, err := tx.sql.ExecContext(ctx, "UPDATE "+tx.tables.Sources+
		" SET up_to = ? WHERE number = ? AND log = ? AND epoch = ? AND up_to = ?", upTo, from.Source, from.Log,
		from.Epoch, from.UpTo)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected() // the rows found: see shards
	return n == 1, err
}

// addSources makes rows for logs that have none.
func (tx *Tx) addSources(ctx context.Context, source int, logs ...string) error {
	var args []any
	for _, log := range logs {
		args = append(args, source, log, "", "", 0)
	}
	head := "INSERT INTO " + tx.tables.Sources + " (number, log, epoch, up_to, rebuilding)"
	return rows.Insert(ctx, tx.sql, head, 5, args, " ON DUPLICATE KEY UPDATE number = VALUES(number)")
}

// BeginEpoch ends an epoch of a source with all its logs and begins another one, in which nothing is settled and the
// source is to be rebuilt. begun is false, and nothing happens, where the source is in another epoch than was. Error:
// shards.ErrUnavailable.
func (l *Ledger) BeginEpoch(ctx context.Context, shard, source int, logs []string, was, epoch,
	reason string) (begun bool, err error) {
	check := ledger.SourceLog{Source: source, Log: strings.Join(logs[:1], ""), Epoch: epoch}.Check()
	if err := errors.Join(l.checkShard(shard), check); err != nil {
		return false, err
	}
	err = l.SQLTxOn(ctx, shard, func(tx *Tx) error {
		begun = false
		if err := tx.addSources(ctx, source, logs...); err != nil {
			return err
		}
		var settled []string
		err := rows.Collect(ctx, tx.sql, func(row *sql.Rows) error {
			var log, upTo string
			err := row.Scan(&log, &upTo)
			settled = append(settled, log+" "+upTo)
			return err
		}, "SELECT log, up_to FROM "+tx.tables.Sources+" WHERE number = ? AND epoch = ? ORDER BY log FOR UPDATE",
			source, was)
		if err != nil || len(settled) == 0 {
			return err
		}
		_, err = tx.sql.ExecContext(ctx, "UPDATE "+tx.tables.Sources+
			" SET epoch = ?, up_to = '', rebuilding = 1 WHERE number = ?", epoch, source)
		if err != nil {
			return err
		}
		_, err = tx.sql.ExecContext(ctx, "INSERT INTO "+tx.tables.SourceRebuilds+
			" (number, epoch, was, settled, reason, began_at, ended_at)"+
			" VALUES (?, ?, ?, ?, ?, "+nowMillis+", 0)", source, epoch, was, strings.Join(settled, ", "), reason)
		begun = err == nil
		return err
	})
	return begun, wrap(err, "new epoch of source %d, shard %d", source, shard)
}

// nowMillis is the time of the shard's database.
const nowMillis = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"

// clockSQL is an expression for the time by which is decided what is due, in ms, with its arguments: that of the
// database which is asked.
func (l *Ledger) clockSQL() (expression string, args []any) {
	if l.clock != nil {
		return "?", []any{l.clock().UnixMilli()}
	}
	return nowMillis, nil
}

// clockOf is the time by which is decided what is due: that of the database which is asked.
func (l *Ledger) clockOf(ctx context.Context, q rows.Querier) (now time.Time, err error) {
	var ms int64
	clock, args := l.clockSQL()
	err = q.QueryRowContext(ctx, "SELECT "+clock, args...).Scan(&ms)
	return rows.Millis(ms), err
}

// EndRebuild notes that a source is as the ledger has it, unless it is in another epoch by now. Error:
// shards.ErrUnavailable.
func (l *Ledger) EndRebuild(ctx context.Context, shard, source int, epoch string) error {
	err := l.SQLTxOn(ctx, shard, func(tx *Tx) error {
		_, err := tx.sql.ExecContext(ctx, "UPDATE "+tx.tables.Sources+
			" SET rebuilding = 0 WHERE number = ? AND epoch = ?", source, epoch)
		if err != nil {
			return err
		}
		_, err = tx.sql.ExecContext(ctx, "UPDATE "+tx.tables.SourceRebuilds+
			" SET ended_at = "+nowMillis+" WHERE number = ? AND epoch = ? AND ended_at = 0", source, epoch)
		return err
	})
	return wrap(err, "end the rebuild of source %d, shard %d", source, shard)
}

// Rebuilds are the latest epochs that began on a shard, the newest first. Error: shards.ErrUnavailable.
func (l *Ledger) Rebuilds(ctx context.Context, shard, limit int) ([]ledger.Rebuild, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	all, err := rows.Select(ctx, l.cluster.DB(shard), func(row *sql.Rows) (ledger.Rebuild, error) {
		r := ledger.Rebuild{Shard: shard}
		err := row.Scan(&r.Source, &r.Epoch, &r.Was, &r.Settled, &r.Reason, &r.Began, &r.Ended)
		return r, err
	}, "SELECT number, epoch, was, settled, reason, began_at, ended_at FROM "+l.tables[shard].SourceRebuilds+
		" ORDER BY began_at DESC, number LIMIT ?", limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("rebuilds of shard %d: %w", shard, err))
	}
	return all, nil
}
