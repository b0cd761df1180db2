package mysqlrisk

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// MaxHistory bounds the claims that are read, about 300 bytes each.
const MaxHistory = 2_000_000

// historyPage is how many rows are read at a time.
const historyPage = 1000

// History says which of the ledger's records are claims.
type History struct {
	Holds map[ledger.Subject]risk.Kind // holds of users, by product
	Grabs ledger.Subject               // whose posts are shares that were won
	// OpenFor is how long a hold of Grabs is open at most.
	OpenFor time.Duration
}

// Past reads the claims from a time on that were carried out, in no order. It ends with an error where there are more
// than MaxHistory. Error: shards.ErrUnavailable.
func (s *Store) Past(ctx context.Context, h History, since time.Time) ([]risk.Past, error) {
	r := &reading{store: s, History: h, since: since.UnixMilli()}
	for _, shard := range s.cluster.All() {
		for _, read := range []func(context.Context, int) error{r.holds, r.fundings, r.grabs} {
			if err := read(ctx, shard); err != nil {
				return nil, shards.Classify(fmt.Errorf("history of shard %d: %w", shard, err))
			}
		}
	}
	return r.past, nil
}

// reading is a walk over the records of the past.
type reading struct {
	store *Store
	History
	since int64 // Unix milliseconds
	past  []risk.Past
}

func (r *reading) add(c risk.Claim, at int64) error {
	if len(r.past) == MaxHistory {
		return fmt.Errorf("there are more than %d claims: begin later", MaxHistory)
	}
	if !ledger.IsProductAccount(c.User) {
		r.past = append(r.past, risk.Past{Claim: c, At: rows.Millis(at)})
	}
	return nil
}

// from is the lowest id that a record may have that was made at a time, and some before: clocks differ.
func from(at time.Time) int64 { return shards.FirstAt(at.Add(-time.Hour)) }

// pages reads rows by their ids until there are no more. scan returns the id of a row.
func (r *reading) pages(ctx context.Context, shard int, after int64, query string, scan func(*sql.Rows) (int64, error),
	args ...any) error {
	for {
		n := 0
		err := rows.Collect(ctx, r.store.cluster.DB(shard), func(row *sql.Rows) (err error) {
			n++
			after, err = scan(row)
			return err
		}, query, append([]any{after}, append(args, historyPage)...)...)
		if err != nil || n < historyPage {
			return err
		}
	}
}

func (r *reading) holds(ctx context.Context, shard int) error {
	t := mysqlledger.TablesOf(r.store.cluster, shard)
	return r.pages(ctx, shard, from(time.UnixMilli(r.since)),
		"SELECT id, subject, owner, counterparty, currency, amount, created_at FROM "+t.Holds+
			" WHERE id > ? AND created_at >= ? ORDER BY id LIMIT ?", func(row *sql.Rows) (int64, error) {
			var id, at int64
			var subject ledger.Subject
			var c risk.Claim
			err := row.Scan(&id, &subject, &c.User, &c.Payee, &c.Amount.Currency, &c.Amount.Minor, &at)
			kind, known := r.Holds[subject]
			if err != nil || !known {
				return id, err
			}
			if c.Kind, c.RequestID = kind, strconv.FormatInt(id, 10); kind == risk.Payment {
				c.Payee = "" // a call names no payee either
			}
			return id, r.add(c, at)
		}, r.since)
}

func (r *reading) fundings(ctx context.Context, shard int) error {
	t := mysqlledger.TablesOf(r.store.cluster, shard)
	return r.pages(ctx, shard, from(time.UnixMilli(r.since)),
		"SELECT id, user, kind, currency, amount, created_at FROM "+t.Fundings+
			" WHERE id > ? AND created_at >= ? AND state <> ? ORDER BY id LIMIT ?",
		func(row *sql.Rows) (int64, error) {
			var id, at int64
			var kind ledger.EntryKind
			var c risk.Claim
			err := row.Scan(&id, &c.User, &kind, &c.Amount.Currency, &c.Amount.Minor, &at)
			if err != nil {
				return 0, err
			}
			if c.Kind, c.RequestID = risk.TopUp, strconv.FormatInt(id, 10); kind == ledger.EntryWithdrawal {
				c.Kind = risk.Withdrawal
			}
			return id, r.add(c, at)
		}, r.since, string(wallet.FundingRefused))
}

// grabs reads the shares that were won, of a page of envelopes at a time.
func (r *reading) grabs(ctx context.Context, shard int) error {
	t := mysqlledger.TablesOf(r.store.cluster, shard)
	after := from(time.UnixMilli(r.since).Add(-r.OpenFor))
	for {
		ids, err := rows.Select(ctx, r.store.cluster.DB(shard), rows.Scalar[int64],
			"SELECT id FROM "+t.Holds+" WHERE id > ? AND subject = ? ORDER BY id LIMIT ?", after, string(r.Grabs),
			historyPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		args := make([]any, len(ids), len(ids)+1)
		for i, id := range ids {
			args[i] = id
		}
		err = rows.Collect(ctx, r.store.cluster.DB(shard), func(row *sql.Rows) error {
			var hold, at int64
			c := risk.Claim{Kind: risk.Grab}
			if err := row.Scan(&hold, &c.User, &c.Amount.Currency, &c.Amount.Minor, &at); err != nil {
				return err
			}
			c.RequestID = strconv.FormatInt(hold, 10)
			return r.add(c, at)
		}, "SELECT p.hold, p.payee, h.currency, p.amount, p.at FROM "+t.Posts+" p JOIN "+t.Holds+
			" h ON h.id = p.hold WHERE p.hold IN "+rows.In(len(ids))+" AND p.at >= ?", append(args, r.since)...)
		if err != nil {
			return err
		}
	}
}
