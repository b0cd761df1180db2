package mysqlstock

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Codes of discrepancies.
const (
	AuditStock   = "cover_stock"   // the pieces of a cover do not add up
	AuditBatch   = "cover_batch"   // a purchase contradicts its hold
	AuditClaims  = "cover_claims"  // claims, codes, channels or statistics contradict one another
	AuditHolding = "cover_holding" // a holding without its claim, or a claim whose holding has not arrived
)

// auditPage is how many stocks or holdings are read at a time.
const auditPage = 200

// arrival is how long after its claim a holding may be on its way, by the clocks of Redis and of the database.
const arrival = 10 * time.Minute

// Audit is what pieces add to the audit: bought = claimed + left + withdrawn for each cover, in pieces and, against the
// holds, in money; claims against codes, channels and statistics; holdings against claims. A claim commits before its
// holding is on its way, so what the early snapshot shows as held was claimed in the late one; and a holding that has
// not arrived long after its claim is named, too.
func (s *Store) Audit() audit.Product {
	return audit.Product{HoldCheck: ledger.HoldCheck{Subject: stock.Subject}, Tables: s.audit}
}

func (s *Store) audit(ctx context.Context, r *audit.Reader) error {
	c := &check{Store: s, Reader: r, ctx: ctx, t: tablesOf(s.cluster, r.Shard())}
	for of, err := range c.stocks() {
		if err != nil {
			return err
		}
		if err := c.stock(of); err != nil {
			return err
		}
	}
	for _, step := range []func() error{c.holds, c.orphans, c.holdings, c.arrivals} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// check is a walk over a shard's stocks.
type check struct {
	*Store
	*audit.Reader
	ctx context.Context
	t   tables
}

func (c *check) stocks() iter.Seq2[stock.Stock, error] {
	return rows.Pages(auditPage, func(after *stock.Stock) ([]stock.Stock, error) {
		var cover int64
		if after != nil {
			cover = after.Cover
		}
		return rows.Select(c.ctx, c.Early(), func(row *sql.Rows) (stock.Stock, error) { return scanStock(row) },
			"SELECT "+stockColumns+" FROM "+c.t.stocks+" WHERE cover > ? ORDER BY cover LIMIT ?", cover, auditPage)
	})
}

// sum is one row of numbers.
func (c *check) sum(query string, args ...any) (n [3]int64, err error) {
	err = c.Early().QueryRowContext(c.ctx, query, args...).Scan(&n[0], &n[1], &n[2])
	return n, err
}

// stock compares a stock with its purchases, claims, withdrawals, codes, channels and hours.
func (c *check) stock(of stock.Stock) error {
	name := fmt.Sprintf("stock of cover %d", of.Cover)
	if of.Left() < 0 || of.Claimed < 0 || of.Withdrawn < 0 {
		c.Found(AuditStock, name+": bought", fmt.Sprintf("at least %d", of.Claimed+of.Withdrawn), of.Bought)
	}
	for _, q := range []struct {
		code, what, query string
		want              [3]int64
	}{
		{AuditStock, "bought, claimed and withdrawn, against its purchases", "SELECT COALESCE(SUM(pieces), 0), " +
			"COALESCE(SUM(claimed), 0), COALESCE(SUM(withdrawn), 0) FROM " + c.t.batches + " WHERE cover = ?",
			[3]int64{of.Bought, of.Claimed, of.Withdrawn}},
		{AuditStock, "withdrawn, against its withdrawals", "SELECT COALESCE(SUM(pieces), 0), " +
			"COALESCE(SUM(pieces > asked), 0), COALESCE(SUM(done = 0 AND pieces > 0), 0) FROM " + c.t.withdrawals +
			" WHERE cover = ?", [3]int64{of.Withdrawn, 0, 0}},
		{AuditClaims, "claimed, against its channels", "SELECT COALESCE(SUM(claimed), 0), " +
			"COALESCE(SUM(quota > 0 AND claimed > quota), 0), 0 FROM " + c.t.channels + " WHERE cover = ?",
			[3]int64{of.Claimed, 0, 0}},
		{AuditClaims, "claimed, against its statistics", "SELECT COALESCE(SUM(claims), 0), 0, 0 FROM " + c.t.hours +
			" WHERE cover = ?", [3]int64{of.Claimed, 0, 0}},
	} {
		got, err := c.sum(q.query, of.Cover)
		if err != nil {
			return err
		}
		if got != q.want {
			c.Found(q.code, name+": "+q.what, q.want, got)
		}
	}
	return c.claims(of, name)
}

// claims compares the claims of a cover with the stock, and with its codes.
func (c *check) claims(of stock.Stock, name string) error {
	got, err := c.sum("SELECT COUNT(*), COALESCE(SUM(digest <> ''), 0), 0 FROM "+c.t.claims+" WHERE cover = ?",
		of.Cover)
	if err != nil {
		return err
	}
	if got[0] != of.Claimed {
		c.Found(AuditClaims, name+": claimed, against its claims", of.Claimed, got[0])
	}
	used, err := c.sum("SELECT COUNT(*), COUNT(DISTINCT user), COALESCE(SUM(EXISTS (SELECT 1 FROM "+c.t.claims+
		" l WHERE l.cover = k.cover AND l.user = k.user AND l.channel = k.channel AND l.digest = k.digest)), 0) FROM "+
		c.t.codes+" k WHERE k.cover = ? AND k.user <> ''", of.Cover)
	if err != nil {
		return err
	}
	if want := [3]int64{got[1], got[1], got[1]}; used != want {
		c.Found(AuditClaims, name+": used codes, their users and their claims", want, used)
	}
	return nil
}

// holds compares each hold with its purchase.
func (c *check) holds() error {
	for holds, err := range rows.Chunks(c.Holds(c.ctx, stock.Subject), audit.Lookup) {
		if err != nil {
			return err
		}
		ids := make([]int64, len(holds))
		for i, h := range holds {
			ids[i] = h.ID
		}
		batches := map[int64]stock.Batch{}
		err := rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
			b, err := scanBatch(row)
			batches[b.ID] = b
			return err
		}, "SELECT "+batchColumns+" FROM "+c.t.batches+" WHERE id IN "+rows.In(len(ids)), rows.Args(ids)...)
		if err != nil {
			return err
		}
		for _, h := range holds {
			b := batches[h.ID]
			want := [4]int64{b.Pieces * b.Price.Minor, b.Claimed * b.Price.Minor, b.Withdrawn * b.Price.Minor,
				b.Price.Minor}
			got := [4]int64{h.Amount.Minor, h.Posted, h.Voided, h.Unit}
			if got != want || h.Amount.Currency != b.Price.Currency {
				c.Found(AuditBatch, fmt.Sprintf("purchase %d: held, posted, voided and the price of a piece",
					h.ID), want, got)
			}
		}
	}
	return nil
}

