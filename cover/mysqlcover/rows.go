package mysqlcover

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

const (
	coverColumns = "id, merchant, mode, name, face, opened, pendant, story, colour, accent, greeting, state, reason, " +
		"findings, created_by, created_at, changed_at, usable_until, frozen_at, appeal, appeal_text, history"
	changeColumns = "seq, at, changed_by, side, action, was, became, reason, findings, usable_until"
)

func insertCover(ctx context.Context, tx *sql.Tx, t tables, c cover.Cover) error {
	story, findings, err := lists(c.Story, c.Findings)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+t.covers+" ("+coverColumns+") VALUES "+rows.In(22),
		c.ID, c.Merchant, string(c.Mode), c.Name, c.Face, c.Opened, c.Pendant, story, c.Colour, c.Accent, c.Greeting,
		string(c.State), c.Reason, findings, c.CreatedBy, c.CreatedAt.UnixMilli(), c.ChangedAt.UnixMilli(),
		millis(c.UsableUntil), millis(c.FrozenAt), string(c.Appeal), c.AppealText, 1)
	return err
}

func updateCover(ctx context.Context, tx *sql.Tx, t tables, c cover.Cover) error {
	story, findings, err := lists(c.Story, c.Findings)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE "+t.covers+" SET name = ?, face = ?, opened = ?, pendant = ?, story = ?, "+
		"colour = ?, accent = ?, greeting = ?, state = ?, reason = ?, findings = ?, changed_at = ?, "+
		"usable_until = ?, frozen_at = ?, appeal = ?, appeal_text = ?, history = ? WHERE id = ?",
		c.Name, c.Face, c.Opened, c.Pendant, story, c.Colour, c.Accent, c.Greeting, string(c.State), c.Reason, findings,
		c.ChangedAt.UnixMilli(), millis(c.UsableUntil), millis(c.FrozenAt), string(c.Appeal), c.AppealText, c.History+1,
		c.ID)
	return err
}

// lists are the columns that hold lists.
func lists(story []cover.Page, reasons []cover.Reason) (pages, findings []byte, err error) {
	if story == nil {
		story = []cover.Page{}
	}
	if reasons == nil {
		reasons = []cover.Reason{}
	}
	if pages, err = json.Marshal(story); err != nil {
		return nil, nil, err
	}
	findings, err = json.Marshal(reasons)
	return pages, findings, err
}

func plainCover(row *sql.Rows) (cover.Cover, error) { return scanCover(row) }

// scanCover reads a cover and what stands behind its columns.
func scanCover(row *sql.Rows, more ...any) (c cover.Cover, err error) {
	var story, findings []byte
	var created, changed, until, frozen int64
	err = row.Scan(append([]any{
		&c.ID, &c.Merchant, &c.Mode, &c.Name, &c.Face, &c.Opened, &c.Pendant, &story, &c.Colour, &c.Accent, &c.Greeting,
		&c.State, &c.Reason, &findings, &c.CreatedBy, &created, &changed, &until, &frozen, &c.Appeal, &c.AppealText,
		&c.History,
	}, more...)...)
	if err == nil {
		err = json.Unmarshal(story, &c.Story)
	}
	if err == nil {
		err = json.Unmarshal(findings, &c.Findings)
	}
	c.CreatedAt, c.ChangedAt = rows.Millis(created), rows.Millis(changed)
	c.UsableUntil, c.FrozenAt = timeOf(until), timeOf(frozen)
	return c, err
}

func writeChange(ctx context.Context, tx *sql.Tx, t tables, id, seq int64, c cover.Change) error {
	_, findings, err := lists(nil, c.Findings)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+t.history+" (cover, "+changeColumns+
		", request_id, fingerprint) VALUES "+rows.In(13), id, seq, c.At.UnixMilli(), c.By, string(c.Side),
		string(c.Action), string(c.From), string(c.To), c.Reason, findings, millis(c.Until), c.Request.ID,
		c.Request.Fingerprint[:])
	return err
}

func scanChange(row *sql.Rows) (c cover.Change, err error) {
	var at, until int64
	var findings []byte
	err = row.Scan(&c.Seq, &at, &c.By, &c.Side, &c.Action, &c.From, &c.To, &c.Reason, &findings, &until)
	if err == nil {
		err = json.Unmarshal(findings, &c.Findings)
	}
	c.At, c.Until = rows.Millis(at), timeOf(until)
	return c, err
}

// millis is a time as it is stored, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is the inverse of millis.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return rows.Millis(ms)
}
