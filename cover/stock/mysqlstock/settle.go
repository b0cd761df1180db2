package mysqlstock

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// position is a place in a log, as a Redis stream orders its entries.
type position struct{ ms, seq int64 }

func (p position) before(q position) bool { return p.ms < q.ms || p.ms == q.ms && p.seq < q.seq }

func positionOf(r stock.Record) (p position, err error) {
	ms, seq, _ := strings.Cut(string(r.At), "-")
	if p.ms, err = strconv.ParseInt(ms, 10, 64); err == nil {
		p.seq, err = strconv.ParseInt(seq, 10, 64)
	}
	if err != nil {
		return p, fmt.Errorf("mysqlstock: %q is no position of a log", r.At)
	}
	return p, nil
}

// settlement is one batch of a cover's records in its transaction.
type settlement struct {
	*Store
	tx    *mysqlledger.Tx
	t     tables
	seen  position
	until func(time.Time) time.Time
	at    time.Time // of the latest record, by the clock of the log: a claim may be by that of a test side

	done   stock.Settled
	claims []stock.Claim // that are new
}

// Source implements stock.Store.
func (s *Store) Source(ctx context.Context, shard, bucket int) (ledger.SourceLog, error) {
	return s.ledger.Source(ctx, shard, bucket, stock.LogName)
}

// Settled implements stock.Store.
func (s *Store) Settled(ctx context.Context, shard int, from ledger.SourceLog, upTo string) error {
	_, err := s.ledger.Settle(ctx, shard, nil, from, upTo)
	return err
}

// Settle implements stock.Store. Claims are known by their user, withdrawals by their id, and views by the position of
// their entry.
func (s *Store) Settle(
	ctx context.Context, cover int64, records []stock.Record, from ledger.SourceLog, until func(time.Time) time.Time,
) (done stock.Settled, err error) {
	err = s.ledger.SQLTx(ctx, cover, func(tx *mysqlledger.Tx) error {
		if err := tx.Settled(ctx, from, from.UpTo); err != nil {
			return err
		}
		b := &settlement{Store: s, tx: tx, t: tablesOf(s.cluster, tx.Shard()), until: until}
		err := b.settle(ctx, cover, records)
		done = b.done
		return err
	})
	if err != nil {
		return stock.Settled{}, fmt.Errorf("settle cover %d: %w", cover, err)
	}
	return done, nil
}

func (b *settlement) settle(ctx context.Context, cover int64, records []stock.Record) (err error) {
	if b.done.Stock, b.seen, err = lock(ctx, b.tx.SQL(), b.t, cover); err != nil {
		return err
	}
	last := b.seen
	hours := map[[2]int64]*stock.Hour{} // by hour and channel
	hour := func(channel int64, at time.Time) *stock.Hour {
		key := [2]int64{hourOf(at), channel}
		if hours[key] == nil {
			hours[key] = &stock.Hour{Channel: channel, At: rows.Millis(key[0])}
		}
		return hours[key]
	}
	var claims []stock.Claim
	var withdrawals []stock.Withdrawal
	for _, r := range records {
		at, err := positionOf(r)
		if err != nil {
			return err
		}
		switch {
		case r.Claim.User != "":
			claims = append(claims, r.Claim)
		case r.Withdrawal.ID != 0:
			withdrawals = append(withdrawals, r.Withdrawal)
		case r.Views.Count > 0 && b.seen.before(at):
			hour(r.Views.Channel, r.Views.At).Views += r.Views.Count
		}
		if last.before(at) {
			last = at
		}
	}
	b.at = rows.Millis(last.ms)
	if err := b.take(ctx, claims); err != nil {
		return err
	}
	for _, c := range b.claims {
		hour(c.Channel, c.At).Claims++
	}
	for _, w := range withdrawals {
		if err := b.giveBack(ctx, w); err != nil {
			return err
		}
	}
	if err := b.count(ctx, hours); err != nil {
		return err
	}
	of := b.done.Stock
	_, err = b.tx.SQL().ExecContext(rows.Later(ctx), "UPDATE "+b.t.stocks+
		" SET claimed = ?, withdrawn = ?, seen_ms = ?, seen_seq = ? WHERE cover = ?", of.Claimed, of.Withdrawn, last.ms,
		last.seq, cover)
	if err != nil {
		return err
	}
	return b.send(ctx)
}

// take writes the claims that are new, as far as there are pieces, and pays for them.
func (b *settlement) take(ctx context.Context, claims []stock.Claim) error {
	known := map[string]bool{}
	users := make([]string, len(claims))
	for i, c := range claims {
		users[i] = c.User
	}
	for some := range slices.Chunk(users, rows.Max-1) {
		err := rows.Collect(ctx, b.tx.SQL(), func(row *sql.Rows) error {
			user, err := rows.Scalar[string](row)
			known[user] = true
			return err
		}, "SELECT user FROM "+b.t.claims+" WHERE cover = ? AND user IN "+rows.In(len(some)),
			append([]any{b.done.Cover}, rows.Args(some)...)...)
		if err != nil {
			return err
		}
	}
	for _, c := range claims {
		switch {
		case known[c.User]:
			continue
		case int64(len(b.claims)) >= b.done.Left():
			b.done.Rejected = append(b.done.Rejected, c)
			continue
		}
		known[c.User] = true
		b.claims = append(b.claims, c)
	}
	if len(b.claims) == 0 {
		return nil
	}
	if err := b.write(ctx); err != nil {
		return err
	}
	b.done.Claims = len(b.claims)
	b.done.Claimed += int64(len(b.claims))
	return b.draw(ctx, int64(len(b.claims)), ledger.FundsPosted, b.at)
}

