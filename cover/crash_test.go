package cover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// mortal is what covers stand on in a process that dies at one of the calls that change something.
type mortal struct {
	cover.Store
	*apptest.Mortal
}

// Create implements cover.Store.
func (m mortal) Create(
	ctx context.Context, account string, id int64, r ledger.Request, f func(time.Time) (cover.Edit, error),
) (c cover.Cover, err error) {
	err = m.Call("create", func() error {
		c, err = m.Store.Create(ctx, account, id, r, f)
		return err
	})
	return c, err
}

// Update implements cover.Store.
func (m mortal) Update(
	ctx context.Context, id int64, by string, side cover.Side, r ledger.Request,
	f func(cover.Cover, time.Time) (cover.Edit, error),
) (c cover.Cover, err error) {
	err = m.Call("update", func() error {
		c, err = m.Store.Update(ctx, id, by, side, r, f)
		return err
	})
	return c, err
}

// AddImage implements cover.Store.
func (m mortal) AddImage(ctx context.Context, i cover.Image) error {
	return m.Call("record", func() error { return m.Store.AddImage(ctx, i) })
}

// AddReport implements cover.Store.
func (m mortal) AddReport(ctx context.Context, r cover.Report) (stored cover.Report, err error) {
	err = m.Call("report", func() error {
		stored, err = m.Store.AddReport(ctx, r)
		return err
	})
	return stored, err
}

// DecideReport implements cover.Store.
func (m mortal) DecideReport(ctx context.Context, id int64, o cover.Outcome) (r cover.Report, err error) {
	err = m.Call("decide", func() error {
		r, err = m.Store.DecideReport(ctx, id, o)
		return err
	})
	return r, err
}

// mortalArt is the art of such a process.
type mortalArt struct {
	cover.Art
	*apptest.Mortal
}

// Put implements cover.Art.
func (m mortalArt) Put(ctx context.Context, hash, size string, data []byte) error {
	return m.Call("put", func() error { return m.Art.Put(ctx, hash, size, data) })
}

// dying is the installation's service in a process that dies at a call.
func (r *rig) dying(call string, after bool) *cover.Service {
	p, died := r.CoverParts(), &apptest.Mortal{At: call, After: after}
	p.Store, p.Art = mortal{p.Store, died}, mortalArt{p.Art, died}
	return cover.NewService(p)
}

// crash is something that is done under a request id, with the calls that it makes, and what there is of it afterwards.
type crash struct {
	name  string
	calls []string
	do    func(s *shop, on *cover.Service, c cover.Cover, request string) error
	left  func(s *shop, c cover.Cover) string
	want  string
}

// state is a cover's, and how many lines its history has.
func state(s *shop, c cover.Cover) string {
	now := s.now(c.ID)
	return fmt.Sprintf("%s %d", now.State, len(s.history(c.ID)))
}

func crashes() []crash {
	decide := func(verb string) func(*shop, *cover.Service, cover.Cover, string) error {
		return func(s *shop, on *cover.Service, c cover.Cover, request string) error {
			_, err := on.Decide(s.ctx(), "op", c.ID, cover.Decision{RequestID: request, Verb: verb, Reason: "x"})
			return err
		}
	}
	return []crash{
		{"create", []string{"create"}, func(s *shop, on *cover.Service, _ cover.Cover, request string) error {
			_, err := on.Create(s.ctx(), ann, s.ID, "test", request, s.design())
			return err
		}, func(s *shop, _ cover.Cover) string {
			return fmt.Sprint(len(apptest.Must(s.Covers.OfMerchant(s.ctx(), ann, s.ID, "test", 0, 10))))
		}, "1"},
		{"freeze", []string{"update"}, decide("freeze"), state, "frozen 4"},
		{"expire", []string{"update"}, func(s *shop, on *cover.Service, c cover.Cover, _ string) error {
			if s.now(c.ID).UsableUntil.After(c.UsableUntil.Add(-time.Hour)) {
				s.age(c.ID, cover.DefaultRules().Validity)
			}
			shard, _ := s.Cluster.ShardOf(c.ID)
			_, err := on.ExpireDue(s.ctx(), shard)
			return err
		}, state, "expired 4"},
		{"report", []string{"report"}, func(s *shop, on *cover.Service, c cover.Cover, _ string) error {
			_, err := on.Report(s.ctx(), "eve", c.ID, "copied", "mine")
			return err
		}, func(s *shop, c cover.Cover) string { return fmt.Sprint(len(s.reports(c.ID))) }, "1"},
		{"decide a report", []string{"decide"}, func(s *shop, on *cover.Service, c cover.Cover, _ string) error {
			r := apptest.Must(s.Covers.Report(s.ctx(), "eve", c.ID, "copied", "mine"))
			_, err := on.DecideReport(s.ctx(), "op", r.ID, "upheld", "a copy")
			return err
		}, func(s *shop, c cover.Cover) string { return fmt.Sprint(len(s.reports(c.ID))) }, "0"},
		{"upload", []string{"put", "record"}, func(s *shop, on *cover.Service, _ cover.Cover, _ string) error {
			_, err := on.Upload(s.ctx(), ann, s.ID, "test", bytes.NewReader(file(9)))
			return err
		}, func(s *shop, _ cover.Cover) string {
			return fmt.Sprint(cover.MaxImages - apptest.Must(s.Covers.Allowance(s.ctx(), ann, s.ID, "test")).Left)
		}, "2"},
	}
}

