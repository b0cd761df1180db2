package mysqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// parcel is one outbox row: what a batch of posts sends to one shard in one currency, or mentions, and no money.
type parcel struct {
	dest     int
	id       int64
	currency wallet.Currency
	amount   int64
	contents contents
}

// contents is the JSON of a parcel. Each leg names its hold by its place in Holds, so that the owner and the note, the
// same for all of a hold's legs, travel once.
type contents struct {
	Holds []legHold `json:"holds"`
	Legs  []leg     `json:"legs"`

	Mentions []mention `json:"mentions,omitempty"`
}

type mention struct {
	Who       string         `json:"w"`
	Subject   wallet.Subject `json:"s"`
	Reference int64          `json:"r"`
}

// size is how many legs and mentions there are.
func (c contents) size() int { return len(c.Legs) + len(c.Mentions) }

type legHold struct {
	ID      int64          `json:"id"`
	Subject wallet.Subject `json:"subject"`
	Owner   string         `json:"owner"`
	Note    string         `json:"note"`
}

type leg struct {
	Hold   int    `json:"h"`
	Part   int    `json:"p"`
	Payee  string `json:"u"`
	Amount int64  `json:"a"`
	At     int64  `json:"t"` // Unix milliseconds
}

// parcels are those of a batch of posts; of says which one carries each post.
type parcels struct {
	all []*parcel
	of  []int64
}

// pack sorts posts, which are sorted by hold, into parcels.
func (l *Ledger) pack(shard int, posts []wallet.Post, heads map[int64]*head) (parcels, error) {
	type address struct {
		dest     int
		currency wallet.Currency
	}
	byAddress := map[address]*parcel{}
	packed := parcels{of: make([]int64, 0, len(posts))}
	for _, p := range posts {
		h := heads[p.Hold]
		to := address{l.cluster.ForUser(p.Payee), h.currency}
		box := byAddress[to]
		if box == nil {
			id, err := l.newID(shard)
			if err != nil {
				return parcels{}, err
			}
			box = &parcel{dest: to.dest, id: id, currency: to.currency}
			byAddress[to] = box
			packed.all = append(packed.all, box)
		}
		packed.of = append(packed.of, box.id)
		box.add(p, h)
	}
	return packed, nil
}

func (b *parcel) add(p wallet.Post, h *head) {
	c := &b.contents
	if n := len(c.Holds); n == 0 || c.Holds[n-1].ID != p.Hold {
		c.Holds = append(c.Holds, legHold{ID: h.id, Subject: h.subject, Owner: h.owner, Note: h.note})
	}
	c.Legs = append(c.Legs, leg{Hold: len(c.Holds) - 1, Part: p.Part, Payee: p.Payee, Amount: p.Minor, At: p.At.UnixMilli()})
	b.amount += p.Minor
}

func (ps parcels) write(ctx context.Context, tx *sql.Tx, t tables, at int64) error {
	slices.SortFunc(ps.all, func(a, b *parcel) int { return cmp.Or(cmp.Compare(a.dest, b.dest), cmp.Compare(a.id, b.id)) })
	args := make([]any, 0, 6*len(ps.all))
	for _, b := range ps.all {
		legs, err := json.Marshal(b.contents)
		if err != nil {
			return err
		}
		args = append(args, b.dest, b.id, string(b.currency), b.amount, legs, at)
	}
	return insertRows(ctx, tx, "INSERT INTO "+t.outbox+" (dest, id, currency, amount, legs, at)", 6, args, "")
}

const parcelColumns = "dest, id, currency, amount, legs"

func scanParcel(rows *sql.Rows) (*parcel, error) {
	b := new(parcel)
	var legs []byte
	if err := rows.Scan(&b.dest, &b.id, &b.currency, &b.amount, &legs); err != nil {
		return nil, err
	}
	if err := b.unpack(legs); err != nil {
		return nil, fmt.Errorf("outbox row %d: %w", b.id, err)
	}
	return b, nil
}

func (b *parcel) unpack(legs []byte) error {
	if err := json.Unmarshal(legs, &b.contents); err != nil {
		return err
	}
	for _, g := range b.contents.Legs {
		if g.Hold < 0 || g.Hold >= len(b.contents.Holds) {
			return fmt.Errorf("a leg names hold %d of %d", g.Hold, len(b.contents.Holds))
		}
	}
	return nil
}
