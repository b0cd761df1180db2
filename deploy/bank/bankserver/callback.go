package bankserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	callbackTimeout = 10 * time.Second
	// maxAttempts of a callback: some hours with the retries of the command.
	maxAttempts  = 1000
	maxRetryStep = 6 // doublings of Config.Retry
	quietTime    = time.Hour
)

// Run decides what was to be decided later and delivers callbacks until the context ends.
func (b *Bank) Run(ctx context.Context) {
	for ctx.Err() == nil {
		id, at := b.first()
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
			if id != "" {
				b.work(ctx, id)
			}
		case <-b.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// first is the order that has to be worked on first, and when.
func (b *Bank) first() (id string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at = time.Now().Add(quietTime)
	for candidate, when := range b.next {
		if when.Before(at) {
			id, at = candidate, when
		}
	}
	return id, at
}

// work decides an order whose time has come, or sends its callback.
func (b *Bank) work(ctx context.Context, id string) {
	b.mu.Lock()
	r, err := b.find(id)
	if err != nil {
		delete(b.next, id)
		b.mu.Unlock()
		return
	}
	copied, silent := *r, b.rule.Fault == Silent
	if copied.State == Pending {
		copied.State, copied.Plan, copied.PlanAt = copied.Plan, "", time.Time{}
		if err := b.change(copied, time.Now()); err != nil {
			b.next[id] = time.Now().Add(b.config.Retry)
			b.config.Log.Error("the journal cannot be written", "error", err)
		}
		b.mu.Unlock()
		return
	}
	if silent {
		b.next[id] = time.Now().Add(b.config.Retry)
	}
	b.mu.Unlock()
	if !silent {
		b.tell(ctx, copied)
	}
}

// tell sends the callback of an order once and notes how that went. 200 ends it, and so do the answers that a
// repetition would get again: 400, 404 and 409.
func (b *Bank) tell(ctx context.Context, r Record) {
	status, text, err := b.post(ctx, r.Order)
	if ctx.Err() != nil {
		return // the next Run does it again
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	known, findErr := b.find(r.ID)
	if findErr != nil || known.Repeats != r.Repeats {
		return // a repetition that was ordered meanwhile is still to be sent
	}
	changed := *known
	changed.Attempts++
	changed.Answer = fmt.Sprintf("%d %s", status, text)
	if err != nil {
		changed.Answer = err.Error()
	}
	switch status {
	case http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict:
		changed.Told = true
	default:
		changed.Told = changed.Attempts >= maxAttempts
	}
	b.config.Log.Info("told", "order", r.ID, "state", r.State, "attempt", changed.Attempts, "answer", changed.Answer)
	retry := time.Now().Add(b.config.Retry << min(changed.Attempts-1, maxRetryStep))
	if err := b.change(changed, retry); err != nil {
		b.next[r.ID] = retry
		b.config.Log.Error("the journal cannot be written", "error", err)
	}
}

// post is one attempt. Its webhook-id is the same for every attempt.
func (b *Bank) post(ctx context.Context, o Order) (status int, text string, err error) {
	body, err := json.Marshal(message{Type: typeDecided, Order: o})
	if err != nil {
		return 0, "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.config.CallbackURL, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	b.config.Secrets.Sign("msg_decided_"+o.ID, time.Now(), body).Set(request.Header)
	response, err := b.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	const most = 300 // of an answer, in the journal
	answer, err := io.ReadAll(io.LimitReader(response.Body, most))
	return response.StatusCode, string(bytes.TrimSpace(answer)), err
}
