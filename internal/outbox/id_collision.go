package outbox

import (
	"context"
	"database/sql"

	"github.com/hongbao/hongbao/internal/shards/rows"
)

// notArrived returns the messages that did not arrive before. One that only bears the id of one that did gets another.
func (o *Outbox) notArrived(ctx context.Context, source, dest int, messages []Message) ([]Message, error) {
	args := []any{source}
	for _, m := range messages {
		args = append(args, m.ID)
	}
	ids, err := rows.Select(ctx, o.cluster.DB(dest), rows.Scalar[int64],
		"SELECT id FROM "+o.inbox(dest)+" WHERE source = ? AND id IN "+rows.In(len(messages)), args...)
	if err != nil {
		return nil, err
	}
	there := map[int64]bool{}
	for _, id := range ids {
		there[id] = true
	}
	var fresh []Message
	for _, m := range messages {
		if !there[m.ID] {
			fresh = append(fresh, m)
			continue
		}
		same, err := o.consumer(m.Kind).Arrived(ctx, o.cluster.DB(dest), dest, m)
		if err == nil && !same {
			err = o.rename(ctx, source, m)
		}
		if err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// rename gives a message that bears the id of another a new one, under which the next delivery brings it.
func (o *Outbox) rename(ctx context.Context, source int, m Message) error {
	id, err := o.cfg.IDs.New(source)
	if err != nil {
		return err
	}
	o.cfg.Log.Error(
		"an outbox message had the id of an earlier one and gets another: do two processes have the same --node?",
		"shard", source, "id", m.ID, "new", id)
	return o.cluster.Tx(ctx, source, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE "+o.outbox(source)+" SET id = ? WHERE dest = ? AND id = ?", id, m.Dest,
			m.ID)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 { // another worker has renamed it
			return err
		}
		return o.consumer(m.Kind).Renamed(ctx, tx, source, m, id)
	})
}