// write stores the new claims, whose codes are used then.
func (b *settlement) write(ctx context.Context) error {
	var claimed, used []any
	channels := map[int64]int64{}
	for _, c := range b.claims {
		claimed = append(claimed, c.Cover, c.User, c.Channel, c.Digest, c.At.UnixMilli())
		channels[c.Channel]++
		if c.Digest != "" {
			used = append(used, c.Channel, c.Digest, c.Cover, c.User, true)
		}
	}
	err := rows.Insert(ctx, b.tx.SQL(), "INSERT INTO "+b.t.claims+" (cover, "+claimColumns+")", 5, claimed, "")
	if err != nil {
		return err
	}
	err = rows.Insert(ctx, b.tx.SQL(), "INSERT INTO "+b.t.codes+" (channel, digest, cover, user, in_pot)", 5, used,
		" ON DUPLICATE KEY UPDATE user = VALUES(user)")
	if err != nil {
		return err
	}
	for channel, n := range channels {
		_, err := b.tx.SQL().ExecContext(rows.Later(ctx), "UPDATE "+b.t.channels+
			" SET claimed = claimed + ? WHERE id = ?", n, channel)
		if err != nil {
			return err
		}
	}
	return nil
}

// draw pays pieces of the oldest purchases that have some left, or gives pieces of the newest back.
func (b *settlement) draw(ctx context.Context, pieces int64, funds ledger.FundsState, at time.Time) error {
	order, column := "id", "claimed"
	if funds == ledger.FundsVoided {
		order, column = "id DESC", "withdrawn"
	}
	batches, err := rows.Select(ctx, b.tx.SQL(), scanBatch, "SELECT "+batchColumns+" FROM "+b.t.batches+
		" WHERE cover = ? AND claimed + withdrawn < pieces ORDER BY "+order+" FOR UPDATE", b.done.Cover)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		n := min(pieces, batch.Pieces-batch.Claimed-batch.Withdrawn)
		if n == 0 {
			break
		}
		_, err := b.tx.SQL().ExecContext(rows.Later(ctx), "UPDATE "+b.t.batches+" SET "+column+" = "+column+
			" + ? WHERE id = ?", n, batch.ID)
		if err != nil {
			return err
		}
		_, done, err := b.tx.Draw(ctx, ledger.Draw{Hold: batch.ID, Units: n, Funds: funds, At: at})
		if err != nil {
			return err
		}
		if !done {
			return fmt.Errorf("mysqlstock: the hold of purchase %d has fewer than %d pieces", batch.ID, n)
		}
		pieces -= n
	}
	if pieces > 0 {
		return fmt.Errorf("mysqlstock: the purchases of cover %d are %d pieces short of its stock", b.done.Cover,
			pieces)
	}
	return nil
}

// giveBack carries out a withdrawal that the pot has decided, once.
func (b *settlement) giveBack(ctx context.Context, w stock.Withdrawal) error {
	ordered, err := one(ctx, b.tx.SQL(), scanWithdrawal, "SELECT "+withdrawalColumns+" FROM "+b.t.withdrawals+
		" WHERE id = ? FOR UPDATE", w.ID)
	if err != nil || ordered.Done {
		return err
	}
	pieces := min(w.Pieces, b.done.Left())
	_, err = b.tx.SQL().ExecContext(rows.Later(ctx), "UPDATE "+b.t.withdrawals+" SET pieces = ?, done = 1 WHERE id = ?",
		pieces, w.ID)
	if err != nil || pieces == 0 {
		return err
	}
	b.done.Withdrawn += pieces
	b.done.Back += pieces
	if b.at.Before(ordered.At) {
		b.at = ordered.At
	}
	return b.draw(ctx, pieces, ledger.FundsVoided, b.at)
}

// count adds to the statistics.
func (b *settlement) count(ctx context.Context, hours map[[2]int64]*stock.Hour) error {
	args := make([]any, 0, 5*len(hours))
	for _, h := range hours {
		args = append(args, b.done.Cover, h.At.UnixMilli(), h.Channel, h.Views, h.Claims)
	}
	return rows.Insert(ctx, b.tx.SQL(), "INSERT INTO "+b.t.hours+" (cover, hour, channel, views, claims)", 5, args,
		" ON DUPLICATE KEY UPDATE views = views + VALUES(views), claims = claims + VALUES(claims)")
}

// send sends the holdings to their users' shards, and the merchant's servers what happened.
func (b *settlement) send(ctx context.Context) error {
	byShard := map[int]holdings{}
	for _, c := range b.claims {
		dest := b.cluster.ForUser(c.User)
		to := byShard[dest]
		to.All = append(to.All, holding{c.User, c.Cover, c.Channel, c.At.UnixMilli(), b.until(c.At).UnixMilli()})
		byShard[dest] = to
	}
	messages := make([]outbox.Message, 0, len(byShard))
	for dest, of := range byShard {
		payload, err := json.Marshal(of)
		if err != nil {
			return fmt.Errorf("mysqlstock: encode holdings: %w", err)
		}
		messages = append(messages, outbox.Message{Dest: dest, Kind: kind, Payload: payload})
	}
	b.tx.Send(messages...)
	events, err := stock.Events(b.done, b.claims, b.at)
	if err != nil || len(events) == 0 {
		return err
	}
	return b.events.Publish(ctx, b.tx, events...)
}