// orphans names rows of covers without a stock, and purchases without a hold.
func (c *check) orphans() error {
	for what, table := range map[string]string{"a purchase": c.t.batches, "a withdrawal": c.t.withdrawals,
		"a channel": c.t.channels, "a claim": c.t.claims, "an hour": c.t.hours} {
		err := rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
			cover, err := rows.Scalar[int64](row)
			c.Found(AuditStock, fmt.Sprintf("%s of cover %d", what, cover), "a stock", "none")
			return err
		}, "SELECT DISTINCT o.cover FROM "+table+" o LEFT JOIN "+c.t.stocks+
			" s ON s.cover = o.cover WHERE s.cover IS NULL LIMIT ?", ledger.MaxDiscrepancies)
		if err != nil {
			return err
		}
	}
	var last int64
	for {
		ids, err := rows.Select(c.ctx, c.Early(), rows.Scalar[int64], "SELECT id FROM "+c.t.batches+
			" WHERE id > ? ORDER BY id LIMIT ?", last, audit.Lookup)
		if err != nil || len(ids) == 0 {
			return err
		}
		last = ids[len(ids)-1]
		holds, err := c.LateHolds(c.ctx, c.Shard(), ids)
		if err != nil {
			return err
		}
		there := map[int64]bool{}
		for _, h := range holds {
			there[h.ID] = h.Subject == stock.Subject
		}
		for _, id := range ids {
			if !there[id] && !c.Archived(c.Shard(), id) {
				c.Found(AuditBatch, fmt.Sprintf("purchase %d", id), "its hold", "none")
			}
		}
	}
}

