// Package mysqlmerchant keeps merchants in the shards of a ledger, each on the shard of its applicant.
package mysqlmerchant

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Store is a merchant.Store. It is safe for concurrent use. Every method may fail with shards.ErrUnavailable.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
	events  merchant.ServerEvents // nil: merchants' servers hear of nothing
}

var _ merchant.Store = (*Store)(nil)

// New makes a Store. It makes no connection.
func New(c *shards.Cluster, l *mysqlledger.Ledger) *Store { return &Store{cluster: c, ledger: l} }

// PublishTo returns the store with somebody who tells merchants' servers of what changes.
func (s *Store) PublishTo(e merchant.ServerEvents) *Store {
	return &Store{cluster: s.cluster, ledger: s.ledger, events: e}
}

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "merchant_version"})
}

// tables are the full names of a shard's tables.
type tables struct{ merchants, members, keys, history, nonces string }

func (s *Store) tables(shard int) tables {
	return tables{
		merchants: s.cluster.Table(shard, "merchants"), members: s.cluster.Table(shard, "merchant_members"),
		keys: s.cluster.Table(shard, "merchant_keys"), history: s.cluster.Table(shard, "merchant_history"),
		nonces: s.cluster.Table(shard, "merchant_nonces"),
	}
}

// drawsPerShard bounds how often NewID draws: of so many draws for each shard one fits, but once in e^64 times.
const drawsPerShard = 64

// NewID implements merchant.Store. It draws about as often as there are shards, 25,600 times a second at most.
func (s *Store) NewID(applicant string) (int64, error) {
	if err := refusal.CheckID("applicant", applicant); err != nil {
		return 0, err
	}
	home := s.cluster.ForUser(applicant)
	for range drawsPerShard * s.cluster.Shards() {
		id, err := s.ledger.NewID(applicant)
		if err != nil || s.cluster.ForUser(merchant.Account(id, merchant.Live, merchant.Available)) == home {
			return id, err
		}
	}
	return 0, fmt.Errorf("mysqlmerchant: no id for a merchant of %q was drawn", applicant)
}

// Apply implements merchant.Store.
func (s *Store) Apply(
	ctx context.Context, r ledger.Request, m merchant.Merchant, first merchant.Edit,
) (merchant.Merchant, error) {
	err := s.ledger.SQLTx(ctx, m.ID, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, m.Applicant, r, m.ID); err != nil {
			return err
		}
		t := s.tables(tx.Shard())
		_, err := tx.SQL().ExecContext(ctx, "INSERT INTO "+t.merchants+" ("+merchantColumns+") VALUES "+rows.In(13),
			m.ID, m.Name, m.LegalID, m.Country, m.MCC, m.Contact, joined(m.Currencies), string(m.State), m.Applicant,
			m.CreatedAt.UnixMilli(), m.ChangedAt.UnixMilli(), 0, 0)
		if shards.IsDuplicate(err) {
			return mysqlledger.ErrIDExists
		}
		if err != nil {
			return err
		}
		return s.carryOut(ctx, tx, merchant.Record{Merchant: m}, first)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		found, err := s.Get(ctx, before.Reference)
		return found.Merchant, err
	}
	if err != nil {
		return merchant.Merchant{}, fmt.Errorf("merchant %d: %w", m.ID, err)
	}
	m.History = 1
	return m, nil
}

// Update implements merchant.Store.
func (s *Store) Update(
	ctx context.Context, id int64, by string, side merchant.Side, request ledger.Request,
	f func(merchant.Record) (merchant.Edit, error),
) (r merchant.Record, made int64, repeated bool, err error) {
	if _, ok := s.cluster.ShardOf(id); !ok {
		return r, 0, false, merchant.ErrNotFound
	}
	err = s.ledger.SQLTx(ctx, id, func(tx *mysqlledger.Tx) error {
		t := s.tables(tx.Shard())
		if r, err = read(ctx, tx.SQL(), t, id, " FOR UPDATE"); err != nil {
			return err
		}
		if made, repeated, err = before(ctx, tx.SQL(), t, id, by, side, request); err != nil || repeated {
			return err
		}
		edit, err := f(r)
		if err != nil {
			return err
		}
		if err := s.carryOut(ctx, tx, r, edit); err != nil {
			return err
		}
		made = edit.Change.Made
		r, err = read(ctx, tx.SQL(), t, id, "")
		return err
	})
	if err != nil {
		return merchant.Record{}, 0, false, err
	}
	return r, made, repeated, nil
}

