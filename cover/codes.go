package cover

// Codes of refusals.
const (
	CodeNotFound          = "cover_not_found"
	CodeNotAllowedInState = "cover_state_conflict"
	CodeNotApproved       = "cover_not_approved" // a draft, in review, rejected, expired or taken down
	CodeFrozen            = "cover_frozen"
	CodeTooMany           = "cover_limit_reached"
	CodeAppealOver        = "cover_appeal_over"
	CodeImageUnknown      = "image_unknown"
	CodeImageRefused      = "image_refused"
	CodeImageTooLarge     = "image_too_large"
	CodeArtNotFound       = "art_not_found"
	CodeArtGone           = "art_gone"
	CodeAlreadyReported   = "cover_already_reported"
	CodeReportNotFound    = "cover_report_not_found"
)
