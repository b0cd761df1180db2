package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// maxRows bounds the rows that one transaction deletes, unless a single line has more.
const maxRows = 2000

// errChanged says that rows are not what is in the file.
var errChanged = errors.New("rows have changed since they were exported: run hongbao audit, and delete nothing by hand")

// dropping deletes the rows of a file in batches, with a pause after each as long as it took, so that it never takes
// more than half of a server's time.
type dropping struct {
	*run
	ctx   context.Context
	of    File
	lines []Line
	rows  int64
}

func (d *dropping) add(l Line) error {
	var one File
	one.count(l)
	if len(d.lines) > 0 && (len(d.lines) == seal.Batch || d.rows+one.Rows > maxRows) {
		if err := d.flush(); err != nil {
			return err
		}
	}
	d.lines, d.rows = append(d.lines, l), d.rows+one.Rows
	return nil
}

func (d *dropping) flush() error {
	if len(d.lines) == 0 {
		return nil
	}
	if err := d.step("drop"); err != nil {
		return err
	}
	began := time.Now()
	shard, t := d.of.Shard, d.tables[d.of.Shard]
	err := d.cluster.Tx(d.ctx, shard, func(tx *sql.Tx) error {
		switch d.of.Kind {
		case Requests:
			return d.requests(tx, t)
		case Inbox:
			return d.inbox(tx, d.cluster.Table(shard, "inbox"))
		case Entries:
			return d.entries(tx, t)
		case Holds:
			return d.units(tx, t, t.Holds, mysqlledger.HoldAccount)
		default:
			return d.units(tx, t, t.Fundings, mysqlledger.FundingAccount)
		}
	})
	if err != nil {
		return err
	}
	d.lines, d.rows = nil, 0
	pause := time.NewTimer(time.Since(began))
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

func (d *dropping) requests(tx *sql.Tx, t mysqlledger.Tables) error {
	var args []any
	for _, l := range d.lines {
		args = append(args, l.Request.User, l.Request.ID)
	}
	_, err := tx.ExecContext(d.ctx, "DELETE FROM "+t.Requests+" WHERE "+
		rows.AnyOf("user = ? AND request_id = ?", len(d.lines)), args...)
	return err
}

func (d *dropping) inbox(tx *sql.Tx, table string) error {
	var args []any
	for _, l := range d.lines {
		args = append(args, l.Message.Source, l.Message.ID)
	}
	_, err := tx.ExecContext(d.ctx, "DELETE FROM "+table+" WHERE "+rows.AnyOf("source = ? AND id = ?", len(d.lines)),
		args...)
	return err
}

// units deletes holds or orders that are still there, and all that belongs to them.
func (d *dropping) units(tx *sql.Tx, t mysqlledger.Tables, table string, account func(int64) string) error {
	ids := make([]int64, len(d.lines))
	for i, l := range d.lines {
		ids[i] = l.Unit.ID()
	}
	there, err := rows.Select(d.ctx, tx, rows.Scalar[int64], "SELECT id FROM "+table+" WHERE id IN "+rows.In(len(ids))+
		" AND sealed = 1 ORDER BY id FOR UPDATE", rows.Args(ids)...)
	if err != nil || len(there) == 0 {
		return err
	}
	seals, err := seal.Units(d.ctx, tx, t, there)
	if err != nil {
		return err
	}
	var units []*seal.Unit
	var accounts []any
	for i := range d.lines {
		u := d.lines[i].Unit
		if !slices.Contains(there, u.ID()) {
			continue
		}
		if seals[u.ID()] != u.Seal {
			return fmt.Errorf("%d: %w", u.ID(), errChanged)
		}
		units, accounts = append(units, &u.Unit), append(accounts, account(u.ID()))
	}
	for _, deletion := range []struct {
		from, by string
		keys     []any
	}{
		{t.Posts, "hold", rows.Args(there)}, {t.Entries, "account", accounts}, {t.UnitSeals, "id", rows.Args(there)},
		{table, "id", rows.Args(there)},
	} {
		if deletion.from == t.Posts && table == t.Fundings {
			continue // orders have none
		}
		if _, err := tx.ExecContext(d.ctx, "DELETE FROM "+deletion.from+" WHERE "+deletion.by+" IN "+
			rows.In(len(deletion.keys)), deletion.keys...); err != nil {
			return err
		}
	}
	if err := seal.Archived(d.ctx, tx, t, units); err != nil {
		return err
	}
	return seal.Raise(d.ctx, tx, t, seal.MarkArchived, slices.Max(there)+1)
}

// entries deletes entries whose accounts' seals say that those before them are gone.
func (d *dropping) entries(tx *sql.Tx, t mysqlledger.Tables) error {
	for _, l := range d.lines {
		s := l.Step
		moved, err := seal.ArchiveEntries(d.ctx, tx, t, seal.Step{Key: s.Key, From: s.From, To: s.To})
		if err != nil {
			return err
		}
		if !moved {
			continue
		}
		done, err := tx.ExecContext(d.ctx, "DELETE FROM "+t.Entries+
			" WHERE account = ? AND currency = ? AND seq > ? AND seq <= ?", s.Account, string(s.Currency), s.From.Seq,
			s.To.Seq)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != int64(len(s.Entries)) {
			return errors.Join(err, fmt.Errorf("entries of %s, %s, up to %d: %w", s.Account, s.Currency, s.To.Seq,
				errChanged))
		}
	}
	return nil
}
