package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// BenchmarkAudit audits the same books in full and in increments: some 170,000 rows of gifts that are over, of which
// the incremental audit has to read the last hundredth. rows/s are entries, holds and posts; books/s is how often the
// books as a whole could be audited.
//
//	go test -run '^$' -bench Audit -benchtime 5x ./wallet/audit
func BenchmarkAudit(b *testing.B) {
	server, err := devstack.StartMariaDB(b.Context(), devstack.MariaDBOptions{Dir: b.TempDir(), BufferPoolMiB: 512,
		RedoLogMiB: 512})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop(context.Background()) })
	l := ledgertest.OpenMySQL(b, 2, server.DSN())
	gifts(b, l, 0, 800)
	incremental := audit.Options{Incremental: true, Seal: true, Settled: time.Nanosecond}
	mustAudit(b, l, incremental)
	gifts(b, l, 800, 8)
	for _, c := range []struct {
		name string
		of   audit.Options
	}{{"full", audit.Options{}}, {"incremental", audit.Options{Incremental: true}}} {
		b.Run(c.name, func(b *testing.B) {
			var r ledger.AuditReport
			for b.Loop() {
				r = mustAudit(b, l, c.of)
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(r.Entries+r.Holds+r.Posts)/seconds, "rows/s")
			b.ReportMetric(1/seconds, "books/s")
		})
	}
	b.Run("seal", func(b *testing.B) { // once: then everything is sealed
		began := time.Now()
		r := mustAudit(b, l, incremental)
		b.ReportMetric(float64(r.Sealed)/time.Since(began).Seconds(), "seals/s")
	})
}

func mustAudit(b *testing.B, l *ledgertest.MySQL, o audit.Options) ledger.AuditReport {
	b.Helper()
	r, err := l.Auditor.AuditWith(b.Context(), o)
	if err != nil || !r.Balanced() {
		b.Fatalf("%+v, %v", r.Discrepancies, err)
	}
	return r
}

// gifts are of 100 parts, all of them posted and delivered.
func gifts(b *testing.B, l *ledgertest.MySQL, from, n int) {
	b.Helper()
	parts := make([]int64, 100)
	for i := range parts {
		parts[i] = 1
	}
	for i := from; i < from+n; i++ {
		sender := fmt.Sprintf("sender-%d", i%20)
		l.TopUp(sender, 100)
		h := l.Gift(sender, parts...)
		posts := make([]ledger.Post, len(parts))
		for part := range parts {
			posts[part] = ledgertest.Pay(h, part, fmt.Sprintf("user-%d", (i*977+part*31)%10_000))
		}
		l.PostAll(posts...)
		if i%20 == 19 || i == from+n-1 {
			l.DeliverAll()
		}
	}
}
