package trail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Outcomes of records, beside the codes of refusals.
const (
	OutcomeAsked  = "asked" // about to be done; what became of it stands in a later record
	OutcomeDone   = "done"
	OutcomeFailed = "failed" // by an error that is no refusal
)

// Act is what somebody does at a command line.
type Act struct {
	By     string // an id
	Action string
	Detail map[string]any
}

// Recorded carries out an act between two records: that it was asked for, and what became of it. What cannot be
// recorded is not carried out. Refusal: invalid_argument for By. Errors: those of Append, and what carryOut returns, or
// both.
func (t *Trail) Recorded(ctx context.Context, act Act, carryOut func() error) error {
	if err := refusal.CheckID("by", act.By); err != nil {
		return err
	}
	detail, err := json.Marshal(act.Detail)
	if err != nil {
		return err
	}
	record := Record{Actor: act.By, Action: act.Action, Outcome: OutcomeAsked, Detail: string(detail)}
	if err := t.Append(ctx, record); err != nil {
		return fmt.Errorf("what cannot be recorded is not carried out: %w", err)
	}
	err = carryOut()
	if record.Outcome = OutcomeDone; err != nil {
		if record.Outcome = refusal.CodeOf(err); record.Outcome == "" {
			record.Outcome = OutcomeFailed
		}
	}
	if unrecorded := t.Append(context.WithoutCancel(ctx), record); unrecorded != nil {
		return errors.Join(err, fmt.Errorf("the trail does not say that the outcome was %s: %w", record.Outcome,
			unrecorded))
	}
	return err
}
