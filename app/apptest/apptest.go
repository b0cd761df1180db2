// Package apptest gives a test an installation of its own, on the private servers of the test process.
package apptest

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/cover/diskart"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// SecretKeys are the keys with which a test's installation keeps secrets.
const SecretKeys = "test YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="

// Config is an installation with 4 shards on the test process's servers: an emptied Redis, and schemas of its own.
// Tests that share the Redis must not run in parallel.
func Config(t testing.TB) app.Config {
	redis := devstack.TestRedis(t)
	option, err := app.RedisOption([]string{"unix://" + redis.Socket()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Do(t.Context(), client.B().Flushall().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	return app.Config{
		Redis: []string{"unix://" + redis.Socket()},
		MySQL: []string{devstack.TestMySQL(t)}, VolatileMySQL: devstack.TestMySQLIsVolatile(),
		Prefix: shardstest.Prefix(), Shards: 4,
		Limits: envelope.DefaultLimits(), Transfers: transfer.DefaultRules(), Collections: collection.DefaultRules(),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Now: time.Now, Art: diskart.New(t.TempDir()), Secrets: Must(sealed.Parse([]byte(SecretKeys))),
	}
}

// New installs and opens what Config says, after change has changed it (nil: nothing). It is a sandbox unless change
// gives it a funding provider.
func New(t testing.TB, change func(*app.Config)) *app.App {
	t.Helper()
	cfg := Config(t)
	if change != nil {
		change(&cfg)
	}
	if err := app.Install(t.Context(), cfg, 1, cfg.Funding == nil); err != nil {
		t.Fatal(err)
	}
	return Open(t, cfg)
}

// Open opens an installation as one more process would; it is closed with the test.
func Open(t testing.TB, cfg app.Config) *app.App {
	t.Helper()
	cfg.Registerer = prometheus.NewRegistry()
	s, err := app.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Fund makes a group of users, each with minor units of CNY in the wallet.
func Fund(t testing.TB, s *app.App, group string, minor int64, users ...string) {
	t.Helper()
	if err := s.Groups.Create(t.Context(), group, users); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		if minor == 0 {
			break
		}
		if _, err := s.Wallets.TopUp(t.Context(), user, "fund-"+group, minor, "CNY"); err != nil {
			t.Fatal(err)
		}
	}
}

// Balance is what a user has in CNY.
func Balance(t testing.TB, s *app.App, user string) int64 {
	t.Helper()
	balances, err := s.Wallets.Balances(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range balances {
		if b.Currency == "CNY" {
			return b.Minor
		}
	}
	return 0
}

// Settle settles and delivers everything, without a worker.
func Settle(t testing.TB, s *app.App) {
	t.Helper()
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// MustBalance audits the books and names what is wrong with them.
func MustBalance(t testing.TB, s *app.App) {
	t.Helper()
	MustBalanceBut(t, s)
}

// MustBalanceBut is MustBalance that lets discrepancies of some codes be.
func MustBalanceBut(t testing.TB, s *app.App, but ...string) {
	t.Helper()
	report, err := s.Auditor.Audit(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Discrepancies {
		if d.Code == ledger.AuditHoldOverdue || slices.Contains(but, d.Code) {
			continue // by the clock of the database, which is not the test's
		}
		t.Errorf("audit: %s on shard %d: %s: expected %s, found %s", d.Code, d.Shard, d.What, d.Expected, d.Found)
	}
}

// Until waits for a condition, for at most half a minute.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(5 * time.Millisecond) // the interval of the condition, not a guess at its time
	}
}

// Start runs f until stop is called, which waits for it to return.
func Start(t testing.TB, f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	return func() { cancel(); <-done }
}
