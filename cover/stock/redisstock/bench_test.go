package redisstock

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/pots"
)

// benchParallel is how many goroutines claim for each processor, as in the benchmarks of grabs.
const benchParallel = 128

// BenchmarkClaims claims pieces of one hot cover through a link, by users who have none. Beside it, in one run, grabs:
//
//	go test -run '^$' -bench 'Claims|TakeWinners/calls=2/buckets=1$' ./cover/stock/redisstock ./envelope/redispot
func BenchmarkClaims(b *testing.B) {
	socket := devstack.TestRedis(b).Socket()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{socket}, ForceSingleClient: true, AlwaysPipelining: true, DisableCache: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	if err := client.Do(b.Context(), client.B().Flushall().Build()).Error(); err != nil {
		b.Fatal(err)
	}
	p, err := New(client, Config{
		Buckets: pots.Buckets{Shards: 1, PerShard: 1}, ShardOf: func(int64) (int, bool) { return 0, true },
		Installation: "bench",
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Install(b.Context()); err != nil {
		b.Fatal(err)
	}
	code := stock.NewCode(7)
	terms := stock.Terms{Cover: 1, Version: 1, Bought: int64(b.N), Channels: []stock.Channel{
		{ID: 7, Cover: 1, Kind: stock.KindLink, Code: code},
	}}
	none := stock.Contents{
		Claims:      func(func([]stock.Claim, error) bool) {},
		Codes:       func(func([]stock.IssuedCode, error) bool) {},
		Withdrawals: func(func([]stock.Withdrawal, error) bool) {},
	}
	if err := p.Fill(b.Context(), terms, none); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	b.SetParallelism(benchParallel)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			user := "user" + strconv.FormatInt(next.Add(1), 10)
			_, outcome, err := p.Claim(b.Context(), 1, 7, 0, code.Digest(), user)
			if err != nil || outcome != stock.Claimed {
				b.Errorf("%q, %v", outcome, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
}
