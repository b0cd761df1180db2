package cover_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
)

func TestReports(t *testing.T) {
	s := newRig(t, nil).shop()
	c := s.at(cover.StateApproved)
	report := func(user, why, note string) (cover.Report, error) {
		return s.Covers.Report(s.ctx(), user, c.ID, why, note)
	}
	first := apptest.Must(report("eve", "copied", "that is my painting"))
	if again := apptest.Must(report("eve", "copied", "that is my painting")); again.ID != first.ID {
		t.Errorf("reported twice: %+v", again)
	}
	_, err := report("eve", "fraud", "")
	apptest.WantCode(t, "another report", err, cover.CodeAlreadyReported)
	second := apptest.Must(report("vic", "other", ""))
	for name, bad := range map[string][2]string{
		"an unknown reason": {"boring", ""}, "a long note": {"other", strings.Repeat("字", 201)},
		"a hidden note": {"other", "a\u202eb"}, "a control character": {"other", "a\x00b"},
	} {
		_, err := report("fin", bad[0], bad[1])
		apptest.WantCode(t, name, err, refusal.CodeInvalidArgument)
	}
	_, err = s.Covers.Report(s.ctx(), "eve", 1<<40, "copied", "")
	apptest.WantCode(t, "a cover that is not there", err, cover.CodeNotFound)

	queue := apptest.Must(s.Covers.OpenReports(s.ctx(), 0, 10))
	if len(queue) != 2 || queue[0].ID != second.ID || queue[1].User != "eve" || queue[1].Note != "that is my painting" {
		t.Errorf("the queue is %+v", queue)
	}
	for _, r := range append(queue, first) {
		if r.Merchant != c.Merchant {
			t.Errorf("report %d is of merchant %d, want %d", r.ID, r.Merchant, c.Merchant)
		}
	}
	if page := apptest.Must(s.Covers.OpenReports(s.ctx(), second.ID, 10)); len(page) != 1 || page[0].ID != first.ID {
		t.Errorf("the next page is %+v", page)
	}
	decide := func(by, outcome, why string) (cover.Report, error) {
		return s.Covers.DecideReport(s.ctx(), by, first.ID, outcome, why)
	}
	for range 2 {
		r := apptest.Must(decide("op", "upheld", "it is a copy"))
		if r.State != cover.ReportUpheld || r.DecidedBy != "op" || r.DecidedAt.IsZero() || r.Outcome != "it is a copy" {
			t.Errorf("%+v", r)
		}
	}
	for _, other := range [][3]string{
		{"op", "dismissed", "it is a copy"}, {"op", "upheld", "else"}, {"op2", "upheld", "it is a copy"},
	} {
		_, err := decide(other[0], other[1], other[2])
		apptest.WantCode(t, "decided again as "+other[1], err, cover.CodeNotAllowedInState)
	}
	_, err = decide("op", "open", "x")
	apptest.WantCode(t, "an unknown outcome", err, refusal.CodeInvalidArgument)
	_, err = decide("op", "upheld", "")
	apptest.WantCode(t, "no reason", err, refusal.CodeInvalidArgument)
	for _, id := range []int64{1 << 40, first.ID + 1<<20, 0, -1} {
		_, err := s.Covers.DecideReport(s.ctx(), "op", id, "upheld", "x")
		apptest.WantCode(t, "a report that is not there", err, cover.CodeReportNotFound)
	}
	if queue := apptest.Must(s.Covers.OpenReports(s.ctx(), 0, 10)); len(queue) != 1 {
		t.Errorf("the queue is %+v", queue)
	}
	s.MustBalance()
}

