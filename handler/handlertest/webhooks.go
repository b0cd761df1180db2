package handlertest

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/webhook"
)

// secret is that of every webhook key that the Domain makes.
var secret = []byte("a secret of thirty-two characters")

func sampleWebhook() webhook.Endpoint {
	at := time.UnixMilli(1_800_000_000_000).UTC()
	return webhook.Endpoint{
		ID: 1<<62 + 7, Owner: merchant.WebhookAccount(1, merchant.Test), URL: "https://example.org/hook",
		Types: []string{"merchant.*"}, Asymmetric: true, State: webhook.StateActive, CreatedAt: at, ChangedAt: at,
		Keys: []webhook.Key{
			{Number: 2, Public: make(ed25519.PublicKey, ed25519.PublicKeySize)},
			{Number: 1, Public: make(ed25519.PublicKey, ed25519.PublicKeySize), Until: at},
		},
	}
}

// webhooks is the Domain as a webhook.Service.
type webhooks struct{ *Domain }

func (d webhooks) one(owner string) (webhook.Endpoint, error) {
	_, err := d.asked(owner, nil)
	return sampleWebhook(), err
}

func (d webhooks) Create(
	_ context.Context, owner, _ string, set webhook.Settings,
) (webhook.Endpoint, *webhook.Key, error) {
	_, err := d.asked(owner, func(s *State) { s.Settings = set })
	return sampleWebhook(), &webhook.Key{Number: 2, Secret: secret}, err
}

func (d webhooks) Update(
	_ context.Context, owner string, _ int64, url string, types []string,
) (webhook.Endpoint, error) {
	_, err := d.asked(owner, func(s *State) { s.Settings = webhook.Settings{URL: url, Types: types} })
	return sampleWebhook(), err
}

func (d webhooks) SetState(
	_ context.Context, owner string, _ int64, to webhook.EndpointState,
) (webhook.Endpoint, error) {
	_, err := d.asked(owner, func(s *State) { s.WebhookState = to })
	return sampleWebhook(), err
}

// Roll is repeated by the request id "again".
func (d webhooks) Roll(
	_ context.Context, owner string, _ int64, requestID string,
) (webhook.Endpoint, *webhook.Key, error) {
	e, err := d.one(owner)
	if requestID == "again" {
		return e, nil, err
	}
	return e, &webhook.Key{Number: 2, Secret: secret}, err
}

func (d webhooks) Test(_ context.Context, owner string, _ int64, _ string) (webhook.Endpoint, error) {
	return d.one(owner)
}

func (d webhooks) Replay(_ context.Context, owner string, _ int64, which webhook.Range) (int, error) {
	_, err := d.asked(owner, func(s *State) { s.Replayed = which })
	return 3, err
}

func (d webhooks) Endpoint(_ context.Context, owner string, _ int64) (webhook.Endpoint, error) {
	return d.one(owner)
}

func (d webhooks) Endpoints(_ context.Context, owner string, before int64, limit int) ([]webhook.Endpoint, error) {
	_, err := d.asked(owner, func(s *State) { s.Before, s.Limit = before, limit })
	return []webhook.Endpoint{sampleWebhook()}, err
}

func (d webhooks) Events(_ context.Context, owner string, after int64, limit int) ([]webhook.Record, error) {
	_, err := d.asked(owner, func(s *State) { s.Before, s.Limit = after, limit })
	return []webhook.Record{{
		ID: 1<<62 + 8, Owner: owner, Position: after + 1, Type: "merchant.changed", Object: "merchant:1", Sequence: 1,
		Payload: []byte(`{"type":"merchant.changed"}`), At: sampleWebhook().CreatedAt,
	}}, err
}

func (d webhooks) LatestEvents(_ context.Context, owner string, before int64, limit int) ([]webhook.Record, error) {
	_, err := d.asked(owner, func(s *State) { s.Before, s.Limit = -before, limit })
	return []webhook.Record{{
		ID: 1<<62 + 8, Owner: owner, Position: before - 1, Type: "merchant.changed", Object: "merchant:1", Sequence: 1,
		Payload: []byte(`{"type":"merchant.changed"}`), At: sampleWebhook().CreatedAt,
	}}, err
}

func (d webhooks) Deliveries(
	_ context.Context, owner string, id int64, state webhook.DeliveryState, before int64, limit int,
) ([]webhook.Delivery, error) {
	_, err := d.asked(owner, func(s *State) { s.Before, s.Limit, s.DeliveryState = before, limit, state })
	one := webhook.Delivery{
		Event: 1<<62 + 8, Endpoint: id, Type: "merchant.changed", State: webhook.DeliveryDue, Attempts: 1, Tries: 1,
		NextAt: sampleWebhook().CreatedAt, Status: 500,
	}
	if limit == 2 { // a page of one has another behind it
		return []webhook.Delivery{one, one}, err
	}
	return []webhook.Delivery{one}, err
}

func (d webhooks) Attempts(_ context.Context, owner string, _, _ int64, before, limit int) ([]webhook.Attempt, error) {
	_, err := d.asked(owner, func(s *State) { s.Before, s.Limit = int64(before), limit })
	return []webhook.Attempt{{
		Number: 1, At: sampleWebhook().CreatedAt, Took: 12 * time.Millisecond, Outcome: webhook.OutcomeFailed,
		Status: 500, Timestamp: "1800000000", Signature: "v1,c2lnbmF0dXJl", Signed: []byte(`8.1800000000.{"note":"恭喜"}`),
		Answer: []byte("no\xffwhere"),
	}}, err
}

func (d webhooks) Types() []string { return []string{"merchant.changed", "webhook.disabled"} }

func (d merchants) WebhooksOf(_ context.Context, user string, id int64, mode string) (string, error) {
	_, err := d.asked(user, nil)
	return merchant.WebhookAccount(id, merchant.Mode(mode)), err
}

func (d merchants) WebhooksIn(_ context.Context, s merchant.Session, id int64, mode string) (string, error) {
	_, err := d.asked(s.Account(), nil)
	return merchant.WebhookAccount(id, merchant.Mode(mode)), err
}
