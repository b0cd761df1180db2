package cover_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/merchant"
)

// advance makes the test side of the shop later.
func (s *shop) advance(by time.Duration) {
	s.T.Helper()
	apptest.Must(s.Merchants.AdvanceBy(s.ctx(), "dev", s.ID, merchant.Advance{RequestID: s.RequestID(), By: by}))
}

func TestATestCoverFollowsTheTestClock(t *testing.T) {
	s := newRig(t, nil).shop()
	other := s.rig.shop()
	approved := func(s *shop, mode string) cover.Cover {
		c := apptest.Must(s.Covers.Create(s.ctx(), ann, s.ID, mode, s.RequestID(), s.design()))
		apptest.Must(s.do(ann, cover.Submit, c.ID))
		return apptest.Must(s.do(op, cover.Approve, c.ID))
	}
	live, tried, appealed, elsewhere := approved(s, "live"), approved(s, "test"), approved(s, "test"),
		approved(other, "test")
	apptest.Must(s.do(op, cover.Freeze, appealed.ID))
	state := func(c cover.Cover, want cover.State) {
		t.Helper()
		s.Pass(s.Covers.ExpireDue)
		if now := apptest.Must(s.Covers.Get(s.ctx(), op, c.Merchant, c.ID)); now.State != want {
			t.Errorf("cover %d is %s, want %s", c.ID, now.State, want)
		}
		apptest.Until(t, "the directory knows", func() bool {
			return apptest.Must(s.Covers.Entry(s.ctx(), c.ID)).State == want
		})
	}

	s.advance(cover.AppealTime)
	_, err := s.do(ann, cover.Appeal, appealed.ID)
	apptest.WantCode(t, "an appeal after its time", err, cover.CodeAppealOver)
	state(tried, cover.StateApproved)
	restored := apptest.Must(s.do(op, cover.Restore, appealed.ID))
	if gained := restored.UsableUntil.Sub(appealed.UsableUntil); gained < cover.AppealTime {
		t.Errorf("the days that it was frozen by the test clock gave it %v", gained)
	}

	s.advance(cover.DefaultRules().Validity - cover.AppealTime)
	state(tried, cover.StateExpired)
	state(appealed, cover.StateApproved)
	state(live, cover.StateApproved)
	state(elsewhere, cover.StateApproved)
	lines := s.history(tried.ID)
	if last := lines[len(lines)-1]; last.Action != cover.Expire || last.At.Before(tried.UsableUntil) {
		t.Errorf("the history of what expired ends with %+v", last)
	}
	fresh := approved(s, "test")
	if got := fresh.UsableUntil.Sub(tried.UsableUntil); got < cover.DefaultRules().Validity {
		t.Errorf("what is approved later is usable %v longer", got)
	}
	state(fresh, cover.StateApproved)
	for mode, want := range map[string]time.Duration{"live": 0, "test": cover.DefaultRules().Validity} {
		c := apptest.Must(s.Covers.Create(s.ctx(), ann, s.ID, mode, s.RequestID(), s.design()))
		if got := time.Until(c.CreatedAt).Round(time.Hour); got != want {
			t.Errorf("a new %s cover is dated %v ahead, want %v", mode, got, want)
		}
	}
	s.MustBalance()
}
