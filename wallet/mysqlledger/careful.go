package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// postCarefully carries out a batch of which something was posted before or contradicts the ledger. It locks the holds,
// reads what was posted of them, and decides about each post. posts are sorted by hold and part.
func (l *Ledger) postCarefully(ctx context.Context, shard int, posts []wallet.Post, heads map[int64]*head) (wallet.PostResult, error) {
	t := l.tables[shard]
	ids := holdsOf(posts)
	var result wallet.PostResult
	err := l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		c, err := readPosted(ctx, tx, t, ids)
		if err != nil {
			return err
		}
		accepted := c.decide(posts, heads)
		if err := l.writePosts(ctx, tx, shard, accepted, heads); err != nil {
			return err
		}
		if err := keepRejections(ctx, tx, t, c.rejected); err != nil {
			return err
		}
		done, err := completed(ctx, tx, t, ids)
		result = wallet.PostResult{Posted: len(accepted), Repeated: c.repeated, Completed: done, Rejected: c.rejected}
		return err
	})
	return result, err
}

// casebook is what is known about the holds of a batch, under their locks, and what was decided.
type casebook struct {
	pending  map[int64]int64
	byPart   map[partKey]wallet.Post
	byPayee  map[payeeKey]int // → part
	repeated int
	rejected []wallet.Rejection
}

type partKey struct {
	hold int64
	part int
}

type payeeKey struct {
	hold  int64
	payee string
}

func readPosted(ctx context.Context, tx *sql.Tx, t tables, ids []any) (*casebook, error) {
	c := &casebook{pending: map[int64]int64{}, byPart: map[partKey]wallet.Post{}, byPayee: map[payeeKey]int{}}
	for chunk := range slices.Chunk(ids, maxRows) {
		err := collect(ctx, tx, func(rows *sql.Rows) error {
			var id, pending int64
			err := rows.Scan(&id, &pending)
			c.pending[id] = pending
			return err
		}, "SELECT id, amount - posted - voided FROM "+t.holds+" WHERE id IN "+in(len(chunk))+" ORDER BY id FOR UPDATE", chunk...)
		if err != nil {
			return nil, err
		}
	}
	// Posts are inserted under the lock of their hold, so these are all there are.
	for chunk := range slices.Chunk(ids, maxRows) {
		err := collect(ctx, tx, func(rows *sql.Rows) error {
			p, err := scanPost(rows)
			c.note(p)
			return err
		}, "SELECT "+postColumns+" FROM "+t.posts+" WHERE hold IN "+in(len(chunk)), chunk...)
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *casebook) note(p wallet.Post) {
	c.byPart[partKey{p.Hold, p.Part}] = p
	c.byPayee[payeeKey{p.Hold, p.Payee}] = p.Part
}

// decide returns the posts that are to be carried out.
func (c *casebook) decide(posts []wallet.Post, heads map[int64]*head) []wallet.Post {
	var accepted []wallet.Post
	for _, p := range posts {
		before, posted := c.byPart[partKey{p.Hold, p.Part}]
		if posted && before.Payee == p.Payee && before.Minor == p.Minor {
			c.repeated++
			continue
		}
		reason := objection(p, heads[p.Hold])
		other, paid := c.byPayee[payeeKey{p.Hold, p.Payee}]
		switch {
		case reason != "":
		case posted:
			reason = fmt.Sprintf("the part was paid to %s", before.Payee)
		case paid:
			reason = fmt.Sprintf("the payee was paid part %d", other)
		case p.Minor > c.pending[p.Hold]:
			reason = fmt.Sprintf("the hold has %d pending", c.pending[p.Hold])
		}
		if reason != "" {
			c.rejected = append(c.rejected, wallet.Rejection{Post: p, Reason: reason})
			continue
		}
		c.note(p)
		c.pending[p.Hold] -= p.Minor
		accepted = append(accepted, p)
	}
	return accepted
}

// keepRejections makes rejected posts durable. One that is there already stays as it is.
func keepRejections(ctx context.Context, tx *sql.Tx, t tables, rejected []wallet.Rejection) error {
	const maxPayee = 255 // bytes, of something that need not be a user id
	var args []any
	for _, r := range rejected {
		payee := []byte(r.Payee)
		args = append(args, r.Hold, r.Part, payee[:min(len(payee), maxPayee)], r.Minor, r.At.UnixMilli(), r.Reason)
	}
	return insertRows(ctx, tx, "INSERT INTO "+t.rejections+" (hold, part, payee, amount, at, reason)", 6, args,
		" ON DUPLICATE KEY UPDATE hold = VALUES(hold)")
}
