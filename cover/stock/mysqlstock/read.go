package mysqlstock

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

const (
	stockColumns      = "cover, merchant, mode, bought, claimed, withdrawn, version"
	batchColumns      = "id, cover, pieces, unit, currency, claimed, withdrawn, bought_by, bought_at"
	withdrawalColumns = "id, cover, asked, pieces, done, ordered_by, ordered_at"
	channelColumns    = "id, cover, kind, name, quota, starts_at, ends_at, closed, secret, codes, claimed, " +
		"opened_by, opened_at"
	claimColumns   = "user, channel, digest, claimed_at"
	holdingColumns = "user, cover, channel, claimed_at, usable_until"
)

// page is how many rows are read at a time where all are read.
const page = 500

func scanStock(row *sql.Rows, more ...any) (s stock.Stock, err error) {
	var mode string
	err = row.Scan(append([]any{&s.Cover, &s.Merchant, &mode, &s.Bought, &s.Claimed, &s.Withdrawn, &s.Version},
		more...)...)
	s.Mode = merchant.Mode(mode)
	return s, err
}

func scanBatch(row *sql.Rows) (b stock.Batch, err error) {
	var at int64
	var currency string
	err = row.Scan(&b.ID, &b.Cover, &b.Pieces, &b.Price.Minor, &currency, &b.Claimed, &b.Withdrawn, &b.By, &at)
	b.Price.Currency, b.At = ledger.Currency(currency), rows.Millis(at)
	return b, err
}

func scanWithdrawal(row *sql.Rows) (w stock.Withdrawal, err error) {
	var at int64
	err = row.Scan(&w.ID, &w.Cover, &w.Asked, &w.Pieces, &w.Done, &w.By, &at)
	w.At = rows.Millis(at)
	return w, err
}

func scanChannel(row *sql.Rows) (c stock.Channel, err error) {
	var starts, ends, at int64
	var kind string
	var secret []byte
	err = row.Scan(&c.ID, &c.Cover, &kind, &c.Name, &c.Quota, &starts, &ends, &c.Closed, &secret, &c.Codes, &c.Claimed,
		&c.By, &at)
	c.Kind, c.Code, c.At = stock.Kind(kind), stock.WithSecret(c.ID, secret), rows.Millis(at)
	c.StartsAt, c.EndsAt = timeOf(starts), timeOf(ends)
	return c, err
}

func scanHolding(row *sql.Rows) (h stock.Holding, err error) {
	var at, until int64
	err = row.Scan(&h.User, &h.Cover, &h.Channel, &at, &until)
	h.ClaimedAt, h.UsableUntil = rows.Millis(at), rows.Millis(until)
	return h, err
}

// timeOf is a time of a column; zero for 0.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return rows.Millis(ms)
}

// one reads the only row of a query. Error: stock.ErrNotFound.
func one[T any](
	ctx context.Context, q rows.Querier, scan func(*sql.Rows) (T, error), query string, args ...any,
) (found T, err error) {
	all, err := rows.Select(ctx, q, scan, query, args...)
	switch {
	case err != nil:
		return found, err
	case len(all) == 0:
		return found, stock.ErrNotFound
	}
	return all[0], nil
}

// read reads rows of a cover, outside of a transaction.
func read[T any](
	ctx context.Context, s *Store, cover int64, scan func(*sql.Rows) (T, error),
	query func(tables) string, args ...any,
) ([]T, error) {
	db, t, err := s.of(cover)
	if err != nil {
		return nil, err
	}
	all, err := rows.Select(ctx, db, scan, query(t), args...)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("stock of cover %d: %w", cover, err))
	}
	return all, nil
}

// readOne is read for one row. Error: stock.ErrNotFound.
func readOne[T any](
	ctx context.Context, s *Store, id int64, scan func(*sql.Rows) (T, error), query func(tables) string, args ...any,
) (found T, err error) {
	all, err := read(ctx, s, id, scan, query, args...)
	if err == nil && len(all) == 0 {
		err = stock.ErrNotFound
	}
	if err != nil {
		return found, err
	}
	return all[0], nil
}

// Get implements stock.Store.
func (s *Store) Get(ctx context.Context, cover int64) (stock.Stock, error) {
	all, err := read(ctx, s, cover, func(row *sql.Rows) (stock.Stock, error) { return scanStock(row) },
		func(t tables) string { return "SELECT " + stockColumns + " FROM " + t.stocks + " WHERE cover = ?" }, cover)
	if err != nil || len(all) == 0 {
		return stock.Stock{Cover: cover}, err
	}
	return all[0], nil
}

// Batches implements stock.Store.
func (s *Store) Batches(ctx context.Context, cover int64) ([]stock.Batch, error) {
	return read(ctx, s, cover, scanBatch, func(t tables) string {
		return "SELECT " + batchColumns + " FROM " + t.batches + " WHERE cover = ? ORDER BY id DESC"
	}, cover)
}

