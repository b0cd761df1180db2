package mysqlledger_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// BenchmarkSettle is what the settler and the deliverer do for a living: batches of 1,000 posts over 200 gifts of
// 100 parts, on four shards at once, until every one of 80,000 credits is in its wallet. Commits are durable. One
// operation is one such round.
//
//	go test -run '^$' -bench Settle -benchtime 5x ./wallet/mysqlledger
func BenchmarkSettle(b *testing.B) {
	const (
		nShards  = 4
		gifts    = 200 // on each shard
		parts    = 100
		perBatch = 5 // parts of each gift in a batch, which makes 1,000
		users    = 100_000
		credits  = nShards * gifts * parts
	)
	server := benchServer(b)
	l := ledgertest.OpenMySQL(b, nShards, server.DSN())
	senders := make([]string, nShards)
	for i := 0; len(senders[0]) == 0 || len(senders[1]) == 0 || len(senders[2]) == 0 || len(senders[3]) == 0; i++ {
		name := fmt.Sprintf("sender-%d", i)
		senders[l.Cluster.ForUser(name)] = name
	}
	amounts := make([]int64, parts)
	for i := range amounts {
		amounts[i] = int64(1 + i)
	}
	var spent time.Duration
	round := 0
	for b.Loop() {
		b.StopTimer()
		round++
		holds := make([][]ledger.Hold, nShards)
		var wg sync.WaitGroup
		for shard, sender := range senders {
			l.TopUp(sender, 10_000_000)
			for range gifts {
				h := l.Draft(sender, amounts...)
				holds[shard] = append(holds[shard], h)
				wg.Go(func() {
					if _, err := l.Hold(b.Context(), ledgertest.Request(b, fmt.Sprint(h.ID), h.ID), h); err != nil {
						b.Errorf("hold: %v", err)
					}
				})
			}
			wg.Wait()
		}
		b.StartTimer()
		began := time.Now()
		for shard := range nShards {
			posted := make(chan struct{}, 1) // wakes the deliverer, as in the worker
			wg.Go(func() {
				defer close(posted)
				for from := 0; from < parts; from += perBatch {
					batch := make([]ledger.Post, 0, gifts*perBatch)
					for i, h := range holds[shard] {
						for part := from; part < from+perBatch; part++ {
							batch = append(batch, ledgertest.Pay(h, part, fmt.Sprintf("user-%d",
								(round*7919+i*977+shard*31+part*1009)%users)))
						}
					}
					if r, err := l.Post(b.Context(), shard, batch); err != nil || r.Posted != len(batch) {
						b.Errorf("post: %+v, %v", r, err)
					}
					select {
					case posted <- struct{}{}:
					default:
					}
				}
			})
			wg.Go(func() {
				for more := true; more; {
					_, more = <-posted
					for n := 1; n > 0; {
						var err error
						if n, err = l.Deliver(b.Context(), shard); err != nil {
							b.Errorf("deliver: %v", err)
						}
					}
				}
			})
		}
		wg.Wait()
		spent += time.Since(began)
		b.Logf("round %d: %.0f credits/s", round, credits/time.Since(began).Seconds())
	}
	b.ReportMetric(float64(credits*round)/spent.Seconds(), "credits/s")
	l.WantBalanced(0)
}

// BenchmarkHold is what senders wait for: holds of ten parts by callers who each have one under way, of users on four
// shards. It reports how many became durable in a second and the processor time of each, MariaDB's and our own.
//
//	go test -run '^$' -bench Hold -benchtime 20000x ./wallet/mysqlledger
func BenchmarkHold(b *testing.B) {
	const users, nShards = 1000, 4
	server := benchServer(b)
	l := ledgertest.OpenMySQL(b, nShards, server.DSN())
	for i := range users {
		l.TopUp(fmt.Sprintf("sender-%d", i), 1<<40)
	}
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			holds := make([]ledger.Hold, b.N)
			requests := make([]ledger.Request, b.N)
			for i := range holds {
				holds[i] = l.Draft(fmt.Sprintf("sender-%d", i*7919%users), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
				requests[i] = ledgertest.Request(b, fmt.Sprint(holds[i].ID), i)
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			theirs, own := processorTime(b, server.PID()), processorTime(b, os.Getpid())
			for range callers {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						if _, err := l.Hold(b.Context(), requests[i], holds[i]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N) }
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "holds/s")
			b.ReportMetric(each(processorTime(b, server.PID())-theirs), "mariadb-cpu-us/op")
			b.ReportMetric(each(processorTime(b, os.Getpid())-own), "own-cpu-us/op")
		})
	}
}

// BenchmarkDeliver is what small batches cost on their way: one shard has a message of two credits for each of 16 on
// the same server. It reports the processor time of a credit, MariaDB's and our own, from the outbox on.
//
//	go test -run '^$' -bench Deliver -benchtime 1000x ./wallet/mysqlledger
func BenchmarkDeliver(b *testing.B) {
	const nShards, each, users = 16, 2, 500 // users of each shard
	server := benchServer(b)
	l := ledgertest.OpenMySQL(b, nShards, server.DSN())
	payees := make([][]string, nShards)
	for i, full := 0, 0; full < nShards; i++ {
		name := fmt.Sprintf("user-%d", i)
		shard := l.Cluster.ForUser(name)
		if len(payees[shard]) == users {
			continue
		}
		if payees[shard] = append(payees[shard], name); len(payees[shard]) == users {
			full++
		}
	}
	sender := payees[0][0]
	l.TopUp(sender, 1<<40)
	amounts := slices.Repeat([]int64{1}, nShards*each)
	var theirs, own time.Duration
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		h := l.Gift(sender, amounts...)
		posts := make([]ledger.Post, len(amounts))
		for part := range posts {
			posts[part] = ledgertest.Pay(h, part, payees[part%nShards][(round*7919+part)%users])
		}
		l.PostAll(posts...)
		b.StartTimer()
		theirs, own = theirs-processorTime(b, server.PID()), own-processorTime(b, os.Getpid())
		if n, err := l.Deliver(b.Context(), 0); n != len(posts) || err != nil {
			b.Fatalf("%d delivered, %v", n, err)
		}
		theirs, own = theirs+processorTime(b, server.PID()), own+processorTime(b, os.Getpid())
	}
	credit := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N*len(amounts)) }
	b.ReportMetric(credit(theirs), "mariadb-cpu-us/credit")
	b.ReportMetric(credit(own), "own-cpu-us/credit")
	l.WantBalanced(0)
}

func benchServer(b *testing.B) *devstack.MariaDB {
	server, err := devstack.StartMariaDB(b.Context(), devstack.MariaDBOptions{Dir: b.TempDir(), BufferPoolMiB: 1024,
		RedoLogMiB: 1024})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

// processorTime is the time that a process has spent on processors, in steps of 10 ms; see proc(5).
func processorTime(b *testing.B, pid int) (spent time.Duration) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("this system tells no processor times: ", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, ticks := range fields[11:13] {
		n, err := strconv.Atoi(ticks)
		if err != nil {
			b.Fatal(err)
		}
		spent += time.Duration(n) * 10 * time.Millisecond
	}
	return spent
}
