package cover

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Why says what a user has against a cover.
type Why string

const (
	WhyCopied    Why = "copied" // somebody else's art or brand
	WhyIndecent  Why = "indecent"
	WhyViolent   Why = "violent"
	WhyFraud     Why = "fraud"
	WhyPolitical Why = "unlawful"
	WhyOther     Why = "other"
)

// Whys are all that there are.
func Whys() []Why { return []Why{WhyCopied, WhyIndecent, WhyViolent, WhyFraud, WhyPolitical, WhyOther} }

// ReportState is where a report is.
type ReportState string

const (
	ReportOpen      ReportState = "open"
	ReportUpheld    ReportState = "upheld"
	ReportDismissed ReportState = "dismissed"
)

// maxNote bounds what a user writes, in characters.
const maxNote = 200

// Report is what a user has against a cover; a user has at most one for each cover.
type Report struct {
	ID        int64 // its low bits are the cover's shard
	Cover     int64
	Merchant  int64 // whose the cover is; 0 for one of the installation's own
	User      string
	Why       Why
	Note      string // may be empty
	At        time.Time
	State     ReportState
	Outcome   string // the operator's sentence; empty while it is open
	DecidedBy string
	DecidedAt time.Time // zero while it is open
}

// Outcome is what an operator makes of a report.
type Outcome struct {
	State    ReportState // upheld or dismissed
	Sentence string
	Operator string
}

// Report stores what a user has against a cover that is shown. Repeating it changes nothing. Refusals: cover_not_found,
// invalid_argument, cover_already_reported (with other words).
func (s *Service) Report(ctx context.Context, user string, id int64, why, note string) (Report, error) {
	if !slices.Contains(Whys(), Why(why)) {
		return Report{}, refusal.New(refusal.CodeInvalidArgument, "reason %q is unknown: give one of %v",
			refusal.Clip(why), Whys())
	}
	if err := checkText("note", note, 0, maxNote); err != nil {
		return Report{}, err
	}
	e, err := s.Look(ctx, id)
	if err != nil {
		return Report{}, err
	}
	if e.Merchant == 0 {
		return Report{}, errNotFound // one of ours
	}
	report, err := s.ids.NewID(merchant.WebhookAccount(e.Merchant, e.Mode))
	if err != nil {
		return Report{}, err
	}
	r, err := s.store.AddReport(ctx, Report{
		ID: report, Cover: id, User: user, Why: Why(why), Note: note, State: ReportOpen,
	})
	if err == nil && (r.Why != Why(why) || r.Note != note) {
		err = refusal.New(CodeAlreadyReported, "you have reported this cover before: an operator looks at it")
	}
	if err != nil {
		return Report{}, err
	}
	return r, nil
}

// OpenReports are those to decide about, for operators, newest first, below before (0: from the newest).
func (s *Service) OpenReports(ctx context.Context, before int64, limit int) ([]Report, error) {
	return s.store.OpenReports(ctx, before, limit)
}

// DecideReport ends a report. Repeating the decision changes nothing. Refusals: cover_report_not_found,
// cover_state_conflict (it was decided in another way), invalid_argument.
func (s *Service) DecideReport(ctx context.Context, operator string, id int64, state, sentence string) (Report, error) {
	o := Outcome{State: ReportState(state), Sentence: sentence, Operator: operator}
	if o.State != ReportUpheld && o.State != ReportDismissed {
		return Report{}, refusal.New(refusal.CodeInvalidArgument, "outcome %q is unknown: give upheld or dismissed",
			refusal.Clip(state))
	}
	if err := checkReason("reason", sentence); err != nil {
		return Report{}, err
	}
	r, err := s.store.DecideReport(ctx, id, o)
	switch {
	case errors.Is(err, ErrNotFound):
		return Report{}, refusal.New(CodeReportNotFound, "there is no report with this id")
	case err == nil && (Outcome{r.State, r.Outcome, r.DecidedBy}) != o:
		return Report{}, refusal.New(CodeNotAllowedInState, "the report was %s by %s before", r.State, r.DecidedBy)
	}
	return r, err
}
