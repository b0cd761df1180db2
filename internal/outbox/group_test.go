package outbox_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// blocks are those of 16 shards on one server.
var blocks = [][]int{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}, {12, 13, 14, 15}}

// sendAll sends a letter from shard 0 to each of 16 shards.
func (p *post) sendAll(text string) {
	p.t.Helper()
	var all []outbox.Message
	for dest := range 16 {
		all = append(all, letter("letter", dest, text))
	}
	p.send(0, all...)
}

func (p *post) wantTogether(want [][]int) {
	p.t.Helper()
	if got := p.letters.together(); !reflect.DeepEqual(got, want) {
		p.t.Errorf("shards of transactions: %v, want %v", got, want)
	}
}

// Small batches for shards of one block arrive in one transaction. Larger ones go with as many others as its bounds
// allow, and one that fills it goes alone.
func TestShardsOfABlockShareATransaction(t *testing.T) {
	p := open(t, 16)
	p.sendAll("small")
	if n, err := p.Deliver(t.Context(), 0); n != 16 || err != nil {
		t.Fatalf("%d delivered, %v", n, err)
	}
	p.wantTogether(blocks)
	for dest := range 16 {
		p.wantNotes(dest, "letter", "small", 1, 1)
	}
	if left := p.left(0); left != 0 {
		t.Errorf("%d are left", left)
	}
	var all []outbox.Message
	for dest, messages := range []int{20, 20, 20, 20, 64, 1, 65, 1} { // three of 20 and not four; 64 is all that fits
		for i := range messages {
			all = append(all, letter("letter", dest, fmt.Sprint("more ", i)))
		}
	}
	for dest, words := range map[int]int{8: 3000, 9: 1000, 10: 1, 11: 4001, 12: 2500, 13: 2500, 14: 1500} {
		var text []string
		for i := range words {
			text = append(text, fmt.Sprint("more ", i))
		}
		all = append(all, letter("letter", dest, text...))
	}
	p.send(0, all...)
	if _, err := p.Deliver(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	p.wantTogether([][]int{{0, 1, 2}, {3}, {4}, {5}, {6}, {7}, {8, 9}, {10}, {11}, {12}, {13, 14}})
	if left := p.left(0); left != 1 {
		t.Errorf("%d are left, want the 65th for shard 6", left)
	}
}

// One destination of a block cannot take its message. The others get theirs in the same pass, and once; it stays alone
// until it works.
func TestOneOfABlockFails(t *testing.T) {
	p := open(t, 16)
	moved := p.cluster.Schema(5) + "_moved"
	inbox := p.cluster.Table(5, "inbox")
	p.exec(0, "CREATE DATABASE "+moved)
	defer p.exec(0, "DROP DATABASE "+moved)
	for what, way := range map[string]struct{ fail, mend func() }{
		"its table is away": { // as while it is moved
			func() { p.exec(5, "RENAME TABLE "+inbox+" TO "+moved+".inbox") },
			func() { p.exec(5, "RENAME TABLE "+moved+".inbox TO "+inbox) },
		},
		"its consumer refuses": {func() { p.letters.breakAt(5, errBroken) }, p.letters.mend},
	} {
		for dest := range 16 {
			p.exec(dest, "DELETE FROM "+p.letters.table(dest))
		}
		way.fail()
		p.sendAll("first")
		n, err := p.Deliver(t.Context(), 0)
		if n != 15 || err == nil || !strings.Contains(err.Error(), "deliver from shard 0 to 5:") ||
			strings.Count(err.Error(), "deliver from") != 1 {
			t.Errorf("%s: %d delivered, %v", what, n, err)
		}
		p.letters.together()

		p.skip(time.Minute)
		p.sendAll("second")
		if n, err := p.Deliver(t.Context(), 0); n != 15 || err == nil {
			t.Errorf("%s, again: %d delivered, %v", what, n, err)
		}
		alone := slices.DeleteFunc(p.letters.together(), func(of []int) bool { return slices.Equal(of, []int{5}) })
		if want := [][]int{blocks[0], {4}, {6, 7}, blocks[2], blocks[3]}; !reflect.DeepEqual(alone, want) {
			t.Errorf("%s: shards of transactions: %v, want %v", what, alone, want)
		}

		way.mend()
		p.skip(time.Minute)
		if n := p.deliverAll(0); n != 2 {
			t.Errorf("%s, mended: %d delivered, want the two of shard 5", what, n)
		}
		p.letters.together()
		p.sendAll("third")
		p.deliverAll(0)
		p.wantTogether(blocks)
		for dest := range 16 {
			for _, word := range []string{"first", "second", "third"} {
				p.wantNotes(dest, "letter", word, 1, 1)
			}
		}
	}
}

// What arrived before at one destination, or bears the id of what did, is no harm to the others of its block.
func TestWhatArrivedBeforeAtOneOfABlock(t *testing.T) {
	p := open(t, 16)
	table, kept := p.cluster.Table(0, "outbox"), p.cluster.Table(0, "kept")
	p.sendAll("old")
	p.exec(0, "CREATE TABLE "+kept+" LIKE "+table)
	p.exec(0, "INSERT INTO "+kept+" SELECT * FROM "+table+" WHERE dest = 2")
	p.deliverAll(0)
	p.exec(0, "INSERT INTO "+table+" SELECT * FROM "+kept)
	p.sendAll("new")
	p.exec(0, "INSERT INTO "+p.cluster.Table(6, "inbox")+" SELECT 0, id, 0 FROM "+table+" WHERE dest = 6")
	n, err := p.Deliver(t.Context(), 0)
	if n != 17 || err != nil { // with the one that is there, and the one that gets another id
		t.Errorf("%d delivered, %v", n, err)
	}
	for dest := range 16 {
		if dest != 6 {
			p.wantNotes(dest, "letter", "new", 1, 1)
		}
		p.wantNotes(dest, "letter", "old", 1, 1)
	}
	p.deliverAll(0)
	p.wantNotes(6, "letter", "new", 1, 1)
	if len(p.letters.renamed) != 1 || p.left(0) != 0 {
		t.Errorf("renamed %v, %d left", p.letters.renamed, p.left(0))
	}
}

// Shards of two servers are never in one transaction.
func TestNoTransactionOnTwoServers(t *testing.T) {
	mariadb := devstack.TestMariaDB(t)
	near := newProxy(t, mariadb.Socket())
	c := shardstest.New(t, 16, mariadb.DSN(), fmt.Sprintf("root@tcp(%s)/", near.Addr()))
	if err := outbox.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p := openOn(t, c, 0)
	p.makeNotes()
	p.sendAll("x")
	if n := p.deliverAll(0); n != 16 {
		t.Errorf("%d delivered", n)
	}
	p.wantTogether([][]int{{0, 2}, {1, 3}, {4, 6}, {5, 7}, {8, 10}, {9, 11}, {12, 14}, {13, 15}})
}
