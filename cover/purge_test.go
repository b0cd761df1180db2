package cover_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
)

// wantArt says which code the address of an image answers with.
func (s *shop) wantArt(what, hash, code string) {
	s.T.Helper()
	_, err := s.Covers.Art(s.ctx(), hash, cover.SizeSmall)
	apptest.WantCode(s.T, what, err, code)
}

// later makes the purges of a shop older.
func (s *shop) later(by time.Duration) {
	s.T.Helper()
	for shard := range s.Cluster.Shards() {
		_, err := s.Cluster.DB(shard).ExecContext(s.ctx(), "UPDATE "+s.Cluster.Table(shard, "cover_purges")+
			" SET due = due - ?", by.Milliseconds())
		s.must(err)
	}
}

// with is a new cover with a face of its own, in a state.
func (s *shop) with(n int, state cover.State) cover.Cover {
	s.T.Helper()
	s.face = apptest.Must(s.Covers.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(n)))).Hash
	return s.at(state)
}

// TestArtOfWhatWasTakenDown is hidden, then deleted, unless another cover shows it or somebody uploads it again.
func TestArtOfWhatWasTakenDown(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.with(20, cover.StateTakenDown)
	gone := c.Face
	s.wantArt("before the job", gone, "")
	s.Pass(s.Covers.PurgeDue)
	s.wantArt("taken down", gone, cover.CodeArtGone)
	_, err := s.Covers.Create(s.ctx(), ann, s.ID, "live", s.RequestID(), c.Design)
	apptest.WantCode(t, "another cover with it", err, cover.CodeImageUnknown)
	s.Pass(s.Covers.PurgeDue)
	s.later(cover.KeepHidden)
	if n := s.Pass(s.Covers.PurgeDue); n == 0 {
		t.Error("nothing was deleted")
	}
	s.wantArt("deleted", gone, cover.CodeArtGone)
	if n := s.Pass(s.Covers.PurgeDue); n != 0 {
		t.Errorf("%d purges are left", n)
	}
	// Uploaded again, it is there again, and can be used.
	apptest.Must(s.Covers.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(20))))
	s.wantArt("uploaded again", gone, "")
	apptest.Must(s.Covers.Create(s.ctx(), ann, s.ID, "live", s.RequestID(), c.Design))

	// What other covers show stays until they do not.
	other := s.rig.shop()
	first, second := s.with(21, cover.StateFrozen), other.with(21, cover.StateInReview)
	shared := first.Face
	apptest.Must(s.do(op, cover.TakeDown, first.ID))
	s.Pass(s.Covers.PurgeDue)
	s.wantArt("shown by another merchant's cover", shared, "")
	apptest.Must(other.do(op, cover.Reject, second.ID))
	s.Pass(s.Covers.PurgeDue)
	s.wantArt("an hour is not over", shared, "")
	s.later(time.Hour)
	s.Pass(s.Covers.PurgeDue)
	s.wantArt("shown by none", shared, cover.CodeArtGone)
	_, err = other.do(ann, cover.EditIt, second.ID)
	apptest.WantCode(t, "the other cover without an upload", err, cover.CodeImageUnknown)
	apptest.Must(other.Covers.Upload(s.ctx(), ann, other.ID, "live", bytes.NewReader(file(21))))
	s.wantArt("uploaded again by the other merchant", shared, "")
	s.later(cover.KeepHidden)
	s.Pass(s.Covers.PurgeDue)
	s.wantArt("after the time of its deletion", shared, "")
	apptest.Must(other.do(ann, cover.EditIt, second.ID))
	s.MustBalance()
}

// TestAReviewNeedsItsImages: a draft whose image is gone cannot be submitted before it is uploaded again.
func TestAReviewNeedsItsImages(t *testing.T) {
	s := newRig(t, nil).shop()
	down := s.with(22, cover.StateFrozen)
	draft := s.draft()
	apptest.Must(s.do(op, cover.TakeDown, down.ID))
	s.Pass(s.Covers.PurgeDue)
	_, err := s.do(ann, cover.Submit, draft.ID)
	apptest.WantCode(t, "submit", err, cover.CodeImageUnknown)
	apptest.Must(s.Covers.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(22))))
	apptest.Must(s.do(ann, cover.Submit, draft.ID))
}

// Hide implements cover.Art.
func (m mortalArt) Hide(ctx context.Context, hash string) error {
	return m.Call("hide", func() error { return m.Art.Hide(ctx, hash) })
}

// Show implements cover.Art.
func (m mortalArt) Show(ctx context.Context, hash string) error {
	return m.Call("show", func() error { return m.Art.Show(ctx, hash) })
}

// Delete implements cover.Art.
func (m mortalArt) Delete(ctx context.Context, hash string) error {
	return m.Call("delete", func() error { return m.Art.Delete(ctx, hash) })
}

// MarkGone implements cover.Store.
func (m mortal) MarkGone(ctx context.Context, hash string, before time.Time) (uploaded bool, err error) {
	err = m.Call("mark", func() error {
		uploaded, err = m.Store.MarkGone(ctx, hash, before)
		return err
	})
	return uploaded, err
}

// Postpone implements cover.Store.
func (m mortal) Postpone(ctx context.Context, shard int, p cover.Purge, by time.Duration, hidden bool) error {
	return m.Call("postpone", func() error { return m.Store.Postpone(ctx, shard, p, by, hidden) })
}

// EndPurge implements cover.Store.
func (m mortal) EndPurge(ctx context.Context, shard int, p cover.Purge) error {
	return m.Call("end", func() error { return m.Store.EndPurge(ctx, shard, p) })
}

// TestAPurgeThatStopsInTheMiddle is taken up again, and ends as one that did not.
func TestAPurgeThatStopsInTheMiddle(t *testing.T) {
	s := newRig(t, nil).shop()
	shard, _ := s.Cluster.ShardOf(s.ID)
	for n, call := range []string{"mark", "hide", "postpone", "delete", "end"} {
		for _, after := range []bool{false, true} {
			what := fmt.Sprintf("%s, after=%t", call, after)
			number := 30 + 2*n
			if after {
				number++
			}
			hash := s.with(number, cover.StateTakenDown).Face
			dying := s.dying(call, after)
			for range 2 {
				_, _ = dying.PurgeDue(s.ctx(), shard) // it dies in one of them
				s.later(cover.KeepHidden)
			}
			for range 3 {
				apptest.Must(s.Covers.PurgeDue(s.ctx(), shard))
				s.wantArt(what, hash, cover.CodeArtGone)
				s.later(cover.KeepHidden)
			}
			apptest.Must(s.Covers.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(number))))
			s.wantArt(what+", uploaded again", hash, "")
		}
	}
	// A process that dies while it uploads again leaves what the same upload repairs.
	hash := s.with(50, cover.StateTakenDown).Face
	s.Pass(s.Covers.PurgeDue)
	for _, call := range []string{"put", "record", "show"} {
		_, err := s.dying(call, false).Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(50)))
		if err == nil {
			t.Errorf("%s: it lived", call)
		}
		s.wantArt(call, hash, cover.CodeArtGone)
	}
	s.later(cover.KeepHidden)
	s.Pass(s.Covers.PurgeDue)
	s.wantArt("whose row is there", hash, "")
	apptest.Must(s.Covers.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(50))))
	s.wantArt("uploaded again", hash, "")
	s.MustBalance()
}
