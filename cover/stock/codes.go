package stock

import "github.com/hongbao/hongbao/internal/refusal"

// Codes of the refusals of this package.
const (
	CodeChannelNotFound refusal.Code = "cover_channel_not_found"
	CodeChannelClosed   refusal.Code = "cover_channel_closed"
	CodeTooMany         refusal.Code = "too_many_pieces" // purchases, channels or codes of a cover
	CodeInsufficient    refusal.Code = "stock_insufficient"
	CodeClaimUnknown    refusal.Code = "claim_code_unknown"
	CodeClaimUsed       refusal.Code = "claim_code_used"
	CodeNotHeld         refusal.Code = "cover_not_held"
	CodeOfTests         refusal.Code = "cover_of_tests"
)

var errClaimUnknown = refusal.New(CodeClaimUnknown,
	"nobody made this code: check it with whoever gave it to you; a code that was sold may be a fake")
