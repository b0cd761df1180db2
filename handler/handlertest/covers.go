package handlertest

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/merchant"
)

func sampleCover() cover.Cover {
	at := time.UnixMilli(1_800_000_000_000).UTC()
	return cover.Cover{
		ID: 1<<62 + 9, Merchant: 1<<62 + 4, Mode: merchant.Test,
		Design: cover.Design{
			Name: "马年", Face: "ab", Story: []cover.Page{{Text: "once"}}, Colour: "#c8102e", Accent: "#ffd700",
			Greeting: "恭喜",
		},
		State: cover.StateFrozen, Reason: "copied", Findings: []cover.Reason{{Field: "face", Text: "copied"}},
		CreatedBy: "alice", CreatedAt: at, ChangedAt: at, UsableUntil: at.Add(time.Hour), FrozenAt: at, History: 3,
	}
}

// covers is the Domain as a cover.Service.
type covers struct{ *Domain }

func whoOf(c cover.Caller) string {
	if c.Session != nil {
		return c.Session.Account()
	}
	return c.Subject
}

func (d covers) one(user string) (cover.Cover, error) {
	_, err := d.asked(user, nil)
	return sampleCover(), err
}

func (d covers) Create(_ context.Context, c cover.Caller, _ int64, _, _ string, set cover.Design) (cover.Cover, error) {
	_, err := d.asked(whoOf(c), func(s *State) { s.Design = set })
	return sampleCover(), err
}

func (d covers) Edit(_ context.Context, c cover.Caller, _, _ int64, _ string, set cover.Design) (cover.Cover, error) {
	_, err := d.asked(whoOf(c), func(s *State) { s.Design = set })
	return sampleCover(), err
}

func (d covers) Submit(_ context.Context, c cover.Caller, _, _ int64, _ string) (cover.Cover, error) {
	return d.one(whoOf(c))
}

func (d covers) Appeal(_ context.Context, c cover.Caller, _, _ int64, _, _ string) (cover.Cover, error) {
	return d.one(whoOf(c))
}

func (d covers) Decide(_ context.Context, operator string, _ int64, of cover.Decision) (cover.Cover, error) {
	_, err := d.asked(operator, func(s *State) { s.CoverDecision = of })
	return sampleCover(), err
}

func (d covers) Get(_ context.Context, c cover.Caller, _, _ int64) (cover.Cover, error) {
	return d.one(whoOf(c))
}

func (d covers) History(_ context.Context, c cover.Caller, _, _, before int64, limit int) ([]cover.Change, error) {
	_, err := d.asked(whoOf(c), func(s *State) { s.Before, s.Limit = before, limit })
	return []cover.Change{
		{Seq: 2, At: sampleCover().CreatedAt, By: "op", Side: cover.SideOperator, Action: cover.Reject},
		{Seq: 1, At: sampleCover().CreatedAt, By: "alice", Side: cover.SideMember, Action: cover.Create},
	}[:min(limit, 2)], err
}

func (d covers) OfMerchant(
	_ context.Context, c cover.Caller, _ int64, _ string, before int64, limit int,
) ([]cover.Cover, error) {
	_, err := d.asked(whoOf(c), func(s *State) { s.Before, s.Limit = before, limit })
	return []cover.Cover{sampleCover(), sampleCover()}[:min(limit, 2)], err
}

func (d covers) InState(_ context.Context, _ string, before int64, limit int) ([]cover.Cover, error) {
	_, err := d.asked("", func(s *State) { s.Before, s.Limit = before, limit })
	return []cover.Cover{sampleCover()}, err
}

func (d covers) Look(_ context.Context, id int64) (cover.Entry, error) {
	_, err := d.asked("", nil)
	c := sampleCover()
	return cover.Entry{ID: id, Merchant: c.Merchant, Mode: c.Mode, Design: c.Design, State: c.State}, err
}

func (d covers) Defaults() []cover.Entry {
	if _, err := d.asked("", nil); err != nil {
		return nil
	}
	return []cover.Entry{{ID: cover.DefaultRed, Mode: merchant.Live, State: cover.StateApproved}}
}

func (d covers) Allowance(_ context.Context, c cover.Caller, _ int64, _ string) (cover.Allowance, error) {
	_, err := d.asked(whoOf(c), nil)
	return cover.Allowance{Bytes: 1 << 20, Pixels: 1 << 20, Left: 7}, err
}

func sampleReport() cover.Report {
	return cover.Report{
		ID: 1<<62 + 10, Cover: 1<<62 + 9, User: "alice", Why: cover.WhyCopied, Note: "mine",
		At: sampleCover().CreatedAt, State: cover.ReportOpen,
	}
}

func (d covers) Report(_ context.Context, user string, _ int64, _, _ string) (cover.Report, error) {
	_, err := d.asked(user, nil)
	return sampleReport(), err
}

func (d covers) OpenReports(_ context.Context, before int64, limit int) ([]cover.Report, error) {
	_, err := d.asked("", func(s *State) { s.Before, s.Limit = before, limit })
	return []cover.Report{sampleReport(), sampleReport()}[:min(limit, 2)], err
}

func (d covers) DecideReport(_ context.Context, operator string, _ int64, _, _ string) (cover.Report, error) {
	_, err := d.asked(operator, nil)
	return sampleReport(), err
}
