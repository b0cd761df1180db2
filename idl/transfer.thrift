// TransferService: money from one person to another. The conventions of wallet.thrift hold.
//
// The sender offers, and the money is held at once; the recipient accepts or declines. The sender says at the offer
// when the money arrives after the acceptance, and may call it back until then.
//
//   offered ──accept──▶ accepted ──its time comes──▶ arrived     the money is the recipient's
//      │  └─accept, to arrive now ────────────────────▲
//      │                    └──recall──▶ recalled                the money is back with the sender
//      └──decline──▶ declined, ──recall──▶ recalled, ──24 h──▶ expired      likewise
//
// `arrived`, `declined`, `expired` and `recalled` are final. Whatever happens at the same moment, one of them wins; the
// others are told which one it was.
//
// Both sides hear of every step live, on the topic `user:` and their own id: events `transfer.offered`,
// `transfer.accepted`, `transfer.arrived`, `transfer.declined`, `transfer.expired` and `transfer.recalled`, with the
// fields of Transfer and its id as `transfer_id`. An event can come twice, and two close ones in the other order: a
// transfer only ever moves on in the picture above, so keep the state that is further along.
//
// What a user sends in transfers and pays into collections is limited per currency and day (UTC), 20,000,000 minor
// units unless configured otherwise. What goes back to the sender counts no more.
namespace go transferapi

struct OfferRequest {
  1: required string request_id
  2: required string to           // who is to get it, not the caller
  3: required i64 amount          // minor units, at least 1
  4: required string currency     // ISO 4217, for example CNY; the recipient gets the same currency
  5: optional string note         // up to 100 characters, in both statements
  6: optional string arrives_in   // after the acceptance: now (unless told), 2h or 24h
}

struct Transfer {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string sender
  3: required string to
  4: required i64 amount
  5: required string currency
  6: required string note
  7: required string state       // offered, accepted, arrived, declined, expired, recalled
  8: required string arrives_in  // now, 2h, 24h
  9: required i64 created_at
  10: required i64 expires_at    // until when it can be accepted
  11: required i64 arrives_at    // when it arrives, or did; 0 where it is not accepted
  12: required i64 changed_at    // when it came into its state
}

struct TransferRequest {
  1: required i64 transfer_id (api.path = "id", go.tag = 'json:"transfer_id,string"')
}

struct TransfersRequest {
  1: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  2: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

struct TransfersResponse {
  1: required list<Transfer> transfers // newest first
  2: required string next_cursor       // empty on the last page
}

service TransferService {
  // Holds the money and offers it to a person. Errors: `transfer_to_oneself`, `recipient_required` (to is empty),
  // `unknown_currency`, `amount_out_of_range`, `note_too_long`, `unknown_arrival`, `daily_limit_exceeded`,
  // `insufficient_balance` (nothing is held), `account_frozen`, `request_conflict`.
  Transfer Offer(1: OfferRequest req) (api.post = "/v1/transfers", hongbao.scope = "user")

  // Takes the money, for its recipient. It is in the wallet within moments of its time of arrival. Errors:
  // `transfer_not_found`, `not_the_recipient`, `already_accepted`, `already_arrived`, `already_declined`,
  // `transfer_expired`, `transfer_recalled`.
  Transfer Accept(1: TransferRequest req) (api.post = "/v1/transfers/{id}/accept", hongbao.scope = "user")

  // Refuses the money, for its recipient: it goes back at once. Errors: as Accept.
  Transfer Decline(1: TransferRequest req) (api.post = "/v1/transfers/{id}/decline", hongbao.scope = "user")

  // Calls the money back, for its sender, until it arrives: it goes back at once. Errors: `transfer_not_found`,
  // `not_the_sender`, `already_arrived`, `already_declined`, `transfer_expired`, `transfer_recalled`.
  Transfer Recall(1: TransferRequest req) (api.post = "/v1/transfers/{id}/recall", hongbao.scope = "user")

  // A transfer as it is now, for its two sides; to anybody else it is not there. Errors: `transfer_not_found`.
  Transfer GetTransfer(1: TransferRequest req) (api.get = "/v1/transfers/{id}", hongbao.scope = "user")

  // What the caller offered, newest first.
  TransfersResponse SentTransfers(1: TransfersRequest req) (api.get = "/v1/me/transfers?direction=sent", hongbao.scope = "user")

  // What the caller was offered, newest first. An offer appears here within moments.
  TransfersResponse ReceivedTransfers(1: TransfersRequest req) (api.get = "/v1/me/transfers?direction=received", hongbao.scope = "user")
}
