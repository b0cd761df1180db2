package cover_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// TestEachStepFromEachState tries everything in every state: what the table has leads there, all else changes nothing.
func TestEachStepFromEachState(t *testing.T) {
	s := newRig(t, nil).shop()
	steps := map[cover.State]map[cover.Verb]cover.State{
		cover.StateDraft:     {cover.EditIt: cover.StateDraft, cover.Submit: cover.StateInReview},
		cover.StateInReview:  {cover.Approve: cover.StateApproved, cover.Reject: cover.StateRejected},
		cover.StateRejected:  {cover.EditIt: cover.StateDraft},
		cover.StateApproved:  {cover.Freeze: cover.StateFrozen},
		cover.StateFrozen:    {cover.Appeal: "frozen", cover.Restore: "approved", cover.TakeDown: "taken_down"},
		cover.StateTakenDown: {},
		cover.StateExpired:   {},
	}
	verbs := []cover.Verb{
		cover.EditIt, cover.Submit, cover.Appeal, cover.Approve, cover.Reject, cover.Freeze, cover.Restore, cover.Keep,
		cover.TakeDown,
	}
	for _, from := range cover.States() {
		still := s.at(from)
		for _, v := range verbs {
			by := op
			if v == cover.EditIt || v == cover.Submit || v == cover.Appeal {
				by = ann
			}
			what := fmt.Sprintf("%s what is %s", v, from)
			to, ok := steps[from][v]
			if !ok {
				_, err := s.do(by, v, still.ID)
				apptest.WantCode(t, what, err, cover.CodeNotAllowedInState)
				if now := s.now(still.ID); now.State != from || now.History != still.History {
					t.Errorf("%s: it is %s with %d lines, was %s with %d", what, now.State, now.History, from,
						still.History)
				}
				continue
			}
			c := s.at(from)
			done, err := s.do(by, v, c.ID)
			apptest.WantCode(t, what, err, "")
			lines := s.history(c.ID)
			last := lines[len(lines)-1]
			if done.State != to || last.Action != v || last.From != from || last.To != to || last.By != by.Subject ||
				int64(len(lines)) != c.History+1 || last.At.IsZero() {
				t.Errorf("%s: it is %s, and the history ends with %+v", what, done.State, last)
			}
		}
	}
	s.MustBalance()
}

