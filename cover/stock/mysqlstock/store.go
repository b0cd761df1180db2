// Package mysqlstock keeps the pieces of covers in the shards of a ledger: what concerns a cover on the cover's shard,
// holdings on their user's.
package mysqlstock

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Store is a stock.Store. It is safe for concurrent use. Every method may fail with shards.ErrUnavailable.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
	events  merchant.ServerEvents
}

var _ stock.Store = (*Store)(nil)

// New makes a Store, which tells merchants' servers of what is settled. It makes no connection.
func New(c *shards.Cluster, l *mysqlledger.Ledger, e merchant.ServerEvents) *Store {
	return &Store{c, l, e}
}

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "stock_version"})
}

// tables are the full names of a shard's tables.
type tables struct{ stocks, batches, withdrawals, channels, codes, claims, hours, holdings, uses, counted string }

func tablesOf(c *shards.Cluster, shard int) tables {
	return tables{
		stocks: c.Table(shard, "cover_stocks"), batches: c.Table(shard, "cover_batches"),
		withdrawals: c.Table(shard, "cover_withdrawals"), channels: c.Table(shard, "cover_channels"),
		codes: c.Table(shard, "cover_codes"), claims: c.Table(shard, "cover_claims"),
		hours: c.Table(shard, "cover_hours"), holdings: c.Table(shard, "cover_holdings"),
		uses: c.Table(shard, "cover_use_hours"), counted: c.Table(shard, "cover_use_logs"),
	}
}

// of is the shard that an id carries. Error: stock.ErrNotFound.
func (s *Store) of(id int64) (*shards.DB, tables, error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return nil, tables{}, stock.ErrNotFound
	}
	return s.cluster.DB(shard), tablesOf(s.cluster, shard), nil
}

// Buy implements stock.Store.
func (s *Store) Buy(
	ctx context.Context, r ledger.Request, of stock.Stock, b stock.Batch, h ledger.Hold,
) (stock.Batch, error) {
	err := s.ledger.SQLTx(ctx, of.Cover, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, h.Owner, r, b.ID); err != nil {
			return err
		}
		t := tablesOf(s.cluster, tx.Shard())
		if err := grow(ctx, tx.SQL(), t, of, b.Pieces); err != nil {
			return err
		}
		if err := room(ctx, tx.SQL(), t.batches, of.Cover, stock.MaxBatches, "purchases"); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(ctx, "INSERT INTO "+t.batches+" ("+batchColumns+") VALUES "+rows.In(9), b.ID,
			b.Cover, b.Pieces, b.Price.Minor, string(b.Price.Currency), 0, 0, b.By, b.At.UnixMilli())
		if shards.IsDuplicate(err) {
			return mysqlledger.ErrIDExists
		}
		if err != nil {
			return err
		}
		_, err = tx.Hold(ctx, h, ledger.HoldOptions{})
		return err
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		db, t, err := s.of(before.Reference)
		if err != nil {
			return stock.Batch{}, err
		}
		return one(ctx, db, scanBatch, "SELECT "+batchColumns+" FROM "+t.batches+" WHERE id = ?", before.Reference)
	}
	if err != nil {
		return stock.Batch{}, fmt.Errorf("stock of cover %d: %w", of.Cover, err)
	}
	return b, nil
}

// grow adds pieces to a stock, locks it, and makes its pot stale.
func grow(ctx context.Context, tx *sql.Tx, t tables, of stock.Stock, pieces int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.stocks+
		" (cover, merchant, mode, bought, claimed, withdrawn, version, stale, seen_ms, seen_seq) VALUES "+rows.In(10)+
		" ON DUPLICATE KEY UPDATE bought = bought + VALUES(bought), version = version + 1, stale = 1",
		of.Cover, of.Merchant, string(of.Mode), pieces, 0, 0, 1, 1, 0, 0)
	return err
}

// room refuses another row of a cover where there are as many as there may be. The cover's stock is locked.
func room(ctx context.Context, tx *sql.Tx, table string, cover int64, most int, what string) error {
	var n int
	err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table+" WHERE cover = ?", cover).Scan(&n)
	if err == nil && n >= most {
		err = refusal.New(stock.CodeTooMany, "a cover has at most %d %s", most, what)
	}
	return err
}

// Withdraw implements stock.Store.
func (s *Store) Withdraw(
	ctx context.Context, account string, r ledger.Request, w stock.Withdrawal,
) (stock.Withdrawal, error) {
	err := s.ledger.SQLTx(ctx, w.Cover, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, account, r, w.ID); err != nil {
			return err
		}
		return insertWithdrawal(ctx, tx.SQL(), tablesOf(s.cluster, tx.Shard()), w)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return s.Withdrawal(ctx, before.Reference)
	}
	if err != nil {
		return stock.Withdrawal{}, fmt.Errorf("withdraw from cover %d: %w", w.Cover, err)
	}
	return w, nil
}

func insertWithdrawal(ctx context.Context, tx *sql.Tx, t tables, w stock.Withdrawal) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.withdrawals+" ("+withdrawalColumns+") VALUES "+rows.In(7), w.ID,
		w.Cover, w.Asked, 0, false, w.By, w.At.UnixMilli())
	return err
}

