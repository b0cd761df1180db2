package mysqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// creditKind is that of messages that carry posts to their payees. A message carries all that a batch of posts sends to
// one shard in one currency.
const creditKind outbox.Kind = "credit"

// siftAtOnce is how many credits are looked for in one statement.
const siftAtOnce = 500

// Legs are the content of a message of credits. Each leg names its hold by its place in Holds, so that the owner and
// the note, the same for all of a hold's legs, travel once.
type Legs struct {
	Holds []LegHold `json:"holds"`
	All   []Leg     `json:"legs"`
	// Traces are those of the legs that are traced, by their place, as W3C's traceparent. Who does not know them passes
	// them over.
	Traces map[int]string `json:"traces,omitempty"`
}

// LegHold is what the legs of a hold have in common.
type LegHold struct {
	ID      int64          `json:"id"`
	Subject ledger.Subject `json:"subject"`
	Owner   string         `json:"owner"`
	Note    string         `json:"note"`
}

// Leg is a post on its way.
type Leg struct {
	Hold   int    `json:"h"`
	Part   int    `json:"p"`
	Payee  string `json:"u"`
	Amount int64  `json:"a"`
	At     int64  `json:"t"` // Unix milliseconds
}

// Size implements outbox.Content.
func (ls *Legs) Size() int { return len(ls.All) }

// Parents implements outbox.Traced.
func (ls *Legs) Parents() []string { return slices.Collect(maps.Values(ls.Traces)) }

func (ls *Legs) add(p ledger.Post, h *ledger.Hold) {
	if p.Trace != "" {
		if ls.Traces == nil {
			ls.Traces = map[int]string{}
		}
		ls.Traces[len(ls.All)] = p.Trace
	}
	if n := len(ls.Holds); n == 0 || ls.Holds[n-1].ID != p.Hold {
		ls.Holds = append(ls.Holds, LegHold{ID: h.ID, Subject: h.Subject, Owner: h.Owner, Note: h.Note})
	}
	ls.All = append(ls.All, Leg{Hold: len(ls.Holds) - 1, Part: p.Part, Payee: p.Payee, Amount: p.Minor,
		At: p.At.UnixMilli()})
}

// packCredits makes the messages that carry posts, which are sorted by hold; carriers are their ids, by post.
func (l *Ledger) packCredits(shard int, posts []ledger.Post,
	holds map[int64]*ledger.Hold) (messages []outbox.Message, carriers []int64, err error) {
	type address struct {
		dest     int
		currency ledger.Currency
	}
	byAddress := map[address]int{} // → index into messages
	var contents []*Legs
	carriers = make([]int64, len(posts))
	for i, p := range posts {
		h := holds[p.Hold]
		to := address{l.cluster.ForUser(p.Payee), h.Amount.Currency}
		at, ok := byAddress[to]
		if !ok {
			id, err := l.ids.New(shard)
			if err != nil {
				return nil, nil, err
			}
			at = len(messages)
			byAddress[to] = at
			messages = append(messages, outbox.Message{Dest: to.dest, ID: id, Kind: creditKind,
				Currency: string(to.currency)})
			contents = append(contents, new(Legs))
		}
		carriers[i] = messages[at].ID
		messages[at].Amount += p.Minor
		contents[at].add(p, h)
	}
	for i := range messages {
		if messages[i].Payload, err = json.Marshal(contents[i]); err != nil {
			return nil, nil, err
		}
	}
	return messages, carriers, nil
}

// credits consumes messages of credits: on the shard of their payees, money leaves the clearing account for their
// wallets.
type credits struct{ l *Ledger }

// Kind implements outbox.Consumer.
func (credits) Kind() outbox.Kind { return creditKind }

// Decode implements outbox.Consumer.
func (credits) Decode(payload []byte) (outbox.Content, error) {
	ls := new(Legs)
	if err := json.Unmarshal(payload, ls); err != nil {
		return nil, fmt.Errorf("credits: %w", err)
	}
	if len(ls.All) == 0 {
		return nil, errors.New("credits: there are none")
	}
	for _, g := range ls.All {
		if g.Hold < 0 || g.Hold >= len(ls.Holds) {
			return nil, fmt.Errorf("credits: a leg names hold %d of %d", g.Hold, len(ls.Holds))
		}
	}
	return ls, nil
}