// TestWhoMayDoWhat tries what merchants do as each of those who might.
func TestWhoMayDoWhat(t *testing.T) {
	s := newRig(t, nil).shop()
	edit, read := merchant.CoverEdit, merchant.CoverRead
	other := s.rig.shop()
	for name, c := range map[string]struct {
		by          cover.Caller
		see, change string // codes of what is refused; "" where it is not
		list        string
		side        cover.Side
		createdBy   string
	}{
		"owner":     {by: ann, side: cover.SideMember, createdBy: "ann"},
		"developer": {by: dev, side: cover.SideMember, createdBy: "dev"},
		"finance":   {by: cover.Caller{Subject: "fin"}, change: merchant.CodeRoleMissing},
		"viewer":    {by: cover.Caller{Subject: "vic"}, change: merchant.CodeRoleMissing},
		"stranger": {by: eve, see: cover.CodeNotFound, change: cover.CodeNotFound,
			list: merchant.CodeNotFound},
		"server":            {by: s.server(merchant.Live, 7, edit, read), side: cover.SideServer, createdBy: "7"},
		"server that reads": {by: s.server(merchant.Live, 8, read), change: merchant.CodePermissionMissing},
		"server that edits": {by: s.server(merchant.Live, 9, edit), see: merchant.CodePermissionMissing,
			list: merchant.CodePermissionMissing, side: cover.SideServer, createdBy: "9"},
		"test server": {by: s.server(merchant.Test, 10, edit, read), see: merchant.CodeModeMismatch,
			change: merchant.CodeModeMismatch, list: merchant.CodeModeMismatch},
		"foreign server": {by: other.server(merchant.Live, 11, edit, read), see: cover.CodeNotFound,
			change: cover.CodeNotFound, list: merchant.CodeNotFound},
	} {
		frozen, rejected := s.at(cover.StateFrozen), s.at(cover.StateRejected)
		_, err := s.Covers.Get(s.ctx(), c.by, s.ID, frozen.ID)
		apptest.WantCode(t, name+" gets", err, c.see)
		_, err = s.Covers.History(s.ctx(), c.by, s.ID, frozen.ID, 0, 10)
		apptest.WantCode(t, name+" reads the history", err, c.see)
		_, err = s.Covers.OfMerchant(s.ctx(), c.by, s.ID, "live", 0, 10)
		apptest.WantCode(t, name+" lists", err, c.list)
		_, err = s.do(c.by, cover.EditIt, rejected.ID)
		apptest.WantCode(t, name+" edits", err, c.change)
		if c.change != "" {
			rejected = s.draft()
		}
		_, err = s.do(c.by, cover.Submit, rejected.ID)
		apptest.WantCode(t, name+" submits", err, c.change)
		_, err = s.do(c.by, cover.Appeal, frozen.ID)
		apptest.WantCode(t, name+" appeals", err, c.change)
		if c.change == "" {
			lines := s.history(frozen.ID)
			if last := lines[len(lines)-1]; last.Side != c.side || last.By != c.createdBy {
				t.Errorf("%s appeals: %+v", name, last)
			}
		}
		made, err := s.Covers.Create(s.ctx(), c.by, s.ID, "live", s.RequestID(), s.design())
		create := c.change
		if create == cover.CodeNotFound {
			create = merchant.CodeNotFound
		}
		apptest.WantCode(t, name+" creates", err, create)
		if made.CreatedBy != c.createdBy {
			t.Errorf("%s: made by %q", name, made.CreatedBy)
		}
		_, err = s.Covers.Allowance(s.ctx(), c.by, s.ID, "live")
		apptest.WantCode(t, name+" may upload", err, create)
	}
	// An address that names another merchant than the cover's finds nothing, even for a member of both.
	_, err := s.Covers.Get(s.ctx(), ann, other.ID, s.draft().ID)
	apptest.WantCode(t, "under a foreign merchant", err, cover.CodeNotFound)
	_, err = s.Covers.Get(s.ctx(), op, other.ID, s.draft().ID)
	apptest.WantCode(t, "an operator under a foreign merchant", err, cover.CodeNotFound)
}

// TestAMerchantThatIsNotActive cannot make, edit or submit covers, but may appeal; what was approved stops being used.
func TestAMerchantThatIsNotActive(t *testing.T) {
	s := newRig(t, nil).shop()
	draft, frozen, approved := s.draft(), s.at(cover.StateFrozen), s.at(cover.StateApproved)
	server := s.server(merchant.Live, 7, merchant.CoverEdit)
	s.merchant("suspend")
	for _, by := range []cover.Caller{ann, server} {
		_, err := s.Covers.Create(s.ctx(), by, s.ID, "live", s.RequestID(), s.design())
		apptest.WantCode(t, "create", err, merchant.CodeNotActive)
		for _, v := range []cover.Verb{cover.EditIt, cover.Submit} {
			_, err = s.do(by, v, draft.ID)
			apptest.WantCode(t, string(v), err, merchant.CodeNotActive)
		}
	}
	_, err := s.do(server, cover.Appeal, frozen.ID)
	apptest.WantCode(t, "a server appeals", err, merchant.CodeNotActive)
	_, err = s.do(ann, cover.Appeal, frozen.ID)
	apptest.WantCode(t, "the owner appeals", err, "")
	e := apptest.Must(s.CoverDirectory.Get(s.ctx(), approved.ID))
	apptest.WantCode(t, "its cover is used", e.Usable(), merchant.CodeNotActive)
}

