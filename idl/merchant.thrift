// MerchantService: businesses that act on the installation, who works for them, their wallets and their keys. The
// conventions of wallet.thrift hold.
//
//   merchant   applied ──approve──▶ active ◀──resume── suspended ──close──▶ closed
//                 └──reject──▶ rejected └────suspend───────▲
//
// A user applies and is the first owner; an operator decides, with a reason. Members act with their own token of scope
// `user`, as far as their role lets them:
//
//   owner      everything
//   finance    sees wallets and covers; tops up, moves money
//   developer  sees, makes, rolls and revokes keys; webhooks; covers; advances the test clock
//   viewer     sees wallets, keys and covers
//
// All of them see the merchant, its members and its history. Whoever is no member gets `merchant_not_found`.
//
// A merchant has two sides, live and test, each with the wallets available and marketing. Money of tests is made by the
// sandbox and never meets other money. Keys of mode test work as soon as a merchant has applied. The test side has a
// clock, which can be advanced: covers and channels of the side follow it, so that an expiry is tried in a second.
// Money, keys and webhooks keep the time of the installation.
//
// A merchant's server exchanges a key for a token of scope `merchant`, which is good for 15 minutes at most, and calls
// what is under /v1/merchant with it. Members hear of every change live: `merchant.changed` on the topic `user:` and
// their own id.
namespace go merchantapi

struct ApplyRequest {
  1: required string request_id
  2: required string name             // 1 to 60 characters
  3: required string legal_id         // of the register of companies, 1 to 40 characters
  4: required string country          // ISO 3166-1, for example CN
  5: required string mcc              // the industry: ISO 18245, four digits
  6: required string contact          // 1 to 120 characters
  7: required list<string> currencies // ISO 4217, 1 to 20, in which it deals
}

struct Merchant {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string name
  3: required string legal_id
  4: required string country
  5: required string mcc
  6: required string contact
  7: required list<string> currencies
  8: required string state      // applied, active, suspended, closed, rejected
  9: required string applicant
  10: required i64 created_at
  11: required i64 changed_at   // when it came into its state
  12: required string role      // the caller's in a list of their own merchants, else empty
  13: required i64 test_ahead_ms // how far the clock of the test side is ahead of the installation's
}

struct MerchantRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
}

struct AdvanceTestClockRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id
  3: required i64 by_ms         // 1 to 31,622,400,000, which is 366 days; ten years in all
}

struct MyMerchantsRequest {
  1: optional string cursor (api.query = "cursor")
  2: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct MerchantsInStateRequest {
  1: required string state (api.query = "state")
  2: optional string cursor (api.query = "cursor")
  3: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct FindMerchantsRequest {
  1: required string query (api.query = "query") // 1 to 60 characters
  2: optional string state (api.query = "state") // any unless told
  3: optional string cursor (api.query = "cursor")
  4: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct MerchantsResponse {
  1: required list<Merchant> merchants
  2: required string next_cursor // empty on the last page
}

struct DecideRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id
  3: required string decision   // approve, reject, suspend, resume, close
  4: required string reason     // 1 to 300 characters, for both sides to read
}

struct HistoryRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: optional string cursor (api.query = "cursor")
  3: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

// A line of a merchant's history.
struct MerchantChange {
  1: required i64 seq           // 1, 2, 3 … of the merchant
  2: required i64 at
  3: required string by         // a user id, the id of a key, or the subject of the operator's token
  4: required string side       // member, server, operator
  5: required string action     // apply, a decision, set_member, remove_member, create_key, roll_key, revoke_key, advance_clock
  6: required string object     // the member, key or side; empty for the merchant itself
  7: required string before     // state, role, the key that was rolled, or milliseconds ahead; empty where there was none
  8: required string after      // empty where there is none any more
  9: required string reason     // empty where a member gave none
}

struct HistoryResponse {
  1: required list<MerchantChange> changes // the latest first
  2: required string next_cursor
}

struct MerchantMember {
  1: required string user_id
  2: required string role
  3: required i64 since
}

struct MembersResponse {
  1: required list<MerchantMember> members // ordered by user id
}

struct SetMemberRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id
  3: required string user_id
  4: required string role       // owner, finance, developer, viewer
  5: optional string reason     // up to 300 characters
}

struct RemoveMemberRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string user_id (api.path = "user")
  3: required string request_id
  4: optional string reason     // up to 300 characters
}

