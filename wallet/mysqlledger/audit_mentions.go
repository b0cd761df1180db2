package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// expectMention notes that a mention must be somewhere.
func (a *auditor) expectMention(ctx context.Context, t *totals, m mention) error {
	t.expected = append(t.expected, m)
	return a.checkMentions(ctx, t, false)
}

// checkMentions looks for the mentions that are expected, in late snapshots, once there are enough of them or it is the last
// call. Those that are nowhere must be in an outbox row: see auditOutbox.
func (a *auditor) checkMentions(ctx context.Context, t *totals, last bool) error {
	if len(t.expected) < auditPage && !last {
		return nil
	}
	byDest := map[int][]mention{}
	for _, m := range t.expected {
		dest := a.l.homeOf(m.Who)
		byDest[dest] = append(byDest[dest], m)
	}
	t.expected = t.expected[:0]
	for dest, all := range byDest {
		for chunk := range slices.Chunk(all, auditLookup) {
			found, err := a.lookUpMentions(ctx, dest, chunk)
			if err != nil {
				return err
			}
			for _, m := range chunk {
				if !found[m] {
					t.unmentioned[m] = true
				}
			}
		}
	}
	return nil
}

func (a *auditor) lookUpMentions(ctx context.Context, dest int, keys []mention) (map[mention]bool, error) {
	var args []any
	for _, m := range keys {
		args = append(args, m.Who, string(m.Subject), m.Reference)
	}
	found := map[mention]bool{}
	err := collect(ctx, a.lateOf(dest), func(rows *sql.Rows) error {
		var m mention
		err := rows.Scan(&m.Who, &m.Subject, &m.Reference)
		found[m] = true
		return err
	}, "SELECT who, subject, reference FROM "+a.l.tables[dest].mentions+" WHERE "+anyOf("who = ? AND subject = ? AND reference = ?", len(keys)), args...)
	return found, err
}

// nameUnmentioned names what somebody whom it concerns cannot find.
func (a *auditor) nameUnmentioned(shard int, t *totals) {
	for m := range t.unmentioned {
		a.found(wallet.AuditMention, shard, fmt.Sprintf("%s %d", m.Subject, m.Reference), "a mention of "+m.Who, "none, and not on its way")
	}
}
