package cover_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/merchant"
)

// rig is an installation without workers, with what a test does to covers in few words.
type rig struct{ *apptest.Harness }

func newRig(t *testing.T, change func(*app.Config)) *rig {
	t.Helper()
	devstack.SkipInShort(t)
	return &rig{apptest.NewHarness(t, change, "ann", "fin", "dev", "vic", "eve")}
}

func (r *rig) ctx() context.Context { return r.T.Context() }

func (r *rig) must(err error) {
	r.T.Helper()
	if err != nil {
		r.T.Fatal(err)
	}
}

// file is a small image; another one for each number.
func file(n int) []byte {
	m := image.NewGray(image.Rect(0, 0, 2, 2+n))
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

var (
	ann = cover.Caller{Subject: "ann"} // the owner
	dev = cover.Caller{Subject: "dev"} // a developer
	eve = cover.Caller{Subject: "eve"} // no member
)

// shop is an active merchant of ann's with a member of each role, and an image on each side.
type shop struct {
	*rig
	merchant.Merchant
	face string
}

func (r *rig) shop() *shop {
	r.T.Helper()
	m := apptest.Must(r.Merchants.Apply(r.ctx(), "ann", merchant.Application{
		RequestID: r.RequestID(), Name: "shop", LegalID: "1", Country: "CN", MCC: "5812", Contact: "ann@example.org",
		Currencies: []string{"CNY"},
	}))
	s := &shop{rig: r, Merchant: m}
	s.merchant("approve")
	for user, role := range map[string]string{"fin": "finance", "dev": "developer", "vic": "viewer"} {
		apptest.Must(r.Merchants.SetMember(r.ctx(), "ann", m.ID,
			merchant.MemberChange{RequestID: r.RequestID(), User: user, Role: role}))
	}
	for _, mode := range []string{"live", "test"} {
		s.face = apptest.Must(r.Covers.Upload(r.ctx(), ann, m.ID, mode, bytes.NewReader(file(0)))).Hash
	}
	return s
}

// merchant lets an operator decide about the merchant.
func (s *shop) merchant(verb string) {
	s.T.Helper()
	apptest.Must(s.Merchants.Decide(s.ctx(), "op", s.ID,
		merchant.Decision{RequestID: s.RequestID(), Verb: verb, Reason: "seen"}))
}

// server is one of the merchant's servers, with a key that permits something.
func (s *shop) server(mode merchant.Mode, key int64, permissions ...merchant.Permission) cover.Caller {
	session := merchant.Session{Merchant: s.ID, Key: key, Mode: mode, Permissions: permissions}
	return cover.Caller{Subject: session.Account(), Session: &session}
}

func (s *shop) design() cover.Design {
	return cover.Design{
		Name: "马年大吉", Face: s.face, Story: []cover.Page{{Image: s.face, Text: "since 1912"}, {Text: "come again"}},
		Colour: "#c8102e", Accent: "#ffd700", Greeting: "恭喜发财",
	}
}

func (s *shop) draft() cover.Cover {
	s.T.Helper()
	return apptest.Must(s.Covers.Create(s.ctx(), ann, s.ID, "live", s.RequestID(), s.design()))
}

// do lets a caller do something to a cover.
func (s *shop) do(by cover.Caller, v cover.Verb, id int64) (cover.Cover, error) {
	switch request := s.RequestID(); v {
	case cover.EditIt:
		d := s.design()
		d.Greeting = request
		return s.Covers.Edit(s.ctx(), by, s.ID, id, request, d)
	case cover.Submit:
		return s.Covers.Submit(s.ctx(), by, s.ID, id, request)
	case cover.Appeal:
		return s.Covers.Appeal(s.ctx(), by, s.ID, id, request, "it is ours")
	default:
		return s.Covers.Decide(s.ctx(), by.Subject, id,
			cover.Decision{RequestID: request, Verb: string(v), Reason: "looked at"})
	}
}

var op = cover.Caller{Subject: "op", Operator: true}

// ways lead from a draft to each state.
func ways() map[cover.State][]cover.Verb {
	approved := []cover.Verb{cover.Submit, cover.Approve}
	frozen := []cover.Verb{cover.Submit, cover.Approve, cover.Freeze}
	return map[cover.State][]cover.Verb{
		cover.StateDraft: {}, cover.StateInReview: {cover.Submit}, cover.StateRejected: {cover.Submit, cover.Reject},
		cover.StateApproved: approved, cover.StateExpired: approved, cover.StateFrozen: frozen,
		cover.StateTakenDown: {cover.Submit, cover.Approve, cover.Freeze, cover.TakeDown},
	}
}

// at is a new cover in a state.
func (s *shop) at(state cover.State) cover.Cover {
	s.T.Helper()
	c := s.draft()
	for _, v := range ways()[state] {
		by := op
		if v == cover.Submit {
			by = ann
		}
		c = apptest.Must(s.do(by, v, c.ID))
	}
	if state == cover.StateExpired {
		s.age(c.ID, cover.DefaultRules().Validity)
		s.Pass(s.Covers.ExpireDue)
		c = s.now(c.ID)
	}
	if c.State != state {
		s.T.Fatalf("the cover is %s, want %s", c.State, state)
	}
	return c
}

// now is a cover as it is.
func (s *shop) now(id int64) cover.Cover {
	s.T.Helper()
	return apptest.Must(s.Covers.Get(s.ctx(), op, s.ID, id))
}

// age makes a cover, with its history, older: the database's clock cannot be moved.
func (r *rig) age(id int64, by time.Duration) {
	r.T.Helper()
	shard, _ := r.Cluster.ShardOf(id)
	ms := fmt.Sprint(by.Milliseconds())
	older := func(columns ...string) string {
		for i, c := range columns {
			columns[i] = c + " = IF(" + c + " = 0, 0, " + c + " - " + ms + ")"
		}
		return strings.Join(columns, ", ")
	}
	for _, statement := range []string{
		"UPDATE " + r.Cluster.Table(shard, "covers") + " SET " +
			older("created_at", "changed_at", "usable_until", "frozen_at") + " WHERE id = ?",
		"UPDATE " + r.Cluster.Table(shard, "cover_history") + " SET " +
			older("at", "usable_until") + " WHERE cover = ?",
	} {
		if _, err := r.Cluster.DB(shard).ExecContext(r.ctx(), statement, id); err != nil {
			r.T.Fatal(err)
		}
	}
}

// history is a cover's, the first line first.
func (s *shop) history(id int64) []cover.Change {
	s.T.Helper()
	changes := apptest.Must(s.Covers.History(s.ctx(), op, s.ID, id, 0, 100))
	for i, j := 0, len(changes)-1; i < j; i, j = i+1, j-1 {
		changes[i], changes[j] = changes[j], changes[i]
	}
	return changes
}
