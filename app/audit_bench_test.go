package app_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/wallet/audit"
)

// BenchmarkIncrementalAuditOfCollections audits 600 collections whose 1,200 payments are sealed, in increments: what it
// takes beyond an audit without any is what reading products' tables whole costs.
//
//	go test -run '^$' -bench IncrementalAuditOfCollections -benchtime 20x ./app
func BenchmarkIncrementalAuditOfCollections(b *testing.B) {
	const collections = 600
	users := []string{"alice", "bob", "carol"}
	h := newHousehold(b, func(c *app.Config) { c.Now, c.Clock = time.Now, nil }, users...)
	h.Work()
	for _, user := range users {
		h.TopUp(user, 100*collections)
	}
	seal := func() {
		apptest.Until(b, "all is sealed", func() bool {
			r := apptest.Must(h.Auditor.AuditWith(b.Context(), audit.Options{Incremental: true, Seal: true,
				Settled: time.Nanosecond}))
			return r.Balanced() && r.Holds == 0
		})
	}
	for _, line := range []struct {
		name string
		n    int
	}{{"none", 0}, {"600", collections}} {
		for range line.n {
			c := h.open("alice")
			for _, user := range users[1:] {
				apptest.Must(h.pay(user, c.ID))
			}
		}
		seal()
		b.Run(line.name, func(b *testing.B) {
			for b.Loop() {
				r := apptest.Must(h.Auditor.AuditWith(b.Context(), audit.Options{Incremental: true,
					Settled: time.Nanosecond}))
				if !r.Balanced() {
					b.Fatalf("%+v", r.Discrepancies)
				}
			}
		})
	}
}
