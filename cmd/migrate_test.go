package cmd

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// migrationSets are the folders with migrations in the order in which they are run, with their version tables.
var migrationSets = []struct{ folder, table string }{
	{"../internal/outbox/migrations", "outbox_version"},
	{"../internal/index/migrations", "index_version"},
	{"../wallet/mysqlledger/migrations", "ledger_version"},
	{"../group/mysqlgroup/migrations", "group_version"},
	{"../collection/mysqlcollection/migrations", "collection_version"},
}

// A migration that dies after any statement, before the version of its file is recorded, is finished by the next one,
// with the same tables and rows as one that was not interrupted.
func TestMigrateAfterACrashInTheMiddleOfAFile(t *testing.T) {
	cfg := apptest.Config(t)
	var c *shards.Cluster
	load := func() { // another cluster each time, for one makes the tables of package shards once
		if c != nil {
			_ = c.Close()
		}
		var err error
		if c, err = shards.Open(shards.Config{DSNs: cfg.MySQL, Shards: 1, Prefix: cfg.Prefix,
			Volatile: cfg.VolatileMySQL}); err != nil {
			t.Fatal(err)
		}
		loadShard(t, cfg.MySQL[0], c.Schema(0), "shard0.sql")
	}
	t.Cleanup(func() { _ = c.Close() })
	load()
	migrateShard(t, c)
	want := contents(t, c)
	if len(want) < 30 {
		t.Fatalf("the dump has only %d tables and rows", len(want))
	}
	crashes := 0
	for at, set := range migrationSets {
		files := migrationFiles(t, set.folder)
		for _, file := range slices.Sorted(maps.Keys(files)) {
			for statements := 1; ; statements++ {
				load()
				for _, earlier := range migrationSets[:at] {
					mustMigrate(t, c, earlier.table, migrationFiles(t, earlier.folder))
				}
				until, whole := upTo(files, file, statements)
				ran := appliedVersion(t, c, set.table)
				if versionOf(file) <= ran {
					break // the dump has it already
				}
				mustMigrate(t, c, set.table, until)
				forget(t, c, set.table, versionOf(file))
				crashes++
				migrateShard(t, c)
				if got := contents(t, c); !slices.Equal(got, want) {
					t.Errorf("after a crash behind change %d of %s:\n%s", statements, file, difference(got, want))
				}
				if whole {
					break
				}
			}
		}
	}
	if crashes < 15 {
		t.Errorf("only %d crashes were tried", crashes)
	}
}

func migrateShard(t *testing.T, c *shards.Cluster) {
	t.Helper()
	err := errors.Join(
		mysqlledger.Migrate(t.Context(), c),
		mysqlgroup.Migrate(t.Context(), c),
		mysqlcollection.Migrate(t.Context(), c),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func mustMigrate(t *testing.T, c *shards.Cluster, table string, files fs.FS) {
	t.Helper()
	if err := c.Migrate(t.Context(), 0, shards.Migrations{FS: files, Table: table}); err != nil {
		t.Fatal(err)
	}
}

func migrationFiles(t *testing.T, folder string) fstest.MapFS {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.sql"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no migrations in %s: %v", folder, err)
	}
	files := fstest.MapFS{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = &fstest.MapFile{Data: text}
	}
	return files
}

// upTo is the files up to one, of which only the statements up to the nth that changes something are left; whole says
// that those are all.
func upTo(files fstest.MapFS, last string, statements int) (until fstest.MapFS, whole bool) {
	until = fstest.MapFS{}
	for name, file := range files {
		if name < last {
			until[name] = file
		}
	}
	parts := strings.SplitAfter(string(files[last].Data), ";\n")
	end := 0
	for changing := 0; end < len(parts) && changing < statements; end++ {
		if changes.MatchString(parts[end]) {
			changing++
		}
	}
	until[last] = &fstest.MapFile{Data: []byte(strings.Join(parts[:end], ""))}
	return until, !changes.MatchString(strings.Join(parts[end:], ""))
}

// changes finds a statement that changes a schema. Behind the others, a crash is the same as before them.
var changes = regexp.MustCompile(`(?m)^(EXECUTE|CREATE|ALTER|INSERT|UPDATE|DROP|RENAME)\b`)

// versionOf is the version that goose gives a file: the number with which the name begins.
func versionOf(file string) (n int) {
	_, _ = fmt.Sscanf(file, "%d_", &n)
	return n
}

// appliedVersion is the highest that a version table has; 0 where it does not exist.
func appliedVersion(t *testing.T, c *shards.Cluster, table string) (n int) {
	t.Helper()
	if len(column(t, c, "SELECT table_name FROM information_schema.tables WHERE table_schema = '"+c.Schema(0)+
		"' AND table_name = '"+table+"'")) == 0 {
		return 0
	}
	err := c.DB(0).QueryRowContext(t.Context(), "SELECT MAX(version_id) FROM "+c.Table(0, table)).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func forget(t *testing.T, c *shards.Cluster, table string, version int) {
	t.Helper()
	done, err := c.DB(0).ExecContext(t.Context(), "DELETE FROM "+c.Table(0, table)+" WHERE version_id = ?", version)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := done.RowsAffected(); n != 1 {
		t.Fatalf("version %d was not in %s", version, table)
	}
}

// contents are the columns and keys of all tables, and their rows, apart from what says when it was migrated.
func contents(t *testing.T, c *shards.Cluster) (all []string) {
	t.Helper()
	schema := c.Schema(0)
	all = column(t, c, `SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable, column_default)
		FROM information_schema.columns WHERE table_schema = '`+schema+`' ORDER BY table_name, column_name`)
	all = append(all, column(t, c, `SELECT CONCAT_WS(' ', table_name, index_name, non_unique, seq_in_index, column_name)
		FROM information_schema.statistics WHERE table_schema = '`+schema+`'
		ORDER BY table_name, index_name, seq_in_index`)...)
	tables := column(
		t,
		c,
		"SELECT table_name FROM information_schema.tables WHERE table_schema = '"+schema+"' ORDER BY table_name",
	)
	for _, table := range tables {
		columns := column(
			t,
			c,
			"SELECT CONCAT('HEX(`', column_name, '`)') FROM information_schema.columns WHERE table_schema = '"+
				schema+"' AND table_name = '"+table+"' AND NOT ("+volatile+") ORDER BY column_name",
		)
		rows := column(t, c, "SELECT CONCAT_WS(' ', '"+table+"', "+strings.Join(columns, ", ")+") FROM "+c.Table(0,
			table))
		slices.Sort(rows)
		all = append(all, rows...)
	}
	return all
}

// volatile are columns of goose whose values say when something was migrated.
const volatile = "table_name LIKE '%\\_version' AND column_name IN ('id', 'tstamp')"

func column(t *testing.T, c *shards.Cluster, query string) (values []string) {
	t.Helper()
	rows, err := c.DB(0).QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var value sql.NullString
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

// difference names what only one of two has.
func difference(got, want []string) string {
	var lines []string
	for _, line := range got {
		if !slices.Contains(want, line) {
			lines = append(lines, "+ "+line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			lines = append(lines, "- "+line)
		}
	}
	return strings.Join(lines, "\n")
}