// Consume implements outbox.Consumer.
func (c credits) Consume(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) (err error) {
	ctx, end := c.l.outbox.Trace(ctx, "ledger.credit", messages)
	defer func() { err = end(err) }()
	sums := map[ledger.Currency]int64{}
	for _, m := range messages {
		sums[ledger.Currency(m.Currency)] += m.Amount
	}
	entries, t := creditEntries(messages), c.l.tables[shard]
	if err := runBalances(ctx, tx, t, entries); err != nil {
		return err
	}
	txID, err := c.l.ids.New(shard)
	if err != nil {
		return err
	}
	return writeEntries(ctx, tx, t, append(entries, clearingEntries(txID, sums, -1, c.l.now().UnixMilli())...))
}

// Sift implements outbox.Sifter: a credit is known by its payee, hold and part.
func (c credits) Sift(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) ([]outbox.Message, error) {
	there, err := c.arrived(ctx, tx, shard, messages)
	if err != nil {
		return nil, err
	}
	var sifted []outbox.Message
	for _, m := range messages {
		ls := *m.Content().(*Legs)
		var left []Leg
		amount := int64(0)
		for _, g := range ls.All {
			if !there[legKey{g.Payee, ls.Holds[g.Hold].Subject, ls.Holds[g.Hold].ID, g.Part}] {
				left, amount = append(left, g), amount+g.Amount
			}
		}
		if ls.All, ls.Traces = left, nil; len(left) > 0 {
			sifted = append(sifted, m.With(&ls, amount))
		}
	}
	return sifted, nil
}

// legKey is what makes a credit unique on its shard.
type legKey struct {
	payee   string
	subject ledger.Subject
	hold    int64
	part    int
}

// arrived are those of the credits of messages that are in their payees' wallets.
func (c credits) arrived(ctx context.Context, q rows.Querier, shard int,
	messages []outbox.Message) (map[legKey]bool, error) {
	var keys []any
	for _, m := range messages {
		ls := m.Content().(*Legs)
		for _, g := range ls.All {
			h := ls.Holds[g.Hold]
			keys = append(keys, g.Payee, string(ledger.EntryPost), string(h.Subject), h.ID, g.Part)
		}
	}
	const columns = 5
	there := map[legKey]bool{}
	for some := range slices.Chunk(keys, columns*siftAtOnce) {
		err := rows.Collect(ctx, q, func(row *sql.Rows) error {
			var k legKey
			err := row.Scan(&k.payee, &k.subject, &k.hold, &k.part)
			there[k] = true
			return err
		}, "SELECT account, subject, reference, part FROM "+c.l.tables[shard].Entries+
			" WHERE (account, kind, subject, reference, part) IN ("+
			strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?), ", len(some)/columns), ", ")+")", some...)
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// Arrived implements outbox.Consumer. The entries of a message commit together, so checking the first suffices.
func (c credits) Arrived(ctx context.Context, q rows.Querier, shard int, m outbox.Message) (bool, error) {
	ls := m.Content().(*Legs)
	first, hold := ls.All[0], ls.Holds[ls.All[0].Hold]
	found, err := rows.Select(ctx, q, rows.Scalar[int], "SELECT 1 FROM "+c.l.tables[shard].Entries+
		" WHERE account = ? AND kind = ? AND subject = ? AND reference = ? AND part = ?",
		first.Payee, string(ledger.EntryPost), string(hold.Subject), hold.ID, first.Part)
	return len(found) > 0, err
}

// Renamed implements outbox.Consumer: each post names the message that carries it.
func (c credits) Renamed(ctx context.Context, tx *sql.Tx, source int, m outbox.Message, id int64) error {
	ls := m.Content().(*Legs)
	for _, g := range ls.All {
		_, err := tx.ExecContext(rows.Later(ctx),
			"UPDATE "+c.l.tables[source].Posts+" SET outbox = ? WHERE hold = ? AND part = ? AND outbox = ?",
			id, ls.Holds[g.Hold].ID, g.Part, m.ID)
		if err != nil {
			return fmt.Errorf("posts of message %d: %w", m.ID, err)
		}
	}
	return nil
}

// creditEntries are the payees' entries of messages, sorted by account and currency, without seq and balance.
func creditEntries(messages []outbox.Message) []entry {
	var entries []entry
	for _, m := range messages {
		ls := m.Content().(*Legs)
		for _, g := range ls.All {
			h := ls.Holds[g.Hold]
			entries = append(entries, entry{account: g.Payee, currency: ledger.Currency(m.Currency), amount: g.Amount,
				kind:    ledger.EntryPost,
				subject: h.Subject, reference: h.ID, part: g.Part, counterparty: h.Owner, note: h.Note, at: g.At})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.currency, b.currency))
	})
	return entries
}