struct MerchantKey {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string mode              // live, test
  3: required string name
  4: required list<string> permissions
  5: required list<string> allowed     // networks from which it may be used; empty for all
  6: required string public_key        // base64; empty where it has a secret
  7: required string hint              // the last four characters of the secret
  8: required string state             // active, rolling (another has taken its place), revoked
  9: required i64 created_at
  10: required i64 expires_at          // 0 for never
  11: required i64 last_used_at        // to the minute; 0 for never
  12: required i64 rolled_from (go.tag = 'json:"rolled_from,string"') // the key whose place it took; "0" for none
  13: required string secret           // hb_live_… or hb_test_…, in the answer of the call that made it alone; else empty
}

struct KeysResponse {
  1: required list<MerchantKey> keys
}

struct CreateKeyRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id
  3: required string mode               // live, test
  4: required string name               // 1 to 40 characters
  5: required list<string> permissions  // wallet_read, wallet_move, webhook_manage, cover_read, cover_edit, cover_stock, cover_give, clock_advance
  6: optional list<string> allowed      // up to 16 addresses or networks, as 203.0.113.0/24; all unless told
  7: optional i64 expires_at            // never unless told
  8: optional string public_key         // base64 of an Ed25519 key of 32 bytes, with which the merchant signs; a secret is made unless told
}

struct RollKeyRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 key_id (api.path = "key", go.tag = 'json:"key_id,string"')
  3: required string request_id
  4: required i64 overlap_ms        // how long the old key stays good: 0 to 604,800,000
  5: optional string public_key     // base64, for a key that has one
}

struct RevokeKeyRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 key_id (api.path = "key", go.tag = 'json:"key_id,string"')
  3: required string request_id
  4: optional string reason         // up to 300 characters
}

struct WalletsRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
}

struct WalletBalance {
  1: required string wallet     // available, marketing
  2: required string currency
  3: required i64 amount        // minor units
}

struct WalletsResponse {
  1: required list<WalletBalance> wallets // a wallet that never had money of a currency is not there
}

struct WalletEntriesRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
  3: required string wallet (api.query = "wallet")
  4: required string currency (api.query = "currency")
  5: optional string cursor (api.query = "cursor")
  6: optional i32 limit (api.query = "limit") // 1 to 200, 50 unless told
}

struct WalletEntry {
  1: required i64 seq
  2: required i64 amount
  3: required i64 balance
  4: required string kind
  5: required string subject
  6: required i64 reference (go.tag = 'json:"reference,string"')
  7: required string counterparty
  8: required string note
  9: required i64 at
}

struct WalletEntriesResponse {
  1: required list<WalletEntry> entries
  2: required string next_cursor
}

struct WalletTopUpRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id // unique for each wallet
  3: required string mode
  4: required string wallet
  5: required i64 amount
  6: required string currency   // one of the merchant's
}

struct WalletTopUp {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string state      // pending, settled
  3: required i64 balance       // afterwards; 0 while it is pending
  4: required string currency
}

struct MoveRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string request_id // unique for each wallet that pays
  3: required string mode
  4: required string sender     // available, marketing
  5: required string receiver   // the other one
  6: required i64 amount
  7: required string currency   // one of the merchant's
  8: optional string note       // up to 100 characters
}

struct Move {
  1: required i64 id (go.tag = 'json:"id,string"') // the reference of both statements' entries
  2: required i64 at
}

struct TokenRequest {
  1: optional string secret     // whole; or leave it out and give the others
  2: optional i64 key_id (go.tag = 'json:"key_id,string"')
  3: optional string nonce      // 1 to 64 characters of A-Z a-z 0-9 . _ : -, another one in each call
  4: optional i64 timestamp     // Unix ms, within a minute of our clock
  5: optional string signature  // base64 of the Ed25519 signature of: "hongbao merchant token", key_id, nonce, timestamp, joined by line feeds
}

struct TokenResponse {
  1: required string token      // of scope merchant
  2: required i64 expires_at
}

struct SelfRequest {}

struct SelfEntriesRequest {
  1: required string wallet (api.query = "wallet")
  2: required string currency (api.query = "currency")
  3: optional string cursor (api.query = "cursor")
  4: optional i32 limit (api.query = "limit")
}

struct SelfTopUpRequest {
  1: required string request_id
  2: required string wallet
  3: required i64 amount
  4: required string currency
}

struct SelfMoveRequest {
  1: required string request_id
  2: required string sender
  3: required string receiver
  4: required i64 amount
  5: required string currency
  6: optional string note
}

struct Limit {
  1: required string name
  2: required i64 limit
  3: required i64 used
  4: required i64 resets_at     // when nothing of it is used any more, if nothing more is; 0 for never
}

