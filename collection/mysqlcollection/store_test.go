package mysqlcollection_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// bill is a collection of a collector's that nobody has opened yet, of 100 from each.
func (b *book) bill(collector string, members ...string) collection.Collection {
	b.t.Helper()
	id, err := b.NewID(collector)
	if err != nil {
		b.t.Fatal(err)
	}
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	c := collection.Collection{ID: id, Group: "g", Collector: collector, Kind: collection.Even, Currency: cny, Note: "晚饭", State: collection.StateOpen,
		CreatedAt: now, RemindAt: now.Add(time.Hour)}
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

// opened opens it, with its mentions.
func (b *book) opened(collector string, members ...string) collection.Collection {
	b.t.Helper()
	c := b.bill(collector, members...)
	mentions := []ledger.IndexEntry{{Of: ledger.IndexGroup("g"), Subject: collection.Subject, Reference: c.ID}}
	for _, m := range members {
		mentions = append(mentions, ledger.IndexEntry{Of: m, Subject: collection.Subject, Reference: c.ID})
	}
	got, err := b.OpenCollection(b.t.Context(), request(b.t, fmt.Sprint(c.ID), "open"), c, mentions, nil)
	if err != nil {
		b.t.Fatalf("open: %v", err)
	}
	return got
}

// contribute pays a member's part in all its steps.
func (b *book) contribute(c collection.Collection, member string) ledger.Hold {
	b.t.Helper()
	ctx := b.t.Context()
	claimed, err := b.Claim(ctx, c.ID, member, c.CreatedAt)
	if err != nil {
		b.t.Fatal(err)
	}
	part, _ := claimed.Part(member)
	h := b.draft(member, part.Minor)
	h.Subject, h.Counterparty, h.Note = collection.Subject, c.Collector, c.Note
	h.Detail = fmt.Appendf(nil, `{"collection":%d,"claim":%d}`, c.ID, part.Claim)
	held, err := b.HoldOn(ctx, request(b.t, fmt.Sprint(h.ID), "pay"), h, ledger.HoldOptions{PayTo: c.Collector})
	if err != nil {
		b.t.Fatal(err)
	}
	if held.Open || held.Posted != part.Minor || held.Stage != "" {
		b.t.Errorf("paid: %+v", held)
	}
	if _, err := b.Record(ctx, claimOf(c, member, part.Claim), held.ID, c.CreatedAt, nil); err != nil {
		b.t.Fatal(err)
	}
	return held
}

func claimOf(c collection.Collection, member string, n int) collection.Claim {
	return collection.Claim{Collection: c.ID, Member: member, Claim: n}
}

// Each line is a call on bob's part of one collection, in the order of the table; bob's part is then in the state given.
func TestPartsOfACollection(t *testing.T) {
	b := open(t, 2)
	ctx := t.Context()
	c := b.opened("alice", "alice", "bob", "carol")
	at := c.CreatedAt.Add(time.Minute)
	told := 0
	tell := func(c collection.Collection) ([]ledger.Event, error) {
		told++
		return []ledger.Event{{Topic: "group:g", Body: fmt.Appendf(nil, `{"collected":%d}`, c.Collected)}}, nil
	}
	record := func(member string, n int, hold int64) func() error {
		return func() error { _, err := b.Record(ctx, claimOf(c, member, n), hold, at, tell); return err }
	}
	release := func(n int) func() error {
		return func() error { return b.Release(ctx, claimOf(c, "bob", n), at) }
	}
	claim := func(member string) func() error {
		return func() error { _, err := b.Claim(ctx, c.ID, member, at); return err }
	}
	closing := func() error { _, err := b.CloseCollection(ctx, c.ID, at, tell); return err }
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
		{"record carol's, which was claimed before", record("carol", 1, 9), false, collection.PartPaid, 2, collection.StateClosed, 3},
		{"record for a stranger", record("zoe", 1, 9), true, collection.PartPaid, 2, collection.StateClosed, 3},
	} {
		if err := line.call(); (err != nil) != line.fails {
			t.Errorf("%s: %v", line.what, err)
		}
		now := must(b.GetCollection(ctx, c.ID))
		part, _ := now.Part("bob")
		if part.State != line.state || part.Claim != line.claim || now.State != line.whole || told != line.told {
			t.Errorf("%s: %s, claim %d, %s, told %d; want %s, claim %d, %s, told %d", line.what, part.State, part.Claim, now.State, told,
				line.state, line.claim, line.whole, line.told)
		}
	}
	if end := must(b.GetCollection(ctx, c.ID)); end.Collected != 200 || end.ClosedAt != at {
		t.Errorf("at the end: %+v", end)
	}
	shard, _ := b.ShardOf(c.ID)
	if notices := must(b.Notices(ctx, shard, 10)); len(notices) != told || string(notices[2].Body) != `{"collected":200}` {
		t.Errorf("notices: %+v", notices)
	}
	for _, id := range []int64{0, 5, c.ID + 1<<40, c.ID | 1023} {
		if _, err := b.GetCollection(ctx, id); !errors.Is(err, collection.ErrNotFound) {
			t.Errorf("get %d: %v", id, err)
		}
		if _, err := b.Claim(ctx, id, "bob", at); !errors.Is(err, collection.ErrNotFound) {
			t.Errorf("claim of %d: %v", id, err)
		}
	}
}

func TestMalformedCollections(t *testing.T) {
	b := open(t, 2)
	many := make([]string, 501)
	for i := range many {
		many[i] = fmt.Sprint("user-", i)
	}
	for what, change := range map[string]func(*collection.Collection){
		"somebody else's shard":       func(c *collection.Collection) { c.Collector = b.elsewhere("alice") },
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
		if _, err := b.OpenCollection(t.Context(), request(t, "bad", what), c, nil, nil); err == nil {
			t.Errorf("%s: opened", what)
		}
	}
	good := b.bill("alice", many[:500]...)
	if _, err := b.OpenCollection(t.Context(), request(t, "good", 1), good, nil, nil); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	again := b.bill("alice", "bob")
	again.ID = good.ID
	if _, err := b.OpenCollection(t.Context(), request(t, "again", 1), again, nil, nil); err == nil {
		t.Error("an id that exists was opened again")
	}
}
