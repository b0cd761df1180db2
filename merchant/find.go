package merchant

import (
	"context"
	"slices"

	"github.com/hongbao/hongbao/internal/refusal"
)

// maxQuery is how long a text may be that merchants are searched for, in characters: as long as a name.
const maxQuery = maxName

// Search is what an operator looks for among merchants.
type Search struct {
	Text   string // part of the name or the legal id, or the whole id
	State  State  // empty for any
	Before int64  // ids below this one; 0: from the newest
	Limit  int
}

// InState are merchants in a state, for operators, newest first, below before (0: from the newest). Refusal:
// invalid_argument.
func (s *Service) InState(ctx context.Context, state string, before int64, limit int) ([]Merchant, error) {
	if err := checkState(state); err != nil {
		return nil, err
	}
	return s.store.InState(ctx, State(state), before, limit)
}

// Find are the merchants that a search finds, for operators, newest first. It reads every merchant of the state.
// Refusal: invalid_argument.
func (s *Service) Find(ctx context.Context, q Search) ([]Merchant, error) {
	if err := checkText("query", q.Text, maxQuery); err != nil {
		return nil, err
	}
	if q.State != "" {
		if err := checkState(string(q.State)); err != nil {
			return nil, err
		}
	}
	return s.store.Find(ctx, q)
}

func checkState(state string) error {
	if slices.Contains(States(), State(state)) {
		return nil
	}
	return refusal.New(refusal.CodeInvalidArgument, "state %q is unknown: give one of %v", refusal.Clip(state),
		States())
}
