package outbox_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// Messages of two kinds reach their shards, the sender's own among them, and are gone from the outbox.
func TestDelivery(t *testing.T) {
	p := open(t, 3)
	p.send(0, letter("letter", 0, "l0"), letter("letter", 1, "l1", "l1b"), letter("card", 1, "c1"), letter("card", 2,
		"c2"))
	p.send(1, letter("letter", 0, "l0 of 1"))
	if age, err := p.Age(t.Context(), 0); err != nil || age <= 0 || age > time.Minute {
		t.Errorf("age: %v, %v", age, err)
	}
	if n := p.deliverAll(0); n != 5 {
		t.Errorf("%d words delivered, want 5", n)
	}
	if age, err := p.Age(t.Context(), 0); err != nil || age != 0 {
		t.Errorf("age of nothing: %v, %v", age, err)
	}
	p.wantNotes(0, "letter", "l", 1, 1)
	p.wantNotes(1, "letter", "l", 2, 1)
	p.wantNotes(1, "card", "c", 1, 1)
	p.wantNotes(2, "card", "c", 1, 1)
	if p.left(0) != 0 || p.left(1) != 1 {
		t.Errorf("%d and %d messages are left, want none and the one of shard 1", p.left(0), p.left(1))
	}
	if n := p.deliverAll(1) + p.deliverAll(2); n != 1 {
		t.Errorf("%d words delivered, want 1", n)
	}
}

func TestAMessageOfATransactionThatFailed(t *testing.T) {
	p := open(t, 1)
	failed := errors.New("failed")
	err := p.cluster.Tx(t.Context(), 0, func(tx *sql.Tx) error {
		return errors.Join(p.Write(t.Context(), tx, 0, []outbox.Message{letter("letter", 0, "x")}),
			p.writeEvents(tx, 0, outbox.Event{Topic: "t", Body: []byte("{}")}), failed)
	})
	if !errors.Is(err, failed) || p.left(0) != 0 {
		t.Errorf("%v, %d messages are left", err, p.left(0))
	}
}

