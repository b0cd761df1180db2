package handler

import (
	"context"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/kitex_gen/coverapi"
)

// CoverDomain is what Cover needs of cover.Service.
type CoverDomain interface {
	Create(ctx context.Context, c cover.Caller, of int64, mode, requestID string, d cover.Design) (cover.Cover, error)
	Edit(ctx context.Context, c cover.Caller, of, id int64, requestID string, d cover.Design) (cover.Cover, error)
	Submit(ctx context.Context, c cover.Caller, of, id int64, requestID string) (cover.Cover, error)
	Appeal(ctx context.Context, c cover.Caller, of, id int64, requestID, text string) (cover.Cover, error)
	Decide(ctx context.Context, operator string, id int64, d cover.Decision) (cover.Cover, error)
	Get(ctx context.Context, c cover.Caller, of, id int64) (cover.Cover, error)
	History(ctx context.Context, c cover.Caller, of, id, before int64, limit int) ([]cover.Change, error)
	OfMerchant(
		ctx context.Context, c cover.Caller, of int64, mode string, before int64, limit int,
	) ([]cover.Cover, error)
	InState(ctx context.Context, state string, before int64, limit int) ([]cover.Cover, error)
	Look(ctx context.Context, id int64) (cover.Entry, error)
	Defaults() []cover.Entry
	Allowance(ctx context.Context, c cover.Caller, of int64, mode string) (cover.Allowance, error)
	Report(ctx context.Context, user string, id int64, why, note string) (cover.Report, error)
	OpenReports(ctx context.Context, before int64, limit int) ([]cover.Report, error)
	DecideReport(ctx context.Context, operator string, id int64, state, sentence string) (cover.Report, error)
}

// Cover is the Kitex CoverService.
type Cover struct{ Domain CoverDomain }

var _ coverapi.CoverService = (*Cover)(nil)

// coverCaller is in whose name a call acts: of a user, or of a merchant's server.
func coverCaller(ctx context.Context) cover.Caller {
	c, _ := auth.CallerFrom(ctx)
	return cover.Caller{Subject: c.Subject, Session: c.Session}
}

// coverReader is who asks for what operators may see, too.
func coverReader(ctx context.Context) cover.Caller {
	c, _ := auth.CallerFrom(ctx)
	return cover.Caller{Subject: c.Subject, Session: c.Session, Operator: c.Has(auth.ScopeOperator)}
}

// CreateCover implements coverapi.CoverService.
func (h *Cover) CreateCover(ctx context.Context, r *coverapi.CreateCoverRequest) (*coverapi.Cover, error) {
	return coverResponse(h.Domain.Create(ctx, coverCaller(ctx), r.Id, r.Mode, r.RequestId, decodeDesign(r.Design)))
}

// EditCover implements coverapi.CoverService.
func (h *Cover) EditCover(ctx context.Context, r *coverapi.EditCoverRequest) (*coverapi.Cover, error) {
	return coverResponse(h.Domain.Edit(ctx, coverCaller(ctx), r.Id, r.CoverId, r.RequestId, decodeDesign(r.Design)))
}

// SubmitCover implements coverapi.CoverService.
func (h *Cover) SubmitCover(ctx context.Context, r *coverapi.SubmitCoverRequest) (*coverapi.Cover, error) {
	return coverResponse(h.Domain.Submit(ctx, coverCaller(ctx), r.Id, r.CoverId, r.RequestId))
}

// AppealCover implements coverapi.CoverService.
func (h *Cover) AppealCover(ctx context.Context, r *coverapi.AppealCoverRequest) (*coverapi.Cover, error) {
	return coverResponse(h.Domain.Appeal(ctx, coverCaller(ctx), r.Id, r.CoverId, r.RequestId, r.Reason))
}

