// WebhookService: what happened to a merchant, told to its servers over HTTP. The conventions of wallet.thrift hold.
//
//   webhook    active ⇄ paused             by the merchant; what is due waits meanwhile
//              active, paused → disabled   by the merchant, by an answer 410, or by five days of failure; for good
//
//   delivery   due ──2xx──▶ delivered
//               └─ten attempts failed, or the webhook is disabled──▶ dead
//
// Deliveries follow the Standard Webhooks specification 1.0.0: see docs/api.md for how to verify them. Each event is
// delivered at least once to every webhook that is subscribed when the event gets its position, moments after it
// happened; repetitions have the same `webhook-id`. Order is not promised: `sequence` counts the events of an object,
// 1, 2, 3, without gaps.
//
// A merchant's two sides have webhooks of their own. Members of the roles owner and developer call with their own token
// of scope `user`, servers with a token of scope `merchant` whose key has the permission `webhook_manage`. The token's
// merchant and side must be those of the call.
namespace go webhookapi

// What signs a webhook's deliveries. The one before the newest signs beside it for a day.
struct WebhookKey {
  1: required i32 number
  2: required string public_key // whpk_…, Ed25519; empty where the webhook is not asymmetric
  3: required i64 until         // 0 for the newest
  4: required string secret     // whsec_…, in the answer of the call that made it alone; else empty
}

struct Webhook {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string url
  3: required list<string> types    // *, or types, or the beginning of some as merchant.*
  4: required bool asymmetric       // signs with Ed25519 (v1a) beside HMAC-SHA256 (v1)
  5: required string state          // active, paused, disabled
  6: required string reason         // why it is disabled: owner, gone, failing; else empty
  7: required i64 failing_since     // of the first failure after the last success; 0 where the last attempt did not fail
  8: required i64 not_before        // it asked for a pause until then; 0 for none
  9: required i64 created_at
  10: required i64 changed_at
  11: required list<WebhookKey> keys // that sign, the newest first
}

struct CreateWebhookRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id
  3: required string mode        // live, test
  4: required string url         // https://…, up to 512 bytes
  5: required list<string> types // 1 to 64
  6: optional bool asymmetric    // false unless told
}

struct WebhooksRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
  3: optional string cursor (api.query = "cursor")
  4: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct WebhooksResponse {
  1: required list<Webhook> webhooks // newest first
  2: required list<string> types     // to which a webhook can be subscribed
  3: required string next_cursor     // empty on the last page; the last one may have nothing on it
}

struct WebhookRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required string mode (api.query = "mode")
}

struct UpdateWebhookRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required string mode
  4: required string url
  5: required list<string> types
}

struct WebhookStateRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required string mode
}

struct WebhookActionRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required string request_id
  4: required string mode
}

struct ReplayRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required string mode
  4: optional i64 event_id (go.tag = 'json:"event_id,string"') // this one; or leave it out and give from and to
  5: optional i64 from // those that happened from then
  6: optional i64 to   // to before then
}

struct ReplayResponse {
  1: required i32 deliveries // how many are due again
}

struct DeliveriesRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required string mode (api.query = "mode")
  4: optional string state (api.query = "state") // due, delivered, dead; any unless told
  5: optional string cursor (api.query = "cursor")
  6: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct Delivery {
  1: required i64 event_id (go.tag = 'json:"event_id,string"')
  2: required string type
  3: required string state      // due, delivered, dead
  4: required i32 attempts      // made in all
  5: required i64 next_at       // of the next attempt; 0 where none is due
  6: required i32 status        // of the last answer; 0 for none
}

struct DeliveriesResponse {
  1: required list<Delivery> deliveries // the newest event first
  2: required string next_cursor
}

struct AttemptsRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 webhook_id (api.path = "webhook", go.tag = 'json:"webhook_id,string"')
  3: required i64 event_id (api.path = "event", go.tag = 'json:"event_id,string"')
  4: required string mode (api.query = "mode")
  5: optional string cursor (api.query = "cursor")
  6: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct Attempt {
  1: required i32 number        // 1, 2, 3 … of the delivery
  2: required i64 at
  3: required i64 took_ms
  4: required string outcome    // delivered, failed, throttled (it asked for a pause), gone
  5: required i32 status        // 0 where there was no answer
  6: required string failure    // why there was none; else empty
  7: required string timestamp  // the header webhook-timestamp
  8: required string signature  // the header webhook-signature
  9: required string signed     // what the signatures sign, byte for byte: id, timestamp and body, joined by full stops
  10: required string answer    // the first 1,024 bytes of the body; what is not UTF-8 is replaced by U+FFFD
}

struct AttemptsResponse {
  1: required list<Attempt> attempts // the last first
  2: required string next_cursor
}

