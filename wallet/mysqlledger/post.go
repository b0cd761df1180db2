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
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
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
// kept in it for the audit to name, and moves no money; see ledger.PostResult. On an error the batch is to be repeated:
// each of its transactions was carried out whole or not at all. Error: shards.ErrUnavailable.
//
// Most batches are new in every post, so it tries that first: seven round trips whatever the batch's size.
func (l *Ledger) Post(ctx context.Context, shard int, posts []ledger.Post) (ledger.PostResult, error) {
	if err := l.checkShard(shard); err != nil {
		return ledger.PostResult{}, err
	}
	var all ledger.PostResult
	for chunk := range slices.Chunk(posts, maxPosts) {
		r, err := l.postChunk(ctx, shard, chunk, func(*Tx) error { return nil })
		if err != nil {
			return ledger.PostResult{}, shards.Classify(
				fmt.Errorf("post %d parts of shard %d: %w", len(chunk), shard, err))
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

// postChunk carries out a batch in one transaction, which first says whether it may.
func (l *Ledger) postChunk(ctx context.Context, shard int, posts []ledger.Post,
	may func(*Tx) error) (ledger.PostResult, error) {
	release, err := l.acquire(ctx, shard)
	if err != nil {
		return ledger.PostResult{}, err
	}
	defer release()
	holds, err := l.loadMetadata(ctx, shard, posts)
	if err != nil {
		return ledger.PostResult{}, err
	}
	sorted := slices.Clone(posts)
	slices.SortStableFunc(sorted, func(a, b ledger.Post) int {
		return cmp.Or(cmp.Compare(a.Hold, b.Hold), cmp.Compare(a.Part, b.Part))
	})
	var result ledger.PostResult
	if plain(sorted, holds) {
		err = l.SQLTxOn(ctx, shard, func(tx *Tx) (err error) {
			if err := may(tx); err != nil {
				return err
			}
			result = ledger.PostResult{Posted: len(sorted)}
			if err = tx.writePosts(ctx, sorted, holds); err != nil {
				return err
			}
			result.Completed, err = completed(ctx, tx.sql, tx.tables, holdsOf(sorted))
			return err
		})
		if !shards.IsDuplicate(err) && !errors.Is(err, errContradiction) {
			return result, err
		}
	}
	return l.postSlowly(ctx, shard, sorted, holds, may)
}

// plain says whether sorted posts agree with the holds' parts and are not repeated among themselves.
func plain(sorted []ledger.Post, holds map[int64]*ledger.Hold) bool {
	for i, p := range sorted {
		if objection(p, holds[p.Hold]) != "" || i > 0 && p.Hold == sorted[i-1].Hold && p.Part == sorted[i-1].Part {
			return false
		}
	}
	return true
}

// objection says what is wrong with a post in view of the metadata of its hold; "" for nothing.
func objection(p ledger.Post, h *ledger.Hold) string {
	if h == nil {
		return "there is no such hold on this shard"
	}
	return h.Objection(p)
}

// writePosts carries out posts that agree with their holds, sorted by hold. errContradiction or a duplicate key says
// that something of them was posted before or does not fit; then the caller rolls the transaction back.
func (tx *Tx) writePosts(ctx context.Context, posts []ledger.Post, holds map[int64]*ledger.Hold) error {
	if len(posts) == 0 {
		return nil
	}
	if err := drawFromHolds(ctx, tx.sql, tx.tables, posts); err != nil {
		return err
	}
	messages, carriers, err := tx.l.packCredits(tx.shard, posts, holds)
	if err != nil {
		return err
	}
	args := make([]any, 0, 7*len(posts))
	for i, p := range posts {
		draw := 0
		if holds[p.Hold].Metered() {
			draw = p.Part + 1
		}
		args = append(args, p.Hold, p.Part, p.Payee, p.Minor, p.At.UnixMilli(), carriers[i], draw)
	}
	head := "INSERT INTO " + tx.tables.Posts + " (hold, part, payee, amount, at, outbox, draw)"
	if err := rows.Insert(ctx, tx.sql, head, 7, args, ""); err != nil {
		return err
	}
	txID, err := tx.l.ids.New(tx.shard)
	if err != nil {
		return err
	}
	if err := writeEntries(ctx, tx.sql, tx.tables, tx.l.postEntries(txID, posts, holds)); err != nil {
		return err
	}
	tx.Send(messages...)
	return nil
}

// drawFromHolds adds the posts to their holds' posted, provided that so much is pending.
func drawFromHolds(ctx context.Context, tx *sql.Tx, t Tables, posts []ledger.Post) error {
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
		// is_open comes first: MySQL assigns from left to right and shows later assignments the new values, TiDB the
		// old.
		done, err := tx.ExecContext(ctx,
			"UPDATE "+t.Holds+" SET is_open = IF(posted + voided + "+when.String()+" = amount, 0, 1), posted = "+
				"posted + "+when.String()+
				" WHERE id IN "+rows.In(len(chunk))+" AND posted + voided + "+when.String()+" <= amount",
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
func sumByHold(posts []ledger.Post) []holdSum {
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
func holdsOf(sorted []ledger.Post) []any {
	var ids []any
	for i, p := range sorted {
		if i == 0 || p.Hold != sorted[i-1].Hold {
			ids = append(ids, p.Hold)
		}
	}
	return ids
}

// postEntries are one summed entry for each hold, and one of the clearing account for each currency.
func (l *Ledger) postEntries(txID int64, posts []ledger.Post, holds map[int64]*ledger.Hold) []entry {
	at := l.now().UnixMilli()
	cleared := map[ledger.Currency]int64{}
	var entries []entry
	for _, s := range sumByHold(posts) {
		h := holds[s.hold]
		cleared[h.Amount.Currency] += s.sum
		entries = append(entries, entry{account: HoldAccount(s.hold), currency: h.Amount.Currency, seq: txID,
			amount: -s.sum,
			kind:   ledger.EntryPost, subject: h.Subject, reference: txID, at: at})
	}
	return append(entries, clearingEntries(txID, cleared, 1, at)...)
}

// clearingEntries are the entries of the clearing account in one transaction: sign 1 into it, -1 out of it.
func clearingEntries(txID int64, sums map[ledger.Currency]int64, sign int64, at int64) []entry {
	var entries []entry
	for currency, sum := range sums {
		entries = append(entries, entry{account: ClearingAccount, currency: currency, seq: txID, amount: sign * sum,
			kind: ledger.EntryPost, reference: txID, part: len(entries), at: at})
	}
	return entries
}

// completed are those of the holds, by their ids, with nothing pending.
func completed(ctx context.Context, tx *sql.Tx, t Tables, ids []any) ([]int64, error) {
	var done []int64
	for chunk := range slices.Chunk(ids, rows.Max) {
		err := rows.Collect(ctx, tx, func(row *sql.Rows) error {
			var id int64
			err := row.Scan(&id)
			done = append(done, id)
			return err
		}, "SELECT id FROM "+t.Holds+" WHERE id IN "+rows.In(len(chunk))+" AND is_open = 0 ORDER BY id", chunk...)
		if err != nil {
			return nil, err
		}
	}
	return done, nil
}
