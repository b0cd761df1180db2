package transfer

// Codes of refusals of transfers. Some are shared with other domains and mean the same there.
const (
	CodeNotFound          = "transfer_not_found"
	CodeToOneself         = "transfer_to_oneself"
	CodeRecipientRequired = "recipient_required"
	CodeUnknownArrival    = "unknown_arrival"
	CodeNotTheRecipient   = "not_the_recipient"
	CodeNotTheSender      = "not_the_sender"
	CodeAlreadyAccepted   = "already_accepted"
	CodeAlreadyArrived    = "already_arrived"
	CodeAlreadyDeclined   = "already_declined"
	CodeExpired           = "transfer_expired"
	CodeRecalled          = "transfer_recalled"
)
