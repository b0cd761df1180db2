package seal

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Digest is a SHA-256 that contains the one before it. The first is the zero value.
type Digest [sha256.Size]byte

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*sha256.Size {
		return fmt.Errorf("seal: a digest has %d hexadecimal digits, not %d", 2*sha256.Size, len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Scan implements sql.Scanner.
func (d *Digest) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != sha256.Size {
		return fmt.Errorf("seal: a digest is stored as %d bytes, not as %T", sha256.Size, value)
	}
	copy(d[:], b)
	return nil
}

// encoding is a row as it is digested: each value in turn, text with its length before it. It never changes: what was
// sealed could not be compared any more.
type encoding []byte

func (e *encoding) numbers(values ...int64) {
	for _, v := range values {
		*e = binary.AppendVarint(*e, v)
	}
}

func (e *encoding) texts(values ...string) {
	for _, v := range values {
		*e = append(binary.AppendUvarint(*e, uint64(len(v))), v...)
	}
}

func (d Digest) then(e encoding) Digest {
	h := sha256.New()
	h.Write(d[:])
	h.Write(e)
	h.Sum(d[:0])
	return d
}

// Entry is a row of entries. At is in Unix milliseconds.
type Entry struct {
	Account      string           `json:"account"`
	Currency     ledger.Currency  `json:"currency"`
	Seq          int64            `json:"seq"`
	Amount       int64            `json:"amount"`
	Balance      int64            `json:"balance"`
	Kind         ledger.EntryKind `json:"kind"`
	Subject      ledger.Subject   `json:"subject"`
	Reference    int64            `json:"reference"`
	Part         int              `json:"part"`
	Counterparty string           `json:"counterparty,omitempty"`
	Note         string           `json:"note,omitempty"`
	At           int64            `json:"at"`
}

// EntryColumns are those that ScanEntry reads, in its order.
const EntryColumns = "account, currency, seq, amount, balance, kind, subject, reference, part, counterparty, note, at"

// ScanEntry reads an entry.
func ScanEntry(row *sql.Rows) (e Entry, err error) {
	err = row.Scan(&e.Account, &e.Currency, &e.Seq, &e.Amount, &e.Balance, &e.Kind, &e.Subject, &e.Reference, &e.Part,
		&e.Counterparty, &e.Note, &e.At)
	return e, err
}

// Entry is the digest after one more entry.
func (d Digest) Entry(e Entry) Digest {
	b := make(encoding, 0, 256)
	b.texts(e.Account, string(e.Currency))
	b.numbers(e.Seq, e.Amount, e.Balance)
	b.texts(string(e.Kind), string(e.Subject))
	b.numbers(e.Reference, int64(e.Part))
	b.texts(e.Counterparty, e.Note)
	b.numbers(e.At)
	return d.then(b)
}

// Post is a row of posts. At is in Unix milliseconds.
type Post struct {
	Part   int    `json:"part"`
	Payee  string `json:"payee"`
	Amount int64  `json:"amount"`
	At     int64  `json:"at"`
	Outbox int64  `json:"message"` // that carried it
	Draw   int    `json:"draw,omitempty"`
}

func (d Digest) post(p Post) Digest {
	var b encoding
	b.numbers(int64(p.Part))
	b.texts(p.Payee)
	b.numbers(p.Amount, p.At, p.Outbox, int64(p.Draw))
	return d.then(b)
}

// Unit is a hold or an order with all that belongs to it alone. One of Hold and Order is set. Posts are in the order of
// their parts, Entries in that of currencies and numbers.
type Unit struct {
	Hold    *ledger.Hold         `json:"hold,omitempty"`
	Order   *wallet.FundingOrder `json:"order,omitempty"`
	Posts   []Post               `json:"posts,omitempty"`
	Entries []Entry              `json:"entries,omitempty"` // of the unit's own account
}

// ID is the id of the hold or the order.
func (u *Unit) ID() int64 {
	if u.Hold != nil {
		return u.Hold.ID
	}
	return u.Order.ID
}

// Digest is the chain over the unit's row, its posts and its entries.
func (u *Unit) Digest() Digest {
	var b encoding
	if h := u.Hold; h != nil {
		b.texts("hold")
		b.numbers(h.ID)
		b.texts(string(h.Subject), h.Owner, h.Counterparty, string(h.Amount.Currency))
		b.numbers(h.Amount.Minor, h.Unit, h.Posted, h.Voided, number(h.Open), number(h.CountsDaily),
			h.CreatedAt.UnixMilli(), h.ExpiresAt.UnixMilli(), int64(len(h.Parts)))
		b.numbers(h.Parts...)
		b.texts(h.Note, string(h.Detail), string(h.Stage))
		if h.Staged() {
			b.numbers(h.StagedAt.UnixMilli())
		}
	} else {
		o := u.Order
		b.texts("order")
		b.numbers(o.ID)
		b.texts(o.User, string(o.Kind), string(o.Amount.Currency), string(o.State))
		b.numbers(o.Amount.Minor, o.Balance, o.CreatedAt.UnixMilli(), number(o.CountsDaily))
	}
	d := Digest{}.then(b)
	for _, p := range u.Posts {
		d = d.post(p)
	}
	for _, e := range u.Entries {
		d = d.Entry(e)
	}
	return d
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Totals are what units add to the totals of their shard, in minor units of one currency.
type Totals struct {
	Posted  int64 `json:"posted"`  // by holds
	Outside int64 `json:"outside"` // what orders brought from #funding, negative, and took there
	Tests   int64 `json:"tests"`   // likewise of #funding-test
}

// Add adds other totals.
func (t *Totals) Add(o Totals) {
	t.Posted, t.Outside, t.Tests = t.Posted+o.Posted, t.Outside+o.Outside, t.Tests+o.Tests
}

// Totals are what a unit that cannot change any more adds to the totals of its shard, in the currency.
func (u *Unit) Totals() (ledger.Currency, Totals) {
	if u.Hold != nil {
		return u.Hold.Amount.Currency, Totals{Posted: u.Hold.Posted}
	}
	o, n := u.Order, int64(0)
	if o.State == wallet.FundingSettled {
		if n = o.Amount.Minor; o.Kind == ledger.EntryTopUp {
			n = -n
		}
	}
	if ledger.IsTestAccount(o.User) {
		return o.Amount.Currency, Totals{Tests: n}
	}
	return o.Amount.Currency, Totals{Outside: n}
}
