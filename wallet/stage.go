package wallet

import "time"

// Stage is how far a hold has come of which people decide: a transfer. It is empty for holds that have none. A hold's
// stage and its money change together, in one transaction, so that at every moment
//
//	offered, accepted              the whole amount is pending
//	arrived                        it is posted, to the hold's counterparty
//	declined, expired, recalled    it is voided
//
// The last four are final.
type Stage string

const (
	StageOffered  Stage = "offered"
	StageAccepted Stage = "accepted"
	StageArrived  Stage = "arrived"
	StageDeclined Stage = "declined"
	StageExpired  Stage = "expired"
	StageRecalled Stage = "recalled"
)

// Fate is where the money of a staged hold is.
type Fate int

const (
	FatePending Fate = iota + 1
	FatePosted
	FateVoided
)

// Fate is where the money of a hold in this stage is; 0 for what is no stage.
func (s Stage) Fate() Fate {
	switch s {
	case StageOffered, StageAccepted:
		return FatePending
	case StageArrived:
		return FatePosted
	case StageDeclined, StageExpired, StageRecalled:
		return FateVoided
	}
	return 0
}

// Step moves a hold from one stage to another, and its money with it.
type Step struct {
	Hold     int64
	From, To Stage
	At       time.Time // now, by the caller's clock
	Due      bool      // the step is for at or after the hold's ExpiresAt; otherwise for before it
	Until    time.Time // the hold's new ExpiresAt; zero: as it was
	Notices  []Notice
}

// Terms go with a hold beside its amount.
type Terms struct {
	// PerDay bounds, in minor units, what the owner's counted holds (see Subject.Counted) of a day and currency sum to, this
	// one included and without what was voided. 0: no bound. A day is one of UTC, that of CreatedAt. Refusal: daily_limit_exceeded.
	PerDay int64

	// PayTo, where it is not empty, is paid the hold's only part at once.
	PayTo string

	Mentions []Mention
	Notices  []Notice
}

// Mention makes a record be found from somebody whom it concerns, on whichever shard they are. It is kept for good.
type Mention struct {
	Of        string // a user id, or MentionGroup of a group's
	Subject   Subject
	Reference int64
}

// GroupPrefix begins the name under which a group is mentioned; no user id contains a #.
const GroupPrefix = "#group:"

// MentionGroup is the name under which a group is mentioned.
func MentionGroup(group string) string { return GroupPrefix + group }

// Notice is an event for whoever listens to a topic. It is kept with what it tells of, in the same transaction, until it
// was published at least once.
type Notice struct {
	ID    int64 // from the ledger
	Topic string
	Body  []byte // a JSON object of at most MaxNotice bytes
}

// MaxNotice bounds the body of a notice, in bytes.
const MaxNotice = 8 << 10
