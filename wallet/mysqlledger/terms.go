package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hongbao/hongbao/wallet"
)

// Bounds of what goes with a hold or a collection.
const (
	maxMentions = 1000
	maxTopic    = 80 // bytes
)

const dayLength = 24 * time.Hour

// dayOf is the day of a time, as days of UTC since 1970.
func dayOf(at time.Time) int64 { return at.UnixMilli() / dayLength.Milliseconds() }

// spend counts a hold towards what its owner may spend in its day. Refusal: daily_limit_exceeded.
func spend(ctx context.Context, tx *sql.Tx, t tables, h wallet.Hold, perDay int64) error {
	user, currency, day := h.Owner, string(h.Amount.Currency), dayOf(h.CreatedAt)
	query, args := "UPDATE "+t.spent+" SET amount = amount + ? WHERE user = ? AND currency = ? AND day = ?", []any{h.Amount.Minor, user, currency, day}
	if perDay > 0 {
		query, args = query+" AND amount <= ?", append(args, perDay-h.Amount.Minor)
	}
	counted := func() (bool, error) {
		done, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return false, err
		}
		n, err := done.RowsAffected()
		return n == 1, err
	}
	if ok, err := counted(); ok || err != nil {
		return err
	}
	// The first of the day, or too much: make sure that there is a row, and ask again.
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.spent+" (user, currency, day, amount) VALUES (?, ?, ?, 0) ON DUPLICATE KEY UPDATE amount = amount", user, currency, day)
	if err != nil {
		return err
	}
	if ok, err := counted(); ok || err != nil {
		return err
	}
	var spent int64
	if err := tx.QueryRowContext(ctx, "SELECT amount FROM "+t.spent+" WHERE user = ? AND currency = ? AND day = ?", user, currency, day).Scan(&spent); err != nil {
		return err
	}
	return wallet.Refuse(wallet.CodeDailyLimitExceeded, "you may send and pay %d minor units of %s in a day (UTC), of which %d are left today", perDay, currency, max(0, perDay-spent))
}

// unspend takes what is voided of a counted hold off its day again. That the row is there, and holds so much, is the
// audit's to check: no refund fails over it.
func unspend(ctx context.Context, tx *sql.Tx, t tables, h wallet.Hold, minor int64) error {
	_, err := tx.ExecContext(ctx, "UPDATE "+t.spent+" SET amount = amount - ? WHERE user = ? AND currency = ? AND day = ?",
		minor, h.Owner, string(h.Amount.Currency), dayOf(h.CreatedAt))
	return err
}

// checkTerms finds what the ledger could not keep.
func checkTerms(h wallet.Hold, terms wallet.Terms) error {
	if terms.PayTo != "" {
		if err := wallet.CheckID("payee", terms.PayTo); err != nil {
			return err
		}
		if len(h.Parts) != 1 || h.Stage != "" {
			return fmt.Errorf("mysqlledger: hold %d is paid at once, but has %d parts and stage %q", h.ID, len(h.Parts), h.Stage)
		}
	}
	if terms.PerDay < 0 || terms.PerDay > 0 && !h.Subject.Counted() {
		return fmt.Errorf("mysqlledger: hold %d: a limit of %d a day for a %s", h.ID, terms.PerDay, h.Subject)
	}
	return errors.Join(checkMentions(terms.Mentions), checkNotices(terms.Notices))
}

func checkMentions(mentions []wallet.Mention) error {
	if len(mentions) > maxMentions {
		return fmt.Errorf("mysqlledger: %d mentions: at most %d", len(mentions), maxMentions)
	}
	for _, m := range mentions {
		if err := wallet.CheckID("mention", strings.TrimPrefix(m.Of, wallet.GroupPrefix)); err != nil {
			return err
		}
	}
	return nil
}

func checkNotices(notices []wallet.Notice) error {
	for _, n := range notices {
		if n.Topic == "" || len(n.Topic) > maxTopic || len(n.Body) > wallet.MaxNotice || len(n.Body) == 0 || n.Body[0] != '{' || !json.Valid(n.Body) {
			return fmt.Errorf("mysqlledger: a notice for topic %q is not a JSON object of at most %d bytes", n.Topic, wallet.MaxNotice)
		}
	}
	return nil
}

// homeOf is the shard of who is mentioned.
func (l *Ledger) homeOf(who string) int {
	return l.cluster.ForUser(strings.TrimPrefix(who, wallet.GroupPrefix))
}

// noCurrency is ISO 4217's code for none: that of parcels that carry no money.
const noCurrency = wallet.Currency("XXX")

// writeMentions puts mentions into the outbox, one row for each shard that they go to.
func (l *Ledger) writeMentions(ctx context.Context, tx *sql.Tx, shard int, mentions []wallet.Mention) error {
	if len(mentions) == 0 {
		return nil
	}
	byDest := map[int]*parcel{}
	var packed parcels
	for _, m := range mentions {
		dest := l.homeOf(m.Of)
		box := byDest[dest]
		if box == nil {
			id, err := l.newID(shard)
			if err != nil {
				return err
			}
			box = &parcel{dest: dest, id: id, currency: noCurrency}
			byDest[dest] = box
			packed.all = append(packed.all, box)
		}
		box.contents.Mentions = append(box.contents.Mentions, mention{Who: m.Of, Subject: m.Subject, Reference: m.Reference})
	}
	return packed.write(ctx, tx, l.tables[shard], l.now().UnixMilli())
}

// receiveMentions keeps the mentions of parcels.
func receiveMentions(ctx context.Context, tx *sql.Tx, t tables, parcels []*parcel) error {
	var args []any
	for _, b := range parcels {
		for _, m := range b.contents.Mentions {
			args = append(args, m.Who, string(m.Subject), m.Reference)
		}
	}
	return insertRows(ctx, tx, "INSERT INTO "+t.mentions+" (who, subject, reference)", 3, args, " ON DUPLICATE KEY UPDATE reference = VALUES(reference)")
}

// writeNotices keeps notices until they are published.
func (l *Ledger) writeNotices(ctx context.Context, tx *sql.Tx, shard int, notices []wallet.Notice) error {
	args := make([]any, 0, 3*len(notices))
	for _, n := range notices {
		id, err := l.newID(shard)
		if err != nil {
			return err
		}
		args = append(args, id, n.Topic, n.Body)
	}
	return insertRows(ctx, tx, "INSERT INTO "+l.tables[shard].notices+" (id, topic, body)", 3, args, "")
}
