package mysqlstock

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// kind is that of messages that carry holdings to their users' shards.
const kind outbox.Kind = "cover_holding"

// holding is one on its way. Times are Unix milliseconds.
type holding struct {
	User    string `json:"u"`
	Cover   int64  `json:"c"`
	Channel int64  `json:"h"`
	At      int64  `json:"a"`
	Until   int64  `json:"t"`
}

// holdings are the content of a message.
type holdings struct {
	All []holding `json:"holdings"`
}

// Size implements outbox.Content.
func (h holdings) Size() int { return len(h.All) }

// Consumer takes in holdings on their users' shards. It is safe for concurrent use.
type Consumer struct{ cluster *shards.Cluster }

var _ outbox.Consumer = Consumer{}

// NewConsumer makes a Consumer.
func NewConsumer(c *shards.Cluster) Consumer { return Consumer{c} }

// Kind implements outbox.Consumer.
func (c Consumer) Kind() outbox.Kind { return kind }

// Decode implements outbox.Consumer.
func (c Consumer) Decode(payload []byte) (outbox.Content, error) {
	var all holdings
	if err := json.Unmarshal(payload, &all); err != nil {
		return nil, fmt.Errorf("holdings of covers: %w", err)
	}
	if len(all.All) == 0 {
		return nil, errors.New("holdings of covers: there are none")
	}
	return all, nil
}

// Renamed implements outbox.Consumer: nothing names the message that carried a holding.
func (c Consumer) Renamed(context.Context, *sql.Tx, int, outbox.Message, int64) error { return nil }

// Arrived implements outbox.Consumer. The holdings of a message commit together, so checking the first suffices.
func (c Consumer) Arrived(ctx context.Context, q rows.Querier, shard int, m outbox.Message) (bool, error) {
	first := m.Content().(holdings).All[0]
	found, err := rows.Select(ctx, q, rows.Scalar[int], "SELECT 1 FROM "+tablesOf(c.cluster, shard).holdings+
		" WHERE user = ? AND cover = ?", first.User, first.Cover)
	return len(found) > 0, err
}

// Consume implements outbox.Consumer.
func (c Consumer) Consume(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) error {
	var args []any
	for _, m := range messages {
		for _, h := range m.Content().(holdings).All {
			args = append(args, h.User, h.Cover, h.Channel, h.At, h.Until)
		}
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+tablesOf(c.cluster, shard).holdings+" ("+holdingColumns+")", 5, args,
		" ON DUPLICATE KEY UPDATE cover = VALUES(cover)")
}
