package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards"
)

// install makes shards with one table, which counts.
func install(t *testing.T, dsn, prefix string) *shards.Cluster {
	t.Helper()
	c, err := shards.Open(shards.Config{DSNs: []string{dsn, dsn}, Shards: 3, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func run(t *testing.T, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// While the fence is shut nothing commits on any server; once it is open, everything goes on.
func TestNothingCommitsBehindTheFence(t *testing.T) {
	c := install(t, devstack.TestMariaDB(t).DSN(), "fence_")
	if _, err := c.Install(t.Context(), shards.Installation{BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	for _, shard := range c.All() {
		if shard > 0 {
			run(t, c.DB(shard), "CREATE DATABASE "+c.Schema(shard))
		}
		run(t, c.DB(shard), "CREATE TABLE "+c.Table(shard, "n")+" (n INT)")
	}
	f, err := openFence(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer f.remove()
	if err := f.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, c.Shards())
	for _, shard := range c.All() {
		conn, err := c.DB(shard).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		run(t, conn, "SET SESSION lock_wait_timeout = 1")
		_, err = conn.ExecContext(t.Context(), "INSERT INTO "+c.Table(shard, "n")+" VALUES (1)")
		if err == nil {
			t.Errorf("shard %d: a row was committed behind the fence", shard)
		}
		go func() {
			_, err := c.DB(shard).ExecContext(t.Context(), "INSERT INTO "+c.Table(shard, "n")+" VALUES (2)")
			ended <- err
		}()
	}
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range c.All() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if err := f.checkMigrations(t.Context()); err != nil {
		t.Error(err)
	}
	run(t, f.of(2), "DO RELEASE_ALL_LOCKS()")
	if err := f.checkMigrations(t.Context()); err == nil {
		t.Error("nobody notices that a migration could have run")
	}
	// A server that was let go is noticed when the fence is opened.
	if err := f.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var id int64
	if err := f.conns[1].QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		t.Fatal(err)
	}
	run(t, c.DB(0), "KILL ?", id)
	if err := f.open(t.Context()); err == nil {
		t.Error("a fence that had a gap is believed")
	}
}

// A user who may not stop the writers is told which privilege is missing.
func TestTheFenceNeedsReload(t *testing.T) {
	server := devstack.TestMariaDB(t)
	owner := install(t, server.DSN(), "reload_")
	if _, err := owner.Install(t.Context(), shards.Installation{BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	run(t, owner.ServerDB(0), "CREATE USER no_reload@localhost IDENTIFIED BY 'secret'")
	run(t, owner.ServerDB(0), "GRANT ALL PRIVILEGES ON `reload\\_%`.* TO no_reload@localhost")
	user, err := mysql.ParseDSN(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	user.User, user.Passwd = "no_reload", "secret"
	f, err := openFence(t.Context(), install(t, user.FormatDSN(), "reload_"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.remove()
	err = f.close(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "the MySQL user may not stop the writers") {
		t.Errorf("without RELOAD: %v", err)
	}
}

// Whatever a user is called and the password is, MariaDB's tools understand it, and what a value looks like does not
// matter.
func TestToolsConnectAndCopyAnyValue(t *testing.T) {
	server := devstack.TestMariaDB(t)
	const user, password = "o'back", "a\"b\\c #;d'e\\n =%[client]"
	root, err := sql.Open("mysql", server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	run(t, root, "CREATE USER IF NOT EXISTS 'o''back'@'localhost' IDENTIFIED BY '"+
		strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)+"'")
	run(t, root, "GRANT ALL ON *.* TO 'o''back'@'localhost'")
	dsn := (&mysql.Config{User: user, Passwd: password, Net: "unix", Addr: server.Socket(),
		AllowNativePasswords: true}).FormatDSN()
	from := install(t, dsn, "from_")
	installed, err := from.Install(t.Context(), shards.Installation{BucketsPerShard: 7, Sandbox: true})
	if err != nil {
		t.Fatal(err)
	}
	values := []string{"USE `from_0002`;\n", "\\", "'\"`;\r\n\x00\x1a",
		strings.Repeat("紅包🧧\nUSE `from_0001`;\n", 30_000)}
	for _, shard := range from.All() {
		if shard > 0 {
			run(t, from.DB(shard), "CREATE DATABASE "+from.Schema(shard))
		}
		run(t, from.DB(shard), "CREATE TABLE "+from.Table(shard, "texts")+
			" (shard INT, n INT, t LONGTEXT, b LONGBLOB) CHARACTER SET utf8mb4")
		for n, value := range values {
			run(t, from.DB(shard), "INSERT INTO "+from.Table(shard, "texts")+" VALUES (?, ?, ?, ?)", shard, n, value,
				[]byte(value))
		}
	}
	dir := filepath.Join(t.TempDir(), "b")
	made, err := Create(t.Context(), from, dir, func(context.Context) (any, error) { return "noted", nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(t.Context(), from, dir, nil); err == nil {
		t.Error("a backup is made over another one")
	}
	read, err := Read(t.Context(), dir)
	if err != nil || string(read.Notes) != `"noted"` || read.Installation != installed || read.Bytes() != made.Bytes() {
		t.Fatalf("%+v, %v, want %+v", read, err, made)
	}
	for _, name := range []string{manifestName, fileName(0)} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	to := install(t, dsn, "to_")
	if err := Restore(t.Context(), to, dir, read); err != nil {
		t.Fatal(err)
	}
	if got, err := to.Installation(t.Context()); err != nil || got != installed {
		t.Errorf("%+v, %v, want %+v", got, err, installed)
	}
	for _, shard := range to.All() {
		for n, value := range values {
			var text string
			var blob []byte
			err := to.DB(shard).QueryRowContext(t.Context(), "SELECT t, b FROM "+to.Table(shard, "texts")+
				" WHERE shard = ? AND n = ?", shard, n).Scan(&text, &blob)
			if err != nil || text != value || string(blob) != value {
				t.Errorf("shard %d: value %d is another one: %v", shard, n, err)
			}
		}
	}
	wantNoName(t, filepath.Join(dir, fileName(1)), "from_0001`;")
}

// wantNoName reads a file of a backup for statements that would lead to another schema.
func wantNoName(t *testing.T, path, name string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewReader(text); ; {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, "USE ") && strings.Contains(line, name) {
			t.Errorf("%s says %q", path, line)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What a tool says is in the error, the password is not.
func TestAToolThatFails(t *testing.T) {
	server := devstack.TestMariaDB(t)
	d := &dump{dir: t.TempDir(), files: map[string]string{}, made: map[string]File{}, begun: make(chan struct{})}
	err := d.run(t.Context(), "root:geheim@unix("+server.Socket()+")/", []string{"no_such_schema"}, nil)
	if err == nil || !strings.Contains(err.Error(), "mariadb-dump") || strings.Contains(err.Error(), "geheim") {
		t.Errorf("%v", err)
	}
}