type accountKey struct {
	account  string
	currency ledger.Currency
}

// runBalances adds sorted entries to their accounts, in that order, which is the order of locks, and then gives each
// entry its seq and running balance.
func runBalances(ctx context.Context, tx *sql.Tx, t Tables, entries []entry) error {
	var keys []accountKey
	var args []any
	for rest := entries; len(rest) > 0; {
		key := accountKey{rest[0].account, rest[0].currency}
		var sum, n int64
		for len(rest) > 0 && rest[0].account == key.account && rest[0].currency == key.currency {
			sum, n, rest = sum+rest[0].amount, n+1, rest[1:]
		}
		keys = append(keys, key)
		args = append(args, key.account, string(key.currency), sum, n)
	}
	if err := rows.Insert(ctx, tx, "INSERT INTO "+t.Accounts+" (account, currency, balance, seq)", 4, args,
		addToAccount); err != nil {
		return err
	}
	after, err := readAccounts(ctx, tx, t, keys)
	if err != nil {
		return err
	}
	// The accounts are locked by our own change of them, so counting back from what they are now is exact.
	for i := range slices.Backward(entries) {
		e := &entries[i]
		s := after[accountKey{e.account, e.currency}]
		e.seq, e.balance = s.seq, s.balance
		after[accountKey{e.account, e.currency}] = state{balance: s.balance - e.amount, seq: s.seq - 1}
	}
	return nil
}

// readAccounts reads accounts that this transaction has locked by changing them.
func readAccounts(ctx context.Context, tx *sql.Tx, t Tables, keys []accountKey) (map[accountKey]state, error) {
	return selectAccounts(ctx, tx, t, keys, "")
}

// lockAccounts reads accounts and keeps them from changing until this transaction ends.
func lockAccounts(ctx context.Context, tx *sql.Tx, t Tables, keys []accountKey) (map[accountKey]state, error) {
	return selectAccounts(ctx, tx, t, keys, " FOR UPDATE")
}

func selectAccounts(ctx context.Context, tx *sql.Tx, t Tables, keys []accountKey,
	lock string) (map[accountKey]state, error) {
	accounts := map[ledger.Currency][]any{}
	for _, k := range keys {
		accounts[k.currency] = append(accounts[k.currency], k.account)
	}
	states := make(map[accountKey]state, len(keys))
	for _, currency := range slices.Sorted(maps.Keys(accounts)) { // the same order in every transaction
		names := accounts[currency]
		for chunk := range slices.Chunk(names, rows.Max) {
			err := rows.Collect(ctx, tx, func(row *sql.Rows) error {
				k, s := accountKey{currency: currency}, state{}
				err := row.Scan(&k.account, &s.balance, &s.seq)
				states[k] = s
				return err
			}, "SELECT account, balance, seq FROM "+t.Accounts+" WHERE account IN "+rows.In(
				len(chunk))+" AND currency = ?"+lock,
				append(slices.Clone(chunk), string(currency))...)
			if err != nil {
				return nil, err
			}
		}
	}
	return states, nil
}
