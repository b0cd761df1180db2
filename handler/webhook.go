package handler

import (
	"context"
	"strings"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/webhook"
)

// WebhookDomain is what Webhook needs of webhook.Service.
type WebhookDomain interface {
	Create(ctx context.Context, owner, requestID string, set webhook.Settings) (webhook.Endpoint, *webhook.Key, error)
	Update(ctx context.Context, owner string, id int64, url string, types []string) (webhook.Endpoint, error)
	SetState(ctx context.Context, owner string, id int64, to webhook.EndpointState) (webhook.Endpoint, error)
	Roll(ctx context.Context, owner string, id int64, requestID string) (webhook.Endpoint, *webhook.Key, error)
	Test(ctx context.Context, owner string, id int64, requestID string) (webhook.Endpoint, error)
	Replay(ctx context.Context, owner string, id int64, which webhook.Range) (int, error)
	Endpoint(ctx context.Context, owner string, id int64) (webhook.Endpoint, error)
	Endpoints(ctx context.Context, owner string, before int64, limit int) ([]webhook.Endpoint, error)
	Events(ctx context.Context, owner string, after int64, limit int) ([]webhook.Record, error)
	LatestEvents(ctx context.Context, owner string, before int64, limit int) ([]webhook.Record, error)
	Deliveries(
		ctx context.Context, owner string, id int64, state webhook.DeliveryState, before int64, limit int,
	) ([]webhook.Delivery, error)
	Attempts(ctx context.Context, owner string, id, event int64, before, limit int) ([]webhook.Attempt, error)
	Types() []string
}

// WebhookOwners is what Webhook needs of merchant.Service.
type WebhookOwners interface {
	WebhooksOf(ctx context.Context, user string, id int64, mode string) (account string, err error)
	WebhooksIn(ctx context.Context, s merchant.Session, id int64, mode string) (account string, err error)
}

// Webhook is the Kitex WebhookService.
type Webhook struct {
	Domain WebhookDomain
	Owners WebhookOwners
}

var _ webhookapi.WebhookService = (*Webhook)(nil)

// owner is in whose name a call is made: that of a merchant's side.
func (h *Webhook) owner(ctx context.Context, id int64, mode string) (string, error) {
	if c, _ := auth.CallerFrom(ctx); c.Session != nil {
		return h.Owners.WebhooksIn(ctx, *c.Session, id, mode)
	}
	return h.Owners.WebhooksOf(ctx, subject(ctx), id, mode)
}

// CreateWebhook implements webhookapi.WebhookService.
func (h *Webhook) CreateWebhook(ctx context.Context, r *webhookapi.CreateWebhookRequest) (*webhookapi.Webhook, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return webhookWithKey(h.Domain.Create(ctx, owner, r.RequestId, webhook.Settings{
		URL: r.Url, Types: r.Types, Asymmetric: r.GetAsymmetric(),
	}))
}

