package collection

// Codes of refusals of group collections.
const (
	CodeNotFound              = "collection_not_found"
	CodeUnknownKind           = "unknown_kind"
	CodeParticipantsRequired  = "participants_required"
	CodeParticipantNotAMember = "participant_not_a_member"
	CodeNotAParticipant       = "not_a_participant"
	CodeNotTheCollector       = "not_the_collector"
	CodeWrongAmount           = "wrong_amount"
	CodeAlreadyPaid           = "already_paid"
	CodeClosed                = "collection_closed"
	CodeComplete              = "collection_complete"
)
