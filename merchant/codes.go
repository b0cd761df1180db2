package merchant

// Codes of refusals.
const (
	CodeNotFound          = "merchant_not_found"
	CodeNotActive         = "merchant_not_active"
	CodeNotAllowedInState = "merchant_state_conflict"
	CodeRoleMissing       = "role_missing"
	CodeLastOwner         = "last_owner"
	CodeTooMany           = "merchant_limit_reached"
	CodeMemberNotFound    = "merchant_member_not_found"
	CodeKeyNotFound       = "key_not_found"
	CodeKeyUnknown        = "key_unknown"
	CodeKeyRevoked        = "key_revoked"
	CodePermissionMissing = "permission_missing"
	CodeAddressNotAllowed = "ip_not_allowed"
	CodeModeMismatch      = "mode_mismatch"
	CodeSignatureInvalid  = "signature_invalid" // of every signature that this system checks
)
