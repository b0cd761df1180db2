package mysqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

const (
	// maxPosts bounds one transaction; a larger batch becomes several.
	maxPosts = 4000
	// maxCase bounds the holds of one UPDATE, whose CASE is searched from the start for each row.
	maxCase = 32
)

// errContradiction says that a batch is not as simple as it looked: something of it was posted before or cannot be.
var errContradiction = errors.New("mysqlledger: a batch needs a closer look")

// Post pays parts of holds of one shard. What it pays is in flight to the payees' shards until Deliver. A part that was
// paid before to the same payee is passed over, and the At of that time stays. A post that contradicts the ledger is
// kept in it for the audit to name, and moves no money; see wallet.PostResult. On an error the batch is to be repeated:
// each of its transactions was carried out whole or not at all. Error: shards.ErrUnavailable.
//
// Most batches are new in every post, so it tries that first: seven round trips whatever the batch's size.
func (l *Ledger) Post(ctx context.Context, shard int, posts []wallet.Post) (wallet.PostResult, error) {
	if err := l.checkShard(shard); err != nil {
		return wallet.PostResult{}, err
	}
	var all wallet.PostResult
	for chunk := range slices.Chunk(posts, maxPosts) {
		r, err := l.postChunk(ctx, shard, chunk)
		if err != nil {
			return wallet.PostResult{}, shards.Classify(fmt.Errorf("post %d parts of shard %d: %w", len(chunk), shard, err))
		}
		all.Posted += r.Posted
		all.Repeated += r.Repeated
		all.Completed = append(all.Completed, r.Completed...)
		all.Rejected = append(all.Rejected, r.Rejected...)
	}
	if len(posts) > maxPosts {
		slices.Sort(all.Completed)
		all.Completed = slices.Compact(all.Completed)
	}
	l.metrics.posts.Add(float64(all.Posted))
	l.metrics.rejections.Add(float64(len(all.Rejected)))
	return all, nil
}

func (l *Ledger) postChunk(ctx context.Context, shard int, posts []wallet.Post) (wallet.PostResult, error) {
	leave, err := l.lane(ctx, shard)
	if err != nil {
		return wallet.PostResult{}, err
	}
	defer leave()
	heads, err := l.loadHeads(ctx, shard, posts)
	if err != nil {
		return wallet.PostResult{}, err
	}
	sorted := slices.Clone(posts)
	slices.SortStableFunc(sorted, func(a, b wallet.Post) int {
		return cmp.Or(cmp.Compare(a.Hold, b.Hold), cmp.Compare(a.Part, b.Part))
	})
	var result wallet.PostResult
	if plain(sorted, heads) {
		err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) (err error) {
			result = wallet.PostResult{Posted: len(sorted)}
			if err = l.writePosts(ctx, tx, shard, sorted, heads); err != nil {
				return err
			}
			result.Completed, err = completed(ctx, tx, l.tables[shard], holdsOf(sorted))
			return err
		})
		if !shards.IsDuplicate(err) && !errors.Is(err, errContradiction) {
			return result, err
		}
	}
	return l.postCarefully(ctx, shard, sorted, heads)
}

// plain says whether sorted posts agree with the holds' parts and are not repeated among themselves.
func plain(sorted []wallet.Post, heads map[int64]*head) bool {
	for i, p := range sorted {
		if objection(p, heads[p.Hold]) != "" || i > 0 && p.Hold == sorted[i-1].Hold && p.Part == sorted[i-1].Part {
			return false
		}
	}
	return true
}

// objection says what is wrong with a post in view of what never changes about its hold; "" for nothing.
func objection(p wallet.Post, h *head) string {
	switch {
	case h == nil:
		return "there is no such hold on this shard"
	case h.subject == wallet.SubjectTransfer:
		return "the hold is paid by its stage alone"
	case p.Part < 0 || p.Part >= len(h.parts):
		return fmt.Sprintf("the hold has parts 0 to %d", len(h.parts)-1)
	case p.Minor != h.parts[p.Part]:
		return fmt.Sprintf("the part's amount is %d", h.parts[p.Part])
	case wallet.CheckID("payee", p.Payee) != nil:
		return "the payee is not a user id"
	}
	return ""
}