// What one call delivers is bounded, by messages and by items, and the oldest come first.
func TestDeliveryIsBounded(t *testing.T) {
	p := open(t, 1)
	for i := range 150 {
		p.send(0, letter("letter", 0, fmt.Sprint("few ", i)))
	}
	var sizes []int
	for n := 1; n > 0; {
		var err error
		if n, err = p.Deliver(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{64, 64, 22, 0}) {
		t.Errorf("delivered %v at a time", sizes)
	}
	for i := range 3 {
		var text []string
		for n := range 3000 {
			text = append(text, fmt.Sprint("many ", i, " ", n))
		}
		p.send(0, letter("letter", 0, text...))
	}
	if n, err := p.Deliver(t.Context(), 0); n != 3000 || err != nil {
		t.Errorf("%d items, %v, want the 3,000 of the oldest message alone", n, err)
	}
	p.wantNotes(0, "letter", "many 0", 3000, 1)
	p.deliverAll(0)
	p.wantNotes(0, "letter", "many", 9000, 1)
}

// Eight workers in two processes deliver the same messages at the same time, and again after a crash between the commit
// at the destination and the deletion at the source: each has its effect once.
func TestMessagesArriveOnce(t *testing.T) {
	one := open(t, 8) // 0 and 1, and so on, share transactions
	two := openOn(t, one.cluster, 1)
	const each = 50
	for i := range each {
		for dest := range 8 {
			one.send(0, letter([]outbox.Kind{"letter", "card"}[i%2], dest, fmt.Sprintf("w%d", i)))
		}
	}
	table, kept := one.cluster.Table(0, "outbox"), one.cluster.Table(0, "kept")
	one.exec(0, "CREATE TABLE "+kept+" LIKE "+table)
	one.exec(0, "INSERT INTO "+kept+" SELECT * FROM "+table)
	for range 2 {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for {
					n, err := []*post{one, two}[i%2].Deliver(t.Context(), 0)
					if err != nil {
						t.Errorf("deliver: %v", err)
					}
					if n == 0 || err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		one.deliverAll(0) // a worker that lost a race may have ended early
		for dest := range 8 {
			one.wantNotes(dest, "letter", "w", each/2, 1)
			one.wantNotes(dest, "card", "w", each/2, 1)
		}
		if left := one.left(0); left != 0 {
			t.Errorf("%d messages are left", left)
		}
		one.exec(0, "INSERT INTO "+table+" SELECT * FROM "+kept)
	}
	// Old ones next to new ones: the new ones arrive, the old ones only go away.
	one.send(0, letter("letter", 1, "new"))
	one.deliverAll(0)
	one.wantNotes(1, "letter", "w", each/2, 1)
	one.wantNotes(1, "letter", "new", 1, 1)
}

// A message that by a mistake with node numbers bears the id of another one gets another id, is followed at its source,
// and arrives.
func TestAnIDThatComesTwice(t *testing.T) {
	p := open(t, 8) // 0 and 1 share a transaction
	p.send(0, letter("letter", 1, "first"), letter("card", 1, "second"), letter("letter", 0, "at home"))
	for _, dest := range []int{0, 1} {
		p.exec(dest, "INSERT INTO "+p.cluster.Table(dest, "inbox")+" SELECT 0, id, 0 FROM "+p.cluster.Table(0,
			"outbox")+
			" WHERE dest = ?", dest)
	}
	p.deliverAll(0)
	p.deliverAll(0) // under their new ids
	p.wantNotes(1, "letter", "first", 1, 1)
	p.wantNotes(1, "card", "second", 1, 1)
	p.wantNotes(0, "letter", "at home", 1, 1)
	if len(p.letters.renamed) != 2 || len(p.cards.renamed) != 1 || p.left(0) != 0 {
		t.Errorf("renamed %v and %v, %d left", p.letters.renamed, p.cards.renamed, p.left(0))
	}
}

var errBroken = errors.New("the consumer is broken")

// patientNotes are notes that nobody waits for.
type patientNotes struct{ *notes }

func (patientNotes) Patient() {}

// Written wakes those who take out what was written, and nobody for what can wait.
func TestWritten(t *testing.T) {
	p := open(t, 3)
	o, err := outbox.New(outbox.Config{Cluster: p.cluster,
		Consumers: []outbox.Consumer{p.letters, patientNotes{p.cards}}})
	if err != nil {
		t.Fatal(err)
	}
	woken := func() (shards []int) {
		for shard := range 3 {
			select {
			case <-o.Wake(shard, 0):
				shards = append(shards, shard)
			default:
			}
		}
		return shards
	}
	for _, line := range []struct {
		what     string
		messages []outbox.Message
		want     []int
	}{
		{"nothing", nil, nil},
		{"a letter, twice", []outbox.Message{letter("letter", 0, "a"), letter("letter", 2, "b")}, []int{1}},
		{"a card", []outbox.Message{letter("card", 0, "c")}, nil},
		{"an event", []outbox.Message{{Dest: outbox.Outside, Kind: "event"}}, nil},
	} {
		if o.Written(1, line.messages); !slices.Equal(woken(), line.want) {
			t.Errorf("%s: not those for shards %v are woken", line.what, line.want)
		}
	}
}

// A destination that fails keeps its messages, is left alone for a while and then tried again; nobody else waits, not
// even where it lacks a server other than its own, which answers.
func TestADestinationThatFails(t *testing.T) {
	for _, why := range []error{errBroken, fmt.Errorf("%w: no number for its ids", shards.ErrUnavailable)} {
		t.Run(why.Error(), func(t *testing.T) { destinationFails(t, why) })
	}
}

func destinationFails(t *testing.T, why error) {
	p := open(t, 3)
	p.letters.breakAt(1, why)
	for i := range 200 {
		for dest := range 3 {
			p.send(0, letter("letter", dest, fmt.Sprint("w", i)))
		}
	}
	failures, delivered := 0, 0
	for n := 1; n > 0; {
		var err error
		if n, err = p.Deliver(t.Context(), 0); err != nil {
			failures++
		}
		delivered += n
	}
	if failures != 1 || delivered != 400 {
		t.Errorf("%d failures and %d delivered, want one failure and the 400 for the others", failures, delivered)
	}
	if p.left(0) != 200 {
		t.Errorf("%d are left, want 200", p.left(0))
	}
	p.wantNotes(1, "letter", "w", 0, 1) // its transaction was rolled back, with the inbox
	p.skip(time.Minute)
	if _, err := p.Deliver(t.Context(), 0); err == nil {
		t.Error("it was not tried again")
	}
	p.letters.mend()
	if n := p.deliverAll(0); n != 0 {
		t.Errorf("%d delivered while it is left alone", n)
	}
	p.skip(time.Minute)
	if n := p.deliverAll(0); n != 200 {
		t.Errorf("%d delivered in the end, want 200", n)
	}
	p.wantNotes(1, "letter", "w", 200, 1)
}

// What nobody can read or receive is an error that says so; it stays, and the other destinations get theirs.
func TestMessagesThatCannotBeDelivered(t *testing.T) {
	for what, m := range map[string]outbox.Message{
		"which nobody consumes": letter("parcel", 1, "x"),
		"invalid character":     {Dest: 1, Kind: "letter", Payload: []byte("torn")},
		"there is no shard 7":   letter("letter", 7, "x"),
	} {
		p := open(t, 2)
		p.send(0, m, letter("letter", 0, "good"))
		n, err := p.Deliver(t.Context(), 0)
		if n != 1 || err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %d, %v", what, n, err)
		}
		p.wantNotes(0, "letter", "good", 1, 1)
		if p.left(0) != 1 {
			t.Errorf("%s: %d are left, want the one", what, p.left(0))
		}
	}
}

func TestServerDownIsUnavailable(t *testing.T) {
	c, err := shards.Open(shards.Config{DSNs: []string{"root@unix(/nowhere/mysql.sock)/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := openOn(t, c, 0)
	_, deliver := p.Deliver(t.Context(), 0)
	_, age := p.Age(t.Context(), 0)
	for what, err := range map[string]error{"deliver": deliver, "age": age, "migrate": outbox.Migrate(t.Context(), c)} {
		if !errors.Is(err, shards.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A second migration finds the tables as they are.
func TestMigratingAgain(t *testing.T) {
	c := shardstest.New(t, 2)
	for range 2 {
		if err := outbox.Migrate(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}
