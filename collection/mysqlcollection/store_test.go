package mysqlcollection_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// book is a ledger with a store of collections on it, and what a test does to them in few words.
type book struct {
	*ledgertest.MySQL
	store *mysqlcollection.Store
}

func open(t *testing.T) *book {
	t.Helper()
	c := shardstest.New(t, 2)
	m := ledgertest.OpenMySQLOn(t, c, 0, mysqlcollection.New(c, nil).Audit()) // the audit needs no ledger
	if err := mysqlcollection.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return &book{m, mysqlcollection.New(c, m.Ledger)}
}

// bill is a collection of a collector's that nobody has opened yet, of 100 from each.
func (b *book) bill(collector string, members ...string) collection.Collection {
	b.T.Helper()
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	c := collection.Collection{
		ID: ledgertest.Must(b.NewID(collector)), Group: "g", Collector: collector, Kind: collection.Even,
		Currency: ledgertest.CNY, Note: "晚饭", State: collection.StateOpen, CreatedAt: now, RemindAt: now.Add(time.Hour),
	}
	for _, m := range members {
		p := collection.Part{Member: m, Minor: 100, State: collection.PartDue, At: now}
		if m == collector {
			p.State = collection.PartOwn
		} else {
			c.Due += p.Minor
		}
		c.Total += p.Minor
		c.Parts = append(c.Parts, p)
	}
	return c
}

// opened opens it, with its index entries.
func (b *book) opened(collector string, members ...string) collection.Collection {
	b.T.Helper()
	c := b.bill(collector, members...)
	index := []ledger.IndexEntry{{Of: ledger.IndexGroup("g"), Subject: collection.Subject, Reference: c.ID}}
	for _, m := range members {
		index = append(index, ledger.IndexEntry{Of: m, Subject: collection.Subject, Reference: c.ID})
	}
	got, err := b.store.Open(b.T.Context(), ledgertest.Request(b.T, fmt.Sprint(c.ID), "open"), c, index, nil)
	if err != nil {
		b.T.Fatalf("open: %v", err)
	}
	return got
}

// contribute pays a member's part in all its steps.
func (b *book) contribute(c collection.Collection, member string) ledger.Hold {
	b.T.Helper()
	ctx := b.T.Context()
	claimed := ledgertest.Must(b.store.Claim(ctx, c.ID, member, c.CreatedAt))
	part, _ := claimed.Part(member)
	h := b.Draft(member, part.Minor)
	h.Subject, h.Counterparty, h.Note, h.CountsDaily = collection.Subject, c.Collector, c.Note, true
	h.Detail = fmt.Appendf(nil, `{"collection":%d,"claim":%d}`, c.ID, part.Claim)
	held, err := b.HoldWith(ctx, ledgertest.Request(b.T, fmt.Sprint(h.ID), "pay"), h, ledger.HoldOptions{PayNow: true})
	if err != nil {
		b.T.Fatal(err)
	}
	if held.Open || held.Posted != part.Minor || held.Staged() {
		b.T.Errorf("paid: %+v", held)
	}
	ledgertest.Must(b.store.Record(ctx, claimOf(c, member, part.Claim), held.ID, c.CreatedAt, nil))
	return held
}

func claimOf(c collection.Collection, member string, n int) collection.Claim {
	return collection.Claim{Collection: c.ID, Member: member, Claim: n}
}

