package audit

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// Sizes of what the audit reads at a time.
const (
	pageSize   = 1000
	outboxPage = 16  // outbox rows, each of which may have thousands of legs
	lookupSize = 200 // keys of one lookup
)

const rollbackTimeout = 2 * time.Second

// snapshot is a connection that sees one server as it was at one moment.
type snapshot struct {
	*sql.Conn
	at time.Time // by the server's clock
}

func takeSnapshot(ctx context.Context, db *sql.DB) (*snapshot, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{Conn: conn}
	// The first statement is for the next transaction only.
	for _, statement := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			s.close()
			return nil, err
		}
	}
	var ms int64
	if err := s.QueryRowContext(ctx, "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)").Scan(&ms); err != nil {
		s.close()
		return nil, err
	}
	s.at = rows.Millis(ms)
	return s, nil
}

func (s *snapshot) close() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout) // also when the audit was cancelled
	defer cancel()
	_, _ = s.ExecContext(ctx, "ROLLBACK") // a connection on which that fails is broken and not used again
	_ = s.Close()
}

func entryPages(ctx context.Context, s *snapshot, t mysqlledger.Tables) iter.Seq2[entry, error] {
	return rows.Pages(pageSize, func(after *entry) (page []entry, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE account > ? OR (account = ? AND (currency > ? OR (currency = ? AND seq > ?)))"
			args = []any{after.Account, after.Account, string(after.Currency), string(after.Currency), after.Seq}
		}
		return rows.Select(ctx, s, seal.ScanEntry, "SELECT "+seal.EntryColumns+" FROM "+t.Entries+where+
			" ORDER BY account, currency, seq LIMIT ?", append(args, pageSize)...)
	})
}

// accountRow is a row of accounts.
type accountRow struct {
	accountKey
	state
}

func accountPages(ctx context.Context, s *snapshot, t mysqlledger.Tables) iter.Seq2[accountRow, error] {
	return rows.Pages(pageSize, func(after *accountRow) (page []accountRow, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE account > ? OR (account = ? AND currency > ?)"
			args = []any{after.account, after.account, string(after.currency)}
		}
		err = rows.Collect(ctx, s, func(row *sql.Rows) error {
			var r accountRow
			err := row.Scan(&r.account, &r.currency, &r.balance, &r.seq)
			page = append(page, r)
			return err
		}, "SELECT account, currency, balance, seq FROM "+t.Accounts+where+" ORDER BY account, currency LIMIT ?",
			append(args, pageSize)...)
		return page, err
	})
}

// unsealed restricts pages of holds and orders to those that are not sealed.
func (r *run) unsealed() string {
	if r.incremental {
		return "sealed = 0 AND "
	}
	return ""
}

func holdPages(ctx context.Context, s *snapshot, t mysqlledger.Tables,
	which string) iter.Seq2[ledger.Hold, error] {
	return rows.Pages(lookupSize, func(after *ledger.Hold) (page []ledger.Hold, err error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return mysqlledger.SelectHolds(ctx, s, t, "WHERE "+which+"id > ? ORDER BY id LIMIT ?", id, lookupSize)
	})
}

// postRow is a row of posts.
type postRow struct {
	ledger.Post
	outbox int64
	draw   int
}

// sealed is the post as it is sealed.
func (p postRow) sealed() seal.Post {
	return seal.Post{Part: p.Part, Payee: p.Payee, Amount: p.Minor, At: p.At.UnixMilli(), Outbox: p.outbox,
		Draw: p.draw}
}

func scanPost(row *sql.Rows) (p postRow, err error) {
	var at int64
	err = row.Scan(&p.Hold, &p.Part, &p.Payee, &p.Minor, &at, &p.outbox, &p.draw)
	p.At = rows.Millis(at)
	return p, err
}

// postPages are the posts of holds, of all where none are given.
func postPages(ctx context.Context, s *snapshot, t mysqlledger.Tables, holds ...int64) iter.Seq2[postRow, error] {
	return rows.Pages(pageSize, func(after *postRow) ([]postRow, error) {
		where, args := " WHERE 1 = 1", []any{}
		if len(holds) > 0 {
			where, args = " WHERE hold IN "+rows.In(len(holds)), rows.Args(holds)
		}
		if after != nil {
			where += " AND (hold > ? OR (hold = ? AND part > ?))"
			args = append(args, after.Hold, after.Hold, after.Part)
		}
		return rows.Select(ctx, s, scanPost, "SELECT hold, part, payee, amount, at, outbox, draw FROM "+t.Posts+where+
			" ORDER BY hold, part LIMIT ?", append(args, pageSize)...)
	})
}

func fundingPages(ctx context.Context, s *snapshot, t mysqlledger.Tables,
	which string) iter.Seq2[[]wallet.FundingOrder, error] {
	return rows.Chunks(rows.Pages(lookupSize, func(after *wallet.FundingOrder) ([]wallet.FundingOrder, error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return mysqlledger.SelectFundings(ctx, s, t, "WHERE "+which+"id > ? ORDER BY id LIMIT ?", id, lookupSize)
	}), lookupSize)
}

func rejectionPages(ctx context.Context, s *snapshot, t mysqlledger.Tables) iter.Seq2[ledger.Resolution, error] {
	return rows.Pages(pageSize, func(after *ledger.Resolution) ([]ledger.Resolution, error) {
		where, args := "", []any{}
		if after != nil {
			where = "WHERE r.hold > ? OR (r.hold = ? AND (r.part > ? OR (r.part = ? AND (r.payee > ? OR (r.payee = ? " +
				"AND r.amount > ?)))))"
			payee := []byte(after.Payee)
			args = []any{after.Hold, after.Hold, after.Part, after.Part, payee, payee, after.Minor}
		}
		return mysqlledger.SelectResolutions(ctx, s, t, where+" ORDER BY r.hold, r.part, r.payee, r.amount LIMIT ?",
			append(args, pageSize)...)
	})
}
