package risk

// Codes of claims that rules stop. What a challenge is answered with, the edge says: it knows what a proof is.
const (
	// CodeRefused says that a rule, or the operator who reviewed the call, refuses it.
	CodeRefused = "risk_refused"
	// CodeReview says that an operator has to look at the call first.
	CodeReview = "risk_review"
	// CodeReviewUnknown says that no call of the user with this request id waits for an operator.
	CodeReviewUnknown = "review_not_found"
	// CodeReviewDecided says that another operator decided otherwise before.
	CodeReviewDecided = "review_already_decided"
)