// Each line is a call on bob's part of one collection, in the order of the table; bob's part is then in the state
// given.
func TestPartsOfACollection(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	c := b.opened("alice", "alice", "bob", "carol")
	at := c.CreatedAt.Add(time.Minute)
	told := 0
	tell := func(c collection.Collection) ([]ledger.Event, error) {
		told++
		return []ledger.Event{{Topic: "group:g", Body: fmt.Appendf(nil, `{"collected":%d}`, c.Collected)}}, nil
	}
	record := func(member string, n int, hold int64) func() error {
		return func() error { _, err := b.store.Record(ctx, claimOf(c, member, n), hold, at, tell); return err }
	}
	release := func(n int) func() error {
		return func() error { return b.store.Release(ctx, claimOf(c, "bob", n), at) }
	}
	claim := func(member string) func() error {
		return func() error { _, err := b.store.Claim(ctx, c.ID, member, at); return err }
	}
	closing := func() error { _, err := b.store.Close(ctx, c.ID, at, tell); return err }
	for _, line := range []struct {
		what  string
		call  func() error
		fails bool
		state collection.PartState
		claim int
		whole collection.State
		told  int
	}{
		{"record without a claim", record("bob", 0, 7), true, collection.PartDue, 0, collection.StateOpen, 0},
		{"release without a claim", release(0), false, collection.PartDue, 0, collection.StateOpen, 0},
		{"claim", claim("bob"), false, collection.PartClaimed, 1, collection.StateOpen, 0},
		{"claim again", claim("bob"), false, collection.PartClaimed, 1, collection.StateOpen, 0},
		{"release another claim", release(2), false, collection.PartClaimed, 1, collection.StateOpen, 0},
		{"release", release(1), false, collection.PartDue, 1, collection.StateOpen, 0},
		{"release again", release(1), false, collection.PartDue, 1, collection.StateOpen, 0},
		{"record what was released", record("bob", 1, 7), true, collection.PartDue, 1, collection.StateOpen, 0},
		{"claim anew", claim("bob"), false, collection.PartClaimed, 2, collection.StateOpen, 0},
		{"record an earlier claim", record("bob", 1, 7), true, collection.PartClaimed, 2, collection.StateOpen, 0},
		{"claim the collector's own", claim("alice"), false, collection.PartClaimed, 2, collection.StateOpen, 0},
		{"claim for a stranger", claim("zoe"), false, collection.PartClaimed, 2, collection.StateOpen, 0},
		{"record", record("bob", 2, 7), false, collection.PartPaid, 2, collection.StateOpen, 1},
		{"record again", record("bob", 2, 7), false, collection.PartPaid, 2, collection.StateOpen, 1},
		{"record another payment", record("bob", 2, 8), true, collection.PartPaid, 2, collection.StateOpen, 1},
		{"release what is paid", release(2), false, collection.PartPaid, 2, collection.StateOpen, 1},
		{"claim what is paid", claim("bob"), false, collection.PartPaid, 2, collection.StateOpen, 1},
		{"claim for carol", claim("carol"), false, collection.PartPaid, 2, collection.StateOpen, 1},
		{"close", closing, false, collection.PartPaid, 2, collection.StateClosed, 2},
		{"close again", closing, false, collection.PartPaid, 2, collection.StateClosed, 2},
		{"record carol's, which was claimed before", record("carol", 1, 9), false, collection.PartPaid, 2,
			collection.StateClosed, 3},
		{"record for a stranger", record("zoe", 1, 9), true, collection.PartPaid, 2, collection.StateClosed, 3},
	} {
		if err := line.call(); (err != nil) != line.fails {
			t.Errorf("%s: %v", line.what, err)
		}
		now := ledgertest.Must(b.store.Get(ctx, c.ID))
		part, _ := now.Part("bob")
		if part.State != line.state || part.Claim != line.claim || now.State != line.whole || told != line.told {
			t.Errorf("%s: %s, claim %d, %s, told %d; want %s, claim %d, %s, told %d", line.what, part.State, part.Claim,
				now.State, told,
				line.state, line.claim, line.whole, line.told)
		}
	}
	if end := ledgertest.Must(b.store.Get(ctx, c.ID)); end.Collected != 200 || end.ClosedAt != at {
		t.Errorf("at the end: %+v", end)
	}
	inbox := &ledgertest.Inbox{}
	b.PublishAll(inbox)
	if bodies := inbox.Bodies("group:g"); len(bodies) != told || bodies[2] != `{"collected":200}` {
		t.Errorf("events: %v", bodies)
	}
	for _, id := range []int64{0, 5, c.ID + 1<<40, c.ID | 1023} {
		if _, err := b.store.Get(ctx, id); !errors.Is(err, collection.ErrNotFound) {
			t.Errorf("get %d: %v", id, err)
		}
		if _, err := b.store.Claim(ctx, id, "bob", at); !errors.Is(err, collection.ErrNotFound) {
			t.Errorf("claim of %d: %v", id, err)
		}
	}
}

func TestMalformedCollections(t *testing.T) {
	b := open(t)
	many := make([]string, 501)
	for i := range many {
		many[i] = fmt.Sprint("user-", i)
	}
	for what, change := range map[string]func(*collection.Collection){
		"somebody else's shard":       func(c *collection.Collection) { c.Collector = b.Elsewhere("alice") },
		"no group":                    func(c *collection.Collection) { c.Group = "" },
		"an unknown currency":         func(c *collection.Collection) { c.Currency = "XXQ" },
		"nothing":                     func(c *collection.Collection) { c.Total = 0 },
		"parts of more than it all":   func(c *collection.Collection) { c.Total = 199 },
		"due what no part is":         func(c *collection.Collection) { c.Due++ },
		"collected before":            func(c *collection.Collection) { c.Collected = 1 },
		"closed before":               func(c *collection.Collection) { c.State = collection.StateClosed },
		"a part of nothing":           func(c *collection.Collection) { c.Parts[0].Minor = 0 },
		"a part that is paid":         func(c *collection.Collection) { c.Parts[0].State = collection.PartPaid },
		"an own part of another":      func(c *collection.Collection) { c.Parts[0].State = collection.PartOwn },
		"somebody twice":              func(c *collection.Collection) { c.Parts[1].Member = c.Parts[0].Member },
		"nobody":                      func(c *collection.Collection) { c.Parts = nil },
		"the collector, who is asked": func(c *collection.Collection) { c.Parts[0].Member = "alice" },
		"a long note":                 func(c *collection.Collection) { c.Note = string(make([]byte, 101)) },
		"too many":                    func(c *collection.Collection) { *c = b.bill("alice", many...) },
	} {
		c := b.bill("alice", "bob", "carol")
		change(&c)
		if _, err := b.store.Open(t.Context(), ledgertest.Request(t, "bad", what), c, nil, nil); err == nil {
			t.Errorf("%s: opened", what)
		}
	}
	good := b.bill("alice", many[:500]...)
	if _, err := b.store.Open(t.Context(), ledgertest.Request(t, "good", 1), good, nil, nil); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	again := b.bill("alice", "bob")
	again.ID = good.ID
	if _, err := b.store.Open(t.Context(), ledgertest.Request(t, "again", 1), again, nil, nil); err == nil {
		t.Error("an id that exists was opened again")
	}
}
