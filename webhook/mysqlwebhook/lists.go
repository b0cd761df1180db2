package mysqlwebhook

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook"
)

const (
	eventColumns   = "id, owner, position, type, object, sequence, payload, at"
	attemptColumns = "event, endpoint, number, at, took, outcome, status, failure, timestamp, signature, answer"
)

// Events implements webhook.Store.
func (s *Store) Events(ctx context.Context, owner string, after int64, limit int) ([]webhook.Record, error) {
	return s.events(ctx, owner, "position > ? ORDER BY position", after, limit)
}

// LatestEvents implements webhook.Store.
func (s *Store) LatestEvents(ctx context.Context, owner string, before int64, limit int) ([]webhook.Record, error) {
	return s.events(ctx, owner, "position < ? ORDER BY position DESC", before, limit)
}

func (s *Store) events(
	ctx context.Context, owner, which string, position int64, limit int,
) ([]webhook.Record, error) {
	shard := s.cluster.ForUser(owner)
	found, err := rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (webhook.Record, error) {
		var r webhook.Record
		var at int64
		err := row.Scan(&r.ID, &r.Owner, &r.Position, &r.Type, &r.Object, &r.Sequence, &r.Payload, &at)
		r.At = rows.Millis(at)
		return r, err
	}, "SELECT "+eventColumns+" FROM "+tablesOf(s.cluster, shard).events+
		" WHERE owner = ? AND "+which+" LIMIT ?", owner, position, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("events: %w", err))
	}
	return found, nil
}

// Deliveries implements webhook.Store.
func (s *Store) Deliveries(
	ctx context.Context, owner string, id int64, state webhook.DeliveryState, before int64, limit int,
) ([]webhook.Delivery, error) {
	if _, err := s.Endpoint(ctx, owner, id); err != nil {
		return nil, err
	}
	shard, t, err := s.of(owner, id)
	if err != nil {
		return nil, err
	}
	where, args := "endpoint = ? AND event < ?", []any{id, rows.Below(before)}
	if state != "" {
		where, args = where+" AND state = ?", append(args, string(state))
	}
	found, err := rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (webhook.Delivery, error) {
		d := webhook.Delivery{Endpoint: id}
		var next int64
		err := row.Scan(&d.Event, &d.Type, &d.State, &d.Attempts, &d.Tries, &next, &d.Status)
		if d.State == webhook.DeliveryDue {
			d.NextAt = millis(next)
		}
		return d, err
	}, "SELECT event, type, state, attempts, tries, next_at, status FROM "+t.deliveries+" WHERE "+where+
		" ORDER BY event DESC LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("deliveries to webhook %d: %w", id, err))
	}
	return found, nil
}

// Attempts implements webhook.Store.
func (s *Store) Attempts(
	ctx context.Context, owner string, id, event int64, before, limit int,
) ([]webhook.Attempt, error) {
	if _, err := s.Endpoint(ctx, owner, id); err != nil {
		return nil, err
	}
	shard, t, err := s.of(owner, id)
	if err != nil {
		return nil, err
	}
	if before == 0 {
		before = math.MaxInt32
	}
	found, err := rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (webhook.Attempt, error) {
		var a webhook.Attempt
		var at, took int64
		var body []byte
		err := row.Scan(
			&a.Number, &at, &took, &a.Outcome, &a.Status, &a.Failure, &a.Timestamp, &a.Signature, &a.Answer, &body,
		)
		a.At, a.Took = rows.Millis(at), time.Duration(took)*time.Millisecond
		a.Signed = signature.Content(signature.Headers{ID: strconv.FormatInt(event, 10), Timestamp: a.Timestamp}, body)
		return a, err
	}, "SELECT a.number, a.at, a.took, a.outcome, a.status, a.failure, a.timestamp, a.signature, a.answer, e.payload "+
		"FROM "+t.attempts+" a JOIN "+t.events+" e ON e.id = a.event WHERE a.event = ? AND a.endpoint = ? "+
		"AND a.number < ? ORDER BY a.number DESC LIMIT ?", event, id, before, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("attempts of event %d at webhook %d: %w", event, id, err))
	}
	return found, nil
}

// Replay implements webhook.Store.
func (s *Store) Replay(
	ctx context.Context, owner string, id int64, which webhook.Range, at time.Time,
) (n int, err error) {
	err = s.change(ctx, owner, id, func(tx *mysqlledger.Tx, t tables) error {
		e, err := lockLive(ctx, tx.SQL(), t, owner, id)
		if err != nil {
			return err
		}
		if err := lockOwner(ctx, tx.SQL(), t, owner); err != nil { // so that no event is forgotten meanwhile
			return err
		}
		events, err := replayed(ctx, tx.SQL(), t, e, which)
		if err != nil {
			return err
		}
		args := make([]any, 0, 11*len(events))
		for _, r := range events {
			args = append(args, r.ID, id, r.Type, string(webhook.DeliveryDue), 0, 0, at.UnixMilli(), 0, "", 0, 1)
		}
		n = len(events)
		// An attempt that is under way loses its lease, so that it does not end what begins anew.
		return rows.Insert(ctx, tx.SQL(), "INSERT INTO "+t.deliveries+" ("+deliveryColumns+")", 11, args,
			" ON DUPLICATE KEY UPDATE state = VALUES(state), tries = 0, next_at = VALUES(next_at), lease = '', "+
				"leased_until = 0")
	})
	return n, err
}

// replayed reads the id and the type of the events of a range that an endpoint gets again.
func replayed(
	ctx context.Context, tx *sql.Tx, t tables, e webhook.Endpoint, which webhook.Range,
) ([]webhook.Record, error) {
	where, args := "at >= ? AND at < ? ORDER BY id LIMIT ?",
		[]any{e.Owner, which.From.UnixMilli(), which.To.UnixMilli(), webhook.MaxReplay + 1}
	if which.Event != 0 {
		where, args = "id = ? LIMIT 1", []any{e.Owner, which.Event}
	}
	found, err := rows.Select(ctx, tx, func(row *sql.Rows) (r webhook.Record, err error) {
		err = row.Scan(&r.ID, &r.Type)
		return r, err
	}, "SELECT id, type FROM "+t.events+" WHERE owner = ? AND "+where, args...)
	switch {
	case err != nil:
		return nil, err
	case which.Event != 0 && len(found) == 0:
		return nil, webhook.ErrEventNotFound
	case which.Event != 0:
		return found, nil
	case len(found) > webhook.MaxReplay:
		return nil, refusal.New(
			webhook.CodeReplayTooLarge,
			"there are more than %d events from then to then: ask for a shorter time",
			webhook.MaxReplay,
		)
	}
	var events []webhook.Record
	for _, r := range found {
		if webhook.Subscribed(e.Types, r.Type) {
			events = append(events, r)
		}
	}
	return events, nil
}
