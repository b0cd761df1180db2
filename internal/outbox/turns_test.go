package outbox_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// Who waits for a turn at a slow shard holds no place among the writers of its server: with two places, one delivery
// under way and another that waits for it, a third shard still gets what is for it.
func TestWhoWaitsForATurnHoldsNoPlace(t *testing.T) {
	c := shardstest.New(t, 4)
	if err := outbox.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p := openWith(t, c, 0, time.Hour)
	p.makeNotes()
	p.places = make(chan struct{}, 2)
	for source := range 2 {
		p.send(source, letter("letter", 3, fmt.Sprint("slow", source)))
	}
	slow := make(chan error, 2)
	deliver := func(source int) {
		_, err := p.Deliver(t.Context(), source)
		slow <- err
	}
	err := c.Tx(t.Context(), 3, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO "+c.Table(3, "inbox")+
			" (source, id, at) SELECT 0, id, 0 FROM "+c.Table(0, "outbox")); err != nil { // the delivery waits for this
			return err
		}
		go deliver(0)
		for len(p.places) == 0 {
			time.Sleep(time.Millisecond) // between two looks; the test's own deadline ends it
		}
		go deliver(1)
		for i := range 20 { // the second has come to wait meanwhile
			p.send(2, letter("letter", 2, fmt.Sprint("quick", i)))
			p.deliverAll(2)
		}
		p.wantNotes(2, "letter", "quick", 20, 1)
		return sql.ErrTxDone // takes everything back, and the deliveries go on
	})
	if err == nil {
		t.Fatal("it was not rolled back")
	}
	for range 2 {
		if err := <-slow; err != nil {
			t.Error(err)
		}
	}
	p.wantNotes(3, "letter", "slow", 2, 1)
}