// Withdrawals implements stock.Store.
func (s *Store) Withdrawals(ctx context.Context, cover int64) ([]stock.Withdrawal, error) {
	return read(ctx, s, cover, scanWithdrawal, func(t tables) string {
		return "SELECT " + withdrawalColumns + " FROM " + t.withdrawals + " WHERE cover = ? ORDER BY id DESC LIMIT ?"
	}, cover, page)
}

// Channels implements stock.Store.
func (s *Store) Channels(ctx context.Context, cover int64) ([]stock.Channel, error) {
	return read(ctx, s, cover, scanChannel, func(t tables) string {
		return "SELECT " + channelColumns + " FROM " + t.channels + " WHERE cover = ? ORDER BY id DESC"
	}, cover)
}

// Withdrawal implements stock.Store.
func (s *Store) Withdrawal(ctx context.Context, id int64) (stock.Withdrawal, error) {
	return readOne(ctx, s, id, scanWithdrawal, func(t tables) string {
		return "SELECT " + withdrawalColumns + " FROM " + t.withdrawals + " WHERE id = ?"
	}, id)
}

// Channel implements stock.Store.
func (s *Store) Channel(ctx context.Context, id int64) (stock.Channel, error) {
	return readOne(ctx, s, id, scanChannel, func(t tables) string {
		return "SELECT " + channelColumns + " FROM " + t.channels + " WHERE id = ?"
	}, id)
}

func scanCode(row *sql.Rows) (c stock.IssuedCode, err error) {
	err = row.Scan(&c.Channel, &c.Digest, &c.User)
	return c, err
}

// Code implements stock.Store.
func (s *Store) Code(ctx context.Context, channel int64, digest string) (stock.IssuedCode, error) {
	return readOne(ctx, s, channel, scanCode, func(t tables) string {
		return "SELECT channel, digest, user FROM " + t.codes + " WHERE channel = ? AND digest = ?"
	}, channel, digest)
}

// Hours implements stock.Store.
func (s *Store) Hours(ctx context.Context, cover int64, from, to time.Time) ([]stock.Hour, error) {
	return read(ctx, s, cover, func(row *sql.Rows) (h stock.Hour, err error) {
		var at int64
		err = row.Scan(&at, &h.Channel, &h.Views, &h.Claims)
		h.At = rows.Millis(at)
		return h, err
	}, func(t tables) string {
		return "SELECT hour, channel, views, claims FROM " + t.hours +
			" WHERE cover = ? AND hour >= ? AND hour < ? ORDER BY hour, channel"
	}, cover, hourOf(from), to.UnixMilli())
}

// hourOf is when the hour of a time begins, in Unix milliseconds.
func hourOf(at time.Time) int64 { return at.Truncate(time.Hour).UnixMilli() }

// Terms implements stock.Store. The stock is read first: a change between the two leaves the pot stale.
func (s *Store) Terms(ctx context.Context, cover int64) (stock.Terms, error) {
	of, err := s.Get(ctx, cover)
	if err != nil {
		return stock.Terms{}, err
	}
	channels, err := s.Channels(ctx, cover)
	return stock.Terms{Cover: cover, Version: of.Version, Bought: of.Bought, Channels: channels}, err
}

// Contents implements stock.Store. What is settled while they are read may be among them or not: a pot is filled only
// where there is none that could give anything away.
func (s *Store) Contents(ctx context.Context, cover int64) (stock.Contents, error) {
	of, err := s.Get(ctx, cover)
	if err != nil {
		return stock.Contents{}, err
	}
	return stock.Contents{
		Withdrawn: of.Withdrawn,
		Withdrawals: pages(func(after *stock.Withdrawal) ([]stock.Withdrawal, error) {
			var id int64
			if after != nil {
				id = after.ID
			}
			return read(ctx, s, cover, scanWithdrawal, func(t tables) string {
				return "SELECT " + withdrawalColumns + " FROM " + t.withdrawals +
					" WHERE cover = ? AND done = 1 AND id > ? ORDER BY id LIMIT ?"
			}, cover, id, page)
		}),
		Claims: pages(func(after *stock.Claim) ([]stock.Claim, error) {
			var user string
			if after != nil {
				user = after.User
			}
			return read(ctx, s, cover, scanClaim(cover), func(t tables) string {
				return "SELECT " + claimColumns + " FROM " + t.claims +
					" WHERE cover = ? AND user > ? ORDER BY user LIMIT ?"
			}, cover, user, page)
		}),
		Codes: pages(func(after *stock.IssuedCode) ([]stock.IssuedCode, error) {
			var last stock.IssuedCode
			if after != nil {
				last = *after
			}
			return s.codesAfter(ctx, cover, last)
		}),
	}, nil
}

// codesAfter walks the codes of a cover, channel by channel.
func (s *Store) codesAfter(ctx context.Context, cover int64, last stock.IssuedCode) ([]stock.IssuedCode, error) {
	return read(ctx, s, cover, scanCode, func(t tables) string {
		return "SELECT c.channel, c.digest, c.user FROM " + t.codes + " c JOIN " + t.channels +
			" h ON h.id = c.channel WHERE h.cover = ? AND (c.channel > ? OR c.channel = ? AND c.digest > ?)" +
			" ORDER BY c.channel, c.digest LIMIT ?"
	}, cover, last.Channel, last.Channel, last.Digest, page)
}