// Webhooks implements webhookapi.WebhookService.
func (h *Webhook) Webhooks(ctx context.Context, r *webhookapi.WebhooksRequest) (*webhookapi.WebhooksResponse, error) {
	owner, limit, before, err := h.ownersPage(ctx, r.Id, r.Mode, r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.Endpoints(ctx, owner, before, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, limit, func(e webhook.Endpoint) int64 { return e.ID })
	return &webhookapi.WebhooksResponse{
		Webhooks: encodeAll(found, encodeWebhook), Types: h.Domain.Types(), NextCursor: next,
	}, nil
}

// GetWebhook implements webhookapi.WebhookService.
func (h *Webhook) GetWebhook(ctx context.Context, r *webhookapi.WebhookRequest) (*webhookapi.Webhook, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return webhookResponse(h.Domain.Endpoint(ctx, owner, r.WebhookId))
}

// UpdateWebhook implements webhookapi.WebhookService.
func (h *Webhook) UpdateWebhook(ctx context.Context, r *webhookapi.UpdateWebhookRequest) (*webhookapi.Webhook, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return webhookResponse(h.Domain.Update(ctx, owner, r.WebhookId, r.Url, r.Types))
}

// PauseWebhook implements webhookapi.WebhookService.
func (h *Webhook) PauseWebhook(ctx context.Context, r *webhookapi.WebhookStateRequest) (*webhookapi.Webhook, error) {
	return h.setState(ctx, r, webhook.StatePaused)
}

// ResumeWebhook implements webhookapi.WebhookService.
func (h *Webhook) ResumeWebhook(ctx context.Context, r *webhookapi.WebhookStateRequest) (*webhookapi.Webhook, error) {
	return h.setState(ctx, r, webhook.StateActive)
}

// DisableWebhook implements webhookapi.WebhookService.
func (h *Webhook) DisableWebhook(ctx context.Context, r *webhookapi.WebhookStateRequest) (*webhookapi.Webhook, error) {
	return h.setState(ctx, r, webhook.StateDisabled)
}

func (h *Webhook) setState(
	ctx context.Context, r *webhookapi.WebhookStateRequest, to webhook.EndpointState,
) (*webhookapi.Webhook, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return webhookResponse(h.Domain.SetState(ctx, owner, r.WebhookId, to))
}

// RollWebhook implements webhookapi.WebhookService.
func (h *Webhook) RollWebhook(ctx context.Context, r *webhookapi.WebhookActionRequest) (*webhookapi.Webhook, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return webhookWithKey(h.Domain.Roll(ctx, owner, r.WebhookId, r.RequestId))
}

// TestWebhook implements webhookapi.WebhookService.
func (h *Webhook) TestWebhook(ctx context.Context, r *webhookapi.WebhookActionRequest) (*webhookapi.Webhook, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	return webhookResponse(h.Domain.Test(ctx, owner, r.WebhookId, r.RequestId))
}

// ReplayWebhook implements webhookapi.WebhookService.
func (h *Webhook) ReplayWebhook(ctx context.Context, r *webhookapi.ReplayRequest) (*webhookapi.ReplayResponse, error) {
	owner, err := h.owner(ctx, r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	n, err := h.Domain.Replay(ctx, owner, r.WebhookId, webhook.Range{
		Event: r.GetEventId(), From: bound(r.From), To: bound(r.To),
	})
	if err != nil {
		return nil, err
	}
	return &webhookapi.ReplayResponse{Deliveries: int32(n)}, nil
}

// Deliveries implements webhookapi.WebhookService.
func (h *Webhook) Deliveries(
	ctx context.Context, r *webhookapi.DeliveriesRequest,
) (*webhookapi.DeliveriesResponse, error) {
	owner, limit, before, err := h.ownersPage(ctx, r.Id, r.Mode, r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	state := webhook.DeliveryState(r.GetState())
	found, err := h.Domain.Deliveries(ctx, owner, r.WebhookId, state, before, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, limit, func(d webhook.Delivery) int64 { return d.Event })
	return &webhookapi.DeliveriesResponse{Deliveries: encodeAll(found, encodeDelivery), NextCursor: next}, nil
}

// Attempts implements webhookapi.WebhookService.
func (h *Webhook) Attempts(ctx context.Context, r *webhookapi.AttemptsRequest) (*webhookapi.AttemptsResponse, error) {
	owner, limit, before, err := h.ownersPage(ctx, r.Id, r.Mode, r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.Attempts(ctx, owner, r.WebhookId, r.EventId, int(before), limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, limit, func(a webhook.Attempt) int64 { return int64(a.Number) })
	return &webhookapi.AttemptsResponse{Attempts: encodeAll(found, encodeAttempt), NextCursor: next}, nil
}

// Events implements webhookapi.WebhookService.
func (h *Webhook) Events(ctx context.Context, r *webhookapi.EventsRequest) (*webhookapi.EventsResponse, error) {
	owner, limit, _, err := h.ownersPage(ctx, r.Id, r.Mode, r.Limit, "")
	if err != nil {
		return nil, err
	}
	read, position := h.Domain.Events, r.GetAfter()
	if r.Before != nil {
		read, position = h.Domain.LatestEvents, *r.Before
	}
	if r.Before != nil && r.After != nil {
		return nil, refusal.New(refusal.CodeInvalidArgument, "after and before exclude each other: give one of them")
	}
	found, err := read(ctx, owner, position, limit)
	if err != nil {
		return nil, err
	}
	return &webhookapi.EventsResponse{Events: encodeAll(found, encodeEvent)}, nil
}

// ownersPage is owner and page in one.
func (h *Webhook) ownersPage(
	ctx context.Context, id int64, mode string, size *int32, cursor string,
) (owner string, limit int, before int64, err error) {
	if owner, err = h.owner(ctx, id, mode); err == nil {
		limit, before, err = page(size, cursor)
	}
	return owner, limit, before, err
}

func webhookResponse(e webhook.Endpoint, err error) (*webhookapi.Webhook, error) {
	if err != nil {
		return nil, err
	}
	return encodeWebhook(e), nil
}

// webhookWithKey shows the secret of a key that was made by this call; k is nil where it was made before.
func webhookWithKey(e webhook.Endpoint, k *webhook.Key, err error) (*webhookapi.Webhook, error) {
	encoded, err := webhookResponse(e, err)
	if err != nil || k == nil {
		return encoded, err
	}
	for _, shown := range encoded.Keys {
		if shown.Number == int32(k.Number) {
			shown.Secret = signature.EncodeSecret(k.Secret)
		}
	}
	return encoded, nil
}

func encodeWebhook(e webhook.Endpoint) *webhookapi.Webhook {
	return &webhookapi.Webhook{
		Id: e.ID, Url: e.URL, Types: e.Types, Asymmetric: e.Asymmetric, State: string(e.State),
		Reason: string(e.Reason), FailingSince: unixMilli(e.FailingSince), NotBefore: unixMilli(e.NotBefore),
		CreatedAt: unixMilli(e.CreatedAt), ChangedAt: unixMilli(e.ChangedAt),
		Keys: encodeAll(e.Keys, encodeWebhookKey),
	}
}

func encodeWebhookKey(k webhook.Key) *webhookapi.WebhookKey {
	encoded := &webhookapi.WebhookKey{Number: int32(k.Number), Until: unixMilli(k.Until)}
	if k.Public != nil {
		encoded.PublicKey = signature.EncodePublic(k.Public)
	}
	return encoded
}

func encodeDelivery(d webhook.Delivery) *webhookapi.Delivery {
	return &webhookapi.Delivery{
		EventId: d.Event, Type: d.Type, State: string(d.State), Attempts: int32(d.Attempts),
		NextAt: unixMilli(d.NextAt), Status: int32(d.Status),
	}
}

func encodeAttempt(a webhook.Attempt) *webhookapi.Attempt {
	return &webhookapi.Attempt{
		Number: int32(a.Number), At: unixMilli(a.At), TookMs: a.Took.Milliseconds(), Outcome: string(a.Outcome),
		Status: int32(a.Status), Failure: a.Failure, Timestamp: a.Timestamp, Signature: a.Signature,
		Signed: string(a.Signed), Answer: strings.ToValidUTF8(string(a.Answer), "\uFFFD"),
	}
}

func encodeEvent(e webhook.Record) *webhookapi.WebhookEvent {
	return &webhookapi.WebhookEvent{
		Id: e.ID, Position: e.Position, Type: e.Type, Object: e.Object, Sequence: e.Sequence,
		Payload: string(e.Payload), At: unixMilli(e.At),
	}
}

// unixMilli is a time on the wire, 0 for none.
func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
