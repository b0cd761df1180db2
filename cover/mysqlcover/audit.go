package mysqlcover

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Codes of discrepancies.
const (
	AuditState    = "cover_state"    // a cover's state is not what its history led to, or it is on a foreign shard
	AuditHistory  = "cover_history"  // lines are missing, or are of steps that there are not
	AuditValidity = "cover_validity" // a validity that the history does not give
	AuditImages   = "cover_images"   // a cover uses an image that its side has not
	AuditReports  = "cover_reports"  // a report that could not have come about
)

// auditPage is how many covers are read at a time.
const auditPage = 100

// Audit is what covers add to the audit: states, validities and images against histories and uploads, and reports.
func (s *Store) Audit() audit.Product { return audit.Product{Tables: s.audit} }

func (s *Store) audit(ctx context.Context, r *audit.Reader) error {
	c := &check{Store: s, Reader: r, ctx: ctx, t: s.tables(r.Shard())}
	for found, err := range c.covers() {
		if err != nil {
			return err
		}
		if err := c.cover(found); err != nil {
			return err
		}
	}
	if err := c.reports(); err != nil {
		return err
	}
	return c.orphans()
}

// check is a walk over a shard's covers.
type check struct {
	*Store
	*audit.Reader
	ctx context.Context
	t   tables
}

func (c *check) covers() iter.Seq2[cover.Cover, error] {
	return rows.Pages(auditPage, func(after *cover.Cover) ([]cover.Cover, error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return rows.Select(c.ctx, c.Early(), plainCover, "SELECT "+coverColumns+" FROM "+c.t.covers+
			" WHERE id > ? ORDER BY id LIMIT ?", id, auditPage)
	})
}

func (c *check) cover(of cover.Cover) error {
	name := fmt.Sprintf("cover %d", of.ID)
	if home, ok := c.cluster.ShardOf(of.Merchant); !ok || home != c.Shard() {
		c.Found(AuditState, name+": the shard of its merchant", c.Shard(), home)
	}
	if frozen := !of.FrozenAt.IsZero(); frozen != (of.State == cover.StateFrozen) {
		c.Found(AuditState, name+": frozen", of.State == cover.StateFrozen, frozen)
	}
	if of.Appeal != cover.AppealNone && of.State != cover.StateFrozen {
		c.Found(AuditState, name+": an appeal", "of a frozen cover", of.State)
	}
	if err := c.history(name, of); err != nil {
		return err
	}
	if err := c.uses(name, of); err != nil {
		return err
	}
	used := of.Images()
	if len(used) == 0 {
		return nil
	}
	var n int
	err := c.Early().QueryRowContext(c.ctx, "SELECT COUNT(*) FROM "+c.t.images+
		" WHERE merchant = ? AND mode = ? AND hash IN "+rows.In(len(used)),
		append([]any{of.Merchant, string(of.Mode)}, rows.Args(used)...)...).Scan(&n)
	if err == nil && n != len(used) {
		c.Found(AuditImages, name+": images", len(used), n)
	}
	return err
}

// uses finds an image of a cover that would be hidden although the cover shows it, or never be.
func (c *check) uses(name string, of cover.Cover) error {
	found, err := rows.Select(c.ctx, c.Early(), rows.Scalar[string], "SELECT hash FROM "+c.t.uses+
		" WHERE cover = ? ORDER BY hash", of.ID)
	if err == nil && !slices.Equal(found, of.Images()) {
		c.Found(AuditImages, name+": images that are noted as its own", of.Images(), found)
	}
	return err
}

// replay is what a history leads to.
type replay struct {
	seq    int64
	state  cover.State
	until  time.Time // the validity
	frozen time.Time
}

// next is the validity that a line should give.
func (r *replay) next(line cover.Change) time.Time {
	switch line.Action {
	case cover.Approve:
		return line.Until // what was configured then
	case cover.Restore:
		return r.until.Add(line.At.Sub(r.frozen))
	}
	return r.until
}

// history replays a cover's history.
func (c *check) history(name string, of cover.Cover) error {
	var r replay
	err := rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
		line, err := scanChange(row)
		if err != nil {
			return err
		}
		if r.seq++; line.Seq != r.seq {
			c.Found(AuditHistory, name+": the line after the one before", r.seq, line.Seq)
			r.seq = line.Seq
		}
		what := fmt.Sprintf("%s: line %d, %s by %s from %s to %s", name, r.seq, line.Action, line.Side, line.From,
			line.To)
		if line.From != r.state || !cover.Follows(line.Action, line.Side, line.From, line.To) {
			c.Found(AuditHistory, what, "what follows "+string(r.state), line.From)
		}
		if line.Side == cover.SideOperator && line.Reason == "" {
			c.Found(AuditHistory, what, "a reason", "none")
		}
		if next := r.next(line); !line.Until.Equal(next) {
			c.Found(AuditValidity, what, next, line.Until)
		}
		switch line.Action {
		case cover.Approve:
			if !line.Until.After(line.At) {
				c.Found(AuditValidity, what, "a time after "+line.At.String(), line.Until)
			}
		case cover.Freeze:
			r.frozen = line.At
		}
		r.state, r.until = line.To, line.Until
		return nil
	}, "SELECT "+changeColumns+" FROM "+c.t.history+" WHERE cover = ? ORDER BY seq", of.ID)
	if err != nil {
		return err
	}
	if r.seq != of.History {
		c.Found(AuditHistory, name+": lines", of.History, r.seq)
	}
	if r.state != of.State {
		c.Found(AuditState, name+", against its history", r.state, of.State)
	}
	if !r.until.Equal(of.UsableUntil) {
		c.Found(AuditValidity, name+", against its history", r.until, of.UsableUntil)
	}
	return nil
}

// reports names reports that no user and no operator can have made.
func (c *check) reports() error {
	return rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
		r, err := scanReport(row)
		c.Found(AuditReports, fmt.Sprintf("report %d of cover %d", r.ID, r.Cover),
			"open, or decided by somebody with a sentence", fmt.Sprintf("%s by %q", r.State, r.DecidedBy))
		return err
	}, selectReports(c.t)+"state NOT IN (?, ?, ?) OR (state = ?) <> (outcome = '') "+
		"OR (state = ?) <> (decided_by = '') OR (state = ?) <> (decided_at = 0) LIMIT ?",
		string(cover.ReportOpen), string(cover.ReportUpheld), string(cover.ReportDismissed), string(cover.ReportOpen),
		string(cover.ReportOpen), string(cover.ReportOpen), ledger.MaxDiscrepancies)
}

// orphans names lines and reports of covers that do not exist.
func (c *check) orphans() error {
	for _, table := range []string{c.t.history, c.t.uses, c.t.reports} {
		err := rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
			var id int64
			err := row.Scan(&id)
			c.Found(AuditState, fmt.Sprintf("rows of cover %d in %s", id, table), "a cover", "none")
			return err
		}, "SELECT DISTINCT o.cover FROM "+table+" o LEFT JOIN "+c.t.covers+
			" c ON c.id = o.cover WHERE c.id IS NULL LIMIT ?", ledger.MaxDiscrepancies)
		if err != nil {
			return err
		}
	}
	return nil
}
