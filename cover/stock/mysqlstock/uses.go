package mysqlstock

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// kindUse is that of messages that carry uses to their covers' shards.
const kindUse outbox.Kind = "cover_use"

// use is one on its way. The hour is in Unix milliseconds.
type use struct {
	Cover   int64 `json:"c"`
	Hour    int64 `json:"h"`
	Sent    int64 `json:"s"`
	Opened  int64 `json:"o"`
	Reached int64 `json:"r"`
}

// uses are the content of a message: what one batch of a bucket's log says of the covers of a shard.
type uses struct {
	Bucket int   `json:"bucket"`
	Batch  int64 `json:"batch"`
	All    []use `json:"uses"`
}

// Size implements outbox.Content.
func (u uses) Size() int { return len(u.All) }

// counted is the position up to which a bucket's log was counted, and in how many batches.
func counted(ctx context.Context, q rows.Querier, t tables, bucket int, lock string) (
	upTo pots.Position, batches int64, err error,
) {
	err = rows.Collect(ctx, q, func(row *sql.Rows) error { return row.Scan(&upTo, &batches) },
		"SELECT up_to, batches FROM "+t.counted+" WHERE bucket = ?"+lock, bucket)
	return upTo, batches, err
}

// Counted implements stock.Store.
func (s *Store) Counted(ctx context.Context, shard, bucket int) (pots.Position, error) {
	upTo, _, err := counted(ctx, s.cluster.DB(shard), tablesOf(s.cluster, shard), bucket, "")
	return upTo, shards.Classify(err)
}

// Count implements stock.Store.
func (s *Store) Count(ctx context.Context, shard, bucket int, after, upTo pots.Position, all []stock.Use) error {
	err := s.ledger.SQLTxOn(ctx, shard, func(tx *mysqlledger.Tx) error {
		t := tablesOf(s.cluster, shard)
		last, batches, err := counted(ctx, tx.SQL(), t, bucket, " FOR UPDATE")
		if err != nil || last != after {
			return err
		}
		batches++
		_, err = tx.SQL().ExecContext(ctx, "INSERT INTO "+t.counted+" (bucket, up_to, batches) VALUES (?, ?, ?)"+
			" ON DUPLICATE KEY UPDATE up_to = VALUES(up_to), batches = VALUES(batches)", bucket, string(upTo), batches)
		if err != nil {
			return err
		}
		byShard := map[int][]use{}
		for _, u := range all {
			if dest, ok := s.cluster.ShardOf(u.Cover); ok {
				byShard[dest] = append(byShard[dest], use{u.Cover, u.At.UnixMilli(), u.Sent, u.Opened, u.Reached})
			}
		}
		messages := make([]outbox.Message, 0, len(byShard))
		for dest, of := range byShard {
			payload, err := json.Marshal(uses{bucket, batches, of})
			if err != nil {
				return fmt.Errorf("encode uses of covers: %w", err)
			}
			messages = append(messages, outbox.Message{Dest: dest, Kind: kindUse, Payload: payload})
		}
		tx.Send(messages...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("count uses of covers in bucket %d: %w", bucket, err)
	}
	return nil
}

// Uses implements stock.Store.
func (s *Store) Uses(ctx context.Context, cover int64, from, to time.Time) ([]stock.Use, error) {
	return read(ctx, s, cover, func(row *sql.Rows) (stock.Use, error) {
		u, at := stock.Use{Cover: cover}, int64(0)
		err := row.Scan(&at, &u.Sent, &u.Opened, &u.Reached)
		u.At = rows.Millis(at)
		return u, err
	}, func(t tables) string {
		return "SELECT hour, SUM(sent), SUM(opened), SUM(reached) FROM " + t.uses +
			" WHERE cover = ? AND hour >= ? AND hour < ? GROUP BY hour ORDER BY hour"
	}, cover, hourOf(from), to.UnixMilli())
}

// UseConsumer takes in uses on their covers' shards. It is safe for concurrent use.
type UseConsumer struct {
	cluster *shards.Cluster
	used    func(cover int64)
}

var (
	_ outbox.Consumer = UseConsumer{}
	_ outbox.Follower = UseConsumer{}
)

// NewUseConsumer makes a UseConsumer. used is called when a cover's uses are counted, and must not wait for anything.
func NewUseConsumer(c *shards.Cluster, used func(cover int64)) UseConsumer {
	return UseConsumer{c, used}
}

// Follow implements outbox.Follower.
func (c UseConsumer) Follow(messages []outbox.Message) {
	for _, m := range messages {
		for _, u := range m.Content().(uses).All {
			c.used(u.Cover)
		}
	}
}

// Patient implements outbox.Patient: the number of uses is for the merchant's console.
func (c UseConsumer) Patient() {}

// Kind implements outbox.Consumer.
func (c UseConsumer) Kind() outbox.Kind { return kindUse }

// Decode implements outbox.Consumer.
func (c UseConsumer) Decode(payload []byte) (outbox.Content, error) {
	var all uses
	if err := json.Unmarshal(payload, &all); err != nil {
		return nil, fmt.Errorf("uses of covers: %w", err)
	}
	if len(all.All) == 0 {
		return nil, errors.New("uses of covers: there are none")
	}
	return all, nil
}

// Renamed implements outbox.Consumer: nothing names the message that carried a use.
func (c UseConsumer) Renamed(context.Context, *sql.Tx, int, outbox.Message, int64) error { return nil }

// Arrived implements outbox.Consumer. A bucket's batches arrive in order, and the uses of a message commit together.
func (c UseConsumer) Arrived(ctx context.Context, q rows.Querier, shard int, m outbox.Message) (bool, error) {
	of := m.Content().(uses)
	found, err := rows.Select(ctx, q, rows.Scalar[int], "SELECT 1 FROM "+tablesOf(c.cluster, shard).uses+
		" WHERE cover = ? AND hour = ? AND bucket = ? AND batch >= ?", of.All[0].Cover, of.All[0].Hour, of.Bucket,
		of.Batch)
	return len(found) > 0, err
}

// Consume implements outbox.Consumer.
func (c UseConsumer) Consume(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) error {
	t := tablesOf(c.cluster, shard)
	for _, m := range messages {
		of := m.Content().(uses)
		var args []any
		for _, u := range of.All {
			args = append(args, u.Cover, u.Hour, of.Bucket, of.Batch, u.Sent, u.Opened, u.Reached)
		}
		err := rows.Insert(ctx, tx, "INSERT INTO "+t.uses+" (cover, hour, bucket, batch, sent, opened, reached)", 7,
			args, " ON DUPLICATE KEY UPDATE batch = VALUES(batch), sent = sent + VALUES(sent),"+
				" opened = opened + VALUES(opened), reached = reached + VALUES(reached)")
		if err != nil {
			return err
		}
	}
	return nil
}
