package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
)

// Each server that Open needs is away in turn: it says so, and lets go of what it had opened.
func TestOpenWithoutWhatItNeeds(t *testing.T) {
	if _, err := app.Open(t.Context(), apptest.Config(t)); !errors.Is(err, shards.ErrNotInstalled) {
		t.Errorf("on servers without an installation: %v", err)
	}
	installed := apptest.New(t, nil).Config()

	noMySQL := installed
	noMySQL.MySQL = []string{"root@tcp(127.0.0.1:1)/"}
	if _, err := app.Open(t.Context(), noMySQL); !errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("without MySQL: %v", err)
	}
	noRedis := installed
	noRedis.Redis = []string{"127.0.0.1:1"}
	if _, err := app.Open(t.Context(), noRedis); err == nil {
		t.Error("opened without Redis")
	}
}

// A Redis that may forget what it acknowledged is refused, unless somebody says that this does not matter.
func TestOpenOnAVolatileRedis(t *testing.T) {
	s := apptest.New(t, nil)
	set := func(parameter, value string) {
		t.Helper()
		if err := s.Redis.Do(context.WithoutCancel(t.Context()),
			s.Redis.B().ConfigSet().ParameterValue().ParameterValue(parameter, value).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	for parameter, values := range map[string][2]string{
		"appendfsync": {"everysec", "always"}, "appendonly": {"no", "yes"}, "maxmemory-policy": {"allkeys-lru",
			"noeviction"}, "no-appendfsync-on-rewrite": {"yes", "no"},
	} {
		set(parameter, values[0])
		if _, err := app.Open(t.Context(), s.Config()); !errors.Is(err, app.ErrVolatileRedis) {
			t.Errorf("with %s %s: %v", parameter, values[0], err)
		}
		careless := s.Config()
		careless.VolatileRedis, careless.Registerer = true, nil
		if parameter == "appendfsync" {
			wantAccepted(t, apptest.Open(t, careless), "volatile: redis")
		}
		set(parameter, values[1])
	}
	// One that does not let us ask.
	do := func(words ...string) {
		t.Helper()
		if err := s.Redis.Do(t.Context(), s.Redis.B().Arbitrary(words...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	do("ACL", "SETUSER", "asker", "on", ">secret", "~*", "&*", "+@all", "-config")
	mute := s.Config()
	mute.Redis = []string{strings.Replace(mute.Redis[0], "unix://", "unix://asker:secret@", 1)}
	if _, err := app.Open(t.Context(), mute); !errors.Is(err, app.ErrVolatileRedis) {
		t.Errorf("where CONFIG is refused: %v", err)
	}
	do("ACL", "DELUSER", "asker")
}

func wantAccepted(t *testing.T, s *app.App, want string) {
	t.Helper()
	accepted, ok := errors.AsType[*app.AcceptedError](s.Checks()["durability"](t.Context()))
	if !ok || accepted.Accepted() != want {
		t.Errorf("the check says %v, want %q", accepted, want)
	}
	report, err := s.Audit(t.Context())
	if err != nil || len(report.Volatile) != 1 || !report.Balanced() {
		t.Errorf("the audit says %q, %v, %+v", report.Volatile, err, report.Discrepancies)
	}
}

// A Redis that begins to forget while it is in use is not used until it stops.
func TestARedisThatBecomesVolatile(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.Log = apptest.Quiet() })
	apptest.Fund(t, s, "g", 1000, "alice")
	order := envelope.Order{RequestID: "r", Group: "g", Kind: string(envelope.Equal), Total: 10, Count: 1,
		Currency: "CNY"}
	for _, line := range []struct{ fsync, code string }{{"everysec", refusal.CodeUnavailable}, {"always", ""}} {
		if err := s.Redis.Do(context.WithoutCancel(t.Context()), s.Redis.B().ConfigSet().ParameterValue().
			ParameterValue("appendfsync", line.fsync).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		s.CheckPromises(t.Context())
		_, err := s.Envelopes.Send(t.Context(), "alice", order)
		apptest.WantCode(t, "a send with appendfsync "+line.fsync, err, line.code)
		if err := s.Checks()["durability"](t.Context()); (err == nil) != (line.code == "") {
			t.Errorf("appendfsync %s: the check says %v", line.fsync, err)
		}
	}
}

// The same for MySQL. There is no connection to one that may lose commits: not at the start, and not later.
func TestAVolatileMySQL(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.Log = apptest.Quiet() })
	careless := s.Config()
	careless.VolatileMySQL, careless.Registerer = true, nil
	admin := apptest.Open(t, careless)
	flush := func(n int) {
		t.Helper()
		if _, err := admin.Cluster.DB(0).ExecContext(context.WithoutCancel(t.Context()),
			"SET GLOBAL innodb_flush_log_at_trx_commit = ?", n); err != nil {
			t.Fatal(err)
		}
		for _, a := range []*app.App{s, admin} {
			a.CheckPromises(t.Context())
		}
	}
	t.Cleanup(func() { flush(1) })
	flush(2)
	strict := s.Config()
	strict.Registerer = nil
	if _, err := app.Open(t.Context(), strict); !errors.Is(err, shards.ErrVolatile) {
		t.Errorf("opened: %v", err)
	}
	if _, err := s.Wallets.Balances(t.Context(), "alice"); !errors.Is(err, shards.ErrVolatile) ||
		!errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("one that becomes volatile in use: %v", err)
	}
	if err := s.Checks()["durability"](t.Context()); !errors.Is(err, shards.ErrVolatile) {
		t.Errorf("the check says %v", err)
	}
	wantAccepted(t, admin, "volatile: mysql")
	flush(1)
	if _, err := s.Wallets.Balances(t.Context(), "alice"); err != nil {
		t.Errorf("when it keeps its commits again: %v", err)
	}
	if err := s.Checks()["durability"](t.Context()); err != nil {
		t.Errorf("when it keeps its commits again, the check says %v", err)
	}
}

// A binary that is older or newer than the tables, or told another layout, says so and does not serve; nor does an
// older one migrate them.
func TestOpenOnTablesOfAnotherVersion(t *testing.T) {
	s := apptest.New(t, nil)
	cfg := s.Config()
	cfg.Registerer = prometheus.NewRegistry()
	exec := func(shard int, statement string) {
		t.Helper()
		if _, err := s.Cluster.DB(shard).ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ledger, group := s.Cluster.Table(2, "ledger_version"), s.Cluster.Table(3, "group_version")
	for _, c := range []struct {
		name         string
		shard        int
		change, undo string
		want         error
		sentence     string
	}{
		{"a migration is missing", 2, "UPDATE " + ledger + " SET version_id = -version_id WHERE version_id > 1",
			"UPDATE " + ledger + " SET version_id = -version_id WHERE version_id < 0", shards.ErrTablesOlder,
			"ledger_version of shard 2 is 1 and has to be"},
		{"a product is missing", 3, "RENAME TABLE " + group + " TO " + s.Cluster.Table(3, "away"),
			"RENAME TABLE " + s.Cluster.Table(3, "away") + " TO " + group, shards.ErrTablesOlder,
			"group_version of shard 3 is 0 and has to be 1: run `hongbao migrate`"},
		{"a migration of a later version", 2, "INSERT INTO " + ledger + " (version_id, is_applied) VALUES (99, 1)",
			"DELETE FROM " + ledger + " WHERE version_id = 99", shards.ErrTablesNewer,
			"ledger_version of shard 2 is 99 and this binary knows"},
		{"a product of a later version", 1,
			"CREATE TABLE " + s.Cluster.Table(1, "lottery_version") + " (version_id INT)",
			"DROP TABLE " + s.Cluster.Table(1, "lottery_version"), shards.ErrTablesNewer,
			"shard 1 has lottery_version, which this binary does not know"},
	} {
		exec(c.shard, c.change)
		if _, err := app.Open(t.Context(), cfg); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.sentence) {
			t.Errorf("%s: opened with %v", c.name, err)
		}
		err := app.Install(t.Context(), cfg, 1, true)
		if refused := errors.Is(err, shards.ErrTablesNewer); refused != (c.want == shards.ErrTablesNewer) {
			t.Errorf("%s: migrated with %v", c.name, err)
		}
		if c.want == shards.ErrTablesNewer {
			exec(c.shard, c.undo)
		} else if c.shard == 3 {
			exec(c.shard, "DROP TABLE "+s.Cluster.Table(3, "away")) // the migration made it anew
		} else {
			exec(c.shard, "DELETE FROM "+ledger+" WHERE version_id < 0")
		}
		apptest.Open(t, cfg)
	}
}

// A process that is told other numbers than the installation was made with does not serve.
func TestOpenAnotherLayout(t *testing.T) {
	s := apptest.New(t, nil)
	other := s.Config()
	other.Registerer = nil
	other.Shards = 8
	if _, err := app.Open(t.Context(), other); !errors.Is(err, shards.ErrInstalledOtherwise) ||
		!strings.Contains(err.Error(), "with 4 shards, now opened with 8") {
		t.Errorf("with 8 shards instead of 4: %v", err)
	}
	other.Shards = 4
	if err := app.Install(t.Context(), other, 2, true); !errors.Is(err, shards.ErrInstalledOtherwise) ||
		!strings.Contains(err.Error(), "with 1 buckets a shard") {
		t.Errorf("with 2 buckets instead of 1: %v", err)
	}
	other.Prefix = "nobody_"
	if _, err := app.Open(t.Context(), other); !errors.Is(err, shards.ErrNotInstalled) {
		t.Errorf("with another prefix: %v", err)
	}
}

// The Redis of another installation is refused: grabs there would be lost to this one's books.
func TestOpenOnAnotherInstallationsRedis(t *testing.T) {
	s := apptest.New(t, nil)
	if _, err := s.Cluster.DB(0).ExecContext(t.Context(), "UPDATE "+s.Cluster.Table(0, "installation")+
		" SET id = REVERSE(id)"); err != nil {
		t.Fatal(err)
	}
	cfg := s.Config()
	cfg.Registerer = prometheus.NewRegistry()
	if _, err := app.Open(t.Context(), cfg); !errors.Is(err, redisbucket.ErrForeign) {
		t.Error(err)
	}
}

// An address of Redis may end as URLs do, with a slash.
func TestRedisAddresses(t *testing.T) {
	for _, address := range []string{"redis-0:6379", "redis://redis-0:6379", "redis://redis-0:6379/"} {
		option, err := app.RedisOption([]string{address})
		if err != nil || !slices.Equal(option.InitAddress, []string{"redis-0:6379"}) {
			t.Errorf("%s: %v, %v", address, option.InitAddress, err)
		}
	}
	if _, err := app.RedisOption([]string{"redis://redis-0:6379/one"}); err == nil {
		t.Error("a database that is no number is taken")
	}
}
