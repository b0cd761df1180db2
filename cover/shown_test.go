package cover_test

import (
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/merchant"
)

// An image is everybody's to see once a cover that is shown has it, and no longer than that.
func TestImagesBeforeTheReview(t *testing.T) {
	s := newRig(t, nil).shop()
	other := s.rig.shop()
	c := s.with(7, cover.StateInReview)
	see := func(v cover.Viewer) (public bool, err error) {
		_, public, err = s.Covers.Show(s.ctx(), v, c.Face, cover.SizeSmall)
		return public, err
	}
	of := func(by cover.Caller, m int64) cover.Viewer { return cover.Viewer{Caller: by, Merchant: m} }
	viewers := map[string]struct {
		cover.Viewer
		may bool
	}{
		"anybody":                {cover.Viewer{}, false},
		"anybody, of the shop":   {of(cover.Caller{}, s.ID), false},
		"a viewer":               {of(cover.Caller{Subject: "vic"}, s.ID), true},
		"a member without shop":  {of(ann, 0), false},
		"a stranger":             {of(eve, s.ID), false},
		"of another shop":        {of(ann, other.ID), false},
		"an operator":            {of(op, 0), true},
		"a server":               {of(s.server(merchant.Live, 1, merchant.CoverRead), s.ID), true},
		"a server of tests":      {of(s.server(merchant.Test, 1, merchant.CoverRead), s.ID), false},
		"a server without right": {of(s.server(merchant.Live, 1, merchant.CoverGive), s.ID), false},
	}
	for what, v := range viewers {
		want := cover.CodeArtNotFound
		if v.may {
			want = ""
		}
		public, err := see(v.Viewer)
		if apptest.WantCode(t, what, err, want); public {
			t.Errorf("%s: it is public before the review", what)
		}
	}
	apptest.Must(s.do(op, cover.Approve, c.ID))
	apptest.Until(t, "anybody sees it", func() bool {
		public, err := see(cover.Viewer{})
		return err == nil && public
	})
	apptest.Must(s.do(op, cover.Freeze, c.ID))
	apptest.Must(s.do(op, cover.TakeDown, c.ID))
	s.Pass(s.Covers.PurgeDue)
	for what, v := range viewers {
		_, err := see(v.Viewer)
		apptest.WantCode(t, what+", after it was taken down", err, cover.CodeArtGone)
	}
}