// WithdrawRest implements stock.Store.
func (s *Store) WithdrawRest(ctx context.Context, id, cover int64, at time.Time) error {
	return s.ledger.SQLTx(ctx, cover, func(tx *mysqlledger.Tx) error {
		t := tablesOf(s.cluster, tx.Shard())
		of, _, err := lock(ctx, tx.SQL(), t, cover)
		if err != nil {
			return err
		}
		var open int
		err = tx.SQL().QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.withdrawals+
			" WHERE cover = ? AND ordered_by = '' AND done = 0", cover).Scan(&open)
		if err != nil || open > 0 || of.Left() < 1 {
			return err
		}
		return insertWithdrawal(ctx, tx.SQL(), t, stock.Withdrawal{ID: id, Cover: cover, Asked: of.Left(), At: at})
	})
}

// OpenChannel implements stock.Store.
func (s *Store) OpenChannel(
	ctx context.Context, account string, r ledger.Request, of stock.Stock, c stock.Channel,
) (stock.Channel, error) {
	err := s.ledger.SQLTx(ctx, of.Cover, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, account, r, c.ID); err != nil {
			return err
		}
		t := tablesOf(s.cluster, tx.Shard())
		if err := grow(ctx, tx.SQL(), t, of, 0); err != nil {
			return err
		}
		if err := room(ctx, tx.SQL(), t.channels, of.Cover, stock.MaxChannels, "channels"); err != nil {
			return err
		}
		var secret []byte
		if c.Kind == stock.KindLink {
			secret = c.Code.Secret()
		}
		_, err := tx.SQL().ExecContext(ctx, "INSERT INTO "+t.channels+" ("+channelColumns+") VALUES "+rows.In(13), c.ID,
			c.Cover, string(c.Kind), c.Name, c.Quota, millis(c.StartsAt), millis(c.EndsAt), false,
			secretOf(secret), 0, 0,
			c.By, c.At.UnixMilli())
		return err
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return s.Channel(ctx, before.Reference)
	}
	if err != nil {
		return stock.Channel{}, fmt.Errorf("channel of cover %d: %w", of.Cover, err)
	}
	return c, nil
}

// secretOf is a secret as a column that is never NULL has it.
func secretOf(secret []byte) []byte {
	if secret == nil {
		return []byte{}
	}
	return secret
}

// CloseChannel implements stock.Store.
func (s *Store) CloseChannel(ctx context.Context, id int64) (stock.Channel, error) {
	c, err := s.Channel(ctx, id)
	if err != nil || c.Closed {
		return c, err
	}
	err = s.ledger.SQLTx(ctx, id, func(tx *mysqlledger.Tx) error {
		t := tablesOf(s.cluster, tx.Shard())
		if _, _, err := lock(ctx, tx.SQL(), t, c.Cover); err != nil {
			return err
		}
		if _, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.channels+" SET closed = 1 WHERE id = ?", id); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(ctx, "UPDATE "+t.stocks+
			" SET version = version + 1, stale = 1 WHERE cover = ?", c.Cover)
		return err
	})
	if err != nil {
		return stock.Channel{}, fmt.Errorf("close channel %d: %w", id, err)
	}
	return s.Channel(ctx, id)
}

// AddCodes implements stock.Store.
func (s *Store) AddCodes(
	ctx context.Context, account string, r ledger.Request, channel int64, digests []string,
) (first bool, err error) {
	c, err := s.Channel(ctx, channel)
	if err != nil {
		return false, err
	}
	err = s.ledger.SQLTx(ctx, channel, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, account, r, channel); err != nil {
			return err
		}
		t := tablesOf(s.cluster, tx.Shard())
		if _, _, err := lock(ctx, tx.SQL(), t, c.Cover); err != nil {
			return err
		}
		if err := room(ctx, tx.SQL(), t.codes, c.Cover, stock.MaxAllCodes-len(digests)+1, "codes"); err != nil {
			return err
		}
		args := make([]any, 0, 5*len(digests))
		for _, d := range digests {
			args = append(args, channel, d, c.Cover, "", false)
		}
		err := rows.Insert(ctx, tx.SQL(), "INSERT INTO "+t.codes+" (channel, digest, cover, user, in_pot)", 5, args, "")
		if err != nil {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, "UPDATE "+t.channels+" SET codes = codes + ? WHERE id = ?", len(digests),
			channel)
		if err != nil {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, "UPDATE "+t.stocks+" SET stale = 1 WHERE cover = ?", c.Cover)
		return err
	})
	if _, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("codes of channel %d: %w", channel, err)
	}
	return true, nil
}

// lock reads and locks a stock, and the position up to which it is settled. Error: stock.ErrNotFound.
func lock(ctx context.Context, tx *sql.Tx, t tables, cover int64) (stock.Stock, position, error) {
	var seen position
	of, err := one(ctx, tx, func(row *sql.Rows) (stock.Stock, error) { return scanStock(row, &seen.ms, &seen.seq) },
		"SELECT "+stockColumns+", seen_ms, seen_seq FROM "+t.stocks+" WHERE cover = ? FOR UPDATE", cover)
	return of, seen, err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