func scanClaim(cover int64) func(*sql.Rows) (stock.Claim, error) {
	return func(row *sql.Rows) (stock.Claim, error) {
		c := stock.Claim{Cover: cover}
		var at int64
		err := row.Scan(&c.User, &c.Channel, &c.Digest, &at)
		c.At = rows.Millis(at)
		return c, err
	}
}

// pages reads all rows, some at a time.
func pages[T any](fetch func(after *T) ([]T, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var last *T
		for {
			some, err := fetch(last)
			if len(some) == 0 && err == nil || !yield(some, err) || err != nil || len(some) < page {
				return
			}
			last = &some[len(some)-1]
		}
	}
}

// Stale implements stock.Store.
func (s *Store) Stale(ctx context.Context, shard, limit int) ([]stock.Stock, error) {
	t := tablesOf(s.cluster, shard)
	return s.onShard(ctx, shard, "SELECT "+stockColumns+" FROM "+t.stocks+" WHERE stale = 1 ORDER BY cover LIMIT ?",
		limit)
}

// Stocks implements stock.Store.
func (s *Store) Stocks(ctx context.Context, shard int, after int64, limit int) ([]stock.Stock, error) {
	t := tablesOf(s.cluster, shard)
	return s.onShard(ctx, shard, "SELECT "+stockColumns+" FROM "+t.stocks+" WHERE cover > ? ORDER BY cover LIMIT ?",
		after, limit)
}

func (s *Store) onShard(ctx context.Context, shard int, query string, args ...any) ([]stock.Stock, error) {
	all, err := rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (stock.Stock, error) {
		return scanStock(row)
	},
		query, args...)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("stocks of shard %d: %w", shard, err))
	}
	return all, nil
}

// Ordered implements stock.Store.
func (s *Store) Ordered(ctx context.Context, shard, limit int) ([]stock.Withdrawal, error) {
	all, err := rows.Select(ctx, s.cluster.DB(shard), scanWithdrawal, "SELECT "+withdrawalColumns+" FROM "+
		tablesOf(s.cluster, shard).withdrawals+" WHERE done = 0 ORDER BY id LIMIT ?", limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("withdrawals of shard %d: %w", shard, err))
	}
	return all, nil
}

// UpToDate implements stock.Store. Codes that were made meanwhile leave the stock stale.
func (s *Store) UpToDate(ctx context.Context, cover, version int64) error {
	db, t, err := s.of(cover)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "UPDATE "+t.stocks+" SET stale = 0 WHERE cover = ? AND version = ? AND NOT EXISTS "+
		"(SELECT 1 FROM "+t.codes+" WHERE cover = ? AND in_pot = 0)", cover, version, cover)
	return shards.Classify(err)
}

// CodesToAdd implements stock.Store.
func (s *Store) CodesToAdd(ctx context.Context, cover int64, limit int) ([]stock.IssuedCode, error) {
	return read(ctx, s, cover, scanCode, func(t tables) string {
		return "SELECT channel, digest, user FROM " + t.codes + " WHERE cover = ? AND in_pot = 0 LIMIT ?"
	}, cover, limit)
}

// CodesAdded implements stock.Store.
func (s *Store) CodesAdded(ctx context.Context, cover int64, codes []stock.IssuedCode) error {
	return s.ledger.SQLTx(ctx, cover, func(tx *mysqlledger.Tx) error {
		t := tablesOf(s.cluster, tx.Shard())
		args := make([]any, 0, 5*len(codes))
		for _, c := range codes {
			args = append(args, c.Channel, c.Digest, cover, "", true)
		}
		return rows.Insert(ctx, tx.SQL(), "INSERT INTO "+t.codes+" (channel, digest, cover, user, in_pot)", 5, args,
			" ON DUPLICATE KEY UPDATE in_pot = 1")
	})
}

// Holding implements stock.Store.
func (s *Store) Holding(ctx context.Context, user string, cover int64) (stock.Holding, error) {
	shard := s.cluster.ForUser(user)
	h, err := one(ctx, s.cluster.DB(shard), scanHolding, "SELECT "+holdingColumns+" FROM "+
		tablesOf(s.cluster, shard).holdings+" WHERE user = ? AND cover = ?", user, cover)
	return h, shards.Classify(err)
}

// Holdings implements stock.Store.
func (s *Store) Holdings(ctx context.Context, user string, before time.Time, limit int) ([]stock.Holding, error) {
	shard := s.cluster.ForUser(user)
	all, err := rows.Select(ctx, s.cluster.DB(shard), scanHolding, "SELECT "+holdingColumns+" FROM "+
		tablesOf(s.cluster, shard).holdings+" WHERE user = ? AND claimed_at < ? ORDER BY claimed_at DESC, cover "+
		"LIMIT ?",
		user, rows.Below(millis(before)), limit)
	return all, shards.Classify(err)
}
