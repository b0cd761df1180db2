package handler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"slices"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
)

// Trail keeps what operators and the owners of merchants' keys did. trail.Trail is one.
type Trail interface {
	Append(ctx context.Context, r trail.Record) error
}

// sensitive are the methods that decide who may act for a merchant. They are recorded whoever calls them.
var sensitive = map[contract.Key]bool{
	{Service: "MerchantService", Method: "SetMerchantMember"}:    true,
	{Service: "MerchantService", Method: "RemoveMerchantMember"}: true,
	{Service: "MerchantService", Method: "CreateMerchantKey"}:    true,
	{Service: "MerchantService", Method: "RollMerchantKey"}:      true,
	{Service: "MerchantService", Method: "RevokeMerchantKey"}:    true,
}

// recorded says whether a call belongs into the trail: whatever an operator does but look, and what is sensitive.
func (e *edge) recorded(m *guardedMethod, c auth.Caller) bool {
	return e.trail != nil && (sensitive[m.Key] || m.Route.Verb != http.MethodGet && c.Has(auth.ScopeOperator) &&
		slices.Contains(m.Scopes, auth.ScopeOperator))
}

// maxRecorded bounds the request that a record repeats, in bytes; a longer one has its hash there.
const maxRecorded = 3000

// ask records that a call is about to be carried out: what cannot be recorded is not done. Refusal: unavailable.
func (e *edge) ask(ctx context.Context, m *guardedMethod, c auth.Caller, args any) (detail string, err error) {
	request, err := json.Marshal(reflect.ValueOf(args).Elem().Field(0).Interface())
	if err != nil {
		return "", err
	}
	if len(request) > maxRecorded {
		sum := sha256.Sum256(request)
		request, _ = json.Marshal(map[string]string{"sha256": hex.EncodeToString(sum[:])}) // of text: never fails
	}
	text, err := json.Marshal(struct {
		From    string          `json:"from"`
		Token   string          `json:"token,omitempty"`
		Request json.RawMessage `json:"request"`
	}{e.address(ctx).String(), tokenName(c.TokenID), request})
	if err != nil {
		return "", err
	}
	record := trail.Record{Actor: c.Subject, Action: m.name, Outcome: trail.OutcomeAsked, Detail: string(text)}
	if err := e.trail.Append(ctx, record); err != nil {
		e.log.LogAttrs(ctx, slog.LevelError, "an action could not be recorded, and was not carried out",
			slog.String("method", m.name), slog.String("caller", c.Subject), slog.String("error", err.Error()))
		return "", refusal.New(refusal.CodeUnavailable, "what operators do is recorded, which is impossible right now")
	}
	return string(text), nil
}

// tokenName is a token's id as a record has it; ids of other issuers may be long.
func tokenName(id string) string { return id[:min(len(id), 128)] }

// answered records what became of a call. Where that is impossible, the trail says that it was asked for, and the log
// how it ended.
func (e *edge) answered(ctx context.Context, m *guardedMethod, c auth.Caller, detail string, err error) {
	outcome := trail.OutcomeDone
	if err != nil {
		p, _ := problem.FromError(err)
		outcome = p.Code
	}
	record := trail.Record{Actor: c.Subject, Action: m.name, Outcome: outcome, Detail: detail}
	if err := e.trail.Append(context.WithoutCancel(ctx), record); err != nil {
		e.log.LogAttrs(ctx, slog.LevelError, "what became of an action could not be recorded",
			slog.String("method", m.name), slog.String("caller", c.Subject), slog.String("outcome", outcome),
			slog.String("error", err.Error()))
	}
}
