package shards

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/shards/rows"
)

// wire is a connection that keeps what is sent to the server.
type wire struct {
	mysqlConn // nil: what is not below is not called
	sent      []string
	fail      string // a text that contains it fails
	err       error  // and this is how
	closed    bool
	last      context.Context // of the last ExecContext
}

func (w *wire) take(text string, args []driver.NamedValue) error {
	if w.closed {
		return driver.ErrBadConn
	}
	for i, a := range args {
		if a.Ordinal != i+1 {
			return fmt.Errorf("value %d has the place %d", i, a.Ordinal)
		}
		text = strings.Replace(text, "?", fmt.Sprint(a.Value), 1)
	}
	w.sent = append(w.sent, text)
	if w.fail != "" && strings.Contains(text, w.fail) {
		return w.err
	}
	return nil
}

func (w *wire) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	w.last = ctx
	return driver.RowsAffected(1), w.take(text, args)
}

func (w *wire) QueryContext(_ context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	return noRows{}, w.take(text, args)
}

func (w *wire) CheckNamedValue(*driver.NamedValue) error     { return driver.ErrSkip }
func (w *wire) ResetSession(context.Context) error           { return nil }
func (w *wire) IsValid() bool                                { return !w.closed }
func (w *wire) Close() error                                 { w.closed = true; return nil }
func (w *wire) Connect(context.Context) (driver.Conn, error) { return pipelined(w) }
func (w *wire) Driver() driver.Driver                        { return nil }

type noRows struct{}

func (noRows) Columns() []string         { return []string{"n"} }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

func (w *wire) open(t *testing.T) *sql.DB {
	db := sql.OpenDB(w)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *wire) want(t *testing.T, texts ...string) {
	t.Helper()
	if !slices.Equal(w.sent, texts) {
		t.Errorf("the server was sent\n  %s\nwant\n  %s", strings.Join(w.sent, "\n  "), strings.Join(texts, "\n  "))
	}
	w.sent = nil
}

func exec(t *testing.T, ctx context.Context, tx *sql.Tx, text string, args ...any) {
	t.Helper()
	if _, err := tx.ExecContext(ctx, text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestWhatNobodyWaitsForGoesWithTheNextStatement(t *testing.T) {
	w := &wire{}
	db := w.open(t)
	now, later := t.Context(), rows.Later(t.Context())
	err := once(now, db, func(tx *sql.Tx) error {
		exec(t, now, tx, "a ?", 1)
		exec(t, later, tx, "b ? ?", 2, 3)
		exec(t, later, tx, "c ?", 4)
		found, err := tx.QueryContext(now, "d ?", 5)
		if err != nil {
			return err
		}
		_ = found.Close()
		exec(t, later, tx, "e ?", 6)
		exec(t, later, tx, "f ?", "seven")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.want(t, "START TRANSACTION;a 1", "b 2 3;c 4;d 5", "e 6;f seven;COMMIT")
	if _, err := db.ExecContext(later, "g ?", 8); err != nil { // there is no transaction whose end could take it along
		t.Fatal(err)
	}
	w.want(t, "g 8")
}

// A commit that takes writes along may wait for locks as long as its transaction may last, and no longer.
func TestACommitKeepsTheDeadline(t *testing.T) {
	w := &wire{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	want, _ := ctx.Deadline()
	err := once(ctx, w.open(t), func(tx *sql.Tx) error {
		exec(t, rows.Later(ctx), tx, "a ?", 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := w.last.Deadline(); !ok || !got.Equal(want) {
		t.Errorf("the commit may last until %v, want %v", got, want)
	}
	if w.last.Done() == ctx.Done() {
		t.Error("the commit ends when nobody waits for it any more")
	}
}

func TestATransactionOfNothingIsNotSent(t *testing.T) {
	w := &wire{}
	db := w.open(t)
	if err := once(t.Context(), db, func(*sql.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	given := errors.New("given up")
	err := once(t.Context(), db, func(tx *sql.Tx) error {
		exec(t, rows.Later(t.Context()), tx, "a ?", 1)
		return given
	})
	if !errors.Is(err, given) {
		t.Error(err)
	}
	w.want(t)
}

func TestWhatIsMuchDoesNotWait(t *testing.T) {
	w := &wire{}
	much := strings.Repeat("x", waitingMost-10)
	err := once(t.Context(), w.open(t), func(tx *sql.Tx) error {
		for range 3 {
			exec(t, rows.Later(t.Context()), tx, "a ?", much)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The second does not go with the first, for both are too long; the third may wait again.
	a := "a " + much
	w.want(t, "START TRANSACTION;"+a+";DO 0", a, a+";COMMIT")
}

func TestACommitThatFailsLeavesNothing(t *testing.T) {
	refused := errors.New("refused")
	w := &wire{fail: "b 2", err: refused}
	db := w.open(t)
	write := func(tx *sql.Tx) error {
		exec(t, rows.Later(t.Context()), tx, "b ?", 2)
		return nil
	}
	if err := once(t.Context(), db, write); !errors.Is(err, refused) {
		t.Errorf("%v, want what the server said", err)
	}
	w.want(t, "START TRANSACTION;b 2;COMMIT", "ROLLBACK")
	if w.closed {
		t.Error("the connection was closed, though the server rolled back")
	}
	// A connection that cannot be rolled back is not used again.
	w.fail, w.err = "O", refused
	_ = once(t.Context(), db, write)
	if !w.closed {
		t.Error("a connection with an open transaction is used again")
	}
}

func TestValuesThatDoNotFitAreNotLostWithTheBeginning(t *testing.T) {
	w := &wire{fail: "a", err: driver.ErrSkip} // as the driver answers where values and places differ in number
	err := once(t.Context(), w.open(t), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "a ?", 1)
		return err
	})
	if !errors.Is(err, errValues) || !w.closed {
		t.Errorf("%v, closed %t: a statement without its transaction", err, w.closed)
	}
}
