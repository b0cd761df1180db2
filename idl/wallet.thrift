// WalletService: what a user owns, what happened to it, and money in and out.
//
// Conventions of every service here
//   - The caller is the subject of the signed token that travels with the call; no field says who is calling.
//   - Amounts are whole minor units (CNY 100 = ¥1.00) of an ISO 4217 currency. They are never fractions.
//   - Times are Unix milliseconds, UTC. Ids of 64 bits are strings in JSON.
//   - `request_id` (1 to 64 characters of A–Z a–z 0–9 . _ : -) makes a call safe to repeat: the same id with the same
//     body gives the first answer again; with another body it is refused as `request_conflict`.
//   - User and group ids are the chat application's own: 1 to 64 characters of A–Z a–z 0–9 . _ : @ -
//   - A refusal carries a stable `code` and a sentence that says what was wrong and what is allowed.
//   - Every method may answer `unauthenticated`, `forbidden`, `invalid_argument`, `unavailable` (try again, with the
//     same request_id) and `internal`; the codes named at a method are those it adds.
namespace go walletapi

struct Balance {
  1: required string currency
  2: required i64 amount // what can be spent now, in minor units; never negative
}

struct BalancesRequest {}

struct BalancesResponse {
  1: required list<Balance> balances // one for each currency ever used, ordered by currency
}

// One line of a statement.
struct Entry {
  1: required i64 seq                     // 1, 2, 3 … without gaps in this wallet and currency
  2: required i64 amount                  // signed: positive came in, negative went out
  3: required i64 balance                 // the running balance after this entry
  4: required string kind                 // topup, withdrawal, hold, post, void
  5: required string subject              // what it was for: funding, envelope, transfer, collection
  6: required i64 reference (go.tag = 'json:"reference,string"') // the id of that envelope, transfer, top-up or withdrawal; of a collection, the payment_id of the part
  7: required string counterparty         // the other side's user id; empty where there is none, or a whole group
  8: required string note                 // the greeting or note that went with the money
  9: required i64 at
}

struct EntriesRequest {
  1: required string currency (api.query = "currency")
  2: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest entries
  3: optional i32 limit (api.query = "limit")      // 1 to 200, 50 unless told
  4: optional i64 from (api.query = "from")        // only entries of this time or later
  5: optional i64 to (api.query = "to")            // only entries before this time
}

struct EntriesResponse {
  1: required list<Entry> entries // newest first; with `from` or `to` perhaps none on a page that is not the last
  2: required string next_cursor  // empty on the last page
}

struct FundingRequest {
  1: required string request_id
  2: required i64 amount // at least 1
  3: required string currency
}

struct FundingResponse {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string state // settled; or pending: the funding provider has not decided yet
  3: required i64 balance  // the wallet's balance in that currency after it; 0 of a top-up that is pending
  4: required string currency
}

// A message of the funding provider, signed after Standard Webhooks with the secrets that it shares with the
// installation.
struct FundingCallbackRequest {
  // Of the decision: the same in every repetition.
  1: required string webhook_id (api.header = "webhook-id")
  // Unix seconds, at most 5 minutes from now.
  2: required string webhook_timestamp (api.header = "webhook-timestamp")
  // v1,BASE64 of HMAC-SHA256 over id.timestamp.body; several with spaces between.
  3: required string webhook_signature (api.header = "webhook-signature")
  // {"type":"funding.decided","order":
  // {"id":"…","kind":"topup","user":"…","amount":100,"currency":"CNY","state":"settled"}}:
  // kind is topup or withdrawal, state settled or refused, amount in minor units; at most 16,384 bytes.
  4: required binary body (api.raw_body = "")
}

struct FundingCallbackResponse {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string state // settled or refused
}

service WalletService {
  // What the caller owns, per currency.
  BalancesResponse Balances(1: BalancesRequest req) (api.get = "/v1/wallet", hongbao.scope = "user")

  // The caller's statement in one currency, newest first, with a running balance. GET /v1/wallet/statement.csv is the
  // same as a file, for whole days.
  EntriesResponse Entries(1: EntriesRequest req) (api.get = "/v1/wallet/entries", hongbao.scope = "user")

  // Brings money in through the installation's funding provider. While the answer is pending, the same call again tells
  // how far it has come. Errors: `amount_out_of_range`, `unknown_currency`, `request_conflict`, `funding_refused`.
  FundingResponse TopUp(1: FundingRequest req) (api.post = "/v1/wallet/topups", hongbao.scope = "user")

  // Takes money out through the funding provider. It leaves the wallet at once, and comes back where the provider
  // refuses. Errors: as TopUp, `insufficient_balance`, `daily_limit_exceeded` and `account_frozen`.
  FundingResponse Withdraw(1: FundingRequest req) (api.post = "/v1/wallet/withdrawals", hongbao.scope = "user")

  // Takes what the funding provider has decided about a top-up or withdrawal. It needs the provider's signature instead
  // of a token, and may be repeated: send it until it is answered with 200. Nothing moves with any other answer.
  // Errors: `signature_invalid`, `funding_not_found`, `funding_mismatch`, `funding_decided`; `not_found` where the
  // installation has no funding provider.
  FundingCallbackResponse FundingCallback(1: FundingCallbackRequest req)
    (api.post = "/v1/funding/callback", hongbao.scope = "signature")
}
