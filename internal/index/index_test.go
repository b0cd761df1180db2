package index_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/index"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// library is an index with the outbox that carries its entries.
type library struct {
	*index.Index
	t       *testing.T
	outbox  *outbox.Outbox
	cluster *shards.Cluster
}

func open(t *testing.T, n int) *library {
	t.Helper()
	c := shardstest.New(t, n)
	if err := errors.Join(outbox.Migrate(t.Context(), c), index.Migrate(t.Context(), c)); err != nil {
		t.Fatal(err)
	}
	return openOn(t, c, 0)
}

func openOn(t *testing.T, c *shards.Cluster, node int) *library {
	t.Helper()
	ids, err := shards.NewIDs(c, node)
	if err != nil {
		t.Fatal(err)
	}
	l := &library{Index: index.New(c), t: t, cluster: c}
	l.outbox, err = outbox.New(outbox.Config{
		Cluster: c, IDs: ids, Consumers: []outbox.Consumer{l.Index}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Acquire: func(context.Context, int) (func(), error) { return func() {}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// add puts entries into the outbox of a shard.
func (l *library) add(shard int, entries ...index.Entry) {
	l.t.Helper()
	messages, err := index.Messages(entries, l.cluster.ForUser)
	if err != nil {
		l.t.Fatal(err)
	}
	err = l.cluster.Tx(l.t.Context(), shard, func(tx *sql.Tx) error {
		return l.outbox.Write(l.t.Context(), tx, shard, messages)
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *library) deliver(shard int) {
	l.t.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = l.outbox.Deliver(l.t.Context(), shard); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *library) exec(shard int, statement string) {
	l.t.Helper()
	if _, err := l.cluster.DB(shard).ExecContext(l.t.Context(), statement); err != nil {
		l.t.Fatalf("%s: %v", statement, err)
	}
}

func (l *library) references(who, subject string, before int64, limit int) []int64 {
	l.t.Helper()
	ids, err := l.References(l.t.Context(), l.cluster.ForUser(who), who, subject, before, limit)
	if err != nil {
		l.t.Fatal(err)
	}
	return ids
}

func TestMessagesOneForEachShard(t *testing.T) {
	entries := []index.Entry{{"a", "s", 1}, {"b", "s", 2}, {"c", "s", 3}, {"a", "t", 4}}
	messages, err := index.Messages(entries, func(who string) int { return int(who[0]-'a') % 2 })
	if err != nil || len(messages) != 2 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	sizes := map[int]int{}
	for _, m := range messages {
		content, err := new(index.Index).Decode(m.Payload)
		if err != nil || m.Kind != new(index.Index).Kind() || m.Amount != 0 {
			t.Errorf("%+v: %v", m, err)
			continue
		}
		sizes[m.Dest] = content.Size()
	}
	if sizes[0] != 3 || sizes[1] != 1 {
		t.Errorf("entries by shard: %v", sizes)
	}
	if _, err := new(index.Index).Decode([]byte("torn")); err == nil {
		t.Error("a torn payload was read")
	}
}

// Entries from two processes, delivered by many at once and again after a crash, are found once, page by page.
func TestEntriesAreFoundOnce(t *testing.T) {
	one := open(t, 4)
	two := openOn(t, one.cluster, 1)
	want := map[string][]int64{}
	for i := range int64(150) {
		who := fmt.Sprintf("user-%d", i%7)
		want[who] = append(want[who], 1000+i)
		one.add(0, index.Entry{Who: who, Subject: "s", Reference: 1000 + i}, index.Entry{Who: "#all", Subject: "s",
			Reference: i})
	}
	if got := one.references("user-0", "s", 0, 10); len(got) != 0 {
		t.Errorf("found before delivery: %v", got)
	}
	table, kept := one.cluster.Table(0, "outbox"), one.cluster.Table(0, "kept")
	one.exec(0, "CREATE TABLE "+kept+" LIKE "+table)
	one.exec(0, "INSERT INTO "+kept+" SELECT * FROM "+table)
	for range 2 {
		var wg sync.WaitGroup
		for _, l := range []*library{one, two, one, two} {
			wg.Go(func() {
				for {
					n, err := l.outbox.Deliver(t.Context(), 0)
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
		one.deliver(0) // a worker that lost a race may have ended early
		for who, ids := range want {
			slices.Sort(ids)
			slices.Reverse(ids)
			if got := two.references(who, "s", 0, 1000); !slices.Equal(got, ids) {
				t.Errorf("%s: %v, want %v", who, got, ids)
			}
			if got := two.references(who, "s", ids[3], 2); !slices.Equal(got, ids[4:6]) {
				t.Errorf("a page of %s: %v, want %v", who, got, ids[4:6])
			}
			if got := two.references(who, "t", 0, 10); len(got) != 0 {
				t.Errorf("%s in another subject: %v", who, got)
			}
		}
		one.exec(0, "INSERT INTO "+table+" SELECT * FROM "+kept) // as a crash before the deletion leaves it
	}
}

// The same entry twice, in one message and in two, is one entry.
func TestTheSameEntryTwice(t *testing.T) {
	l := open(t, 2)
	e := index.Entry{Who: "bob", Subject: "s", Reference: 7}
	l.add(0, e, e)
	l.add(1, e)
	l.deliver(0)
	l.deliver(1)
	if got := l.references("bob", "s", 0, 10); !slices.Equal(got, []int64{7}) {
		t.Errorf("bob: %v", got)
	}
	shard := l.cluster.ForUser("bob")
	other := index.Entry{Who: "bob", Subject: "s", Reference: 8}
	found, err := l.Find(t.Context(), l.cluster.DB(shard), shard, []index.Entry{e, other})
	if err != nil || len(found) != 1 || !found[e] {
		t.Errorf("find: %v, %v", found, err)
	}
	if found, err := l.Find(t.Context(), l.cluster.DB(shard), shard, nil); err != nil || len(found) != 0 {
		t.Errorf("find nothing: %v, %v", found, err)
	}
}

// A message of entries that by a mistake with node numbers bears the id of another one is not taken for it.
func TestAnIDThatComesTwice(t *testing.T) {
	l := open(t, 1)
	l.add(0, index.Entry{Who: "bob", Subject: "s", Reference: 7})
	l.exec(0, "INSERT INTO "+l.cluster.Table(0, "inbox")+" SELECT 0, id, 0 FROM "+l.cluster.Table(0, "outbox"))
	l.deliver(0)
	l.deliver(0) // under its new id
	if got := l.references("bob", "s", 0, 10); !slices.Equal(got, []int64{7}) {
		t.Errorf("bob: %v", got)
	}
	var left int
	err := l.cluster.DB(0).QueryRowContext(t.Context(),
		"SELECT COUNT(*) FROM "+l.cluster.Table(0, "outbox")).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d messages are left, %v", left, err)
	}
}
