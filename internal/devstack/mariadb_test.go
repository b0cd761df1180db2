package devstack

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMariaDBKeepsCommittedRows(t *testing.T) {
	m := NewTestMariaDB(t)
	db := mariaDB(t, m)
	mustExec(t, db, "CREATE DATABASE books")
	mustExec(t, db, "CREATE TABLE books.entry (id INT PRIMARY KEY)")

	for id, end := range []struct {
		name string
		how  func(*testing.T)
	}{
		{"stopped", func(t *testing.T) { mustStop(t, m) }},
		{"killed", func(*testing.T) { m.Kill() }},
		{"running", func(*testing.T) {}},
	} {
		t.Run(end.name, func(t *testing.T) {
			if _, err := db.ExecContext(t.Context(), "INSERT INTO books.entry VALUES (?)", id); err != nil {
				t.Fatal(err)
			}
			first := m.PID()
			end.how(t)
			if end.name != "running" && alive(first) {
				t.Errorf("process %d is alive", first)
			}
			if err := m.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			if m.PID() == first {
				t.Error("the same process after a restart")
			}
			if got := mustCount(t, mariaDB(t, m), "SELECT COUNT(*) FROM books.entry"); got != id+1 {
				t.Errorf("%d rows, want %d", got, id+1)
			}
		})
	}
}

func TestMariaDBRunsAsDurableAndPrivate(t *testing.T) {
	m := TestMariaDB(t)
	db := mariaDB(t, m)
	for variable, want := range map[string]string{
		"skip_networking":                "1",
		"skip_name_resolve":              "1",
		"log_bin":                        "0",
		"character_set_server":           "utf8mb4",
		"innodb_flush_log_at_trx_commit": "1",
		"tx_isolation":                   "READ-COMMITTED",
		"performance_schema":             "0",
		"max_connections":                "500",
		"innodb_buffer_pool_size":        "134217728",
		"innodb_log_file_size":           "100663296",
	} {
		var got string
		if err := db.QueryRowContext(t.Context(), "SELECT @@global."+variable).Scan(&got); err != nil {
			t.Errorf("%s: %v", variable, err)
		} else if got != want {
			t.Errorf("%s is %q, want %q", variable, got, want)
		}
	}
	// Grants are in force: without them every connection would be root whatever it says.
	if n := mustCount(t, db,
		"SELECT COUNT(*) FROM mysql.global_priv WHERE User NOT IN ('root', 'mariadb.sys')"); n != 0 {
		t.Errorf("%d accounts besides root", n)
	}
	nobody, err := sql.Open("mysql", strings.Replace(m.DSN(), "root@", "nobody@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if err := nobody.PingContext(t.Context()); err == nil {
		t.Error("a user that does not exist got in")
	}
	info, err := os.Stat(filepath.Dir(m.Socket()))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory has mode %v", info.Mode().Perm())
	}
}

func TestMariaDBKilledWhileInitialising(t *testing.T) {
	SkipInShort(t)
	dir := t.TempDir()
	parent, _ := startParent(t, "first start", dir)
	attempts := func() []string {
		found, _ := filepath.Glob(filepath.Join(dir, "init-*", "*"))
		return found
	}
	eventually(t, "the initialisation has written something", func() bool { return len(attempts()) > 0 })
	kill9(parent)
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Fatal("killed too late: the data directory is complete")
	}

	m, err := StartMariaDB(t.Context(), MariaDBOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Kill)
	mustExec(t, mariaDB(t, m), "CREATE DATABASE books")
	if left := attempts(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
