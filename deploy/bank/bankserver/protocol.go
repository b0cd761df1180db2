package bankserver

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/signature"
)

// maxRequest bounds what the bank reads of a request, in bytes.
const maxRequest = 16 << 10

// message is what travels between an installation and the bank.
type message struct {
	Type  string `json:"type"`
	Order Order  `json:"order"`
	Error string `json:"error,omitempty"`
}

// Types of messages.
const (
	typeCreate  = "funding.create"
	typeQuery   = "funding.query"
	typeOrder   = "funding.order"
	typeUnknown = "funding.unknown"
	typeError   = "funding.error"
	typeDecided = "funding.decided"
)

// Handler is the bank as an installation sees it: signed POSTs to any path.
func (b *Bank) Handler() http.Handler { return http.HandlerFunc(b.serve) }

func (b *Bank) serve(w http.ResponseWriter, r *http.Request) {
	fault := b.Rule().Fault
	if r.Method != http.MethodPost {
		http.Error(w, "send a signed POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "the request is too large or broke off", http.StatusBadRequest)
		return
	}
	headers := signature.From(r.Header)
	if err := b.config.Secrets.Verify(headers, time.Now(), body); err != nil {
		b.config.Log.Warn("a request that is not signed", "error", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if fault == Error500 {
		http.Error(w, "the bank has a fault", http.StatusInternalServerError)
		return
	}
	status, answer := b.answer(body)
	b.config.Log.Info("asked", "order", answer.Order.ID, "answer", answer.Type, "state", answer.Order.State, "error",
		answer.Error)
	if fault == LoseAnswer {
		panic(http.ErrAbortHandler) // drops the connection
	}
	text, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "the bank has a fault", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	b.config.Secrets.Sign(headers.ID, time.Now(), text).Set(w.Header())
	w.WriteHeader(status)
	_, _ = w.Write(text) // an installation that is gone asks again
}

// answer does what a signed request asks for.
func (b *Bank) answer(body []byte) (status int, m message) {
	if err := json.Unmarshal(body, &m); err != nil || !m.Order.valid() {
		return http.StatusBadRequest, message{Type: typeError, Error: "the request is malformed"}
	}
	order, err := Order{}, error(nil)
	switch m.Type {
	case typeCreate:
		order, err = b.create(m.Order)
	case typeQuery:
		order, err = b.query(m.Order.ID)
	default:
		return http.StatusBadRequest, message{Type: typeError,
			Error: "the type is unknown: give funding.create or funding.query"}
	}
	switch {
	case err == nil:
		return http.StatusOK, message{Type: typeOrder, Order: order}
	case errors.Is(err, errNoOrder):
		return http.StatusNotFound, message{Type: typeUnknown, Order: m.Order}
	case errors.Is(err, errConflict):
		return http.StatusConflict, message{Type: typeError, Order: m.Order, Error: err.Error()}
	}
	b.config.Log.Error("the journal cannot be written", "error", err)
	return http.StatusInternalServerError, message{Type: typeError, Order: m.Order, Error: "the bank has a fault"}
}

// valid says whether an order is one that a bank would take.
func (o Order) valid() bool {
	id, err := strconv.ParseInt(o.ID, 10, 64)
	return err == nil && id > 0 && strconv.FormatInt(id, 10) == o.ID && (o.Kind == "topup" || o.Kind == "withdrawal") &&
		o.User != "" && o.Amount > 0 && len(o.Currency) == 3
}
