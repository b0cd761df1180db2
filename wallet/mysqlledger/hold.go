package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

// Bounds of a hold.
const (
	MaxParts   = 10_000
	MaxNote    = 100     // characters
	MaxDetail  = 1 << 20 // bytes
	maxSubject = 16      // bytes
)

// Hold debits the owner and stores the hold, in one transaction on the owner's shard. If the request was already
// carried out, the hold of that time is returned, as it is now. Refusals: insufficient_balance, request_conflict. Any
// other error, except shards.ErrUnavailable, says that the hold is malformed or that its id exists.
func (l *Ledger) Hold(ctx context.Context, r wallet.Request, h wallet.Hold) (wallet.Hold, error) {
	return l.HoldOn(ctx, r, h, wallet.Terms{})
}

// HoldOn is Hold with what the terms say, in the same transaction. Refusals: as Hold, and daily_limit_exceeded. Error:
// wallet.ErrGivenUp where the request was given up.
func (l *Ledger) HoldOn(ctx context.Context, r wallet.Request, h wallet.Hold, terms wallet.Terms) (wallet.Hold, error) {
	if err := errors.Join(l.checkHold(h), checkTerms(h, terms)); err != nil {
		return wallet.Hold{}, err
	}
	h.CreatedAt, h.ExpiresAt = millis(h.CreatedAt.UnixMilli()), millis(h.ExpiresAt.UnixMilli())
	h.StagedAt = stagedAt(h.Stage, h.StagedAt.UnixMilli())
	parts, err := json.Marshal(h.Parts)
	if err != nil {
		return wallet.Hold{}, fmt.Errorf("hold %d: %w", h.ID, err)
	}
	shard, _ := l.ShardOf(h.ID)
	t := l.tables[shard]
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		h.Posted, h.Voided, h.Open = 0, 0, true
		if err := l.claim(ctx, tx, t, h.Owner, r, h.ID); err != nil {
			return err
		}
		if err := insertHold(ctx, tx, t, h, parts); err != nil {
			return err
		}
		if h.Subject.Counted() {
			if err := spend(ctx, tx, t, h, terms.PerDay); err != nil {
				return err
			}
		}
		if err := setAside(ctx, tx, t, h); err != nil {
			return err
		}
		return l.fulfil(ctx, tx, shard, &h, terms)
	})
	if before, ok := errors.AsType[repeat](err); ok {
		return l.GetHold(ctx, before.reference)
	}
	if err != nil {
		return wallet.Hold{}, fmt.Errorf("hold %d: %w", h.ID, err)
	}
	if len(terms.Notices) > 0 {
		l.tell(shard)
	}
	return h, nil
}

// setAside moves a hold's amount out of the owner's wallet, which is the row that many calls may want at once.
func setAside(ctx context.Context, tx *sql.Tx, t tables, h wallet.Hold) error {
	after, err := debit(ctx, tx, t, h.Owner, h.Amount)
	if err != nil {
		return err
	}
	e := entry{currency: h.Amount.Currency, kind: wallet.EntryHold, subject: h.Subject, reference: h.ID, counterparty: h.Counterparty,
		note: h.Note, at: h.CreatedAt.UnixMilli()}
	from, to := e, e
	from.account, from.seq, from.amount, from.balance = h.Owner, after.seq, -h.Amount.Minor, after.balance
	to.account, to.seq, to.amount = holdAccount(h.ID), h.ID, h.Amount.Minor
	return writeEntries(ctx, tx, t, []entry{from, to})
}

// fulfil does what the terms of a new hold ask for beside it.
func (l *Ledger) fulfil(ctx context.Context, tx *sql.Tx, shard int, h *wallet.Hold, terms wallet.Terms) error {
	if terms.PayTo != "" {
		if err := l.payWhole(ctx, tx, shard, h, terms.PayTo, h.CreatedAt.UnixMilli()); err != nil {
			return err
		}
	}
	if err := l.writeMentions(ctx, tx, shard, terms.Mentions); err != nil {
		return err
	}
	return l.writeNotices(ctx, tx, shard, terms.Notices)
}

func insertHold(ctx context.Context, tx *sql.Tx, t tables, h wallet.Hold, parts []byte) error {
	detail := h.Detail
	if detail == nil {
		detail = []byte{}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.holds+" ("+holdColumns+") VALUES "+in(16),
		h.ID, string(h.Subject), h.Owner, string(h.Amount.Currency), h.Amount.Minor, 0, 0, 1, h.Note, parts, detail,
		h.CreatedAt.UnixMilli(), h.ExpiresAt.UnixMilli(), h.Counterparty, string(h.Stage), stageTime(h))
	if shards.IsDuplicate(err) {
		return errors.New("mysqlledger: the id exists already: do two processes have the same node number?")
	}
	return err
}

func (l *Ledger) checkHold(h wallet.Hold) error {
	shard, ok := l.ShardOf(h.ID)
	if !ok || shard != l.cluster.ForUser(h.Owner) {
		return fmt.Errorf("mysqlledger: hold %d: the id is not one for owner %q", h.ID, h.Owner)
	}
	if err := wallet.CheckID("owner", h.Owner); err != nil {
		return err
	}
	if _, err := wallet.NewAmount(h.Amount.Minor, string(h.Amount.Currency)); err != nil {
		return err
	}
	if len(h.Parts) > MaxParts {
		return fmt.Errorf("mysqlledger: hold %d has %d parts: at most %d", h.ID, len(h.Parts), MaxParts)
	}
	if err := checkStage(h); err != nil {
		return err
	}
	left := h.Amount.Minor
	for i, part := range h.Parts {
		if part < 1 || part > left {
			return fmt.Errorf("mysqlledger: hold %d: part %d is %d with %d left: parts are at least 1 and sum to the amount", h.ID, i, part, left)
		}
		left -= part
	}
	switch {
	case left != 0:
		return fmt.Errorf("mysqlledger: hold %d: its parts are %d short of its amount", h.ID, left)
	case h.Subject == "" || len(h.Subject) > maxSubject || !utf8.ValidString(string(h.Subject)):
		return fmt.Errorf("mysqlledger: hold %d: subject %q: give 1 to %d bytes", h.ID, h.Subject, maxSubject)
	case utf8.RuneCountInString(h.Note) > MaxNote || !utf8.ValidString(h.Note):
		return fmt.Errorf("mysqlledger: hold %d: the note is not UTF-8 of at most %d characters", h.ID, MaxNote)
	case len(h.Detail) > MaxDetail:
		return fmt.Errorf("mysqlledger: hold %d: the detail has %d bytes: at most %d", h.ID, len(h.Detail), MaxDetail)
	}
	return nil
}

// checkStage finds what no staged hold can be, or no other.
func checkStage(h wallet.Hold) error {
	if h.Counterparty != "" {
		if err := wallet.CheckID("counterparty", h.Counterparty); err != nil {
			return err
		}
	}
	staged := h.Subject == wallet.SubjectTransfer
	switch {
	case staged != (h.Stage != ""), staged && h.Stage.Fate() != wallet.FatePending:
		return fmt.Errorf("mysqlledger: hold %d: stage %q of a %s", h.ID, h.Stage, h.Subject)
	case staged && (len(h.Parts) != 1 || h.Counterparty == ""):
		return fmt.Errorf("mysqlledger: hold %d has a stage and %d parts: one part is needed, and a counterparty", h.ID, len(h.Parts))
	}
	return nil
}
