package shards

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/hongbao/hongbao/internal/shards/rows"
)

// waitingMost bounds what waits for the next statement, in bytes of values: with the text around them far below
// MariaDB's default max_allowed_packet of 16 MB.
const waitingMost = 2 << 20

// pipeline is a connection on which statements that nobody waits for (rows.Later) go to the server together with the
// next one: BEGIN with the first statement of its transaction, COMMIT with the last writes. A round trip costs each
// side about 70 µs of processor time, more than most statements do. The error of a statement that waited is that of
// the one it went with; nothing after it is carried out.
type pipeline struct {
	mysqlConn
	texts    []string
	args     []driver.NamedValue
	size     int             // of the values in args, bytes
	begun    context.Context // of the transaction that was begun, here if not at the server; nil without one
	atServer bool            // the server knows of the transaction
	broken   bool
}

// mysqlConn is what a connection of the driver can do.
type mysqlConn interface {
	driver.Conn
	driver.Pinger
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.SessionResetter
	driver.Validator
}

// BeginTx implements driver.ConnBeginTx. A transaction with options begins at once.
func (p *pipeline) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if o != (driver.TxOptions{}) {
		return p.mysqlConn.BeginTx(ctx, o)
	}
	if !p.IsValid() {
		return nil, driver.ErrBadConn
	}
	p.later("START TRANSACTION", nil, 0)
	p.begun = ctx
	return p, nil
}

// ExecContext implements driver.ExecerContext.
func (p *pipeline) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	size := sizeOf(args)
	if p.begun != nil && rows.IsLater(ctx) && p.size+size <= waitingMost {
		p.later(text, args, size)
		return driver.ResultNoRows, nil
	}
	if err := p.makeRoom(ctx, size); err != nil {
		return nil, err
	}
	waited := len(p.texts) > 0
	result, err := p.mysqlConn.ExecContext(ctx, p.with(text), p.withArgs(args))
	return result, p.sent(waited, err)
}

// QueryContext implements driver.QueryerContext. The driver skips the answers that are no rows, which are those of the
// statements that waited.
func (p *pipeline) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := p.makeRoom(ctx, sizeOf(args)); err != nil {
		return nil, err
	}
	waited := len(p.texts) > 0
	found, err := p.mysqlConn.QueryContext(ctx, p.with(text), p.withArgs(args))
	return found, p.sent(waited, err)
}

// PrepareContext implements driver.ConnPrepareContext.
func (p *pipeline) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.mysqlConn.PrepareContext(ctx, text)
}

// Commit implements driver.Tx. Where it fails before the commit itself, nothing is left behind. It keeps the deadline
// of the transaction, for what goes with it may wait for locks; who no longer waits for it does not end it.
func (p *pipeline) Commit() error {
	defer p.end()
	if !p.atServer && len(p.texts) == 1 { // nothing but the beginning
		return nil
	}
	ctx := context.WithoutCancel(p.begun)
	if deadline, ok := p.begun.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	_, err := p.mysqlConn.ExecContext(ctx, p.with("COMMIT"), p.withArgs(nil))
	if err = p.sent(true, err); err != nil {
		_ = p.rollback()
	}
	return err
}

// Rollback implements driver.Tx.
func (p *pipeline) Rollback() error {
	defer p.end()
	if !p.atServer {
		return nil
	}
	return p.rollback()
}

func (p *pipeline) rollback() error {
	_, err := p.mysqlConn.ExecContext(context.Background(), "ROLLBACK", nil)
	p.broken = p.broken || err != nil
	return err
}

// ResetSession implements driver.SessionResetter.
func (p *pipeline) ResetSession(ctx context.Context) error {
	if p.begun != nil || p.broken {
		return driver.ErrBadConn
	}
	return p.mysqlConn.ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (p *pipeline) IsValid() bool { return !p.broken && p.mysqlConn.IsValid() }

func (p *pipeline) later(text string, args []driver.NamedValue, size int) {
	p.texts, p.args, p.size = append(p.texts, text), append(p.args, args...), p.size+size
}

// with is what waits, and then the text.
func (p *pipeline) with(text string) string {
	if len(p.texts) == 0 {
		return text
	}
	p.atServer = p.begun != nil
	joined := strings.Join(append(p.texts, text), ";")
	p.texts = p.texts[:0]
	return joined
}

// withArgs are the values of what waits, and then those given.
func (p *pipeline) withArgs(args []driver.NamedValue) []driver.NamedValue {
	if len(p.args) == 0 {
		return args
	}
	all := append(p.args, args...)
	for i := range all {
		all[i].Ordinal = i + 1
	}
	p.args, p.size = p.args[:0], 0
	return all
}

// makeRoom sends what waits where it is too much to go with a statement that has values of a size.
func (p *pipeline) makeRoom(ctx context.Context, size int) error {
	if len(p.texts) == 0 || p.size+size <= waitingMost {
		return nil
	}
	return p.flush(ctx)
}

// sent is the error of statements that went together. The driver asks for a prepared statement (driver.ErrSkip) where
// values do not go into a text, and there is none for many statements: a mistake in one of them.
func (p *pipeline) sent(waited bool, err error) error {
	if waited && errors.Is(err, driver.ErrSkip) {
		p.broken = true
		return errValues
	}
	return err
}

// flush sends what waits.
func (p *pipeline) flush(ctx context.Context) error {
	if len(p.texts) == 0 {
		return nil
	}
	_, err := p.mysqlConn.ExecContext(ctx, p.with("DO 0"), p.withArgs(nil))
	return p.sent(true, err)
}

func (p *pipeline) end() {
	p.texts, p.args, p.size, p.begun, p.atServer = p.texts[:0], p.args[:0], 0, nil, false
}

func sizeOf(args []driver.NamedValue) (size int) {
	for i := range args {
		switch v := args[i].Value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		default:
			size += 8
		}
	}
	return size
}

var (
	errNoPipeline = errors.New("shards: the driver's connection lacks a method")
	errValues     = errors.New("shards: values that do not fit the statements that they belong to")
)

// pipelined puts a pipeline before a connection.
func pipelined(conn driver.Conn) (driver.Conn, error) {
	c, ok := conn.(mysqlConn)
	if !ok {
		_ = conn.Close()
		return nil, errNoPipeline
	}
	return &pipeline{mysqlConn: c}, nil
}
