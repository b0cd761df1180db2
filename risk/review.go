package risk

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// ReviewState is how far an operator has come with a call.
type ReviewState string

// States of a review.
const (
	ReviewOpen     ReviewState = "open"
	ReviewApproved ReviewState = "approved"
	ReviewDeclined ReviewState = "declined"
)

// MaxOpenReviews is how many calls of a user wait at once; further ones are refused without waiting.
const MaxOpenReviews = 20

// Waiting is a call that an operator has to look at, or has looked at.
type Waiting struct {
	ID int64 // ascends with time
	Claim
	Rule, Version string
	State         ReviewState
	At            time.Time
	By, Reason    string // of the decision
	DecidedAt     time.Time
}

// Decision is what an operator decides about a call.
type Decision struct {
	ID         int64
	To         ReviewState // ReviewApproved or ReviewDeclined
	By, Reason string
}

// Check finds what is wrong with a decision. Refusal: invalid_argument.
func (d Decision) Check() error {
	if d.ID < 1 {
		return refusal.New(refusal.CodeInvalidArgument, "review_id %d is not one of a review", d.ID)
	}
	if d.To != ReviewApproved && d.To != ReviewDeclined {
		return refusal.New(refusal.CodeInvalidArgument, "decision %q is neither approved nor declined",
			refusal.Clip(string(d.To)))
	}
	return refusal.CheckReason(d.Reason)
}

// Reviews keep the calls that wait for an operator.
type Reviews interface {
	// Ask returns the review of a claim, and makes one that is open where there is none. full says that none was made,
	// because MaxOpenReviews of the user are open. A review of the same request id for another claim is refused:
	// request_conflict.
	Ask(ctx context.Context, w Waiting) (found Waiting, full bool, err error)
	// Decide decides an open review, and returns it. Repeating it is the same decision again. Refusals:
	// review_not_found, review_already_decided.
	Decide(ctx context.Context, d Decision) (Waiting, error)
	// List returns reviews in a state with ids above after, in their order.
	List(ctx context.Context, s ReviewState, after int64, limit int) ([]Waiting, error)
}