// TestAFreezeDoesNotCountAgainstTheValidity follows a cover through a freeze of three days to its end.
func TestAFreezeDoesNotCountAgainstTheValidity(t *testing.T) {
	const day = 24 * time.Hour
	s := newRig(t, func(c *app.Config) { c.Covers.Validity = 10 * day }).shop()
	c := s.at(cover.StateApproved)
	if valid := c.UsableUntil.Sub(c.ChangedAt); valid != 10*day {
		t.Fatalf("valid for %v", valid)
	}
	s.age(c.ID, 4*day)
	frozen := apptest.Must(s.do(op, cover.Freeze, c.ID))
	s.age(c.ID, 20*day)
	if n := s.Pass(s.Covers.ExpireDue); n != 0 {
		t.Errorf("%d covers expired, of which one was frozen", n)
	}
	restored := apptest.Must(s.do(op, cover.Restore, c.ID))
	away := restored.ChangedAt.Sub(frozen.FrozenAt.Add(-20 * day))
	if got := restored.UsableUntil.Sub(frozen.UsableUntil.Add(-20 * day)); got != away || got < 20*day {
		t.Errorf("the validity was extended by %v, frozen for %v", got, away)
	}
	if !restored.FrozenAt.IsZero() {
		t.Error("it is still frozen since some time")
	}
	s.age(c.ID, 6*day)
	if n := s.Pass(s.Covers.ExpireDue); n != 1 {
		t.Errorf("%d covers expired, want 1", n)
	}
	lines := s.history(c.ID)
	if last := lines[len(lines)-1]; last.Side != cover.SideSystem || last.Action != cover.Expire || last.By != "" ||
		s.now(c.ID).State != cover.StateExpired {
		t.Errorf("its end is %+v", last)
	}
	if n := s.Pass(s.Covers.ExpireDue); n != 0 {
		t.Errorf("%d expired twice", n)
	}
	late := s.at(cover.StateApproved)
	s.age(late.ID, 10*day)
	_, err := s.do(op, cover.Freeze, late.ID)
	apptest.WantCode(t, "freeze what is over", err, cover.CodeNotAllowedInState)
	s.MustBalance()
}

func TestAppeals(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateFrozen)
	if until := c.AppealUntil(); until.Sub(c.FrozenAt) != cover.AppealTime {
		t.Errorf("an appeal is possible until %v", until)
	}
	_, err := s.do(op, cover.Keep, c.ID)
	apptest.WantCode(t, "keep without an appeal", err, cover.CodeNotAllowedInState)
	appealed := apptest.Must(s.do(ann, cover.Appeal, c.ID))
	if appealed.Appeal != cover.AppealOpen || appealed.AppealText != "it is ours" || !appealed.AppealUntil().IsZero() {
		t.Errorf("%+v", appealed)
	}
	_, err = s.do(dev, cover.Appeal, c.ID)
	apptest.WantCode(t, "a second appeal", err, cover.CodeNotAllowedInState)
	queue := apptest.Must(s.Covers.InState(s.ctx(), "appealed", 0, 10))
	if len(queue) != 1 || queue[0].ID != c.ID {
		t.Errorf("the queue is %+v", queue)
	}
	kept := apptest.Must(s.do(op, cover.Keep, c.ID))
	if kept.Appeal != cover.AppealDismissed || kept.State != cover.StateFrozen {
		t.Errorf("%+v", kept)
	}
	_, err = s.do(ann, cover.Appeal, c.ID)
	apptest.WantCode(t, "an appeal after one was dismissed", err, cover.CodeNotAllowedInState)
	if queue := apptest.Must(s.Covers.InState(s.ctx(), "appealed", 0, 10)); len(queue) != 0 {
		t.Errorf("the queue is %+v", queue)
	}
	apptest.Must(s.do(op, cover.Restore, c.ID))
	apptest.Must(s.do(op, cover.Freeze, c.ID))
	if again := apptest.Must(s.do(ann, cover.Appeal, c.ID)); again.Appeal != cover.AppealOpen {
		t.Errorf("against another freeze: %+v", again)
	}
	late := s.at(cover.StateFrozen)
	s.age(late.ID, cover.AppealTime)
	_, err = s.do(ann, cover.Appeal, late.ID)
	apptest.WantCode(t, "after five days", err, cover.CodeAppealOver)
}

