package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hongbao/hongbao/handler/problem"
)

// problemDocument is the body of an error answer, after RFC 9457.
type problemDocument struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Code     string `json:"code"`
	Incident string `json:"incident,omitempty"`
}

// retryAfterSeconds is what a 503 asks clients to wait.
const retryAfterSeconds = "1"

// challenge is the header that a 401 has.
const challenge = "WWW-Authenticate"

const (
	problemMediaType = "application/problem+json"
	problemTypeBase  = "urn:hongbao:problem:"
)

// writeProblem answers an HTTP request with a Problem.
func writeProblem(w http.ResponseWriter, p problem.Problem) {
	status := problem.Status(p.Code)
	body, err := json.Marshal(problemDocument{
		Type: problemTypeBase + p.Code, Title: problem.Title(p.Code), Status: status,
		Detail: p.Detail, Code: p.Code, Incident: p.Incident,
	})
	if err != nil { // strings and a number always marshal
		panic(fmt.Sprintf("gateway: problem document: %v", err))
	}
	h := w.Header()
	h.Set("Content-Type", problemMediaType)
	h.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		h.Set(challenge, `Bearer realm="hongbao"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfterSeconds)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}
