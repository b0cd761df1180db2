package mysqlmerchant

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"iter"
	"strconv"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Codes of discrepancies.
const (
	AuditState   = "merchant_state"   // a merchant's state is not what its history led to
	AuditHistory = "merchant_history" // lines are missing, or lead from a state to one that does not follow
	AuditMembers = "merchant_members" // no owner, or a role that does not exist
	AuditKey     = "merchant_key"     // a key that could not have been made
	AuditClock   = "merchant_clock"   // the test clock is not where its history led, or went back
)

// auditPage is how many merchants are read at a time.
const auditPage = 100

// Audit is what merchants add to the audit: states against histories, members, and keys.
func (s *Store) Audit() audit.Product {
	return audit.Product{HoldCheck: merchant.HoldCheck(), Tables: s.audit}
}

func (s *Store) audit(ctx context.Context, r *audit.Reader) error {
	c := &check{Store: s, Reader: r, ctx: ctx, t: s.tables(r.Shard())}
	for m, err := range c.merchants() {
		if err != nil {
			return err
		}
		if err := c.merchant(m); err != nil {
			return err
		}
	}
	return c.orphans()
}

// check is a walk over a shard's merchants.
type check struct {
	*Store
	*audit.Reader
	ctx context.Context
	t   tables
}

func (c *check) merchants() iter.Seq2[merchant.Merchant, error] {
	return rows.Pages(auditPage, func(after *merchant.Merchant) ([]merchant.Merchant, error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return rows.Select(c.ctx, c.Early(), scanMerchant, "SELECT "+merchantColumns+" FROM "+c.t.merchants+
			" WHERE id > ? ORDER BY id LIMIT ?", id, auditPage)
	})
}

func (c *check) merchant(m merchant.Merchant) error {
	name := fmt.Sprintf("merchant %d", m.ID)
	if home := c.cluster.ForUser(merchant.Account(m.ID, merchant.Live, merchant.Available)); home != c.Shard() {
		c.Found(AuditState, name+": the shard of its wallets", c.Shard(), home)
	}
	if err := c.history(name, m); err != nil {
		return err
	}
	record, err := read(c.ctx, c.Early(), c.t, m.ID, "")
	if err != nil {
		return err
	}
	owners := 0
	for _, member := range record.Members {
		if !member.Role.Allows(merchant.SeeMerchant) {
			c.Found(AuditMembers, name+": the role of "+member.User, merchant.Roles(), member.Role)
		}
		if member.Role == merchant.Owner {
			owners++
		}
		found := ledger.IndexEntry{Of: member.User, Subject: merchant.Subject, Reference: m.ID}
		if err := c.Expect(c.ctx, found); err != nil {
			return err
		}
	}
	if owners == 0 {
		c.Found(AuditMembers, name+": owners", "at least one", 0)
	}
	for _, k := range record.Keys {
		c.key(name, k)
	}
	return nil
}

// history replays a merchant's history.
func (c *check) history(name string, m merchant.Merchant) error {
	var seq int64
	var state merchant.State
	clock := "0"
	err := rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
		line, err := scanChange(row)
		if err != nil {
			return err
		}
		if seq++; line.Seq != seq {
			c.Found(AuditHistory, name+": the line after the one before", seq, line.Seq)
			seq = line.Seq
		}
		from, to := merchant.State(line.From), merchant.State(line.To)
		switch {
		case line.Side == merchant.SideOperator && (from != state || !merchant.Follows(from, to)):
			c.Found(AuditHistory, fmt.Sprintf("%s: line %d, from %s to %s", name, seq, from, to), "what follows "+state,
				from)
		case line.Side == merchant.SideOperator && line.Reason == "":
			c.Found(AuditHistory, fmt.Sprintf("%s: line %d", name, seq), "a reason", "none")
		}
		if line.Side == merchant.SideOperator || line.Action == merchant.ActionApply {
			state = to
		}
		if line.Action == merchant.ActionAdvanceClock {
			if line.From != clock {
				c.Found(AuditClock, fmt.Sprintf("%s: line %d, before it was advanced", name, seq), clock, line.From)
			}
			clock = line.To
		}
		return nil
	}, "SELECT "+changeColumns+" FROM "+c.t.history+" WHERE merchant = ? ORDER BY seq", m.ID)
	if err != nil {
		return err
	}
	if seq != m.History {
		c.Found(AuditHistory, name+": lines", m.History, seq)
	}
	if state != m.State {
		c.Found(AuditState, name+", against its history", state, m.State)
	}
	if ahead := strconv.FormatInt(m.TestAhead.Milliseconds(), 10); clock != ahead {
		c.Found(AuditClock, name+": its test clock, against its history", clock, ahead)
	}
	return nil
}

// key finds a key that no member can have made. A secret itself would be longer than its hash.
func (c *check) key(name string, k merchant.Key) {
	what := fmt.Sprintf("key %d of %s", k.ID, name)
	if len(k.Hash)+len(k.PublicKey) != sha256.Size {
		c.Found(AuditKey, what, "either the hash of a secret or a public key",
			fmt.Sprintf("%d and %d bytes", len(k.Hash), len(k.PublicKey)))
	}
	if k.State == merchant.KeyRolling && k.ExpiresAt.IsZero() {
		c.Found(AuditKey, what+", rolling", "a time until which it is good", "none")
	}
	if k.Mode != merchant.Live && k.Mode != merchant.Test {
		c.Found(AuditKey, what+": its mode", "live or test", k.Mode)
	}
	switch k.State {
	case merchant.KeyActive, merchant.KeyRolling, merchant.KeyRevoked:
	default:
		c.Found(AuditKey, what+": its state", "active, rolling or revoked", k.State)
	}
}

// orphans names members, keys and lines of merchants that do not exist.
func (c *check) orphans() error {
	for _, table := range []string{c.t.members, c.t.keys, c.t.history} {
		err := rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
			var id int64
			err := row.Scan(&id)
			c.Found(AuditState, fmt.Sprintf("rows of merchant %d in %s", id, table), "a merchant", "none")
			return err
		}, "SELECT DISTINCT o.merchant FROM "+table+" o LEFT JOIN "+c.t.merchants+
			" m ON m.id = o.merchant WHERE m.id IS NULL LIMIT ?",
			ledger.MaxDiscrepancies)
		if err != nil {
			return err
		}
	}
	return nil
}