// holdings looks for the claims of the shard's holdings, on the shards of their covers.
func (c *check) holdings() error {
	for some, err := range rows.Chunks(c.allHoldings(), audit.Lookup) {
		if err != nil {
			return err
		}
		byShard := map[int][]stock.Holding{}
		for _, h := range some {
			shard, ok := c.cluster.ShardOf(h.Cover)
			if !ok {
				c.Found(AuditHolding, fmt.Sprintf("%s of cover %d", h.User, h.Cover), "a cover", "none")
				continue
			}
			byShard[shard] = append(byShard[shard], h)
		}
		for shard, of := range byShard {
			if err := c.claimed(shard, of); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) allHoldings() iter.Seq2[stock.Holding, error] {
	return rows.Pages(auditPage, func(after *stock.Holding) ([]stock.Holding, error) {
		var last stock.Holding
		if after != nil {
			last = *after
		}
		return rows.Select(c.ctx, c.Early(), scanHolding, "SELECT "+holdingColumns+" FROM "+c.t.holdings+
			" WHERE user > ? OR user = ? AND cover > ? ORDER BY user, cover LIMIT ?", last.User, last.User, last.Cover,
			auditPage)
	})
}

func (c *check) claimed(shard int, held []stock.Holding) error {
	type key struct {
		cover int64
		user  string
	}
	var args []any
	for _, h := range held {
		args = append(args, h.Cover, h.User)
	}
	claims := map[key][2]int64{}
	err := rows.Collect(c.ctx, c.Late(shard), func(row *sql.Rows) error {
		var k key
		var what [2]int64
		err := row.Scan(&k.cover, &k.user, &what[0], &what[1])
		claims[k] = what
		return err
	}, "SELECT cover, user, channel, claimed_at FROM "+tablesOf(c.cluster, shard).claims+" WHERE "+
		rows.AnyOf("cover = ? AND user = ?", len(held)), args...)
	if err != nil {
		return err
	}
	for _, h := range held {
		want, ok := claims[key{h.Cover, h.User}]
		if got := [2]int64{h.Channel, h.ClaimedAt.UnixMilli()}; !ok || got != want {
			c.Found(AuditHolding, fmt.Sprintf("%s of cover %d: channel and time of the claim", h.User, h.Cover),
				want, got)
		}
	}
	return nil
}

// arrivals looks for the holdings of the shard's claims, on the shards of their users.
func (c *check) arrivals() error {
	for some, err := range rows.Chunks(c.oldClaims(), audit.Lookup) {
		if err != nil {
			return err
		}
		byShard := map[int][]stock.Claim{}
		for _, claim := range some {
			shard := c.cluster.ForUser(claim.User)
			byShard[shard] = append(byShard[shard], claim)
		}
		for shard, of := range byShard {
			if err := c.arrived(shard, of); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) oldClaims() iter.Seq2[stock.Claim, error] {
	return rows.Pages(auditPage, func(after *stock.Claim) ([]stock.Claim, error) {
		var last stock.Claim
		if after != nil {
			last = *after
		}
		return rows.Select(c.ctx, c.Early(), func(row *sql.Rows) (claim stock.Claim, err error) {
			err = row.Scan(&claim.Cover, &claim.User)
			return claim, err
		}, "SELECT cover, user FROM "+c.t.claims+" WHERE (cover > ? OR cover = ? AND user > ?) AND "+
			"claimed_at < (UNIX_TIMESTAMP() - ?) * 1000 ORDER BY cover, user LIMIT ?",
			last.Cover, last.Cover, last.User, int64(arrival.Seconds()), auditPage)
	})
}

func (c *check) arrived(shard int, claims []stock.Claim) error {
	var args []any
	for _, claim := range claims {
		args = append(args, claim.User, claim.Cover)
	}
	there := map[stock.Claim]bool{}
	err := rows.Collect(c.ctx, c.Late(shard), func(row *sql.Rows) error {
		var held stock.Claim
		err := row.Scan(&held.Cover, &held.User)
		there[held] = true
		return err
	}, "SELECT cover, user FROM "+tablesOf(c.cluster, shard).holdings+" WHERE "+
		rows.AnyOf("user = ? AND cover = ?", len(claims)), args...)
	if err != nil {
		return err
	}
	for _, claim := range claims {
		if !there[claim] {
			c.Found(AuditHolding, fmt.Sprintf("%s of cover %d: the holding of the claim", claim.User, claim.Cover),
				fmt.Sprintf("one within %s", arrival), "none")
		}
	}
	return nil
}
