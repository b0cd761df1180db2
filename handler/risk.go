package handler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Risk decides by rules whether somebody may claim money now. risk.Service is one.
type Risk interface {
	// Decide says whether a claim may go on, and counts it then; see risk.Service.
	Decide(ctx context.Context, c risk.Claim, proven bool) (risk.Answer, error)
	// Done says how a claim ended that was allowed.
	Done(ctx context.Context, a risk.Answer, refused bool) error
}

// GrabRules decide from memory whether somebody may grab. risk.Service is one.
type GrabRules interface {
	MayGrab(user string) risk.Answer
	// Won counts a share.
	Won(user, envelope string, amount ledger.Amount)
}

// claims are the methods by which users claim money. Grabs are decided where they are answered.
var claims = map[contract.Key]risk.Kind{
	{Service: "WalletService", Method: "Withdraw"}:          risk.Withdrawal,
	{Service: "WalletService", Method: "TopUp"}:             risk.TopUp,
	{Service: "EnvelopeService", Method: "Send"}:            risk.Envelope,
	{Service: "TransferService", Method: "Offer"}:           risk.Transfer,
	{Service: "CollectionService", Method: "PayCollection"}: risk.Payment,
}

// claimOf is what a call claims. ok is false for one that the domain refuses as malformed.
func claimOf(kind risk.Kind, c auth.Caller, args any) (claim risk.Claim, ok bool) {
	request := reflect.ValueOf(args).Elem().Field(0) // of every method's generated arguments, see contract.Args
	fields := request.Elem()
	minor := fields.FieldByName("Amount")
	if kind == risk.Envelope {
		minor = fields.FieldByName("Total")
	}
	amount, err := ledger.NewAmount(minor.Int(), fields.FieldByName("Currency").String())
	if err != nil {
		return claim, false
	}
	claim = risk.Claim{Kind: kind, User: c.Subject, Amount: amount}
	if r, part := request.Interface().(*collectionapi.PayCollectionRequest); part { // which its user pays once
		claim.RequestID = strconv.FormatInt(r.CollectionId, 10)
	} else {
		claim.RequestID = fields.FieldByName("RequestId").String()
	}
	if refusal.CheckRequestID(claim.RequestID) != nil {
		return claim, false
	}
	if to := fields.FieldByName("To"); to.IsValid() {
		if to = reflect.Indirect(to); to.IsValid() && refusal.CheckID("to", to.String()) == nil {
			claim.Payee = to.String()
		}
	}
	text, err := json.Marshal(request.Interface())
	if err != nil {
		return claim, false
	}
	sum := sha256.Sum256(text)
	claim.Fingerprint = hex.EncodeToString(sum[:16])
	return claim, true
}

// mayClaim asks the rules about a call, before it is carried out. Refusals: risk_refused, risk_review,
// step_up_required; unavailable where nothing is known.
func (e *edge) mayClaim(ctx context.Context, m *guardedMethod, c auth.Caller, args any,
	now time.Time) (a risk.Answer, err error) {
	if e.risk == nil || m.claims == "" {
		return a, nil
	}
	claim, ok := claimOf(m.claims, c, args)
	if !ok {
		return a, nil
	}
	if a, err = e.risk.Decide(ctx, claim, e.stepUp.fresh(c, now)); err != nil {
		if refusal.CodeOf(err) != "" {
			return a, err
		}
		e.log.LogAttrs(ctx, slog.LevelError, "the rules could not be asked, and a call was not carried out",
			slog.String("method", m.name), slog.String("caller", c.Subject), slog.String("error", err.Error()))
		return a, refusal.New(refusal.CodeUnavailable, "what was claimed of late is not known right now")
	}
	return a, e.stepUp.answered(a)
}

// answered is the refusal of an answer; nil where the claim may go on.
func (s StepUp) answered(a risk.Answer) error {
	switch a.Verdict {
	case risk.Allow:
		return nil
	case risk.Challenge:
		return refusal.New(problem.CodeStepUpRequired, "%s; more needs a fresh proof of who you are: get a token with "+
			"acr %s and an auth_time of at most %v ago", a.Detail, strings.Join(s.Contexts, " or "), s.Age)
	}
	return a.Err()
}

// claimed tells the rules how a call ended that they had allowed. What is not known is taken as done.
func (e *edge) claimed(ctx context.Context, m *guardedMethod, a risk.Answer, err error) {
	if e.risk == nil || !a.Allowed() {
		return
	}
	code := refusal.CodeOf(err)
	refused := code != "" && code != refusal.CodeUnavailable
	if err := e.risk.Done(context.WithoutCancel(ctx), a, refused); err != nil && !errors.Is(err, context.Canceled) {
		e.log.LogAttrs(ctx, slog.LevelWarn, "the rules were not told how a call ended: it stays counted",
			slog.String("method", m.name), slog.String("error", err.Error()))
	}
}
