package shardmove

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"

	wire "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/go-sql-driver/mysql"
)

// change is a row that a transaction changed, by its key; or a mark.
type change struct {
	table *table
	key   row
	mark  int64 // not 0: this mark was committed
}

// stream reads the binary log of the source from a position on.
type stream struct {
	syncer   *replication.BinlogSyncer
	events   *replication.BinlogStreamer
	schema   string // of the shard
	hidden   string // that has the marks
	tables   map[string]*table
	buffered []change
}

// checkLog looks whether a server writes a log that a stream can read. Error: ErrUnfit.
func checkLog(ctx context.Context, s *session) error {
	var has int
	var format, image string
	err := s.QueryRowContext(ctx, "SELECT @@global.log_bin, @@global.binlog_format, @@global.binlog_row_image").
		Scan(&has, &format, &image)
	if isNumber(err, 1193) { // TiDB, which moves its data itself
		return fmt.Errorf("%w: the source has no binary log: %w", ErrUnfit, err)
	}
	if err != nil {
		return err
	}
	if has != 1 || !strings.EqualFold(format, "ROW") || !strings.EqualFold(image, "FULL") {
		return fmt.Errorf("%w: the source has log_bin %d, binlog_format %s, binlog_row_image %s: a move needs "+
			"log_bin, binlog_format=ROW, binlog_row_image=FULL (and sync_binlog=1, as every server with a log)",
			ErrUnfit, has, format, image)
	}
	return nil
}

// position is the end of a server's log.
func position(ctx context.Context, s *session) (at wire.Position, err error) {
	found, err := s.QueryContext(ctx, "SHOW MASTER STATUS")
	if isNumber(err, 1064) { // MySQL 8.4 and later
		found, err = s.QueryContext(ctx, "SHOW BINARY LOG STATUS")
	}
	if err != nil {
		return at, err
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		return at, err
	}
	into := []any{&at.Name, &at.Pos}
	for range columns[2:] {
		into = append(into, new(sql.RawBytes))
	}
	if !found.Next() {
		return at, fmt.Errorf("%w: the source has no binary log", ErrUnfit)
	}
	return at, found.Scan(into...)
}

// openStream connects to the source as a replica does.
func openStream(dsn, flavor string, at wire.Position, schema, hidden string, tables map[string]*table) (*stream,
	error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	to := replication.BinlogSyncerConfig{
		ServerID: rand.Uint32N(1<<31) + 1<<31, Flavor: flavor, User: cfg.User, Password: cfg.Passwd, Host: cfg.Addr,
		TLSConfig: cfg.TLS, DisableRetrySync: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if cfg.Net == "tcp" {
		host, port, err := net.SplitHostPort(cfg.Addr)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, err
		}
		to.Host, to.Port = host, uint16(n)
	}
	s := &stream{syncer: replication.NewBinlogSyncer(to), schema: schema, hidden: hidden, tables: tables}
	if s.events, err = s.syncer.StartSync(at); err != nil {
		s.syncer.Close()
		return nil, fmt.Errorf("read the binary log (the user needs REPLICATION SLAVE): %w", err)
	}
	return s, nil
}

func (s *stream) close() {
	if s != nil {
		s.syncer.Close()
	}
}

// next waits for the next change.
func (s *stream) next(ctx context.Context) (change, error) {
	for len(s.buffered) == 0 {
		event, err := s.events.GetEvent(ctx)
		if err != nil {
			return change{}, fmt.Errorf("read the binary log: %w", err)
		}
		if of, ok := event.Event.(*replication.RowsEvent); ok {
			if err := s.take(of); err != nil {
				return change{}, err
			}
		}
	}
	first := s.buffered[0]
	s.buffered = s.buffered[1:]
	return first, nil
}

func (s *stream) take(of *replication.RowsEvent) error {
	schema, name := string(of.Table.Schema), string(of.Table.Table)
	switch {
	case schema == s.hidden && name == markTable:
		for _, r := range of.Rows {
			n, ok := r[1].(int64)
			if !ok {
				return fmt.Errorf("%w: a mark is a %T", ErrUnfit, r[1])
			}
			s.buffered = append(s.buffered, change{mark: n})
		}
	case schema == s.schema:
		t := s.tables[name]
		if t == nil || len(t.columns) != int(of.ColumnCount) {
			return fmt.Errorf("%w: the table %s was made or altered while it was copied", ErrUnfit, name)
		}
		for _, r := range of.Rows { // of an UPDATE both what was and what is
			key := make(row, len(t.key))
			for i, at := range t.key {
				key[i] = literal(r[at], t.columns[at])
			}
			s.buffered = append(s.buffered, change{table: t, key: key})
		}
	}
	return nil
}

// literal is a value of the log as a statement says it. The log does not say whether a number has a sign.
func literal(v any, c column) any {
	switch v := v.(type) {
	case string:
		if c.isBytes {
			return append([]byte(v), make([]byte, max(0, c.size-len(v)))...)
		}
		return v
	case []byte:
		if !c.isBytes {
			return string(v)
		}
		return v
	case int8:
		return c.number(int64(v), 1<<8)
	case int16:
		return c.number(int64(v), 1<<16)
	case int32:
		if c.isMedium {
			return c.number(int64(v), 1<<24)
		}
		return c.number(int64(v), 1<<32)
	case int64:
		if c.isUnsigned && v < 0 {
			return strconv.FormatUint(uint64(v), 10)
		}
		return strconv.FormatInt(v, 10)
	}
	return fmt.Sprint(v)
}

func (c column) number(v, size int64) string {
	if c.isUnsigned && v < 0 {
		v += size
	}
	return strconv.FormatInt(v, 10)
}