struct MerchantLimitsRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
}

struct KeyLimits {
  1: required i64 key_id (go.tag = 'json:"key_id,string"')
  2: required list<Limit> limits // calls_per_second
}

struct MerchantLimitsResponse {
  1: required list<Limit> limits   // members, keys: those of both sides
  2: required list<KeyLimits> keys // of the keys of the side that are good, the oldest first
}

struct LimitsResponse {
  1: required list<Limit> limits
}

service MerchantService {
  // Applies for a merchant, of which the caller becomes the first owner. Errors: `request_conflict`,
  // `unknown_currency`.
  Merchant Apply(1: ApplyRequest req) (api.post = "/v1/merchants", hongbao.scope = "user")

  // The merchants of which the caller is a member, newest first. One appears here within moments.
  MerchantsResponse MyMerchants(1: MyMerchantsRequest req) (api.get = "/v1/me/merchants", hongbao.scope = "user")

  // A merchant, for its members and for operators. Errors: `merchant_not_found`.
  Merchant GetMerchant(1: MerchantRequest req) (api.get = "/v1/merchants/{id}", hongbao.scope = "user,operator")

  // Who changed what, when and why, for members and operators. Errors: `merchant_not_found`.
  HistoryResponse MerchantHistory(1: HistoryRequest req) (api.get = "/v1/merchants/{id}/history", hongbao.scope = "user,operator")

  // All merchants in a state, newest first, for operators.
  MerchantsResponse MerchantsInState(1: MerchantsInStateRequest req) (api.get = "/v1/operator/merchants", hongbao.scope = "operator")

  // The merchants whose name or legal id has a text in it, in small letters or capitals, or whose id it is, newest
  // first, for operators.
  MerchantsResponse FindMerchants(1: FindMerchantsRequest req) (api.get = "/v1/operator/merchants/find", hongbao.scope = "operator")

  // Decides about a merchant. Errors: `merchant_not_found`, `merchant_state_conflict` (another operator was first),
  // `request_conflict`.
  Merchant DecideMerchant(1: DecideRequest req) (api.post = "/v1/operator/merchants/{id}/decide", hongbao.scope = "operator")

  // Errors: `merchant_not_found`.
  MembersResponse MerchantMembers(1: MerchantRequest req) (api.get = "/v1/merchants/{id}/members", hongbao.scope = "user,operator")

  // Makes a user a member, or gives a member another role, for owners. Errors: `merchant_not_found`, `role_missing`,
  // `last_owner`, `merchant_limit_reached` (100 members), `request_conflict`.
  MembersResponse SetMerchantMember(1: SetMemberRequest req) (api.post = "/v1/merchants/{id}/members", hongbao.scope = "user")

  // Ends a membership, for owners, and for everybody their own. Errors: `merchant_not_found`, `role_missing`,
  // `last_owner`, `merchant_member_not_found`, `request_conflict`.
  MembersResponse RemoveMerchantMember(1: RemoveMemberRequest req) (api.post = "/v1/merchants/{id}/members/{user}/remove", hongbao.scope = "user")

  // All keys, the revoked ones included. Errors: `merchant_not_found`, `role_missing`.
  KeysResponse MerchantKeys(1: MerchantRequest req) (api.get = "/v1/merchants/{id}/keys", hongbao.scope = "user")

  // Makes a key. Its secret is in this answer alone: a repetition answers without, so where the answer was lost, revoke
  // the key and make another. Errors: `merchant_not_found`, `role_missing`, `merchant_not_active`,
  // `merchant_limit_reached` (50 keys that are good), `request_conflict`.
  MerchantKey CreateMerchantKey(1: CreateKeyRequest req) (api.post = "/v1/merchants/{id}/keys", hongbao.scope = "user")

  // Makes a key that is as another one, which stays good for a while: two are good at a time at most. Errors:
  // `merchant_not_found`, `role_missing`, `merchant_not_active`, `key_not_found`, `key_revoked`,
  // `merchant_state_conflict` (two are good already), `request_conflict`.
  MerchantKey RollMerchantKey(1: RollKeyRequest req) (api.post = "/v1/merchants/{id}/keys/{key}/roll", hongbao.scope = "user")

  // Ends a key at once, and its tokens on every node within about a second. Errors: `merchant_not_found`,
  // `role_missing`, `key_not_found`, `key_revoked` (by another request), `request_conflict`.
  MerchantKey RevokeMerchantKey(1: RevokeKeyRequest req) (api.post = "/v1/merchants/{id}/keys/{key}/revoke", hongbao.scope = "user")

  // What a merchant may have and what its keys may do, of each how much is used, and when it is free again. Looking
  // uses nothing. Errors: `merchant_not_found`.
  MerchantLimitsResponse MerchantLimits(1: MerchantLimitsRequest req) (api.get = "/v1/merchants/{id}/limits", hongbao.scope = "user")

  // Advances the clock of the test side, for owners and developers, and for servers with a key of the test side that
  // has the permission `clock_advance`. It never goes back. Within about two seconds everything that follows it has:
  // what is over expires. Errors: `merchant_not_found`, `role_missing`, `permission_missing`, `mode_mismatch` (a live
  // key), `merchant_not_active`, `request_conflict`.
  Merchant AdvanceTestClock(1: AdvanceTestClockRequest req) (api.post = "/v1/merchants/{id}/test/clock/advance", hongbao.scope = "user,merchant")

  // What is in the wallets of one side. Errors: `merchant_not_found`, `role_missing`.
  WalletsResponse MerchantWallets(1: WalletsRequest req) (api.get = "/v1/merchants/{id}/wallets", hongbao.scope = "user")

  // A page of a wallet's statement, newest first. Errors: `merchant_not_found`, `role_missing`, `unknown_currency`.
  WalletEntriesResponse MerchantEntries(1: WalletEntriesRequest req) (api.get = "/v1/merchants/{id}/entries", hongbao.scope = "user")

  // Brings money into a wallet: from outside into a live one, from the sandbox into a test one. Errors:
  // `merchant_not_found`, `role_missing`, `merchant_not_active`, `unknown_currency`, `amount_out_of_range`,
  // `funding_refused`, `request_conflict`.
  WalletTopUp TopUpMerchant(1: WalletTopUpRequest req) (api.post = "/v1/merchants/{id}/topups", hongbao.scope = "user")

  // Moves money from one wallet to the other of the same side. It arrives within moments. Errors: `merchant_not_found`,
  // `role_missing`, `merchant_not_active`, `unknown_currency`, `amount_out_of_range`, `insufficient_balance`,
  // `account_frozen`, `note_too_long`, `request_conflict`.
  Move MoveMerchantMoney(1: MoveRequest req) (api.post = "/v1/merchants/{id}/moves", hongbao.scope = "user")

  // Exchanges a key for a token of scope merchant. No other token is needed. Errors: `key_unknown`, `signature_invalid`
  // (also of a proof that was used before or is too old), `key_revoked`, `ip_not_allowed`, `merchant_not_active`.
  TokenResponse MerchantToken(1: TokenRequest req) (api.post = "/v1/merchant/token", hongbao.scope = "signature")

  // The merchant that the token names. Errors: `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  Merchant SelfMerchant(1: SelfRequest req) (api.get = "/v1/merchant", hongbao.scope = "merchant")

  // What is in the wallets of the token's side. Errors: `permission_missing`, `merchant_not_active`, `ip_not_allowed`,
  // `rate_limited`.
  WalletsResponse SelfWallets(1: SelfRequest req) (api.get = "/v1/merchant/wallets", hongbao.scope = "merchant")

  // Errors: `permission_missing`, `merchant_not_active`, `unknown_currency`, `ip_not_allowed`, `rate_limited`.
  WalletEntriesResponse SelfEntries(1: SelfEntriesRequest req) (api.get = "/v1/merchant/entries", hongbao.scope = "merchant")

  // Brings money of the sandbox into a test wallet. Errors: `mode_mismatch` (the token is for the live side),
  // `permission_missing`, `merchant_not_active`, `unknown_currency`, `amount_out_of_range`, `request_conflict`,
  // `ip_not_allowed`, `rate_limited`.
  WalletTopUp SelfTopUp(1: SelfTopUpRequest req) (api.post = "/v1/merchant/topups", hongbao.scope = "merchant")

  // Moves money from one wallet to the other of the token's side. Errors: `permission_missing`, `merchant_not_active`,
  // `unknown_currency`, `amount_out_of_range`, `insufficient_balance`, `account_frozen`, `note_too_long`,
  // `request_conflict`, `ip_not_allowed`, `rate_limited`.
  Move SelfMove(1: SelfMoveRequest req) (api.post = "/v1/merchant/moves", hongbao.scope = "merchant")

  // Each limit of the token's key, what of it is used, and when it is free again. It counts as a call. Errors:
  // `ip_not_allowed`, `rate_limited`.
  LimitsResponse SelfLimits(1: SelfRequest req) (api.get = "/v1/merchant/limits", hongbao.scope = "merchant")
}
