package client

// Codes of refusals. They never change; docs/api.md says what each means and what to do about it. A newer server may
// give others.
const (
	CodeInvalidArgument       = "invalid_argument"
	CodeInvalidJSON           = "invalid_json"
	CodeUnknownCurrency       = "unknown_currency"
	CodeAmountOutOfRange      = "amount_out_of_range"
	CodeUnknownKind           = "unknown_kind"
	CodeCountOutOfRange       = "count_out_of_range"
	CodeGreetingTooLong       = "greeting_too_long"
	CodeRecipientRequired     = "recipient_required"
	CodeRecipientNotAllowed   = "recipient_not_allowed"
	CodeRecipientNotAMember   = "recipient_not_a_member"
	CodeTransferToOneself     = "transfer_to_oneself"
	CodeUnknownArrival        = "unknown_arrival"
	CodeNoteTooLong           = "note_too_long"
	CodeParticipantsRequired  = "participants_required"
	CodeParticipantNotAMember = "participant_not_a_member"
	CodeWrongAmount           = "wrong_amount"
	CodeMalformedRequest      = "malformed_request"

	CodeUnauthenticated  = "unauthenticated"
	CodeSignatureInvalid = "signature_invalid"
	CodeKeyUnknown       = "key_unknown"
	CodeKeyRevoked       = "key_revoked"

	CodeInsufficientBalance = "insufficient_balance"
	CodeFundingRefused      = "funding_refused"
	CodeDailyLimitExceeded  = "daily_limit_exceeded"

	CodeForbidden       = "forbidden"
	CodeNotAMember      = "not_a_member"
	CodeNotTheRecipient = "not_the_recipient"
	CodeNotTheSender    = "not_the_sender"
	CodeNotAParticipant = "not_a_participant"
	CodeNotTheCollector = "not_the_collector"

	CodeMerchantNotActive = "merchant_not_active"
	CodeRoleMissing       = "role_missing"
	CodePermissionMissing = "permission_missing"
	CodeIPNotAllowed      = "ip_not_allowed"
	CodeModeMismatch      = "mode_mismatch"

	CodeNotFound           = "not_found"
	CodeEnvelopeNotFound   = "envelope_not_found"
	CodeGroupNotFound      = "group_not_found"
	CodeTransferNotFound   = "transfer_not_found"
	CodeCollectionNotFound = "collection_not_found"

	CodeMerchantNotFound       = "merchant_not_found"
	CodeMerchantMemberNotFound = "merchant_member_not_found"
	CodeKeyNotFound            = "key_not_found"
	CodeFundingNotFound        = "funding_not_found"

	CodeMethodNotAllowed = "method_not_allowed"

	CodeRequestConflict    = "request_conflict"
	CodeGroupExists        = "group_exists"
	CodeGroupTooLarge      = "group_too_large"
	CodeAlreadyAccepted    = "already_accepted"
	CodeAlreadyArrived     = "already_arrived"
	CodeAlreadyDeclined    = "already_declined"
	CodeTransferExpired    = "transfer_expired"
	CodeTransferRecalled   = "transfer_recalled"
	CodeAlreadyPaid        = "already_paid"
	CodeCollectionClosed   = "collection_closed"
	CodeCollectionComplete = "collection_complete"

	CodeMerchantStateConflict = "merchant_state_conflict"
	CodeLastOwner             = "last_owner"
	CodeMerchantLimitReached  = "merchant_limit_reached"
	CodeFundingMismatch       = "funding_mismatch"
	CodeFundingDecided        = "funding_decided"

	CodeBodyTooLarge         = "body_too_large"
	CodeUnsupportedMediaType = "unsupported_media_type"
	CodeRateLimited          = "rate_limited"
	CodeHeaderTooLarge       = "header_too_large"

	CodeInternal    = "internal"
	CodeUnavailable = "unavailable"
)
