package stock

import "github.com/hongbao/hongbao/internal/refusal"

// Codes of the refusals of this package.
const (
	CodeChannelNotFound = "cover_channel_not_found"
	CodeChannelClosed   = "cover_channel_closed"
	CodeTooMany         = "too_many_pieces" // purchases, channels or codes of a cover
	CodeInsufficient    = "stock_insufficient"
	CodeClaimUnknown    = "claim_code_unknown"
	CodeClaimUsed       = "claim_code_used"
	CodeNotHeld         = "cover_not_held"
	CodeOfTests         = "cover_of_tests"
)

var errClaimUnknown = refusal.New(CodeClaimUnknown,
	"nobody made this code: check it with whoever gave it to you; a code that was sold may be a fake")