// DecideCover implements coverapi.CoverService.
func (h *Cover) DecideCover(ctx context.Context, r *coverapi.DecideCoverRequest) (*coverapi.Cover, error) {
	d := cover.Decision{RequestID: r.RequestId, Verb: r.Decision, Reason: r.Reason}
	for _, f := range r.Findings {
		d.Findings = append(d.Findings, cover.Reason{Field: f.Field, Text: f.Text})
	}
	return coverResponse(h.Domain.Decide(ctx, subject(ctx), r.CoverId, d))
}

// GetCover implements coverapi.CoverService.
func (h *Cover) GetCover(ctx context.Context, r *coverapi.CoverRequest) (*coverapi.Cover, error) {
	return coverResponse(h.Domain.Get(ctx, coverReader(ctx), r.Id, r.CoverId))
}

// CoverHistory implements coverapi.CoverService.
func (h *Cover) CoverHistory(
	ctx context.Context, r *coverapi.CoverHistoryRequest,
) (*coverapi.CoverHistoryResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.History(ctx, coverReader(ctx), r.Id, r.CoverId, before, limit+1)
	if err != nil {
		return nil, err
	}
	lines, cursor := cut(found, limit, func(c cover.Change) int64 { return c.Seq })
	return &coverapi.CoverHistoryResponse{
		Changes: encodeAll(lines, encodeCoverChange), NextCursor: cursor,
	}, nil
}

// Covers implements coverapi.CoverService.
func (h *Cover) Covers(ctx context.Context, r *coverapi.CoversRequest) (*coverapi.CoversResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.OfMerchant(ctx, coverCaller(ctx), r.Id, r.Mode, before, limit+1)
	return coversResponse(found, limit, err)
}

// CoversInState implements coverapi.CoverService.
func (h *Cover) CoversInState(
	ctx context.Context, r *coverapi.CoversInStateRequest,
) (*coverapi.CoversResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.InState(ctx, r.State, before, limit+1)
	return coversResponse(found, limit, err)
}

// LookAtCover implements coverapi.CoverService.
func (h *Cover) LookAtCover(ctx context.Context, r *coverapi.ShownCoverRequest) (*coverapi.ShownCover, error) {
	e, err := h.Domain.Look(ctx, r.CoverId)
	if err != nil {
		return nil, err
	}
	return encodeShownCover(e), nil
}

// DefaultCovers implements coverapi.CoverService.
func (h *Cover) DefaultCovers(
	context.Context, *coverapi.DefaultCoversRequest,
) (*coverapi.DefaultCoversResponse, error) {
	return &coverapi.DefaultCoversResponse{Covers: encodeAll(h.Domain.Defaults(), encodeShownCover)}, nil
}