struct EventsRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
  3: optional i64 after (api.query = "after") // the last position that was seen; 0, from the beginning, unless told
  4: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
  5: optional i64 before (api.query = "before") // instead of after: the events below this position, the latest first
}

struct WebhookEvent {
  1: required i64 id (go.tag = 'json:"id,string"') // the webhook-id
  2: required i64 position     // 1, 2, 3 … of the merchant's side
  3: required string type
  4: required string object    // what it is about, as merchant:17
  5: required i64 sequence     // 1, 2, 3 … of the object
  6: required string payload   // JSON: the body of every attempt to deliver it
  7: required i64 at
}

struct EventsResponse {
  1: required list<WebhookEvent> events // the earliest first; the latest first where before was given
}

service WebhookService {
  // Makes a webhook. Its secret is in this answer alone: a repetition answers without, so where the answer was lost,
  // roll it. Errors: `merchant_not_found`, `role_missing`, `mode_mismatch`, `permission_missing`,
  // `merchant_not_active`, `endpoint_refused`, `unknown_event_type`, `too_many_webhooks` (16 that are not disabled),
  // `request_conflict`, `ip_not_allowed`, `rate_limited`.
  Webhook CreateWebhook(1: CreateWebhookRequest req) (api.post = "/v1/merchants/{id}/webhooks", hongbao.scope = "user,merchant")

  // The webhooks of one side, and the types of events that there are. Errors: `merchant_not_found`, `role_missing`,
  // `mode_mismatch`, `permission_missing`, `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  WebhooksResponse Webhooks(1: WebhooksRequest req) (api.get = "/v1/merchants/{id}/webhooks", hongbao.scope = "user,merchant")

  // Errors: as of Webhooks, and `webhook_not_found`.
  Webhook GetWebhook(1: WebhookRequest req) (api.get = "/v1/merchants/{id}/webhooks/{webhook}", hongbao.scope = "user,merchant")

  // Changes the address and the subscription. Errors: as of Webhooks, and `webhook_not_found`, `webhook_disabled`,
  // `endpoint_refused`, `unknown_event_type`.
  Webhook UpdateWebhook(1: UpdateWebhookRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/update", hongbao.scope = "user,merchant")

  // Errors: as of Webhooks, and `webhook_not_found`, `webhook_disabled`.
  Webhook PauseWebhook(1: WebhookStateRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/pause", hongbao.scope = "user,merchant")

  // Errors: as of Webhooks, and `webhook_not_found`, `webhook_disabled`.
  Webhook ResumeWebhook(1: WebhookStateRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/resume", hongbao.scope = "user,merchant")

  // Disables a webhook for good: what is due to it is dead. Errors: as of Webhooks, and `webhook_not_found`.
  Webhook DisableWebhook(1: WebhookStateRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/disable", hongbao.scope = "user,merchant")

  // Gives a webhook a new key, whose secret is in this answer alone. The key before it signs for a day as well; rolling
  // twice ends it at once. Errors: as of Webhooks, and `webhook_not_found`, `webhook_disabled`, `request_conflict`.
  Webhook RollWebhook(1: WebhookActionRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/roll", hongbao.scope = "user,merchant")

  // Sends an event of type webhook.test to this webhook alone. Errors: as of Webhooks, and `webhook_not_found`,
  // `webhook_disabled`, `request_conflict`.
  Webhook TestWebhook(1: WebhookActionRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/test", hongbao.scope = "user,merchant")

  // Delivers events again: one, or those of a time that the webhook is subscribed to, at most 10,000. Errors: as of
  // Webhooks, and `webhook_not_found`, `webhook_disabled`, `webhook_event_not_found`, `replay_too_large`.
  ReplayResponse ReplayWebhook(1: ReplayRequest req) (api.post = "/v1/merchants/{id}/webhooks/{webhook}/replay", hongbao.scope = "user,merchant")

  // Errors: as of Webhooks, and `webhook_not_found`.
  DeliveriesResponse Deliveries(1: DeliveriesRequest req) (api.get = "/v1/merchants/{id}/webhooks/{webhook}/deliveries", hongbao.scope = "user,merchant")

  // The attempts of a delivery. Errors: as of Webhooks, and `webhook_not_found`.
  AttemptsResponse Attempts(1: AttemptsRequest req) (api.get = "/v1/merchants/{id}/webhooks/{webhook}/deliveries/{event}/attempts", hongbao.scope = "user,merchant")

  // The same events, for whoever would rather ask. Positions have no gaps and never come late: go on after the last one
  // that you have seen. Errors: as of Webhooks.
  EventsResponse Events(1: EventsRequest req) (api.get = "/v1/merchants/{id}/events", hongbao.scope = "user,merchant")
}
