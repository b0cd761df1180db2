package mysqlledger

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	// holdsAtOnce is how many transactions of holds a process has under way on a shard. Meanwhile further holds gather:
	// with two at a time, each is half as large, and 64 senders to four shards on two cores sent a fifth less.
	holdsAtOnce = 1
	// holdShards is how many shards of a server share one turn of the server's: two of four shards commit holds at a
	// time. While a shard waits for its turn, more of its holds gather: 64 callers to four shards cost a quarter less
	// processor time for each hold than with all four at a time, with one turn for all of them a fifth fewer are held.
	holdShards = 2
	// holdTurnsLeast is the least number of turns of a server.
	holdTurnsLeast = 2
	// holdsTimeout bounds such a transaction, retries included.
	holdsTimeout = 10 * time.Second
)

// holdCall is a hold that is committed together with others of its shard, and then what became of it.
type holdCall struct {
	request ledger.Request
	hold    ledger.Hold
	err     error
}

// holdQueues gather the holds of each shard. Shards of a server take turns.
func (l *Ledger) holdQueues() []*gather.Queue[holdCall] {
	turns := make([]chan struct{}, l.cluster.Servers())
	for i := range turns {
		turns[i] = make(chan struct{}, max(holdTurnsLeast, l.cluster.Shards()/len(turns)/holdShards))
	}
	queues := make([]*gather.Queue[holdCall], l.cluster.Shards())
	for shard := range queues {
		queues[shard] = &gather.Queue[holdCall]{
			AtOnce: holdsAtOnce,
			Enter: func() (leave func()) {
				turn := turns[l.cluster.ServerOf(shard)]
				turn <- struct{}{}
				return func() { <-turn }
			},
			Send: func(batch []*gather.Call[holdCall]) { l.sendHolds(shard, batch) },
		}
	}
	return queues
}

// sendHolds commits a batch and answers each call. Where the batch as a whole fails for another reason than a server
// that is away, each goes by itself, so that a call that cannot be carried out is nobody else's failure.
func (l *Ledger) sendHolds(shard int, batch []*gather.Call[holdCall]) {
	ctx, cancel := context.WithTimeout(context.Background(), holdsTimeout)
	defer cancel()
	together, later := callsOf(batch)
	err := l.holdTogether(ctx, shard, together)
	for _, m := range together {
		switch {
		case err == nil:
			m.call.Deliver(m.holdCall)
		case errors.Is(err, shards.ErrUnavailable) || ctx.Err() != nil:
			m.err = err
			m.call.Deliver(m.holdCall)
		default:
			later = append(later, m.call)
		}
	}
	for _, c := range later {
		answer := c.Data
		answer.hold, answer.err = l.holdAlone(ctx, c.Data.request, c.Data.hold, ledger.HoldOptions{})
		c.Deliver(answer)
	}
}

// heldCall is a call of a batch with its answer so far.
type heldCall struct {
	holdCall
	call *gather.Call[holdCall]
}

// callsOf are the calls of a batch, in the order of their owners, which is the order of locks. A second call with the
// same request comes later: it waits for what becomes of the first.
func callsOf(batch []*gather.Call[holdCall]) (together []*heldCall, later []*gather.Call[holdCall]) {
	seen := make(map[requestKey]bool, len(batch))
	for _, c := range batch {
		if c.Abandoned() {
			continue
		}
		key := requestKey{c.Data.hold.Owner, c.Data.request.ID}
		if seen[key] {
			later = append(later, c)
			continue
		}
		seen[key] = true
		together = append(together, &heldCall{c.Data, c})
	}
	slices.SortStableFunc(together, func(a, b *heldCall) int {
		return cmp.Or(cmp.Compare(a.hold.Owner, b.hold.Owner),
			cmp.Compare(a.hold.Amount.Currency, b.hold.Amount.Currency))
	})
	return together, later
}

type requestKey struct{ user, id string }

// holdTogether carries out calls in one transaction: each request is claimed, each account is debited once, by the sum
// of what it can pay, in the order of the calls. It sets err of the calls that were not carried out; they leave
// nothing behind. An error of its own says that none was.
func (l *Ledger) holdTogether(ctx context.Context, shard int, calls []*heldCall) error {
	if len(calls) == 0 {
		return nil
	}
	return l.SQLTxOn(ctx, shard, func(tx *Tx) error {
		for _, c := range calls {
			c.err = nil
		}
		if err := tx.claimTogether(ctx, calls); err != nil {
			return err
		}
		entries, err := tx.debitTogether(ctx, calls)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := tx.insertHolds(ctx, calls); err != nil {
			return err
		}
		return writeEntries(ctx, tx.sql, tx.tables, entries)
	})
}

