package problem

import (
	"maps"
	"net/http"
	"slices"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/webhook"
)

// Codes that only the edge gives.
const (
	CodeUnauthenticated      = "unauthenticated"
	CodeForbidden            = "forbidden"
	CodeInvalidJSON          = "invalid_json"
	CodeNotFound             = "not_found"
	CodeMethodNotAllowed     = "method_not_allowed"
	CodeBodyTooLarge         = "body_too_large"
	CodeUnsupportedMediaType = "unsupported_media_type"
	CodeMalformedRequest     = "malformed_request"
	CodeHeaderTooLarge       = "header_too_large"
	CodeRateLimited          = "rate_limited"
	CodeStepUpRequired       = "step_up_required"
	CodeInternal             = "internal"
)

// codeInfo is what a code means to a client.
type codeInfo struct {
	status int    // of HTTP
	number int32  // of Kitex's BizStatusError; stable, and unique to the code
	title  string // the same for every occurrence
}

// table is the table of codes: the one place where a code of the domain gets its meaning outside. docs/api.md
// explains each to clients. It never changes.
var table = map[string]codeInfo{
	refusal.CodeInvalidArgument:      {http.StatusBadRequest, 40001, "A field has a value that is not allowed"},
	CodeInvalidJSON:                  {http.StatusBadRequest, 40002, "The body is not a JSON object"},
	refusal.CodeUnknownCurrency:      {http.StatusBadRequest, 40003, "There is no such currency"},
	refusal.CodeAmountOutOfRange:     {http.StatusBadRequest, 40004, "The amount is out of range"},
	envelope.CodeUnknownKind:         {http.StatusBadRequest, 40005, "There is no such kind"},
	envelope.CodeCountOutOfRange:     {http.StatusBadRequest, 40006, "The number of shares is out of range"},
	envelope.CodeGreetingTooLong:     {http.StatusBadRequest, 40007, "The greeting is too long"},
	envelope.CodeRecipientRequired:   {http.StatusBadRequest, 40008, "A recipient is needed"},
	envelope.CodeRecipientNotAllowed: {http.StatusBadRequest, 40009, "The recipient is not allowed"},
	envelope.CodeRecipientNotAMember: {http.StatusBadRequest, 40010, "The recipient is not in the group"},
	transfer.CodeToOneself: {http.StatusBadRequest, 40011,
		"A transfer needs another recipient than its sender"},
	transfer.CodeUnknownArrival:          {http.StatusBadRequest, 40012, "There is no such time of arrival"},
	refusal.CodeNoteTooLong:              {http.StatusBadRequest, 40013, "The note is too long"},
	collection.CodeParticipantsRequired:  {http.StatusBadRequest, 40014, "A collection needs participants"},
	collection.CodeParticipantNotAMember: {http.StatusBadRequest, 40015, "A participant is not in the group"},
	collection.CodeWrongAmount:           {http.StatusBadRequest, 40016, "The amount differs from the part"},
	CodeMalformedRequest:                 {http.StatusBadRequest, 40017, "The request is not HTTP"},
	webhook.CodeEndpointRefused:          {http.StatusBadRequest, 40018, "Webhooks do not go to this address"},
	webhook.CodeUnknownEventType:         {http.StatusBadRequest, 40019, "There are no such events"},
	webhook.CodeReplayTooLarge:           {http.StatusBadRequest, 40020, "There are too many events to replay"},
	cover.CodeImageUnknown:               {http.StatusBadRequest, 40021, "The image was not uploaded"},
	cover.CodeImageRefused:               {http.StatusBadRequest, 40022, "This is no image that is taken"},

	CodeUnauthenticated:         {http.StatusUnauthorized, 40101, "The token is missing or not accepted"},
	wallet.CodeSignatureInvalid: {http.StatusUnauthorized, 40102, "The signature does not match"},
	merchant.CodeKeyUnknown:     {http.StatusUnauthorized, 40103, "There is no such key"},
	merchant.CodeKeyRevoked:     {http.StatusUnauthorized, 40104, "The key is no longer good"},

	refusal.CodeInsufficientBalance: {http.StatusPaymentRequired, 40201, "There is not enough money in the wallet"},
	wallet.CodeFundingRefused:       {http.StatusPaymentRequired, 40202, "The funding provider refused"},
	refusal.CodeDailyLimitExceeded:  {http.StatusPaymentRequired, 40203, "The daily limit would be exceeded"},

	CodeForbidden:                  {http.StatusForbidden, 40301, "The token does not allow this call"},
	refusal.CodeNotAMember:         {http.StatusForbidden, 40302, "The caller is not in the group"},
	envelope.CodeNotTheRecipient:   {http.StatusForbidden, 40303, "The caller is not the recipient"},
	transfer.CodeNotTheSender:      {http.StatusForbidden, 40304, "The caller is not the sender"},
	collection.CodeNotAParticipant: {http.StatusForbidden, 40305, "The caller has no part in this"},
	collection.CodeNotTheCollector: {http.StatusForbidden, 40306, "The caller is not the collector"},
	merchant.CodeNotActive:         {http.StatusForbidden, 40307, "The merchant is not active"},
	merchant.CodeRoleMissing:       {http.StatusForbidden, 40308, "The member's role does not allow this"},
	merchant.CodePermissionMissing: {http.StatusForbidden, 40309, "The key does not permit this"},
	merchant.CodeAddressNotAllowed: {http.StatusForbidden, 40310, "The key may not be used from here"},
	merchant.CodeModeMismatch:      {http.StatusForbidden, 40311, "This is of the other side, live or test"},
	cover.CodeNotApproved:          {http.StatusForbidden, 40312, "The cover is not approved"},
	cover.CodeFrozen:               {http.StatusForbidden, 40313, "The cover is frozen"},
	stock.CodeNotHeld:              {http.StatusForbidden, 40314, "You do not hold the cover"},
	stock.CodeOfTests:              {http.StatusForbidden, 40315, "The cover is of its merchant's test side"},

	refusal.CodeAccountFrozen: {http.StatusForbidden, 40332, "Nothing leaves the wallet for now"},

	CodeStepUpRequired: {http.StatusForbidden, 40331, "A fresh proof of identity is needed"},
	risk.CodeRefused:   {http.StatusForbidden, 40333, "A rule refuses this"},
	risk.CodeReview:    {http.StatusForbidden, 40334, "An operator has to look at this first"},

	CodeNotFound:                  {http.StatusNotFound, 40401, "There is nothing at this address"},
	envelope.CodeEnvelopeNotFound: {http.StatusNotFound, 40402, "There is no such envelope"},
	group.CodeNotFound:            {http.StatusNotFound, 40403, "There is no such group"},
	transfer.CodeNotFound:         {http.StatusNotFound, 40404, "There is no such transfer"},
	collection.CodeNotFound:       {http.StatusNotFound, 40405, "There is no such collection"},
	wallet.CodeFundingNotFound:    {http.StatusNotFound, 40406, "There is no such top-up or withdrawal"},
	merchant.CodeNotFound:         {http.StatusNotFound, 40407, "There is no such merchant"},
	merchant.CodeMemberNotFound:   {http.StatusNotFound, 40408, "There is no such member"},
	merchant.CodeKeyNotFound:      {http.StatusNotFound, 40409, "There is no such key of this merchant"},
	webhook.CodeNotFound:          {http.StatusNotFound, 40410, "There is no such webhook"},
	webhook.CodeEventNotFound:     {http.StatusNotFound, 40411, "There is no such event"},
	cover.CodeNotFound:            {http.StatusNotFound, 40412, "There is no such cover"},
	cover.CodeArtNotFound:         {http.StatusNotFound, 40413, "There is no such image"},
	cover.CodeReportNotFound:      {http.StatusNotFound, 40414, "There is no such report"},
	stock.CodeChannelNotFound:     {http.StatusNotFound, 40415, "There is no such channel"},
	stock.CodeClaimUnknown:        {http.StatusNotFound, 40416, "Nobody made this code"},
	wallet.CodeRejectionUnknown:   {http.StatusNotFound, 40417, "There is no such rejected post"},
	risk.CodeReviewUnknown:        {http.StatusNotFound, 40418, "There is no such review"},

	CodeMethodNotAllowed: {http.StatusMethodNotAllowed, 40501, "The address does not take this method"},

	refusal.CodeRequestConflict:    {http.StatusConflict, 40901, "The request_id was used for another request"},
	group.CodeExists:               {http.StatusConflict, 40902, "The group exists with other members"},
	group.CodeTooLarge:             {http.StatusConflict, 40903, "The group would be too large"},
	transfer.CodeAlreadyAccepted:   {http.StatusConflict, 40904, "The transfer was already accepted"},
	transfer.CodeAlreadyArrived:    {http.StatusConflict, 40905, "The transfer has arrived"},
	transfer.CodeAlreadyDeclined:   {http.StatusConflict, 40906, "The transfer was declined"},
	transfer.CodeExpired:           {http.StatusConflict, 40907, "The transfer has expired"},
	transfer.CodeRecalled:          {http.StatusConflict, 40908, "The transfer was called back"},
	collection.CodeAlreadyPaid:     {http.StatusConflict, 40909, "The part is already paid"},
	collection.CodeClosed:          {http.StatusConflict, 40910, "The collection is closed"},
	collection.CodeComplete:        {http.StatusConflict, 40911, "Everybody has paid"},
	wallet.CodeFundingMismatch:     {http.StatusConflict, 40912, "The order is for something else"},
	wallet.CodeFundingDecided:      {http.StatusConflict, 40913, "The order was already decided"},
	merchant.CodeNotAllowedInState: {http.StatusConflict, 40914, "The state does not allow this"},
	merchant.CodeLastOwner:         {http.StatusConflict, 40915, "A merchant needs an owner"},
	merchant.CodeTooMany:           {http.StatusConflict, 40916, "There are too many of these"},
	webhook.CodeDisabled:           {http.StatusConflict, 40917, "The webhook is disabled"},
	webhook.CodeTooMany:            {http.StatusConflict, 40918, "There are too many webhooks"},
	cover.CodeNotAllowedInState:    {http.StatusConflict, 40919, "The cover's state does not allow this"},
	cover.CodeTooMany:              {http.StatusConflict, 40920, "There are too many covers or images"},
	cover.CodeAppealOver:           {http.StatusConflict, 40921, "The time to appeal is over"},
	cover.CodeAlreadyReported:      {http.StatusConflict, 40922, "The cover was reported before"},
	stock.CodeChannelClosed:        {http.StatusConflict, 40923, "The channel is closed"},
	stock.CodeTooMany:              {http.StatusConflict, 40924, "There are too many purchases, channels or codes"},
	stock.CodeInsufficient:         {http.StatusConflict, 40925, "No pieces are left"},
	stock.CodeClaimUsed:            {http.StatusConflict, 40926, "The code was used by somebody else"},
	wallet.CodeRejectionDecided:    {http.StatusConflict, 40927, "It was decided otherwise"},
	risk.CodeReviewDecided:         {http.StatusConflict, 40928, "The review was decided otherwise"},

	cover.CodeArtGone: {http.StatusGone, 41001, "The image was taken down"},

	CodeBodyTooLarge:         {http.StatusRequestEntityTooLarge, 41301, "The body is too large"},
	cover.CodeImageTooLarge:  {http.StatusRequestEntityTooLarge, 41302, "The image is too large"},
	CodeUnsupportedMediaType: {http.StatusUnsupportedMediaType, 41501, "The body must be sent as JSON"},
	CodeHeaderTooLarge:       {http.StatusRequestHeaderFieldsTooLarge, 43101, "The headers are too large"},
	CodeRateLimited:          {http.StatusTooManyRequests, 42901, "There are too many calls"},

	CodeInternal:            {http.StatusInternalServerError, 50001, "Something went wrong here"},
	refusal.CodeUnavailable: {http.StatusServiceUnavailable, 50301, "Try again"},
}

// infoOf is what the table says of a code; a code that only a newer server knows is an internal error here.
func infoOf(code string) codeInfo {
	if info, ok := table[code]; ok {
		return info
	}
	return table[CodeInternal]
}

// Codes returns all codes of the table, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(table)) }

// IsCode says whether the table has a code.
func IsCode(code string) bool {
	_, ok := table[code]
	return ok
}

// Status is the HTTP status of a code.
func Status(code string) int { return infoOf(code).status }

// Title is the sentence of a code that is the same for every occurrence.
func Title(code string) string { return infoOf(code).title }
