package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi"
)

const (
	// hooks are how many webhooks hear of events; all of them are at one receiver.
	hooks = 8
	// developers cause events, each with a limit of their own.
	developers = 60
	// eventCallers cause events at once, while it is found out how many a second arrive.
	eventCallers = 64
	// calmEvents is which part of the highest rate first attempts are timed at.
	calmEvents = 0.5
)

// webhookReceiver is a merchant's server: it notes when it first hears of each event.
type webhookReceiver struct {
	listener net.Listener
	server   http.Server

	mu    sync.Mutex
	first map[string]time.Duration // by event: from its timestamp to its first attempt
	last  time.Time
}

// newWebhookReceiver listens where the deployment at an address may reach this machine.
func newWebhookReceiver(deployment string) (*webhookReceiver, error) {
	host, err := localAddress(deployment)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	r := &webhookReceiver{listener: l, first: map[string]time.Duration{}}
	r.server = http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(l) }() // until close
	return r, nil
}

// localAddress is this machine's, seen from where it would connect to.
func localAddress(to string) (string, error) {
	conn, err := net.Dial("udp", to) // which sends nothing
	if err != nil {
		return "", err
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	return host, err
}

func (r *webhookReceiver) close() { _ = r.server.Close() }

// ServeHTTP implements http.Handler.
func (r *webhookReceiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	at := time.Now()
	var event struct {
		ID        string    `json:"id"`
		Timestamp time.Time `json:"timestamp"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, request.Body, 1<<20)).Decode(&event); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.first[event.ID]; !again {
		r.first[event.ID] = max(0, at.Sub(event.Timestamp))
		r.last = at
	}
}

// heard are how many events arrived, and when the last did.
func (r *webhookReceiver) heard() (n int64, last time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.first)), r.last
}

// forget begins anew, and returns what the receiver has heard.
func (r *webhookReceiver) forget() map[string]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	heard := r.first
	r.first, r.last = map[string]time.Duration{}, time.Time{}
	return heard
}

// webhooks measures how many events a second arrive at a receiver of this process, then how long first attempts take at
// half of that rate.
func (s *session) webhooks(ctx context.Context, c chosen, of *shop, m *measured) error {
	r, err := newWebhookReceiver(s.target.access.RPC)
	if err != nil {
		return err
	}
	defer r.close()
	by, ids, err := of.hooks(ctx, "http://"+r.listener.Addr().String())
	if code := Code(err); err != nil && code == client.CodeEndpointRefused {
		m.notes = append(m.notes, "webhooks were not measured: the deployment does not send them to this machine "+
			"(--webhook-allow-private)")
		return nil
	}
	if err != nil {
		return err
	}
	cause := func(worker int, n int64) error {
		_, err := s.target.raw.Webhooks.TestWebhook(by[int(n)%len(by)], &webhookapi.WebhookActionRequest{
			Id: of.id, WebhookId: ids[int(n)%len(ids)], Mode: "live",
			RequestId: s.prefix + "-e" + strconv.FormatInt(s.calls.Add(1), 10),
		})
		return err
	}
	span := min(c.span, 2*roundSpan)
	s.progress.Load(fmt.Sprintf("events, %d callers", eventCallers), span)
	began := time.Now()
	caused := load.Closed(ctx, eventCallers, span, s.options(c, span, nil), cause)
	s.progress.LoadEnd()
	last, err := s.arrived(ctx, r, caused)
	if err != nil {
		return err
	}
	n, _ := r.heard()
	perSecond := float64(n) / last.Sub(began).Seconds()
	r.forget()

	s.progress.Load(fmt.Sprintf("events, %.0f a second", perSecond*calmEvents), span)
	caused = load.Open(ctx, c.schedule(perSecond*calmEvents, span), s.options(c, span, nil), cause)
	s.progress.LoadEnd()
	if _, err = s.arrived(ctx, r, caused); err != nil {
		return err
	}
	taken := load.NewHistogram()
	for _, d := range r.forget() {
		load.Note(taken, d)
	}
	m.figures = append(m.figures,
		report.Figure{Name: "webhooks", Value: perSecond, Unit: "a second",
			Note: fmt.Sprintf("events that arrived, %d callers who cause them, %d webhooks", eventCallers, hooks)},
		report.Figure{Name: "p50 to the first attempt", Value: report.Milliseconds(load.Quantile(taken, .5)),
			Unit: "ms", Note: fmt.Sprintf("from the event, at %.0f a second", perSecond*calmEvents)},
		report.Figure{Name: "p99 to the first attempt", Value: report.Milliseconds(load.Quantile(taken, .99)),
			Unit: "ms"})
	return nil
}

// arrived waits until every event that was caused has arrived.
func (s *session) arrived(ctx context.Context, r *webhookReceiver, caused load.Result) (last time.Time, err error) {
	for code, n := range caused.Codes {
		return last, fmt.Errorf("%d of %d events could not be caused: %s: %s", n, caused.Done, code,
			caused.Example[code])
	}
	for deadline := time.Now().Add(s.plan.arrivalTimeout()); ; {
		n, last := r.heard()
		switch {
		case n >= caused.Done:
			return last, nil
		case ctx.Err() != nil:
			return last, ctx.Err()
		case time.Now().After(deadline):
			return last, fmt.Errorf("%d events were caused, and %d arrived at http://%s", caused.Done, n,
				r.listener.Addr())
		}
		select {
		case <-time.After(drainPoll):
		case <-ctx.Done():
		}
	}
}

// hooks makes developers of the shop, whose contexts it returns, and webhooks at an address.
func (o *shop) hooks(ctx context.Context, url string) (by []context.Context, ids []int64, err error) {
	o.s.progress.Step("making webhooks")
	ids = make([]int64, hooks)
	for i := range ids {
		made, err := o.owner.Webhooks.Create(ctx, &webhookapi.CreateWebhookRequest{Id: o.id, RequestId: o.s.name(),
			Mode: "live", Url: url, Types: []string{"*"}})
		if err != nil {
			return nil, nil, err
		}
		ids[i] = made.Id
	}
	for i := range developers {
		name := fmt.Sprintf("%s-dev%d", o.s.prefix, i)
		_, err := o.owner.Merchants.SetMember(ctx, &merchantapi.SetMemberRequest{Id: o.id, RequestId: o.s.name(),
			UserId: name, Role: "developer"})
		if err != nil {
			return nil, nil, explainAt(err, "make a developer")
		}
		token, err := o.s.target.access.Sign(name, "user")
		if err != nil {
			return nil, nil, err
		}
		by = append(by, client.ContextWithToken(context.WithoutCancel(ctx), token))
	}
	return by, ids, nil
}
