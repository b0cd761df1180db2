package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// postSlowly carries out a batch of which something was posted before or contradicts the ledger. It locks the holds,
// reads what was posted of them, and decides about each post. posts are sorted by hold and part.
func (l *Ledger) postSlowly(ctx context.Context, shard int, posts []ledger.Post,
	holds map[int64]*ledger.Hold, may func(*Tx) error) (ledger.PostResult, error) {
	ids := holdsOf(posts)
	var result ledger.PostResult
	err := l.SQLTxOn(ctx, shard, func(tx *Tx) error {
		if err := may(tx); err != nil {
			return err
		}
		posted, err := readPosted(ctx, tx.sql, tx.tables, ids)
		if err != nil {
			return err
		}
		accepted := posted.decide(posts, holds)
		if err := tx.writePosts(ctx, accepted, holds); err != nil {
			return err
		}
		if err := keepRejections(ctx, tx.sql, tx.tables, posted.rejected); err != nil {
			return err
		}
		done, err := completed(ctx, tx.sql, tx.tables, ids)
		result = ledger.PostResult{Posted: len(accepted), Repeated: posted.repeated, Completed: done,
			Rejected: posted.rejected}
		return err
	})
	return result, err
}

// postedIndex is what was posted of the holds of a batch, read under their locks, and what was decided about the batch.
type postedIndex struct {
	pending  map[int64]int64
	byPart   map[partKey]ledger.Post
	byPayee  map[payeeKey]int // → part
	repeated int
	rejected []ledger.Rejection
}

type partKey struct {
	hold int64
	part int
}

type payeeKey struct {
	hold  int64
	payee string
}

func readPosted(ctx context.Context, tx *sql.Tx, t Tables, ids []any) (*postedIndex, error) {
	x := &postedIndex{pending: map[int64]int64{}, byPart: map[partKey]ledger.Post{}, byPayee: map[payeeKey]int{}}
	for chunk := range slices.Chunk(ids, rows.Max) {
		err := rows.Collect(ctx, tx, func(row *sql.Rows) error {
			var id, pending int64
			err := row.Scan(&id, &pending)
			x.pending[id] = pending
			return err
		}, "SELECT id, amount - posted - voided FROM "+t.Holds+" WHERE id IN "+rows.In(
			len(chunk))+" ORDER BY id FOR UPDATE", chunk...)
		if err != nil {
			return nil, err
		}
	}
	// Posts are inserted under the lock of their hold, so these are all there are.
	for chunk := range slices.Chunk(ids, rows.Max) {
		err := rows.Collect(ctx, tx, func(row *sql.Rows) error {
			p, err := scanPost(row)
			x.note(p)
			return err
		}, "SELECT "+postColumns+" FROM "+t.Posts+" WHERE hold IN "+rows.In(len(chunk)), chunk...)
		if err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *postedIndex) note(p ledger.Post) {
	x.byPart[partKey{p.Hold, p.Part}] = p
	x.byPayee[payeeKey{p.Hold, p.Payee}] = p.Part
}

// decide returns the posts that are to be carried out.
func (x *postedIndex) decide(posts []ledger.Post, holds map[int64]*ledger.Hold) []ledger.Post {
	var accepted []ledger.Post
	for _, p := range posts {
		before, posted := x.byPart[partKey{p.Hold, p.Part}]
		if posted && before.Payee == p.Payee && before.Minor == p.Minor {
			x.repeated++
			continue
		}
		reason := objection(p, holds[p.Hold])
		other, paid := x.byPayee[payeeKey{p.Hold, p.Payee}]
		switch {
		case reason != "":
		case posted:
			reason = fmt.Sprintf("the part was paid to %s", before.Payee)
		case paid:
			reason = fmt.Sprintf("the payee was paid part %d", other)
		case p.Minor > x.pending[p.Hold]:
			reason = fmt.Sprintf("the hold has %d pending", x.pending[p.Hold])
		}
		if reason != "" {
			x.rejected = append(x.rejected, ledger.Rejection{Post: p, Reason: reason})
			continue
		}
		x.note(p)
		x.pending[p.Hold] -= p.Minor
		accepted = append(accepted, p)
	}
	return accepted
}

// keepRejections makes rejected posts durable. One that is there already stays as it is.
func keepRejections(ctx context.Context, tx *sql.Tx, t Tables, rejected []ledger.Rejection) error {
	const maxPayee = 255 // bytes, of something that need not be a user id
	var args []any
	for _, r := range rejected {
		payee := []byte(r.Payee)
		args = append(args, r.Hold, r.Part, payee[:min(len(payee), maxPayee)], r.Minor, r.At.UnixMilli(), r.Reason)
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+t.Rejections+" (hold, part, payee, amount, at, reason)", 6, args,
		" ON DUPLICATE KEY UPDATE hold = VALUES(hold)")
}
