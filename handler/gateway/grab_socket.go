package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/push"
)

// socketGrab names grabs over the WebSocket in logs and metrics.
const socketGrab = "websocket.grab"

// grabMessage is a grab over the WebSocket.
type grabMessage struct {
	Op       string `json:"op"`
	Envelope string `json:"envelope"`
}

// grabAnswer is the answer to one: code is ok, or that of the refusal.
type grabAnswer struct {
	grabMessage
	Code     string `json:"code"`
	Detail   string `json:"detail,omitempty"`
	Incident string `json:"incident,omitempty"`
	*envelopeapi.GrabResponse
}

var errGrabMessage = errors.New(`a grab is {"op":"grab","envelope":…} with an id: a whole number in a string`)

// Grab is the push.Operation of grabs: the same as over HTTP, gathered with those, and answered with the same codes.
// Its error is a sentence about the message.
func (g *Gateway) Grab(ctx context.Context, s push.Session, message []byte) ([]byte, error) {
	began := time.Now()
	var m grabMessage
	d := json.NewDecoder(bytes.NewReader(message))
	d.DisallowUnknownFields()
	if d.Decode(&m) != nil || !wholeNumber.MatchString(m.Envelope) {
		return nil, errGrabMessage
	}
	id, err := strconv.ParseInt(m.Envelope, 10, 64)
	if err != nil {
		return nil, errGrabMessage
	}
	answer := grabAnswer{grabMessage: m, Code: problem.OK}
	answer.GrabResponse, err = g.grabAs(ctx, s.Token, id)
	if err != nil {
		p, ok := problem.FromClient(err)
		if !ok {
			var cause error
			p, cause = problem.FromError(err)
			problem.Log(ctx, g.log, "request failed", p, cause, slog.String("method", socketGrab),
				slog.String("caller", s.Subject), slog.Duration("duration", time.Since(began)))
		}
		answer.Code, answer.Detail, answer.Incident = p.Code, p.Detail, p.Incident
	}
	problem.Observe(ctx, g.seconds.WithLabelValues(socketGrab, answer.Code), began)
	data, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("encode a grab's answer: %w", err)
	}
	return data, nil
}

// grabAs grabs for whoever a token names, which may have been revoked since the connection was made.
func (g *Gateway) grabAs(ctx context.Context, token string, envelope int64) (*envelopeapi.GrabResponse, error) {
	caller, err := g.verify(token)
	if err == nil {
		err = auth.RequireScope(caller, []auth.Scope{auth.ScopeUser})
	}
	if err != nil {
		return nil, err
	}
	c := g.grabs.grab(ctx, token, envelope)
	return c.response, c.err
}
