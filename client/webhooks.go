package client

import (
	"context"
	"iter"

	"github.com/hongbao/hongbao/kitex_gen/webhookapi"
)

// Webhooks calls the WebhookService. The requests and answers are those of idl/webhook.thrift; a RequestId that is
// empty is made. Scope: user, for members of the merchant, or of its key; see Client.AsMerchant.
type Webhooks struct{ c *Client }

// Create makes a webhook. It is sent once, for a repetition would answer without the secret: after an error other than
// a refusal, look at List, and roll what was made.
func (s Webhooks) Create(ctx context.Context, r *webhookapi.CreateWebhookRequest) (*webhookapi.Webhook, error) {
	r.RequestId = requestID(r.RequestId)
	return invoke(ctx, s.c, call{method: "Webhooks.Create", requestID: r.RequestId, once: true},
		s.c.shared.services.Webhooks.CreateWebhook, r)
}

// List iterates over the webhooks of a merchant's side, live or test, newest first.
func (s Webhooks) List(ctx context.Context, merchant int64, mode string) iter.Seq2[*webhookapi.Webhook, error] {
	return list(s.c, func(cursor *string, size *int32) (*webhookapi.WebhooksResponse, error) {
		return invoke(ctx, s.c, call{method: "Webhooks.List"}, s.c.shared.services.Webhooks.Webhooks,
			&webhookapi.WebhooksRequest{Id: merchant, Mode: mode, Cursor: cursor, Limit: size})
	}, (*webhookapi.WebhooksResponse).GetWebhooks, same)
}

// Get returns a webhook.
func (s Webhooks) Get(ctx context.Context, r *webhookapi.WebhookRequest) (*webhookapi.Webhook, error) {
	return invoke(ctx, s.c, call{method: "Webhooks.Get"}, s.c.shared.services.Webhooks.GetWebhook, r)
}

// Update changes the address and the subscription of a webhook.
func (s Webhooks) Update(ctx context.Context, r *webhookapi.UpdateWebhookRequest) (*webhookapi.Webhook, error) {
	return invoke(ctx, s.c, call{method: "Webhooks.Update"}, s.c.shared.services.Webhooks.UpdateWebhook, r)
}

// Pause lets what is due to a webhook wait.
func (s Webhooks) Pause(ctx context.Context, r *webhookapi.WebhookStateRequest) (*webhookapi.Webhook, error) {
	return invoke(ctx, s.c, call{method: "Webhooks.Pause"}, s.c.shared.services.Webhooks.PauseWebhook, r)
}

// Resume ends a pause.
func (s Webhooks) Resume(ctx context.Context, r *webhookapi.WebhookStateRequest) (*webhookapi.Webhook, error) {
	return invoke(ctx, s.c, call{method: "Webhooks.Resume"}, s.c.shared.services.Webhooks.ResumeWebhook, r)
}

// Disable ends a webhook for good.
func (s Webhooks) Disable(ctx context.Context, r *webhookapi.WebhookStateRequest) (*webhookapi.Webhook, error) {
	return invoke(ctx, s.c, call{method: "Webhooks.Disable"}, s.c.shared.services.Webhooks.DisableWebhook, r)
}

// Roll gives a webhook a new key, whose secret the answer has. It is sent once, as Create is.
func (s Webhooks) Roll(ctx context.Context, r *webhookapi.WebhookActionRequest) (*webhookapi.Webhook, error) {
	r.RequestId = requestID(r.RequestId)
	return invoke(ctx, s.c, call{method: "Webhooks.Roll", requestID: r.RequestId, once: true},
		s.c.shared.services.Webhooks.RollWebhook, r)
}

// Test sends an event of type webhook.test to a webhook.
func (s Webhooks) Test(ctx context.Context, r *webhookapi.WebhookActionRequest) (*webhookapi.Webhook, error) {
	return mutate(ctx, s.c, "Webhooks.Test", s.c.shared.services.Webhooks.TestWebhook, r, &r.RequestId)
}

// Replay delivers events again, and returns how many. It is sent once: a repetition would deliver them twice more.
func (s Webhooks) Replay(ctx context.Context, r *webhookapi.ReplayRequest) (int, error) {
	answer, err := invoke(ctx, s.c, call{method: "Webhooks.Replay", once: true},
		s.c.shared.services.Webhooks.ReplayWebhook, r)
	return converted(func(a *webhookapi.ReplayResponse) int { return int(a.Deliveries) }, answer, err)
}

// Deliveries iterates over those to a webhook, the newest event first. r's cursor and limit are not used.
func (s Webhooks) Deliveries(
	ctx context.Context, r webhookapi.DeliveriesRequest,
) iter.Seq2[*webhookapi.Delivery, error] {
	return list(s.c, func(cursor *string, size *int32) (*webhookapi.DeliveriesResponse, error) {
		page := r
		page.Cursor, page.Limit = cursor, size
		return invoke(ctx, s.c, call{method: "Webhooks.Deliveries"}, s.c.shared.services.Webhooks.Deliveries, &page)
	}, (*webhookapi.DeliveriesResponse).GetDeliveries, same)
}

// Attempts iterates over those of a delivery, the last first. r's cursor and limit are not used.
func (s Webhooks) Attempts(ctx context.Context, r webhookapi.AttemptsRequest) iter.Seq2[*webhookapi.Attempt, error] {
	return list(s.c, func(cursor *string, size *int32) (*webhookapi.AttemptsResponse, error) {
		page := r
		page.Cursor, page.Limit = cursor, size
		return invoke(ctx, s.c, call{method: "Webhooks.Attempts"}, s.c.shared.services.Webhooks.Attempts, &page)
	}, (*webhookapi.AttemptsResponse).GetAttempts, same)
}

// Events returns the events of a merchant's side after a position, the earliest first; none where there is nothing new.
func (s Webhooks) Events(ctx context.Context, r *webhookapi.EventsRequest) ([]*webhookapi.WebhookEvent, error) {
	answer, err := invoke(ctx, s.c, call{method: "Webhooks.Events"}, s.c.shared.services.Webhooks.Events, r)
	return converted((*webhookapi.EventsResponse).GetEvents, answer, err)
}
