package mysqlwebhook

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook"
)

// errLeaseLost says that a delivery is not claimed by this lease any more.
var errLeaseLost = errors.New("mysqlwebhook: the lease is lost")

// Waiting implements webhook.Queue. It reads one entry of an index for each endpoint that has due deliveries.
func (s *Store) Waiting(ctx context.Context, shard int, now time.Time) ([]webhook.Waiting, error) {
	t := tablesOf(s.cluster, shard)
	dueAt := map[int64]int64{}
	var ids []int64
	err := rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
		var id, at int64
		err := row.Scan(&id, &at)
		dueAt[id], ids = at, append(ids, id)
		return err
	}, "SELECT endpoint, MIN(next_at) AS due FROM "+t.deliveries+" FORCE INDEX (to_do) WHERE state = ? "+
		"GROUP BY endpoint", string(webhook.DeliveryDue))
	var waiting []webhook.Waiting
	oldest := now.UnixMilli()
	for chunk := range slices.Chunk(ids, rows.Max) {
		if err != nil {
			break
		}
		err = rows.Collect(ctx, s.cluster.DB(shard), func(row *sql.Rows) error {
			var w webhook.Waiting
			var notBefore int64
			if err := row.Scan(&w.Endpoint, &w.State, &notBefore); err != nil {
				return err
			}
			w.NotBefore = millis(notBefore)
			due := dueAt[w.Endpoint] <= now.UnixMilli()
			if due && w.State == webhook.StateActive && notBefore <= now.UnixMilli() {
				oldest = min(oldest, dueAt[w.Endpoint])
			}
			if due || w.State == webhook.StateDisabled {
				waiting = append(waiting, w)
			}
			return nil
		}, "SELECT id, state, not_before FROM "+t.endpoints+" WHERE id IN "+rows.In(len(chunk)), rows.Args(chunk)...)
	}
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("webhooks of shard %d: %w", shard, err))
	}
	age := time.Duration(now.UnixMilli()-oldest) * time.Millisecond
	s.metrics.oldest.WithLabelValues(strconv.Itoa(shard)).Set(age.Seconds())
	return waiting, nil
}

// Claim implements webhook.Queue. It reads candidates without a lock and takes those that are still free, so two
// workers that claim at the same time wait for each other only where they want the same delivery.
func (s *Store) Claim(
	ctx context.Context, shard int, endpoint int64, now time.Time, limit int,
) ([]webhook.Message, error) {
	messages, err := s.claim(ctx, shard, endpoint, now, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("claim deliveries to webhook %d: %w", endpoint, err))
	}
	return messages, nil
}

func (s *Store) claim(
	ctx context.Context, shard int, endpoint int64, now time.Time, limit int,
) ([]webhook.Message, error) {
	db, t := s.cluster.DB(shard), tablesOf(s.cluster, shard)
	found, err := rows.Select(ctx, db, scanEndpoint, "SELECT "+endpointColumns+" FROM "+t.endpoints+
		" WHERE id = ? AND state = ?", endpoint, string(webhook.StateActive))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	keys, err := s.readKeys(ctx, db, t, now, endpoint)
	if err != nil {
		return nil, err
	}
	candidates, err := rows.Select(ctx, db, rows.Scalar[int64], "SELECT event FROM "+t.deliveries+
		" FORCE INDEX (to_do) WHERE state = ? AND endpoint = ? AND next_at <= ? AND leased_until <= UNIX_TIMESTAMP()"+
		" ORDER BY next_at LIMIT ?", string(webhook.DeliveryDue), endpoint, now.UnixMilli(), limit)
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	lease := newLease()
	in, events := "event IN "+rows.In(len(candidates)), rows.Args(candidates)
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		args := append([]any{lease, int(webhook.Lease.Seconds())}, events...)
		_, err := tx.ExecContext(ctx, "UPDATE "+t.deliveries+
			" SET lease = ?, leased_until = UNIX_TIMESTAMP() + ? WHERE "+in+
			" AND endpoint = ? AND state = ? AND next_at <= ? AND leased_until <= UNIX_TIMESTAMP()",
			append(args, endpoint, string(webhook.DeliveryDue), now.UnixMilli())...)
		return err
	})
	if err != nil {
		return nil, err
	}
	e := found[0]
	return rows.Select(ctx, db, func(row *sql.Rows) (webhook.Message, error) {
		m := webhook.Message{Endpoint: endpoint, Owner: e.Owner, URL: e.URL, Keys: keys[endpoint], Lease: lease}
		err := row.Scan(&m.Event, &m.Tries, &m.Attempts, &m.Payload)
		return m, err
	}, "SELECT d.event, d.tries, d.attempts, e.payload FROM "+t.deliveries+" d JOIN "+t.events+
		" e ON e.id = d.event WHERE d."+in+" AND d.endpoint = ? AND d.lease = ? ORDER BY d.next_at, d.event",
		append(events, endpoint, lease)...)
}

// newLease is a name that no other claim has.
func newLease() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Release implements webhook.Queue.
func (s *Store) Release(ctx context.Context, m webhook.Message) error {
	shard, t, err := s.of(m.Owner, m.Endpoint)
	if err != nil {
		return err
	}
	_, err = s.cluster.DB(shard).ExecContext(ctx, "UPDATE "+t.deliveries+
		" SET lease = '', leased_until = 0 WHERE event = ? AND endpoint = ? AND lease = ?",
		m.Event, m.Endpoint, m.Lease)
	return shards.Classify(err)
}

