package transfer

// Codes of refusals of transfers. Some are shared with other domains and mean the same there.
const (
	CodeNotFound          = "transfer_not_found"
	CodeToOneself         = "transfer_to_oneself"
	CodeRecipientRequired = "recipient_required"
	CodeUnknownArrival    = "unknown_arrival"
	CodeNoteTooLong       = "note_too_long"
	CodeNotTheRecipient   = "not_the_recipient"
	CodeNotTheSender      = "not_the_sender"
	CodeAlreadyAccepted   = "already_accepted"
	CodeAlreadyArrived    = "already_arrived"
	CodeAlreadyDeclined   = "already_declined"
	CodeExpired           = "transfer_expired"
	CodeRecalled          = "transfer_recalled"
)

// Codes of refusals of group collections.
const (
	CodeCollectionNotFound    = "collection_not_found"
	CodeUnknownKind           = "unknown_kind"
	CodeParticipantsRequired  = "participants_required"
	CodeParticipantNotAMember = "participant_not_a_member"
	CodeNotAParticipant       = "not_a_participant"
	CodeNotTheCollector       = "not_the_collector"
	CodeWrongAmount           = "wrong_amount"
	CodeAlreadyPaid           = "already_paid"
	CodeCollectionClosed      = "collection_closed"
	CodeCollectionComplete    = "collection_complete"
)
