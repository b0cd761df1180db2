package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
)

// memoryTrail keeps records, or fails.
type memoryTrail struct {
	mu      sync.Mutex
	records []trail.Record
	away    bool
}

func (m *memoryTrail) Append(_ context.Context, r trail.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errors.New("away")
	}
	m.records = append(m.records, r)
	return nil
}

func (m *memoryTrail) all() []trail.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

func (m *memoryTrail) goAway() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = true
}

// Whatever an operator does is recorded before and after; what cannot be recorded is not done; looking is not recorded.
func TestWhatOperatorsDoIsRecorded(t *testing.T) {
	kept := &memoryTrail{}
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) { c.Trail = kept })
	operator := h.Token(t, "ops", auth.ScopeOperator)
	const path, body = "/v1/operator/revocations", `{"token_id":"stolen"}`
	if a := h.Do(t, "POST", path, operator, body); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Text)
	}
	h.Set(func(s *handlertest.State) { s.Err = refusal.New(refusal.CodeUnavailable, "away") })
	h.Do(t, "POST", path, operator, body)
	h.Set(func(s *handlertest.State) { s.Err = nil })
	h.Do(t, "GET", "/v1/operator/installation", operator, "")
	h.Do(t, "POST", path, h.Token(t, "alice", auth.ScopeUser), body)
	var outcomes []string
	for _, r := range kept.all() {
		outcomes = append(outcomes, r.Outcome)
		var detail struct {
			From, Token string
			Request     map[string]any
		}
		if err := json.Unmarshal([]byte(r.Detail), &detail); err != nil || detail.From != "127.0.0.1" ||
			detail.Token == "" || detail.Request["token_id"] != "stolen" || r.Actor != "ops" ||
			r.Action != "OperatorService.RevokeToken" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if got := strings.Join(outcomes, " "); got != "asked done asked unavailable" {
		t.Errorf("outcomes %s", got)
	}
	kept.goAway()
	before := len(h.Now().Revoked)
	if a := h.Do(t, "POST", path, operator, body); a.Status != 503 || len(h.Now().Revoked) != before {
		t.Errorf("what cannot be recorded is done: %d %s", a.Status, a.Text)
	}
}