// Bury implements webhook.Queue.
func (s *Store) Bury(ctx context.Context, shard int, endpoint int64, limit int) (buried int, err error) {
	t := tablesOf(s.cluster, shard)
	done, err := s.cluster.DB(shard).ExecContext(ctx, "UPDATE "+t.deliveries+
		" SET state = ?, lease = '', leased_until = 0 WHERE state = ? AND endpoint = ? LIMIT ?",
		string(webhook.DeliveryDead), string(webhook.DeliveryDue), endpoint, limit)
	if err != nil {
		return 0, shards.Classify(fmt.Errorf("bury deliveries to webhook %d: %w", endpoint, err))
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// Record implements webhook.Queue. Locks: the endpoint, if its state may change, and then the delivery.
func (s *Store) Record(ctx context.Context, m webhook.Message, r webhook.Result) (bool, error) {
	var disabled webhook.Reason
	err := s.change(ctx, m.Owner, m.Endpoint, func(tx *mysqlledger.Tx, t tables) (err error) {
		if disabled, err = s.noteEndpoint(ctx, tx, t, m, r); err != nil {
			return err
		}
		done, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.deliveries+" SET state = ?, tries = tries + 1, "+
			"attempts = attempts + 1, next_at = ?, status = ?, lease = '', leased_until = 0 "+
			"WHERE event = ? AND endpoint = ? AND lease = ? AND state = ?",
			string(r.State), unixMilli(r.NextAt), r.Status,
			m.Event, m.Endpoint, m.Lease, string(webhook.DeliveryDue))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errLeaseLost) // and nothing of the transaction happens
		}
		_, err = tx.SQL().ExecContext(ctx, "INSERT INTO "+t.attempts+" ("+attemptColumns+") VALUES "+rows.In(11),
			m.Event, m.Endpoint, m.Attempts+1, r.At.UnixMilli(), r.Took.Milliseconds(), string(r.Outcome), r.Status,
			r.Failure, r.Timestamp, r.Signature, append([]byte{}, r.Body...))
		return err
	})
	switch {
	case errors.Is(err, errLeaseLost):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("record an attempt: %w", err)
	}
	s.metrics.attempts.WithLabelValues(string(r.Outcome)).Inc()
	s.metrics.took.Observe(r.Took.Seconds())
	if disabled != "" {
		s.metrics.disabled.WithLabelValues(string(disabled)).Inc()
	}
	return true, nil
}

// noteEndpoint notes on an endpoint what an attempt says about it, and disables it where that is the end.
func (s *Store) noteEndpoint(
	ctx context.Context, tx *mysqlledger.Tx, t tables, m webhook.Message, r webhook.Result,
) (disabled webhook.Reason, err error) {
	if r.Outcome == webhook.OutcomeDelivered {
		// The row is locked only if it changes: deliveries that succeed do not wait for each other.
		_, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.endpoints+
			" SET failing_since = 0, throttle = 0 WHERE id = ? AND (failing_since <> 0 OR throttle <> 0)", m.Endpoint)
		return "", err
	}
	e, err := lock(ctx, tx.SQL(), t, m.Owner, m.Endpoint)
	if err != nil || e.State == webhook.StateDisabled {
		return "", err
	}
	if e.FailingSince.IsZero() {
		e.FailingSince = r.At
	}
	switch {
	case r.Outcome == webhook.OutcomeGone:
		disabled = webhook.ReasonGone
	case r.At.Sub(e.FailingSince) >= webhook.FailureLimit:
		disabled = webhook.ReasonFailing
	case r.Outcome == webhook.OutcomeThrottled && !r.At.Before(e.NotBefore): // else another attempt has told it before
		if err := throttle(ctx, tx.SQL(), t, m.Endpoint, r); err != nil {
			return "", err
		}
	}
	if disabled != "" {
		return disabled, s.disable(ctx, tx, t, e, disabled, r.At)
	}
	_, err = tx.SQL().ExecContext(ctx,
		"UPDATE "+t.endpoints+" SET failing_since = ? WHERE id = ? AND failing_since = 0", e.FailingSince.UnixMilli(),
		m.Endpoint)
	return "", err
}

// throttle gives a locked endpoint the pause that it asks for.
func throttle(ctx context.Context, tx *sql.Tx, t tables, endpoint int64, r webhook.Result) error {
	var before int64
	row := tx.QueryRowContext(ctx, "SELECT throttle FROM "+t.endpoints+" WHERE id = ?", endpoint)
	if err := row.Scan(&before); err != nil {
		return err
	}
	pause := webhook.Throttle(time.Duration(before)*time.Millisecond, r.RetryAfter)
	_, err := tx.ExecContext(ctx, "UPDATE "+t.endpoints+" SET throttle = ?, not_before = ? WHERE id = ?",
		pause.Milliseconds(), r.At.Add(r.Took+pause).UnixMilli(), endpoint)
	return err
}

// disable disables a locked endpoint and tells its owner. The deliveries that are due are buried later.
func (s *Store) disable(
	ctx context.Context, tx *mysqlledger.Tx, t tables, e webhook.Endpoint, reason webhook.Reason, at time.Time,
) error {
	_, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.endpoints+
		" SET state = ?, reason = ?, failing_since = ?, changed_at = ? WHERE id = ?", string(webhook.StateDisabled),
		string(reason), e.FailingSince.UnixMilli(), at.UnixMilli(), e.ID)
	if err != nil {
		return err
	}
	data, err := json.Marshal(struct {
		ID     string         `json:"id"`
		URL    string         `json:"url"`
		Reason webhook.Reason `json:"reason"`
		Since  int64          `json:"failing_since"`
	}{strconv.FormatInt(e.ID, 10), e.URL, reason, e.FailingSince.UnixMilli()})
	if err != nil {
		return err
	}
	return s.Publish(ctx, tx, webhook.Event{
		Owner: e.Owner, Type: webhook.TypeDisabled, Object: webhook.ObjectOf(e.ID), Data: data, At: at,
	})
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
