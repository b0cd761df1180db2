package shards_test

import (
	"database/sql"
	"testing"

	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// What a statement costs on a store, one after the other: a read by key, a change that commits by itself, and one in a
// transaction.
func BenchmarkStore(b *testing.B) {
	c := shardstest.New(b, 1)
	if err := c.MigrateAll(b.Context(), counters); err != nil {
		b.Fatal(err)
	}
	counter := c.Table(0, "counter")
	bump := "UPDATE " + counter + " SET n = n + 1 WHERE id = 1"
	for _, way := range []struct {
		name string
		do   func() error
	}{
		{"read", func() error {
			var n int64
			return c.DB(0).QueryRowContext(b.Context(), "SELECT n FROM "+counter+" WHERE id = 1").Scan(&n)
		}},
		{"auto-commit", func() error {
			_, err := c.DB(0).ExecContext(b.Context(), bump)
			return err
		}},
		{"transaction", func() error {
			return c.Tx(b.Context(), 0, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(b.Context(), bump)
				return err
			})
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				if err := way.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
