package app_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/archive"
	"github.com/hongbao/hongbao/wallet/audit"
)

// BenchmarkGrabWhileArchived grabs at 500 a second for two seconds, in turns with nothing beside and with an archive of
// 2,500 envelopes and what they paid. The metrics are medians of the rounds.
//
//	go test -run '^$' -bench GrabWhileArchived -benchtime 1x ./app
func BenchmarkGrabWhileArchived(b *testing.B) {
	const batch, rate, long = 2500, 500, 2 * time.Second
	users := []string{"alice", "bob", "carol"}
	h := newHousehold(b, func(c *app.Config) { c.Now, c.Clock = time.Now, nil }, users...)
	h.Work()
	archiver, dir := archive.New(h.Cluster), b.TempDir()
	requests := 0
	send := func(n, shares int) []int64 {
		ids, places := make([]int64, n), make(chan bool, 16)
		var all sync.WaitGroup
		for i := range ids {
			requests++
			order := envelope.Order{RequestID: fmt.Sprint("bench-", requests), Group: "g",
				Kind: string(envelope.Equal), Total: int64(shares), Count: shares, Currency: "CNY"}
			places <- true
			all.Go(func() {
				defer func() { <-places }()
				ids[i] = apptest.Must(h.Envelopes.Send(b.Context(), users[i%len(users)], order)).ID
			})
		}
		all.Wait()
		return ids
	}
	grab := func(id int64, user string) time.Duration {
		began := time.Now()
		if g, err := h.Envelopes.Grab(b.Context(), user, id); err != nil || g.Outcome != envelope.Won {
			b.Errorf("grab: %+v, %v", g, err)
		}
		return time.Since(began)
	}
	p99 := map[bool][]float64{}
	rows, seconds := int64(0), 0.0
	for b.Loop() {
		for _, id := range send(batch, len(users)) { // what is over
			for _, user := range users {
				grab(id, user)
			}
		}
		apptest.Until(b, "all of it is sealed", func() bool {
			r := apptest.Must(h.Auditor.AuditWith(b.Context(), audit.Options{Incremental: true, Seal: true,
				Settled: time.Nanosecond}))
			return r.Balanced() && r.Holds == 0
		})
		for _, beside := range []bool{false, true} {
			ids := send(int(long.Seconds())*rate, 1)
			ctx, stop := context.WithCancel(b.Context())
			var work sync.WaitGroup
			if beside {
				work.Go(func() {
					for began := time.Now(); ctx.Err() == nil; {
						files := apptest.Must(archiver.Run(context.WithoutCancel(ctx), -time.Minute, dir))
						if len(files) == 0 {
							return
						}
						for _, f := range files {
							rows += f.Rows
						}
						seconds += time.Since(began).Seconds()
						began = time.Now()
					}
				})
			}
			took := make([]float64, len(ids))
			var grabs sync.WaitGroup
			tick := time.NewTicker(time.Second / rate)
			for i, id := range ids {
				<-tick.C
				grabs.Go(func() { took[i] = float64(grab(id, users[i%len(users)]).Microseconds()) / 1000 })
			}
			tick.Stop()
			grabs.Wait()
			stop()
			work.Wait()
			slices.Sort(took)
			p99[beside] = append(p99[beside], took[len(took)*99/100])
		}
	}
	for beside, name := range map[bool]string{false: "p99-alone-ms", true: "p99-beside-ms"} {
		slices.Sort(p99[beside])
		b.ReportMetric(p99[beside][len(p99[beside])/2], name)
	}
	b.ReportMetric(float64(rows)/seconds, "rows/s")
	b.Logf("p99 in ms, alone %v, beside an archive %v", p99[false], p99[true])
}
