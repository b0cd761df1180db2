package mysqlledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// A statement of 50,000 entries, a minute apart, of which every hundredth came some days late. Each range gives exactly
// its entries, newest first, in pages that never look through more than their share.
func TestEntriesBetween(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 2)
	const all = 50_000
	shard := b.Cluster.ForUser("alice")
	first := ledgertest.Day("2026-01-01 00:00:00")
	at := make([]time.Time, all+1)
	var rows []string
	for seq := 1; seq <= all; seq++ {
		at[seq] = first.Add(time.Duration(seq) * time.Minute)
		if seq%100 == 0 {
			at[seq] = at[seq].Add(-72 * time.Hour)
		}
		rows = append(rows, fmt.Sprintf("('alice', 'CNY', %d, 1, %d, 'post', 'offer', %d, 0, 'bob', '', %d)", seq, seq,
			seq,
			at[seq].UnixMilli()))
		if len(rows) == 1000 {
			b.Exec(shard, "INSERT INTO "+b.Cluster.Table(shard,
				"entries")+" (account, currency, seq, amount, balance, kind, "+
				"subject, reference, part, counterparty, note, at) VALUES "+strings.Join(rows, ","))
			rows = nil
		}
	}
	b.Exec(shard, "INSERT INTO "+b.Cluster.Table(shard, "accounts")+" VALUES ('alice', 'CNY', ?, ?)", all, all)
	for _, r := range []struct{ from, to string }{
		{"", ""}, {"2026-01-05 00:00:00", "2026-01-06 00:00:00"}, {"2026-02-01 00:00:00", ""}, {"",
			"2026-01-02 00:00:00"},
		{"2025-01-01 00:00:00", "2025-12-01 00:00:00"}, {"2027-01-01 00:00:00", ""},
	} {
		var from, to time.Time
		if r.from != "" {
			from = ledgertest.Day(r.from)
		}
		if r.to != "" {
			to = ledgertest.Day(r.to)
		}
		want := all
		in := func(seq int) bool { return !at[seq].Before(from) && (to.IsZero() || at[seq].Before(to)) }
		pages := 0
		for before := int64(0); ; pages++ {
			entries, next, err := b.EntriesBetween(t.Context(), "alice", cny, before, 500, from, to)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				for want > 0 && !in(want) {
					want--
				}
				if e.Seq != int64(want) || e.Balance != e.Seq || !e.At.Equal(at[want]) || e.Counterparty != "bob" ||
					e.Subject != ledgertest.Offer {
					t.Fatalf("%v: %+v, want entry %d", r, e, want)
				}
				want--
			}
			if before = next; next == 0 {
				break
			}
		}
		for want > 0 && !in(want) {
			want--
		}
		if want != 0 {
			t.Errorf("%v: entry %d and those before it are missing", r, want)
		}
		if pages > all/500+all/10_000 {
			t.Errorf("%v: %d pages", r, pages)
		}
	}
	for _, user := range []string{"bob", b.Elsewhere("alice")} {
		if entries, next, err := b.EntriesBetween(t.Context(), user, cny, 0, 10, first, time.Time{}); err != nil ||
			len(entries) != 0 || next != 0 {
			t.Errorf("of %s, who has no wallet: %v, %d, %v", user, entries, next, err)
		}
	}
}
