package client

import (
	"context"
	"iter"

	"github.com/hongbao/hongbao/kitex_gen/coverapi"
)

// Covers calls the CoverService. The requests and answers are those of idl/cover.thrift; a RequestId that is empty is
// made. Scope: user, for members of the merchant, or of its key; see Client.AsMerchant.
type Covers struct{ c *Client }

// Create makes a draft.
func (s Covers) Create(ctx context.Context, r *coverapi.CreateCoverRequest) (*coverapi.Cover, error) {
	return mutate(ctx, s.c, "Covers.Create", s.c.shared.services.Covers.CreateCover, r, &r.RequestId)
}

// List iterates over the covers of a merchant's side, live or test, newest first.
func (s Covers) List(ctx context.Context, merchant int64, mode string) iter.Seq2[*coverapi.Cover, error] {
	return list(s.c, func(cursor *string, size *int32) (*coverapi.CoversResponse, error) {
		return invoke(ctx, s.c, call{method: "Covers.List"}, s.c.shared.services.Covers.Covers,
			&coverapi.CoversRequest{Id: merchant, Mode: mode, Cursor: cursor, Limit: size})
	}, (*coverapi.CoversResponse).GetCovers, same)
}

// Get returns a cover, for its merchant and for operators.
func (s Covers) Get(ctx context.Context, merchant, cover int64) (*coverapi.Cover, error) {
	return invoke(ctx, s.c, call{method: "Covers.Get"}, s.c.shared.services.Covers.GetCover,
		&coverapi.CoverRequest{Id: merchant, CoverId: cover})
}

// History iterates over a cover's history, the latest line first, for its merchant and for operators.
func (s Covers) History(ctx context.Context, merchant, cover int64) iter.Seq2[*coverapi.CoverChange, error] {
	return list(s.c, func(cursor *string, size *int32) (*coverapi.CoverHistoryResponse, error) {
		return invoke(ctx, s.c, call{method: "Covers.History"}, s.c.shared.services.Covers.CoverHistory,
			&coverapi.CoverHistoryRequest{Id: merchant, CoverId: cover, Cursor: cursor, Limit: size})
	}, (*coverapi.CoverHistoryResponse).GetChanges, same)
}

// Edit gives a draft, or a rejected cover, another design.
func (s Covers) Edit(ctx context.Context, r *coverapi.EditCoverRequest) (*coverapi.Cover, error) {
	return mutate(ctx, s.c, "Covers.Edit", s.c.shared.services.Covers.EditCover, r, &r.RequestId)
}

// Submit asks for a review of a draft.
func (s Covers) Submit(ctx context.Context, r *coverapi.SubmitCoverRequest) (*coverapi.Cover, error) {
	return mutate(ctx, s.c, "Covers.Submit", s.c.shared.services.Covers.SubmitCover, r, &r.RequestId)
}

// Appeal objects to a freeze.
func (s Covers) Appeal(ctx context.Context, r *coverapi.AppealCoverRequest) (*coverapi.Cover, error) {
	return mutate(ctx, s.c, "Covers.Appeal", s.c.shared.services.Covers.AppealCover, r, &r.RequestId)
}

// InState iterates over all covers in a state, or "appealed", newest first. Scope: operator.
func (s Covers) InState(ctx context.Context, state string) iter.Seq2[*coverapi.Cover, error] {
	return list(s.c, func(cursor *string, size *int32) (*coverapi.CoversResponse, error) {
		return invoke(ctx, s.c, call{method: "Covers.InState"}, s.c.shared.services.Covers.CoversInState,
			&coverapi.CoversInStateRequest{State: state, Cursor: cursor, Limit: size})
	}, (*coverapi.CoversResponse).GetCovers, same)
}

// Decide decides about a cover. Scope: operator.
func (s Covers) Decide(ctx context.Context, r *coverapi.DecideCoverRequest) (*coverapi.Cover, error) {
	return mutate(ctx, s.c, "Covers.Decide", s.c.shared.services.Covers.DecideCover, r, &r.RequestId)
}

// Look returns a cover as users see it. Scope: user.
func (s Covers) Look(ctx context.Context, cover int64) (*coverapi.ShownCover, error) {
	return invoke(ctx, s.c, call{method: "Covers.Look"}, s.c.shared.services.Covers.LookAtCover,
		&coverapi.ShownCoverRequest{CoverId: cover})
}

// Defaults returns the installation's own covers, which everybody may use. Scope: user.
func (s Covers) Defaults(ctx context.Context) ([]*coverapi.ShownCover, error) {
	answer, err := invoke(ctx, s.c, call{method: "Covers.Defaults"}, s.c.shared.services.Covers.DefaultCovers,
		&coverapi.DefaultCoversRequest{})
	return converted((*coverapi.DefaultCoversResponse).GetCovers, answer, err)
}

// Report tells the operators what is wrong with a cover; repeating it changes nothing. Scope: user.
func (s Covers) Report(ctx context.Context, r *coverapi.ReportCoverRequest) (*coverapi.CoverReport, error) {
	return invoke(ctx, s.c, call{method: "Covers.Report"}, s.c.shared.services.Covers.ReportCover, r)
}

// Reports iterates over the reports that are open, newest first. Scope: operator.
func (s Covers) Reports(ctx context.Context) iter.Seq2[*coverapi.CoverReport, error] {
	return list(s.c, func(cursor *string, size *int32) (*coverapi.CoverReportsResponse, error) {
		return invoke(ctx, s.c, call{method: "Covers.Reports"}, s.c.shared.services.Covers.CoverReports,
			&coverapi.CoverReportsRequest{Cursor: cursor, Limit: size})
	}, (*coverapi.CoverReportsResponse).GetReports, same)
}

// DecideReport decides about a report; repeating it changes nothing. Scope: operator.
func (s Covers) DecideReport(
	ctx context.Context, r *coverapi.DecideCoverReportRequest,
) (*coverapi.CoverReport, error) {
	return invoke(ctx, s.c, call{method: "Covers.DecideReport"}, s.c.shared.services.Covers.DecideCoverReport, r)
}

// UploadAllowance says what may be uploaded for a merchant's side.
func (s Covers) UploadAllowance(ctx context.Context, merchant int64, mode string) (*coverapi.UploadAllowance, error) {
	return invoke(ctx, s.c, call{method: "Covers.UploadAllowance"}, s.c.shared.services.Covers.GetUploadAllowance,
		&coverapi.UploadAllowanceRequest{Id: merchant, Mode: mode})
}