// writePosts carries out posts that agree with their holds, sorted by hold. errContradiction or a duplicate key says
// that something of them was posted before or does not fit; then the transaction is to be rolled back.
func (l *Ledger) writePosts(ctx context.Context, tx *sql.Tx, shard int, posts []wallet.Post, heads map[int64]*head) error {
	if len(posts) == 0 {
		return nil
	}
	t := l.tables[shard]
	if err := drawFromHolds(ctx, tx, t, posts); err != nil {
		return err
	}
	parcels, err := l.pack(shard, posts, heads)
	if err != nil {
		return err
	}
	args := make([]any, 0, 6*len(posts))
	for i, p := range posts {
		args = append(args, p.Hold, p.Part, p.Payee, p.Minor, p.At.UnixMilli(), parcels.of[i])
	}
	if err := insertRows(ctx, tx, "INSERT INTO "+t.posts+" (hold, part, payee, amount, at, outbox)", 6, args, ""); err != nil {
		return err
	}
	txID, err := l.newID(shard)
	if err != nil {
		return err
	}
	if err := writeEntries(ctx, tx, t, l.postEntries(txID, posts, heads)); err != nil {
		return err
	}
	return parcels.write(ctx, tx, t, l.now().UnixMilli())
}

// drawFromHolds adds the posts to their holds' posted, provided that so much is pending.
func drawFromHolds(ctx context.Context, tx *sql.Tx, t tables, posts []wallet.Post) error {
	sums := sumByHold(posts)
	for chunk := range slices.Chunk(sums, maxCase) {
		var when strings.Builder
		var cases, ids []any
		when.WriteString("CASE id")
		for _, s := range chunk {
			when.WriteString(" WHEN ? THEN ?")
			cases = append(cases, s.hold, s.sum)
			ids = append(ids, s.hold)
		}
		when.WriteString(" END")
		// is_open comes first: MySQL assigns from left to right and shows later assignments the new values, TiDB the old.
		done, err := tx.ExecContext(ctx, "UPDATE "+t.holds+" SET is_open = IF(posted + voided + "+when.String()+" = amount, 0, 1), posted = posted + "+when.String()+
			" WHERE id IN "+in(len(chunk))+" AND posted + voided + "+when.String()+" <= amount",
			slices.Concat(cases, cases, ids, cases)...)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if n != int64(len(chunk)) {
			return errContradiction
		}
	}
	return nil
}

type holdSum struct{ hold, sum int64 }

// sumByHold adds up posts that are sorted by hold.
func sumByHold(posts []wallet.Post) []holdSum {
	var sums []holdSum
	for i, p := range posts {
		if i == 0 || p.Hold != posts[i-1].Hold {
			sums = append(sums, holdSum{hold: p.Hold})
		}
		sums[len(sums)-1].sum += p.Minor
	}
	return sums
}

// holdsOf are the distinct holds of sorted posts.
func holdsOf(sorted []wallet.Post) []any {
	var ids []any
	for i, p := range sorted {
		if i == 0 || p.Hold != sorted[i-1].Hold {
			ids = append(ids, p.Hold)
		}
	}
	return ids
}

// postEntries are one summed entry for each hold, and one of the clearing account for each currency.
func (l *Ledger) postEntries(txID int64, posts []wallet.Post, heads map[int64]*head) []entry {
	at := l.now().UnixMilli()
	cleared := map[wallet.Currency]int64{}
	var entries []entry
	for _, s := range sumByHold(posts) {
		h := heads[s.hold]
		cleared[h.currency] += s.sum
		entries = append(entries, entry{account: holdAccount(s.hold), currency: h.currency, seq: txID, amount: -s.sum,
			kind: wallet.EntryPost, subject: h.subject, reference: txID, at: at})
	}
	return append(entries, clearingEntries(txID, cleared, 1, at)...)
}

// clearingEntries are the entries of the clearing account in one transaction: sign 1 into it, -1 out of it.
func clearingEntries(txID int64, sums map[wallet.Currency]int64, sign int64, at int64) []entry {
	var entries []entry
	for currency, sum := range sums {
		entries = append(entries, entry{account: clearing, currency: currency, seq: txID, amount: sign * sum,
			kind: wallet.EntryPost, reference: txID, part: len(entries), at: at})
	}
	return entries
}

// completed are those of the holds, by their ids, with nothing pending.
func completed(ctx context.Context, tx *sql.Tx, t tables, ids []any) ([]int64, error) {
	var done []int64
	for chunk := range slices.Chunk(ids, maxRows) {
		err := collect(ctx, tx, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			done = append(done, id)
			return err
		}, "SELECT id FROM "+t.holds+" WHERE id IN "+in(len(chunk))+" AND is_open = 0 ORDER BY id", chunk...)
		if err != nil {
			return nil, err
		}
	}
	return done, nil
}
