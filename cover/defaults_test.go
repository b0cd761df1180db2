package cover_test

import (
	"bytes"
	"image/jpeg"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
)

// TestOurOwnCovers: everybody sees and may use them, nobody changes, reports or hides them, and their ids and images
// are as they ever were.
func TestOurOwnCovers(t *testing.T) {
	r := newRig(t, nil)
	want := map[int64]string{
		cover.DefaultRed:    "2e5ed290a64dd193ae618162ce271229643c4873c778f480650397dc07560a06",
		cover.DefaultSpring: "95389d68731fb6e0219e262c859036f36015ec16b080b110e92e7a7656fa922f",
		cover.DefaultNight:  "1dddff0c17bd6a19b60a7b07bf59a7dfc7a1fddac8d4835ddacabdcfe3d3689c",
	}
	ours := r.Covers.Defaults()
	if len(ours) != len(want) {
		t.Errorf("%d covers", len(ours))
	}
	s := r.shop()
	for _, e := range ours {
		if e.Face != want[e.ID] || e.Merchant != 0 || !e.UsableUntil.IsZero() {
			t.Errorf("%+v", e)
		}
		apptest.WantCode(t, e.Name, e.Usable(), "")
		if seen := apptest.Must(r.Covers.Look(r.ctx(), e.ID)); seen.Name != e.Name {
			t.Errorf("seen: %+v", seen)
		}
		for _, w := range cover.Widths() {
			data := apptest.Must(r.Covers.Art(r.ctx(), e.Face, w.Name))
			c, err := jpeg.DecodeConfig(bytes.NewReader(data))
			if err != nil || c.Width != w.Width || c.Height*3 != c.Width*4 && c.Width > 160 {
				t.Errorf("%s %s is %d × %d, %v", e.Name, w.Name, c.Width, c.Height, err)
			}
		}
		// What a merchant would have to keep to has been kept to.
		d := e.Design
		d.Face = s.face
		_, err := s.Covers.Create(s.ctx(), ann, s.ID, "test", s.RequestID(), d)
		apptest.WantCode(t, "a design like "+e.Name, err, "")
		_, err = r.Covers.Report(r.ctx(), "eve", e.ID, "copied", "")
		apptest.WantCode(t, "report "+e.Name, err, cover.CodeNotFound)
		_, err = s.do(op, cover.Freeze, e.ID)
		apptest.WantCode(t, "freeze "+e.Name, err, cover.CodeNotFound)
		_, err = s.Covers.Get(s.ctx(), op, 0, e.ID)
		apptest.WantCode(t, "get "+e.Name, err, cover.CodeNotFound)
	}
	p := r.CoverParts()
	p.Art = nil
	bare := cover.NewService(p)
	if _, err := bare.Art(r.ctx(), ours[0].Face, cover.SizeSmall); err != nil {
		t.Errorf("where no images are kept, ours are not shown: %v", err)
	}
	_, err := bare.Art(r.ctx(), s.face, cover.SizeSmall)
	apptest.WantCode(t, "where no images are kept, another", err, refusal.CodeUnavailable)
}
