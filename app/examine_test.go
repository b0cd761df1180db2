package app_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/transfer"
)

// Each thing that can be made wrong on real servers is found by its name and place, and nothing else is.
func TestExamine(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.VolatileRedis, c.VolatileMySQL = true, true }) // told all the same
	ctx := context.WithoutCancel(t.Context())
	healthy := s.Config()
	change := func(f func(*app.Config)) app.Config {
		cfg := healthy
		f(&cfg)
		return cfg
	}
	sql := func(shard int, statement string, args ...any) {
		t.Helper()
		if _, err := s.Cluster.DB(shard).ExecContext(ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	redis := func(words ...string) {
		t.Helper()
		if err := s.Redis.Do(ctx, s.Redis.B().Arbitrary(words...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	// expect is findings as name@where; where may be left out.
	expect := func(what string, cfg app.Config, want ...string) {
		t.Helper()
		found, err := app.Examine(ctx, cfg)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		var got []string
		for _, f := range found {
			if app.Advices()[f.Name].Do == "" || f.What == "" {
				t.Errorf("%s: a finding that helps nobody: %+v", what, f)
			}
			got = append(got, f.Name+"@"+f.Where)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: found %q, expected %q", what, found, want)
		}
	}

	expect("without a worker", healthy, "no_worker")
	worker, err := membership.New(s.Redis, membership.Config{Key: app.WorkersKey, Worker: "w", Partitions: 4},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// It takes part and does nothing, so that what is late stays late.
	defer apptest.Start(t, func(ctx context.Context) { _ = worker.Run(ctx) })()
	apptest.Until(t, "the worker is known", func() bool { return len(worker.Owned()) == 4 })
	expect("in order", healthy)

	expect("another prefix", change(func(c *app.Config) { c.Prefix = "nobody_" }), "not_installed")
	expect("other shards", change(func(c *app.Config) { c.Shards = 8 }), "installed_otherwise")
	lonely := change(func(c *app.Config) { c.WaitReplicas, c.WaitTimeout = 2, time.Second })
	expect("replicas that are not there", lonely, "redis_replicas@Redis ")
	expect("no Redis", change(func(c *app.Config) { c.Redis = []string{"127.0.0.1:1"} }), "redis_unreachable@Redis")
	expect("a MySQL server is down", change(func(c *app.Config) {
		c.MySQL = append(slices.Clone(c.MySQL), "root@tcp(127.0.0.1:1)/")
		c.Placement = map[int]int{1: 0, 2: 0}
	}), "mysql_unreachable@MySQL server 1")
	noZero := change(func(c *app.Config) { c.MySQL = []string{"root@tcp(127.0.0.1:1)/"} })
	expect("the server of shard 0 is down", noZero, "mysql_unreachable@MySQL server 0", "not_examined@tables")

	for _, c := range []struct{ parameter, wrong, right, want string }{
		{"appendfsync", "everysec", "always", "redis_volatile"},
		{"maxmemory-policy", "allkeys-lru", "noeviction", "redis_volatile"},
		{"maxmemory", "1000", "0", "redis_full"},
	} {
		redis("CONFIG", "SET", c.parameter, c.wrong)
		found, err := app.Examine(ctx, healthy)
		redis("CONFIG", "SET", c.parameter, c.right)
		if err != nil || !slices.ContainsFunc(found, func(f app.Finding) bool { return f.Name == c.want }) {
			t.Errorf("%s %s: %q, %v", c.parameter, c.wrong, found, err)
		}
	}
	for _, c := range []struct{ variable, wrong, right, want string }{
		{"innodb_flush_log_at_trx_commit", "2", "1", "mysql_volatile@MySQL server 0"},
		{"read_only", "1", "0", "mysql_read_only@MySQL server 0"},
	} {
		sql(0, "SET GLOBAL "+c.variable+" = "+c.wrong)
		expect(c.variable, healthy, c.want)
		sql(0, "SET GLOBAL "+c.variable+" = "+c.right)
	}

	versions := s.Cluster.Table(1, "ledger_version")
	sql(1, "INSERT INTO "+versions+" (version_id, is_applied) VALUES (99, 1)")
	expect("newer tables", healthy, "tables_newer")
	sql(1, "DELETE FROM "+versions+" WHERE version_id = 99")

	sql(2, "INSERT INTO "+s.Cluster.Table(2, "rejections")+
		" (hold, part, payee, amount, at, reason) VALUES (1, 1, 'bob', 1, 1, 'test')")
	expect("a rejected post", healthy, "posts_rejected@shard 2")
	sql(2, "DELETE FROM "+s.Cluster.Table(2, "rejections"))

	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol", "dave", "erin")
	sent, err := s.Envelopes.Send(ctx, "alice", envelope.Order{RequestID: "r", Group: "g", Kind: string(envelope.Lucky),
		Total: 100, Currency: "CNY", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	home, _ := s.Ledger.ShardOf(sent.ID)
	sql(home, "UPDATE "+s.Cluster.Table(home, "holds")+" SET expires_at = expires_at - ? WHERE id = ?",
		(48 * time.Hour).Milliseconds(), sent.ID)
	expect("an envelope is overdue", healthy, "holds_overdue@shard ")
	sql(home, "UPDATE "+s.Cluster.Table(home, "holds")+" SET expires_at = expires_at + ? WHERE id = ?",
		(48 * time.Hour).Milliseconds(), sent.ID)

	for _, to := range []string{"bob", "carol", "dave", "erin"} { // some of them on another shard
		offer, err := s.Transfers.Offer(ctx, "alice", transfer.Offer{RequestID: "to" + to, To: to, Minor: 1,
			Currency: "CNY", ArrivesIn: "now"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Transfers.Accept(ctx, to, offer.ID); err != nil {
			t.Fatal(err)
		}
	}
	late, err := app.Examine(ctx, change(func(c *app.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Hour) }
	}))
	for _, want := range []string{"clearing_slow", "events_slow"} {
		if err != nil || !slices.ContainsFunc(late, func(f app.Finding) bool { return f.Name == want }) {
			t.Errorf("an hour later: %q, %v; want %s", late, err, want)
		}
	}

	sql(0, "UPDATE "+s.Cluster.Table(0, "installation")+" SET id = REVERSE(id)")
	expect("another installation's Redis", healthy, "pots_foreign")
	sql(0, "UPDATE "+s.Cluster.Table(0, "installation")+" SET id = REVERSE(id)")
	if err := s.Cluster.Pin(ctx); err != nil {
		t.Fatal(err)
	}
	places := s.Cluster.Table(0, "placements")
	sql(0, "UPDATE "+places+" SET fenced = 1, target = 'elsewhere:3306' WHERE shard = 3")
	expect("a move that nobody finishes", healthy, "shard_fenced@shard 3")
	sql(0, "UPDATE "+places+" SET server = 'elsewhere:3306' WHERE shard = 3")
	expect("a server that is not configured", healthy, "server_unknown@")
	sql(0, "DELETE FROM "+places)
	sql(3, "DROP DATABASE "+s.Cluster.Schema(3))
	expect("a shard is not there", healthy, "shard_missing@shard 3")
}

// A Redis that was emptied is named, and nothing that only follows from it.
func TestExamineAnEmptiedRedis(t *testing.T) {
	s := apptest.New(t, nil)
	if err := s.Redis.Do(t.Context(), s.Redis.B().Flushall().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	found, err := app.Examine(t.Context(), s.Config())
	if err != nil || len(found) != 2 || found[0].Name != app.FindingPotsLost || found[1].Name != app.FindingNoWorker {
		t.Errorf("%q, %v", found, err)
	}
}