// before looks for a change that was made with the same request. Refusal: request_conflict.
func before(
	ctx context.Context, q rows.Querier, t tables, id int64, by string, side merchant.Side, request ledger.Request,
) (made int64, repeated bool, err error) {
	var fingerprint []byte
	err = q.QueryRowContext(ctx, "SELECT fingerprint, made FROM "+t.history+
		" WHERE merchant = ? AND side = ? AND changed_by = ? AND request_id = ?",
		id, string(side), by, request.ID).Scan(&fingerprint, &made)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err == nil && !bytes.Equal(fingerprint, request.Fingerprint[:]):
		err = refusal.New(refusal.CodeRequestConflict,
			"request_id %q was used before for something else: use a new one for each new request", request.ID)
	}
	return made, err == nil, err
}

// carryOut writes what an edit makes of a merchant whose row is locked or new.
func (s *Store) carryOut(ctx context.Context, tx *mysqlledger.Tx, r merchant.Record, e merchant.Edit) error {
	t, state, changed := s.tables(tx.Shard()), r.State, r.ChangedAt
	if e.State != "" {
		state, changed = e.State, e.Change.At
	}
	_, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.merchants+
		" SET state = ?, changed_at = ?, history = ?, test_ahead = ? WHERE id = ?",
		string(state), changed.UnixMilli(), r.History+1, max(r.TestAhead, e.TestAhead).Milliseconds(), r.ID)
	if err != nil {
		return err
	}
	if err := writeChange(ctx, tx.SQL(), t, r.ID, r.History+1, e.Change); err != nil {
		return err
	}
	if err := writeMember(ctx, tx.SQL(), t, r.ID, e); err != nil {
		return err
	}
	if k := e.Ending; k != nil {
		_, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.keys+" SET state = ?, expires_at = ? WHERE id = ?",
			string(k.State), millis(k.ExpiresAt), k.ID)
		if err != nil {
			return err
		}
	}
	if e.Key != nil {
		if err := insertKey(ctx, tx.SQL(), t, *e.Key); err != nil {
			return err
		}
	}
	if err := tx.Index(ctx, e.Index...); err != nil {
		return err
	}
	if err := tx.Publish(ctx, e.Events...); err != nil || s.events == nil {
		return err
	}
	return s.events.Publish(ctx, tx, e.ServerEvents...)
}

func writeMember(ctx context.Context, tx *sql.Tx, t tables, id int64, e merchant.Edit) error {
	if e.Remove != "" {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+t.members+" WHERE merchant = ? AND user = ?", id, e.Remove)
		return err
	}
	if m := e.Member; m != nil {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+t.members+" (merchant, user, role, since) VALUES "+rows.In(4)+
			" ON DUPLICATE KEY UPDATE role = VALUES(role)", id, m.User, string(m.Role), m.Since.UnixMilli())
		return err
	}
	return nil
}

func writeChange(ctx context.Context, tx *sql.Tx, t tables, id, seq int64, c merchant.Change) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.history+
		" (merchant, "+changeColumns+", request_id, fingerprint, made) VALUES "+rows.In(13),
		id, seq, c.At.UnixMilli(), c.By, string(c.Side), c.Action, c.Object, c.From, c.To, c.Reason,
		c.Request.ID, c.Request.Fingerprint[:], c.Made)
	return err
}

const (
	merchantColumns = "id, name, legal_id, country, mcc, contact, currencies, state, applicant, created_at, " +
		"changed_at, history, test_ahead"
	changeColumns = "seq, at, changed_by, side, action, object, was, became, reason"
)

func scanMerchant(row *sql.Rows) (m merchant.Merchant, err error) {
	var currencies string
	var created, changed, ahead int64
	err = row.Scan(&m.ID, &m.Name, &m.LegalID, &m.Country, &m.MCC, &m.Contact, &currencies, &m.State, &m.Applicant,
		&created, &changed, &m.History, &ahead)
	m.TestAhead = time.Duration(ahead) * time.Millisecond
	m.Currencies = split[ledger.Currency](currencies)
	m.CreatedAt, m.ChangedAt = rows.Millis(created), rows.Millis(changed)
	return m, err
}