// TestRepeatedRequests: the same again changes nothing, something else under the same id is a conflict.
func TestRepeatedRequests(t *testing.T) {
	s := newRig(t, nil).shop()
	d, other := s.design(), s.design()
	other.Name = "other"
	create := func(d cover.Design) (cover.Cover, error) {
		return s.Covers.Create(s.ctx(), ann, s.ID, "live", "create", d)
	}
	c := apptest.Must(create(d))
	if again := apptest.Must(create(d)); again.ID != c.ID || again.History != 1 {
		t.Errorf("created twice: %+v", again)
	}
	_, err := create(other)
	apptest.WantCode(t, "another cover", err, refusal.CodeRequestConflict)
	edit := func(d cover.Design) (cover.Cover, error) {
		return s.Covers.Edit(s.ctx(), ann, s.ID, c.ID, "edit", d)
	}
	apptest.Must(edit(other))
	apptest.Must(s.do(ann, cover.Submit, c.ID))
	if again := apptest.Must(edit(other)); again.State != cover.StateInReview || again.History != 3 {
		t.Errorf("edited twice: %+v", again)
	}
	_, err = edit(d)
	apptest.WantCode(t, "another edit", err, refusal.CodeRequestConflict)
	decide := func(verb, reason string) (cover.Cover, error) {
		d := cover.Decision{RequestID: "decide", Verb: verb, Reason: reason}
		return s.Covers.Decide(s.ctx(), "op", c.ID, d)
	}
	apptest.Must(decide("approve", "fine"))
	if again := apptest.Must(decide("approve", "fine")); again.History != 4 {
		t.Errorf("approved twice: %+v", again)
	}
	_, err = decide("freeze", "fine")
	apptest.WantCode(t, "another decision", err, refusal.CodeRequestConflict)
	if made := apptest.Must(create(d)); made.ID != c.ID || made.State != cover.StateApproved {
		t.Errorf("created again later: %+v", made)
	}
}

// TestRejectionNamesFields: both sides read what is wrong with which field.
func TestRejectionNamesFields(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateInReview)
	reasons := []cover.Reason{{Field: "face", Text: "it shows somebody else"}, {Field: "name", Text: "a brand"}}
	apptest.Must(s.Covers.Decide(s.ctx(), "op", c.ID,
		cover.Decision{RequestID: s.RequestID(), Verb: "reject", Reason: "not yours", Findings: reasons}))
	for _, by := range []cover.Caller{ann, op} {
		seen := apptest.Must(s.Covers.Get(s.ctx(), by, s.ID, c.ID))
		line := apptest.Must(s.Covers.History(s.ctx(), by, s.ID, c.ID, 0, 1))[0]
		if seen.Reason != "not yours" || fmt.Sprint(seen.Findings) != fmt.Sprint(reasons) ||
			fmt.Sprint(line.Findings) != fmt.Sprint(reasons) || line.Reason != "not yours" {
			t.Errorf("%s sees %+v and %+v", by.Subject, seen, line)
		}
	}
	for name, d := range map[string]cover.Decision{
		"an unknown decision": {Verb: "delete", Reason: "x"},
		"expire":              {Verb: "expire", Reason: "x"},
		"no reason":           {Verb: "approve"},
		"an unknown field":    {Verb: "reject", Reason: "x", Findings: []cover.Reason{{Field: "id", Text: "x"}}},
		"an empty finding":    {Verb: "reject", Reason: "x", Findings: []cover.Reason{{Field: "name"}}},
		"findings to approve": {Verb: "approve", Reason: "x", Findings: reasons},
		"13 findings":         {Verb: "reject", Reason: "x", Findings: make([]cover.Reason, 13)},
	} {
		d.RequestID = s.RequestID()
		_, err := s.Covers.Decide(s.ctx(), "op", c.ID, d)
		apptest.WantCode(t, name, err, refusal.CodeInvalidArgument)
	}
}
