package ledgertest

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// MySQL is a book of a durable ledger.
type MySQL struct {
	*Book
	Ledger  *mysqlledger.Ledger
	Cluster *shards.Cluster
	Auditor *audit.Auditor
}

// OpenMySQL opens a ledger of n shards under a fresh prefix; see shardstest.New.
func OpenMySQL(t testing.TB, n int, dsns ...string) *MySQL {
	t.Helper()
	return OpenMySQLOn(t, shardstest.New(t, n, dsns...), 0)
}

// OpenMySQLOn opens a ledger with a node number. The audit knows the sample products and the ones given.
func OpenMySQLOn(t testing.TB, c *shards.Cluster, node int, products ...audit.Product) *MySQL {
	t.Helper()
	if err := mysqlledger.Migrate(t.Context(), c); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return OnMySQL(t, c, node, products...)
}

// OnMySQL is OpenMySQLOn without making any table or asking any server.
func OnMySQL(t testing.TB, c *shards.Cluster, node int, products ...audit.Product) *MySQL {
	t.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	clock := new(Clock)
	l, err := mysqlledger.New(mysqlledger.Config{Cluster: c, IDs: Must(shards.NewIDs(c, node)), Log: log, Now: time.Now,
		Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range Checks() {
		products = append(products, audit.Product{HoldCheck: check})
	}
	auditor := audit.New(c, l.Outbox(), products...)
	s := System{
		Ledger: l, Deliver: l.Outbox().Deliver, Age: l.Outbox().Age, Audit: auditor.Audit,
		Publish: func(ctx context.Context, shard int, b Broker) (int, error) {
			return outbox.NewPublisher(l.Outbox(), b, log).Pass(ctx, shard)
		},
	}
	m := &MySQL{Book: NewBook(t, s, clock), Ledger: l, Cluster: c, Auditor: auditor}
	m.Book.KeepShard = func(t testing.TB, shard int) func() {
		return m.keep(t, []int{shard}, []string{"accounts", "entries", "holds", "posts", "requests", "rejections",
			"fundings", "daily_usage", "sources", "outbox", "inbox"})
	}
	return m
}

// Table is the full name of a table of a shard.
func (m *MySQL) Table(shard int, table string) string { return m.Cluster.Table(shard, table) }

// Exec runs a statement on a shard's server.
func (m *MySQL) Exec(shard int, statement string, args ...any) {
	m.T.Helper()
	if _, err := m.Cluster.DB(shard).ExecContext(m.T.Context(), statement, args...); err != nil {
		m.T.Fatalf("%s: %v", statement, err)
	}
}

// Keep copies tables of all shards. restore makes them again what they were, in one transaction on each shard, provided
// that their columns are the same: much quicker than to make a ledger anew.
func (m *MySQL) Keep(tables ...string) (restore func()) {
	m.T.Helper()
	return m.keep(m.T, m.Cluster.All(), tables)
}

func (m *MySQL) keep(t testing.TB, of []int, tables []string) (restore func()) {
	t.Helper()
	kept := func(shard int, table string) string { return m.Table(shard, "kept_"+table) }
	for _, shard := range of {
		for _, table := range tables {
			m.Exec(shard, "CREATE TABLE "+kept(shard, table)+" LIKE "+m.Table(shard, table))
			m.Exec(shard, "INSERT INTO "+kept(shard, table)+" SELECT * FROM "+m.Table(shard, table))
		}
	}
	return func() {
		t.Helper()
		for _, shard := range of {
			err := m.Cluster.Tx(t.Context(), shard, func(tx *sql.Tx) error {
				for _, table := range tables {
					_, gone := tx.ExecContext(t.Context(), "DELETE FROM "+m.Table(shard, table))
					_, back := tx.ExecContext(t.Context(),
						"INSERT INTO "+m.Table(shard, table)+" SELECT * FROM "+kept(shard, table))
					if err := errors.Join(gone, back); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatalf("restore shard %d: %v", shard, err)
			}
		}
	}
}

// Count is the only number that a query on a shard's server gives.
func (m *MySQL) Count(shard int, query string, args ...any) (n int64) {
	m.T.Helper()
	if err := m.Cluster.DB(shard).QueryRowContext(m.T.Context(), query, args...).Scan(&n); err != nil {
		m.T.Fatalf("%s: %v", query, err)
	}
	return n
}
