package devstack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-sql-driver/mysql"
)

// Memory and redo log of a server that is given none: enough for a test.
const (
	defaultBufferPoolMiB = 128
	defaultRedoLogMiB    = 96
)

// maxConnections is the server's limit; the ledger's pools, one per schema and process, stay far below it.
const maxConnections = 500

// MariaDBOptions says where a MariaDB lives and how large it may be.
type MariaDBOptions struct {
	Dir string       // its own directory, made if needed, set to mode 0700
	Log *slog.Logger // nil for none; what the server itself prints goes to Dir/server.log

	BufferPoolMiB int // innodb_buffer_pool_size; 0 for 128
	RedoLogMiB    int // innodb_log_file_size; 0 for 96

	// BinaryLog keeps one, of rows and synced, as a server needs that shards are moved away from. It costs each group
	// of commits a second fsync.
	BinaryLog bool

	temporary bool
	progress  func(string)
}

// MariaDB is a private mariadbd. A committed transaction is on disk: innodb_flush_log_at_trx_commit=1, no binary log.
type MariaDB struct{ server }

// StartMariaDB initialises the directory on the first start and returns once the server answers a query. ctx bounds the
// start only.
func StartMariaDB(ctx context.Context, o MariaDBOptions) (*MariaDB, error) {
	binary, err := findBinary("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	installer, err := findBinary("mariadb-install-db", "mariadb-server")
	if err != nil {
		return nil, err
	}
	m := new(MariaDB)
	if err := m.prepare(binary, o); err != nil {
		return nil, fmt.Errorf("start MariaDB: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.initialise(ctx, installer, o)
	if err == nil {
		err = m.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.socket.removeDir())
	}
	return m, nil
}

func (m *MariaDB) prepare(binary string, o MariaDBOptions) (err error) {
	if m.server, err = newServer("MariaDB", o.Dir, "mysql.sock", o.Log); err != nil {
		return err
	}
	m.argv = mariadbArgv(binary, m.dir, m.socket.path, o)
	m.temporary = o.temporary
	m.probe, err = newMySQLProbe(m.socket.path)
	return err
}

// Socket is the path of the server's unix socket; it stays the same over restarts.
func (m *MariaDB) Socket() string { return m.socket.path }

// DSN is for go-sql-driver/mysql, ends in "/", and names no schema.
func (m *MariaDB) DSN() string { return "root@unix(" + m.socket.path + ")/" }

func mariadbArgv(binary, dir, socket string, o MariaDBOptions) []string {
	argv := []string{binary,
		"--no-defaults", // has to come first
		"--datadir=" + filepath.Join(dir, "data"),
		"--tmpdir=" + filepath.Join(dir, "tmp"),
		"--socket=" + socket,
		"--pid-file=" + filepath.Join(dir, "server.pid"),
		"--skip-networking",
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--transaction-isolation=READ-COMMITTED",
		"--innodb-flush-log-at-trx-commit=1",
		"--performance-schema=OFF",
		fmt.Sprintf("--max-connections=%d", maxConnections),
	}
	if o.BinaryLog {
		argv = append(argv, "--log-bin="+filepath.Join(dir, "data", "log"), "--binlog-format=ROW", "--sync-binlog=1",
			"--server-id=1")
	} else {
		argv = append(argv, "--skip-log-bin")
	}
	return append(argv, mariadbSizes(o)...)
}

// mariadbSizes are the settings that the initialisation needs as well, so that the first start has nothing to resize.
func mariadbSizes(o MariaDBOptions) []string {
	args := []string{
		fmt.Sprintf("--innodb-buffer-pool-size=%dM", orDefault(o.BufferPoolMiB, defaultBufferPoolMiB)),
		fmt.Sprintf("--innodb-log-file-size=%dM", orDefault(o.RedoLogMiB, defaultRedoLogMiB)),
	}
	if runtime.GOOS == "linux" {
		args = append(args, "--innodb-flush-method=O_DIRECT") // elsewhere the default is the right one
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root") // it refuses to run as root by accident
	}
	return args
}

// initialise makes the system tables on the first start. It needs mu.
func (m *MariaDB) initialise(ctx context.Context, installer string, o MariaDBOptions) error {
	if err := os.MkdirAll(filepath.Join(m.dir, "tmp"), 0o700); err != nil {
		return fmt.Errorf("initialise MariaDB: %w", err)
	}
	data := filepath.Join(m.dir, "data")
	if _, err := os.Stat(data); err == nil {
		return nil
	}
	if o.progress != nil {
		o.progress("MariaDB: first start, making its system tables")
	}
	// They are made in a directory that gets its name only when they are complete, so a crash leaves nothing half-made.
	fresh, err := os.MkdirTemp(m.dir, "init-")
	if err != nil {
		return fmt.Errorf("initialise MariaDB: %w", err)
	}
	err = m.install(ctx, installer, fresh, o)
	if err == nil {
		err = adopt(fresh, data)
	}
	if err = errors.Join(err, m.removeAttempts()); err != nil {
		return fmt.Errorf("initialise MariaDB: %w", err)
	}
	return nil
}

func (m *MariaDB) install(ctx context.Context, installer, fresh string, o MariaDBOptions) error {
	proc, logged, err := m.launch(ctx, append([]string{installer,
		"--no-defaults",
		"--datadir=" + fresh,
		"--tmpdir=" + filepath.Join(m.dir, "tmp"),
		// Root has no password and needs none: only its own user reaches the socket, through a directory of mode 0700.
		"--auth-root-authentication-method=normal",
		"--skip-test-db",
		"--skip-name-resolve",
		// go on where the machine's own name does not resolve, which is nothing to a server without a network
		"--force",
		"--skip-log-bin",
	}, mariadbSizes(o)...))
	if err != nil {
		return err
	}
	select {
	case <-proc.ended:
	case <-ctx.Done():
		proc.kill()
		return context.Cause(ctx)
	}
	if proc.err != nil {
		return fmt.Errorf("mariadb-install-db: %w%s", proc.err, m.logSince(logged))
	}
	return nil
}

// adopt makes a complete initialisation the server's data, durably.
func adopt(fresh, data string) error {
	if err := syncDir(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, data); err != nil {
		return err
	}
	return syncDir(filepath.Dir(data))
}

// removeAttempts removes initialisations that did not become the server's data, including those a crash left.
func (m *MariaDB) removeAttempts() error {
	attempts, err := filepath.Glob(filepath.Join(m.dir, "init-*"))
	for _, dir := range attempts {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// newMySQLProbe returns a function that succeeds when the server answers a query.
func newMySQLProbe(socket string) (func(context.Context) error, error) {
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", socket
	config.Logger = &mysql.NopLogger{} // failing is what a probe does until the server is up
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		db := sql.OpenDB(connector)
		defer db.Close()
		var one int
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	}, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func orDefault(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}