// TestHostileDesigns: what is not well-formed, or not the side's own, is refused, and nothing is stored.
func TestHostileDesigns(t *testing.T) {
	s := newRig(t, nil).shop()
	other := s.rig.shop()
	foreign := apptest.Must(s.Covers.Upload(s.ctx(), ann, other.ID, "live", bytes.NewReader(file(1)))).Hash
	tested := apptest.Must(s.Covers.Upload(s.ctx(), ann, s.ID, "test", bytes.NewReader(file(2)))).Hash
	unknown := strings.Repeat("0", 64)
	const bad = refusal.CodeInvalidArgument
	for name, c := range map[string]struct {
		change func(*cover.Design)
		code   string
	}{
		"no name":             {func(d *cover.Design) { d.Name = "" }, bad},
		"a long name":         {func(d *cover.Design) { d.Name = strings.Repeat("龙", 17) }, bad},
		"a name in spaces":    {func(d *cover.Design) { d.Name = " x " }, bad},
		"a name that turns":   {func(d *cover.Design) { d.Name = "a\u202eb" }, bad},
		"no UTF-8":            {func(d *cover.Design) { d.Name = "a\xff" }, bad},
		"a colour's name":     {func(d *cover.Design) { d.Colour = "red" }, bad},
		"a colour in capital": {func(d *cover.Design) { d.Accent = "#FFD700" }, bad},
		"CSS as a colour":     {func(d *cover.Design) { d.Colour = "#ffd700;x" }, bad},
		"a path as an image":  {func(d *cover.Design) { d.Face = "../../etc/passwd" }, bad},
		"SQL as an image":     {func(d *cover.Design) { d.Opened = "' OR 1=1 --" }, bad},
		"a hash in capitals":  {func(d *cover.Design) { d.Pendant = strings.ToUpper(s.face) }, bad},
		"4 pages":             {func(d *cover.Design) { d.Story = make([]cover.Page, 4) }, bad},
		"an empty page":       {func(d *cover.Design) { d.Story = []cover.Page{{}} }, bad},
		"a long page": {func(d *cover.Design) { d.Story[0].Text = strings.Repeat("x", 201) },
			bad},
		"a long greeting":            {func(d *cover.Design) { d.Greeting = strings.Repeat("福", 31) }, bad},
		"an unknown image":           {func(d *cover.Design) { d.Face = unknown }, cover.CodeImageUnknown},
		"another merchant's image":   {func(d *cover.Design) { d.Opened = foreign }, cover.CodeImageUnknown},
		"an image of the other side": {func(d *cover.Design) { d.Story[1].Image = tested }, cover.CodeImageUnknown},
	} {
		d := s.design()
		c.change(&d)
		_, err := s.Covers.Create(s.ctx(), ann, s.ID, "live", s.RequestID(), d)
		apptest.WantCode(t, "create with "+name, err, c.code)
		_, err = s.Covers.Edit(s.ctx(), ann, s.ID, s.draft().ID, s.RequestID(), d)
		apptest.WantCode(t, "edit to "+name, err, c.code)
	}
	_, err := s.Covers.Create(s.ctx(), ann, s.ID, "prod", s.RequestID(), s.design())
	apptest.WantCode(t, "an unknown mode", err, refusal.CodeInvalidArgument)
	_, err = s.Covers.Create(s.ctx(), ann, s.ID, "live", "", s.design())
	apptest.WantCode(t, "no request id", err, refusal.CodeInvalidArgument)
	faceless := s.design()
	faceless.Face = ""
	c := apptest.Must(s.Covers.Create(s.ctx(), ann, s.ID, "live", s.RequestID(), faceless))
	_, err = s.do(ann, cover.Submit, c.ID)
	apptest.WantCode(t, "submit without a face", err, refusal.CodeInvalidArgument)
	stored := apptest.Must(s.Covers.OfMerchant(s.ctx(), ann, s.ID, "live", 0, 100))
	for _, c := range stored {
		if c.State != cover.StateDraft || c.Name != "马年大吉" || c.History != 1 {
			t.Errorf("stored: %+v", c)
		}
	}
	for _, id := range []int64{0, -1, 1, 1 << 40, c.ID + 1<<20} {
		_, err := s.Covers.Get(s.ctx(), op, s.ID, id)
		apptest.WantCode(t, "a made-up id", err, cover.CodeNotFound)
		_, err = s.do(op, cover.Freeze, id)
		apptest.WantCode(t, "freeze a made-up id", err, cover.CodeNotFound)
	}
	s.MustBalance()
}

// fullArt fails at the second file of an image.
type fullArt struct {
	cover.Art
	puts int
}

func (a *fullArt) Put(ctx context.Context, hash, size string, data []byte) error {
	if a.puts++; a.puts == 2 {
		return errors.New("the disk is full")
	}
	return a.Art.Put(ctx, hash, size, data)
}

// TestUploads: an image is recorded once all its files are there, and what is no image leaves nothing.
func TestUploads(t *testing.T) {
	s := newRig(t, nil).shop()
	left := func() int { return apptest.Must(s.Covers.Allowance(s.ctx(), ann, s.ID, "live")).Left }
	before := left()
	p := s.CoverParts()
	p.Art = &fullArt{Art: p.Art}
	broken := cover.NewService(p)
	if _, err := broken.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(file(3))); err == nil || left() != before {
		t.Errorf("%v, and %d images are left of %d", err, left(), before)
	}
	for range 2 {
		i := apptest.Must(s.Covers.Upload(s.ctx(), dev, s.ID, "live", bytes.NewReader(file(3))))
		if i.Type != "image/jpeg" || len(i.Sizes) != 3 || i.Sizes[0].Width != 2 || i.Sizes[0].Height != 5 {
			t.Errorf("%+v", i)
		}
		for _, size := range i.Sizes {
			if data, err := s.Covers.Art(s.ctx(), i.Hash, size.Name); err != nil || len(data) == 0 {
				t.Errorf("%s has %d bytes, %v", size.Name, len(data), err)
			}
		}
	}
	if left() != before-1 {
		t.Errorf("%d images are left of %d after one", left(), before)
	}
	_, err := s.Covers.Upload(s.ctx(), ann, s.ID, "live", strings.NewReader("<svg onload=alert(1)>"))
	apptest.WantCode(t, "an SVG", err, cover.CodeImageRefused)
	_, err = s.Covers.Upload(s.ctx(), ann, s.ID, "live", bytes.NewReader(append(file(4), make([]byte, 8<<20)...)))
	apptest.WantCode(t, "a long file", err, cover.CodeImageTooLarge)
	for _, c := range [][2]string{
		{strings.Repeat("0", 64), "large"}, {s.face, "huge"}, {s.face, "../large"}, {"..", "large"}, {"", ""},
		{strings.ToUpper(s.face), "large"}, {s.face + "/", "large"},
	} {
		_, err := s.Covers.Art(s.ctx(), c[0], c[1])
		apptest.WantCode(t, c[0]+"/"+c[1], err, cover.CodeArtNotFound)
	}
}