// GetUploadAllowance implements coverapi.CoverService.
func (h *Cover) GetUploadAllowance(
	ctx context.Context, r *coverapi.UploadAllowanceRequest,
) (*coverapi.UploadAllowance, error) {
	a, err := h.Domain.Allowance(ctx, coverCaller(ctx), r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return &coverapi.UploadAllowance{MaxBytes: a.Bytes, MaxPixels: a.Pixels, Left: int32(a.Left)}, nil
}

// ReportCover implements coverapi.CoverService.
func (h *Cover) ReportCover(ctx context.Context, r *coverapi.ReportCoverRequest) (*coverapi.CoverReport, error) {
	return reportResponse(h.Domain.Report(ctx, subject(ctx), r.CoverId, r.Reason, r.Note))
}

// CoverReports implements coverapi.CoverService.
func (h *Cover) CoverReports(
	ctx context.Context, r *coverapi.CoverReportsRequest,
) (*coverapi.CoverReportsResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.OpenReports(ctx, before, limit+1)
	if err != nil {
		return nil, err
	}
	reports, cursor := cut(found, limit, func(r cover.Report) int64 { return r.ID })
	return &coverapi.CoverReportsResponse{Reports: encodeAll(reports, encodeReport), NextCursor: cursor}, nil
}

// DecideCoverReport implements coverapi.CoverService.
func (h *Cover) DecideCoverReport(
	ctx context.Context, r *coverapi.DecideCoverReportRequest,
) (*coverapi.CoverReport, error) {
	return reportResponse(h.Domain.DecideReport(ctx, subject(ctx), r.ReportId, r.Outcome, r.Reason))
}

func decodeDesign(d *coverapi.CoverDesign) cover.Design {
	design := cover.Design{
		Name: d.Name, Face: d.Face, Opened: d.Opened, Pendant: d.Pendant, Colour: d.Colour, Accent: d.Accent,
		Greeting: d.Greeting,
	}
	for _, p := range d.Story {
		design.Story = append(design.Story, cover.Page{Image: p.Image, Text: p.Text})
	}
	return design
}

func encodeDesign(d cover.Design) *coverapi.CoverDesign {
	design := &coverapi.CoverDesign{
		Name: d.Name, Face: d.Face, Opened: d.Opened, Pendant: d.Pendant, Colour: d.Colour, Accent: d.Accent,
		Greeting: d.Greeting, Story: make([]*coverapi.CoverPage, len(d.Story)),
	}
	for i, p := range d.Story {
		design.Story[i] = &coverapi.CoverPage{Image: p.Image, Text: p.Text}
	}
	return design
}

func encodeFindings(reasons []cover.Reason) []*coverapi.CoverFinding {
	return encodeAll(reasons, func(r cover.Reason) *coverapi.CoverFinding {
		return &coverapi.CoverFinding{Field: r.Field, Text: r.Text}
	})
}

func coverResponse(c cover.Cover, err error) (*coverapi.Cover, error) {
	if err != nil {
		return nil, err
	}
	return encodeCover(c), nil
}

func coversResponse(found []cover.Cover, limit int, err error) (*coverapi.CoversResponse, error) {
	if err != nil {
		return nil, err
	}
	covers, cursor := cut(found, limit, func(c cover.Cover) int64 { return c.ID })
	return &coverapi.CoversResponse{Covers: encodeAll(covers, encodeCover), NextCursor: cursor}, nil
}

func encodeCover(c cover.Cover) *coverapi.Cover {
	return &coverapi.Cover{
		Id: c.ID, MerchantId: c.Merchant, Mode: string(c.Mode), Design: encodeDesign(c.Design), State: string(c.State),
		Reason: c.Reason, Findings: encodeFindings(c.Findings), CreatedBy: c.CreatedBy,
		CreatedAt: c.CreatedAt.UnixMilli(), ChangedAt: c.ChangedAt.UnixMilli(), UsableUntil: unixMilli(c.UsableUntil),
		FrozenAt: unixMilli(c.FrozenAt), Appeal: string(c.Appeal), AppealText: c.AppealText,
		AppealUntil: unixMilli(c.AppealUntil()),
	}
}

func encodeShownCover(e cover.Entry) *coverapi.ShownCover {
	return &coverapi.ShownCover{
		Id: e.ID, MerchantId: e.Merchant, Mode: string(e.Mode), Design: encodeDesign(e.Design), State: string(e.State),
		UsableUntil: unixMilli(e.UsableUntil), MerchantName: e.MerchantName,
	}
}

func encodeCoverChange(c cover.Change) *coverapi.CoverChange {
	return &coverapi.CoverChange{
		Seq: c.Seq, At: c.At.UnixMilli(), By: c.By, Side: string(c.Side), Action: string(c.Action),
		Before: string(c.From), After: string(c.To), Reason: c.Reason, Findings: encodeFindings(c.Findings),
		UsableUntil: unixMilli(c.Until),
	}
}

func reportResponse(r cover.Report, err error) (*coverapi.CoverReport, error) {
	if err != nil {
		return nil, err
	}
	return encodeReport(r), nil
}

func encodeReport(r cover.Report) *coverapi.CoverReport {
	return &coverapi.CoverReport{
		Id: r.ID, CoverId: r.Cover, UserId: r.User, Reason: string(r.Why), Note: r.Note, At: r.At.UnixMilli(),
		State: string(r.State), Outcome: r.Outcome, DecidedBy: r.DecidedBy, DecidedAt: unixMilli(r.DecidedAt),
		MerchantId: r.Merchant,
	}
}
