package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// TiDBOptions says where a TiDB lives.
type TiDBOptions struct {
	Binary string       // a tidb-server: see deploy/tidb
	Dir    string       // its own directory, made if needed, set to mode 0700
	Log    *slog.Logger // nil for none; the server's own is Dir/tidb.log

	temporary bool
}

// TiDB is a private tidb-server that keeps its data itself (its unistore): one process, for tests. It has written a
// transaction that it acknowledged, but not flushed: it survives the process's end and not the machine's.
type TiDB struct{ server }

// StartTiDB returns once the server answers a query. ctx bounds the start only.
func StartTiDB(ctx context.Context, o TiDBOptions) (*TiDB, error) {
	d := new(TiDB)
	var err error
	if d.server, err = newServer("TiDB", o.Dir, "mysql.sock", o.Log); err != nil {
		return nil, fmt.Errorf("start TiDB: %w", err)
	}
	config := filepath.Join(d.dir, "tidb.toml")
	err = errors.Join(
		os.WriteFile(config, []byte(tidbConfig(d.dir, d.socket.path)), 0o600),
		os.WriteFile(filepath.Join(d.dir, "init.sql"), []byte(tidbInit), 0o600))
	if err != nil {
		return nil, fmt.Errorf("start TiDB: %w", err)
	}
	d.argv, d.temporary = []string{o.Binary, "--config=" + config}, o.temporary
	if d.probe, err = newMySQLProbe(d.socket.path); err != nil {
		return nil, fmt.Errorf("start TiDB: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.socket.removeDir())
	}
	return d, nil
}

// DSN is for go-sql-driver/mysql, ends in "/", and names no schema.
func (d *TiDB) DSN() string { return "root@unix(" + d.socket.path + ")/" }

// tidbInit is for servers that make thousands of tables with few rows in each. Neither is a change of a table
// distributed, nor does it wait for transactions on the table: no test changes one that is in use.
const tidbInit = `SET GLOBAL tidb_enable_dist_task = OFF;
SET GLOBAL tidb_ddl_enable_fast_reorg = OFF;
SET GLOBAL tidb_enable_metadata_lock = OFF;
`

// tidbConfig is a server without a port, with all its files in dir.
func tidbConfig(dir, socket string) string {
	in := func(name string) string { return filepath.Join(dir, name) }
	return fmt.Sprintf(`store = "unistore"
path = %q
temp-dir = %q
tmp-storage-path = %q
socket = %q
host = ""
initialize-sql-file = %q

[log]
level = "error"
slow-query-file = %q
file.filename = %q

[status]
report-status = false
`, in("data"), in("tmp"), in("tmp-storage"), socket, in("init.sql"), in("slow.log"),
		in("tidb.log"))
}
