package handler

import (
	"net/http"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/wallet"
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
	CodeInternal             = "internal"
)

// verdict is what a code means to a client.
type verdict struct {
	status int    // of HTTP
	number int32  // of Kitex's BizStatusError; stable, and unique to the code
	title  string // the same for every occurrence
}

// verdicts is the table of codes: the one place where a code of the domain gets its meaning outside. docs/api.md
// explains each to clients. It never changes.
var verdicts = map[string]verdict{
	wallet.CodeInvalidArgument:       {http.StatusBadRequest, 40001, "A field has a value that is not allowed"},
	CodeInvalidJSON:                  {http.StatusBadRequest, 40002, "The body is not a JSON object"},
	wallet.CodeUnknownCurrency:       {http.StatusBadRequest, 40003, "There is no such currency"},
	wallet.CodeAmountOutOfRange:      {http.StatusBadRequest, 40004, "The amount is out of range"},
	envelope.CodeUnknownKind:         {http.StatusBadRequest, 40005, "There is no such kind of envelope"},
	envelope.CodeCountOutOfRange:     {http.StatusBadRequest, 40006, "The number of shares is out of range"},
	envelope.CodeGreetingTooLong:     {http.StatusBadRequest, 40007, "The greeting is too long"},
	envelope.CodeRecipientRequired:   {http.StatusBadRequest, 40008, "An exclusive envelope needs a recipient"},
	envelope.CodeRecipientNotAllowed: {http.StatusBadRequest, 40009, "The recipient is not allowed"},
	envelope.CodeRecipientNotAMember: {http.StatusBadRequest, 40010, "The recipient is not in the group"},

	CodeUnauthenticated: {http.StatusUnauthorized, 40101, "The caller is not known"},

	wallet.CodeInsufficientBalance: {http.StatusPaymentRequired, 40201, "There is not enough money in the wallet"},
	wallet.CodeFundingRefused:      {http.StatusPaymentRequired, 40202, "The funding provider refused"},

	CodeForbidden:                {http.StatusForbidden, 40301, "The token does not allow this call"},
	wallet.CodeNotAMember:        {http.StatusForbidden, 40302, "The caller is not in the group"},
	envelope.CodeNotTheRecipient: {http.StatusForbidden, 40303, "The envelope is for somebody else"},

	CodeNotFound:                  {http.StatusNotFound, 40401, "There is nothing at this address"},
	envelope.CodeEnvelopeNotFound: {http.StatusNotFound, 40402, "There is no such envelope"},
	group.CodeNotFound:            {http.StatusNotFound, 40403, "There is no such group"},

	CodeMethodNotAllowed: {http.StatusMethodNotAllowed, 40501, "The address does not take this method"},

	wallet.CodeRequestConflict: {http.StatusConflict, 40901, "The request_id was used for another request"},
	group.CodeExists:           {http.StatusConflict, 40902, "The group exists with other members"},
	group.CodeTooLarge:         {http.StatusConflict, 40903, "The group would be too large"},

	CodeBodyTooLarge:         {http.StatusRequestEntityTooLarge, 41301, "The body is too large"},
	CodeUnsupportedMediaType: {http.StatusUnsupportedMediaType, 41501, "The body is not sent as JSON"},

	CodeInternal:           {http.StatusInternalServerError, 50001, "Something went wrong here"},
	wallet.CodeUnavailable: {http.StatusServiceUnavailable, 50301, "Try again"},
}