// reports are the open ones of a cover.
func (s *shop) reports(id int64) (mine []cover.Report) {
	s.T.Helper()
	for _, r := range apptest.Must(s.Covers.OpenReports(s.ctx(), 0, 100)) {
		if r.Cover == id {
			mine = append(mine, r)
		}
	}
	return mine
}

// TestAProcessDiesAtEachCall lets a process die before and after each call that changes something; the caller repeats
// the request elsewhere. The books balance in between, and in the end everything was done once.
func TestAProcessDiesAtEachCall(t *testing.T) {
	r := newRig(t, nil)
	for _, step := range crashes() {
		for _, call := range step.calls {
			for _, after := range []bool{false, true} {
				s, request := r.shop(), r.RequestID()
				c := s.at(cover.StateApproved)
				t.Run(fmt.Sprintf("%s/%s/after=%t", step.name, call, after), func(t *testing.T) {
					if err := step.do(s, r.dying(call, after), c, request); !errors.Is(err, apptest.ErrDied) {
						t.Fatalf("it lived: %v", err)
					}
					r.MustBalance()
					for range 2 {
						apptest.WantCode(t, "repeated", step.do(s, r.Covers, c, request), "")
					}
					r.MustBalance()
					if got := step.left(s, c); got != step.want {
						t.Errorf("in the end there is %s, want %s", got, step.want)
					}
				})
			}
		}
	}
}

// TestServersHearOfDecisions: each is told once, to the cover's side, in the order of the history.
func TestServersHearOfDecisions(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateRejected)
	listener := s.Listen(ledger.UserTopic("vic"))
	for _, step := range []struct {
		by   cover.Caller
		verb cover.Verb
	}{
		{ann, cover.EditIt}, {ann, cover.Submit}, {op, cover.Approve}, {op, cover.Freeze}, {ann, cover.Appeal},
		{op, cover.Keep}, {op, cover.Restore},
	} {
		apptest.Must(s.do(step.by, step.verb, c.ID))
	}
	s.age(c.ID, cover.DefaultRules().Validity+time.Hour)
	s.Pass(s.Covers.ExpireDue)
	gone := s.at(cover.StateTakenDown)
	s.Publish(listener)
	if got := len(listener.Events(ledger.UserTopic("vic"))); got < 8 {
		t.Errorf("a member heard of %d changes live", got)
	}
	s.Deliver()
	var heard []string
	for _, e := range apptest.Must(s.Webhooks.Events(s.ctx(), merchant.WebhookAccount(s.ID, merchant.Live), 0, 100)) {
		var body struct {
			Data struct {
				Cover  string `json:"cover_id"`
				Reason string
				State  string
				Seq    int64
			}
		}
		s.must(json.Unmarshal(e.Payload, &body))
		if body.Data.Cover != strconv.FormatInt(c.ID, 10) && body.Data.Cover != strconv.FormatInt(gone.ID, 10) {
			continue // of the merchant
		}
		if e.Object != "cover:"+body.Data.Cover || body.Data.Reason == "" && e.Type != cover.EventExpired {
			t.Errorf("%s: %s", e.Object, e.Payload)
		}
		heard = append(heard, fmt.Sprintf("%s %s %d %d", e.Type, body.Data.State, body.Data.Seq, e.Sequence))
	}
	want := []string{
		"cover.rejected rejected 3 1", "cover.approved approved 6 2", "cover.frozen frozen 7 3",
		"cover.appeal_dismissed frozen 9 4", "cover.restored approved 10 5", "cover.expired expired 11 6",
		"cover.approved approved 3 1", "cover.frozen frozen 4 2", "cover.taken_down taken_down 5 3",
	}
	if !slices.Equal(heard, want) {
		t.Errorf("heard\n%q, want\n%q", heard, want)
	}
	test := apptest.Must(s.Webhooks.Events(s.ctx(), merchant.WebhookAccount(s.ID, merchant.Test), 0, 100))
	for _, e := range test {
		if slices.Contains(cover.EventTypes(), e.Type) {
			t.Errorf("the test side heard of %s", e.Type)
		}
	}
}
