package client_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi"
)

func applyForMerchant(ctx context.Context, c *client.Client) (*merchantapi.Merchant, error) {
	return c.Merchants.Apply(ctx, &merchantapi.ApplyRequest{
		Name: "noodles", LegalId: "91310000MA1", Country: "CN", Mcc: "5812", Contact: "ann@example.org",
		Currencies: []string{"CNY"},
	})
}

// A developer makes a webhook, tries it, and reads what was sent to it.
func ExampleClient_webhooks() {
	ctx := context.Background()
	c, err := client.New(client.WithAddress(exampleAddress()), client.WithToken(exampleToken("example-gus", "user")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	m, err := applyForMerchant(ctx, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	hook, err := c.Webhooks.Create(ctx, &webhookapi.CreateWebhookRequest{
		Id: m.Id, Mode: "test", Url: "https://shop.example/hongbao", Types: []string{"merchant.*"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.State, strings.HasPrefix(hook.Keys[0].Secret, "whsec_")) // keep the secret: it is not shown again
	_, err = c.Webhooks.Create(ctx, &webhookapi.CreateWebhookRequest{
		Id: m.Id, Mode: "test", Url: "https://10.0.0.1/", Types: []string{"*"},
	})
	fmt.Println(client.Code(err))
	// Output:
	// active true
	// endpoint_refused
}

func TestWebhooks(t *testing.T) {
	u := installation(t)
	c, ctx := u.as(t, "webhooks-ann"), t.Context()
	m, err := applyForMerchant(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	// An event that does not happen here: nothing is sent to the address.
	create := webhookapi.CreateWebhookRequest{
		Id: m.Id, Mode: "test", Url: "https://shop.example/", Types: []string{"webhook.disabled"}, RequestId: "hook",
	}
	hook, err := c.Webhooks.Create(ctx, &create)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Webhooks.Create(ctx, &create)
	if err != nil || again.Id != hook.Id || again.Keys[0].Secret != "" {
		t.Errorf("once more: %+v, %v", again, err)
	}
	state := webhookapi.WebhookStateRequest{Id: m.Id, WebhookId: hook.Id, Mode: "test"}
	if paused, err := c.Webhooks.Pause(ctx, &state); err != nil || paused.State != "paused" {
		t.Errorf("%+v, %v", paused, err)
	}
	action := webhookapi.WebhookActionRequest{Id: m.Id, WebhookId: hook.Id, Mode: "test"}
	if _, err := c.Webhooks.Test(ctx, &action); err != nil {
		t.Error(err)
	}
	deliveries := webhookapi.DeliveriesRequest{Id: m.Id, WebhookId: hook.Id, Mode: "test"}
	until(t, "the test event is due", func() bool {
		for d, err := range c.Webhooks.Deliveries(ctx, deliveries) {
			return err == nil && d.Type == "webhook.test" && d.State == "due"
		}
		return false
	})
	events, err := c.Webhooks.Events(ctx, &webhookapi.EventsRequest{Id: m.Id, Mode: "test"})
	if err != nil || len(events) != 2 || events[0].Type != "merchant.changed" || events[1].Position != 2 {
		t.Fatalf("%+v, %v", events, err)
	}
	attempts := webhookapi.AttemptsRequest{Id: m.Id, WebhookId: hook.Id, EventId: events[1].Id, Mode: "test"}
	for a, err := range c.Webhooks.Attempts(ctx, attempts) {
		t.Errorf("an attempt at a paused webhook: %+v, %v", a, err)
	}
	n, err := c.Webhooks.Replay(ctx, &webhookapi.ReplayRequest{
		Id: m.Id, WebhookId: hook.Id, Mode: "test", EventId: &events[0].Id,
	})
	if err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	action.RequestId = "" // another request
	rolled, err := c.Webhooks.Roll(ctx, &action)
	if err != nil || len(rolled.Keys) != 2 || rolled.Keys[0].Secret == "" || rolled.Keys[1].Until == 0 {
		t.Errorf("%+v, %v", rolled, err)
	}
	updated, err := c.Webhooks.Update(ctx, &webhookapi.UpdateWebhookRequest{
		Id: m.Id, WebhookId: hook.Id, Mode: "test", Url: "https://other.example/", Types: []string{"webhook.disabled"},
	})
	if err != nil || updated.Url != "https://other.example/" {
		t.Errorf("%+v, %v", updated, err)
	}
	if _, err := c.Webhooks.Disable(ctx, &state); err != nil {
		t.Error(err)
	}
	if _, err := c.Webhooks.Resume(ctx, &state); client.Code(err) != client.CodeWebhookDisabled {
		t.Errorf("resumed: %v", err)
	}
	got, err := c.Webhooks.Get(ctx, &webhookapi.WebhookRequest{Id: m.Id, WebhookId: hook.Id, Mode: "test"})
	if err != nil || got.State != "disabled" || got.Reason != "owner" {
		t.Errorf("%+v, %v", got, err)
	}
	listed := 0
	for w, err := range c.Webhooks.List(ctx, m.Id, "test") {
		if listed++; err != nil || w.Id != hook.Id {
			t.Errorf("%+v, %v", w, err)
		}
	}
	if listed != 1 {
		t.Errorf("%d webhooks", listed)
	}
	_, err = u.as(t, "webhooks-bob").Webhooks.Get(ctx,
		&webhookapi.WebhookRequest{Id: m.Id, WebhookId: hook.Id, Mode: "test"})
	if client.Code(err) != client.CodeMerchantNotFound {
		t.Errorf("a stranger: %v", err)
	}
}