// claimTogether records the requests of calls; see Tx.Claim. IGNORE passes over those that were recorded before. It
// would also cut what is too long, or not ASCII, which HoldWith has refused.
func (tx *Tx) claimTogether(ctx context.Context, calls []*heldCall) error {
	now := tx.l.now().UnixMilli()
	args := make([]any, 0, len(calls)*5)
	for _, c := range calls {
		args = append(args, c.hold.Owner, c.request.ID, c.request.Fingerprint[:], c.hold.ID, now)
	}
	row := rows.In(5)
	done, err := tx.sql.ExecContext(ctx,
		"INSERT IGNORE INTO "+tx.tables.Requests+" (user, request_id, fingerprint, reference, at) VALUES "+row+
			strings.Repeat(","+row, len(calls)-1), args...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == int64(len(calls)) {
		return err
	}
	type claimed struct {
		fingerprint []byte
		reference   int64
	}
	first := make(map[requestKey]claimed, len(calls))
	where, keys := requestsOf(calls)
	err = rows.Collect(ctx, tx.sql, func(row *sql.Rows) error {
		var key requestKey
		var c claimed
		err := row.Scan(&key.user, &key.id, &c.fingerprint, &c.reference)
		first[key] = c
		return err
	}, "SELECT user, request_id, fingerprint, reference FROM "+tx.tables.Requests+where, keys...)
	if err != nil {
		return err
	}
	for _, c := range calls {
		was, ok := first[requestKey{c.hold.Owner, c.request.ID}]
		switch {
		case !ok:
			return errors.New("mysqlledger: a request that was recorded cannot be read")
		case was.reference == c.hold.ID:
		case !bytes.Equal(was.fingerprint, c.request.Fingerprint[:]):
			c.err = requestConflict(c.request)
		case was.reference == tombstone:
			c.err = ledger.ErrCancelled
		default:
			c.err = &ledger.RepeatedError{Reference: was.reference}
		}
	}
	return nil
}

func requestsOf(calls []*heldCall) (where string, keys []any) {
	for _, c := range calls {
		keys = append(keys, c.hold.Owner, c.request.ID)
	}
	return " WHERE " + rows.AnyOf("user = ? AND request_id = ?", len(calls)), keys
}

// debitTogether takes what calls hold out of their owners' wallets, and returns the entries to write. A call whose
// owner cannot pay is refused, and its request forgotten; those after it may still fit.
func (tx *Tx) debitTogether(ctx context.Context, calls []*heldCall) ([]entry, error) {
	var keys []accountKey
	for _, c := range calls {
		key := accountKey{c.hold.Owner, c.hold.Amount.Currency}
		if c.err == nil && (len(keys) == 0 || keys[len(keys)-1] != key) { // calls are sorted
			keys = append(keys, key)
		}
	}
	states, err := lockAccounts(ctx, tx.sql, tx.tables, keys)
	if err != nil {
		return nil, err
	}
	frozen, err := frozenOf(ctx, tx.sql, tx.tables, keys) // now that their wallets are locked: see Ledger.Freeze
	if err != nil {
		return nil, err
	}
	var entries []entry
	var refused []*heldCall
	changed := make(map[accountKey]bool, len(keys))
	for _, c := range calls {
		if c.err != nil {
			continue
		}
		h, key := c.hold, accountKey{c.hold.Owner, c.hold.Amount.Currency}
		s := states[key]
		switch {
		case s.balance < h.Amount.Minor:
			c.err = insufficientBalance(h.Amount)
		case frozen[h.Owner]:
			c.err = ledger.Frozen()
		}
		if c.err != nil {
			refused = append(refused, c)
			continue
		}
		s = state{balance: s.balance - h.Amount.Minor, seq: s.seq + 1}
		states[key], changed[key] = s, true
		entries = append(entries, holdEntries(h, s)...)
	}
	if len(refused) > 0 {
		where, keys := requestsOf(refused)
		if _, err := tx.sql.ExecContext(ctx, "DELETE FROM "+tx.tables.Requests+where, keys...); err != nil {
			return nil, err
		}
	}
	var args []any
	for _, key := range keys {
		if changed[key] {
			args = append(args, key.account, string(key.currency), states[key].balance, states[key].seq)
		}
	}
	return entries, rows.Insert(ctx, tx.sql, "INSERT INTO "+tx.tables.Accounts+" (account, currency, balance, seq)", 4,
		args, " ON DUPLICATE KEY UPDATE balance = VALUES(balance), seq = VALUES(seq)")
}

// insertHolds stores the holds of calls that were not refused.
func (tx *Tx) insertHolds(ctx context.Context, calls []*heldCall) error {
	var args []any
	for _, c := range calls {
		if c.err != nil {
			continue
		}
		c.hold = asStored(c.hold)
		values, err := holdValues(c.hold)
		if err != nil {
			return err
		}
		args = append(args, values...)
	}
	return rows.Insert(ctx, tx.sql, "INSERT INTO "+tx.tables.Holds+" ("+holdColumns+")", holdWidth, args, "")
}