func scanMember(row *sql.Rows) (m merchant.Member, err error) {
	var since int64
	err = row.Scan(&m.User, &m.Role, &since)
	m.Since = rows.Millis(since)
	return m, err
}

func scanChange(row *sql.Rows) (c merchant.Change, err error) {
	var at int64
	err = row.Scan(&c.Seq, &at, &c.By, &c.Side, &c.Action, &c.Object, &c.From, &c.To, &c.Reason)
	c.At = rows.Millis(at)
	return c, err
}

// read reads a merchant with its members and keys; tail is FOR UPDATE or nothing. Error: merchant.ErrNotFound.
func read(ctx context.Context, q rows.Querier, t tables, id int64, tail string) (r merchant.Record, err error) {
	found, err := rows.Select(ctx, q, scanMerchant, "SELECT "+merchantColumns+" FROM "+t.merchants+" WHERE id = ?"+tail,
		id)
	if err == nil && len(found) == 0 {
		err = merchant.ErrNotFound
	}
	if err != nil {
		return r, err
	}
	r.Merchant = found[0]
	r.Members, err = rows.Select(ctx, q, scanMember,
		"SELECT user, role, since FROM "+t.members+" WHERE merchant = ? ORDER BY user", id)
	if err != nil {
		return r, err
	}
	r.Keys, err = rows.Select(ctx, q, scanKey, "SELECT "+keyColumns+" FROM "+t.keys+" WHERE merchant = ? ORDER BY id",
		id)
	return r, err
}

// Get implements merchant.Store.
func (s *Store) Get(ctx context.Context, id int64) (merchant.Record, error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return merchant.Record{}, merchant.ErrNotFound
	}
	r, err := read(ctx, s.cluster.DB(shard), s.tables(shard), id, "")
	if err != nil && !errors.Is(err, merchant.ErrNotFound) {
		err = shards.Classify(fmt.Errorf("merchant %d: %w", id, err))
	}
	return r, err
}

// Lines implements merchant.Store.
func (s *Store) Lines(ctx context.Context, ids []int64) ([]merchant.Merchant, error) {
	return shards.GetAll(ctx, s.cluster, ids, func(m merchant.Merchant) int64 { return m.ID },
		func(ctx context.Context, shard int, ids []int64) ([]merchant.Merchant, error) {
			return rows.Select(ctx, s.cluster.DB(shard), scanMerchant,
				"SELECT "+merchantColumns+" FROM "+s.tables(shard).merchants+" WHERE id IN "+rows.In(len(ids)),
				rows.Args(ids)...)
		})
}

// membership is a row of merchant_members of one user.
type membership struct {
	merchant int64
	role     merchant.Role
}

// MemberOf implements merchant.Store.
func (s *Store) MemberOf(ctx context.Context, ids []int64, user string) (map[int64]merchant.Role, error) {
	found, err := shards.GetAll(ctx, s.cluster, ids, func(m membership) int64 { return m.merchant },
		func(ctx context.Context, shard int, ids []int64) ([]membership, error) {
			return rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (m membership, err error) {
				err = row.Scan(&m.merchant, &m.role)
				return m, err
			}, "SELECT merchant, role FROM "+s.tables(shard).members+
				" WHERE merchant IN "+rows.In(len(ids))+" AND user = ?", append(rows.Args(ids), user)...)
		})
	roles := make(map[int64]merchant.Role, len(found))
	for _, m := range found {
		roles[m.merchant] = m.role
	}
	return roles, err
}

// History implements merchant.Store.
func (s *Store) History(ctx context.Context, id, before int64, limit int) ([]merchant.Change, error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return nil, merchant.ErrNotFound
	}
	changes, err := rows.Select(ctx, s.cluster.DB(shard), scanChange,
		"SELECT "+changeColumns+" FROM "+s.tables(shard).history+
			" WHERE merchant = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
		id, rows.Below(before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("history of merchant %d: %w", id, err))
	}
	return changes, nil
}

// millis is a time as it is stored, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is the inverse of millis.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return rows.Millis(ms)
}
