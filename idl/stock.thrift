// StockService: the pieces of branded covers. The conventions of wallet.thrift hold.
//
// A merchant buys pieces of an approved cover, opens channels to them, and whoever claims one may send with the cover.
// A user holds a cover once, whatever the channels. Bought pieces are held money: a claimed one is paid, one that is
// withdrawn comes back.
//
//   bought = claimed + left + withdrawn
//
// Owners and finance buy and withdraw; they and developers open channels and make codes; all members see. A merchant's
// server does the same with a token whose key has the permission `cover_stock`, `cover_give` or `cover_read`.
//
// Members hear live when pieces were claimed or withdrawn: `cover.stock_changed` on the topic `user:` and their own id,
// with `cover_id`, `bought`, `claimed`, `withdrawn` and `left`.
//
// A code is 29 characters of Crockford's base 32, in groups of five with hyphens; it may be typed without them and in
// lower case. Its page is `/c/{code}`.
namespace go stockapi

struct BuyPiecesRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required string request_id     // unique for each wallet that pays
  4: required i64 pieces            // 1 to 1,000,000
  5: required string wallet         // available, marketing
  6: required string currency       // CNY; an installation may sell for others
}

// A purchase.
struct PieceBatch {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required i64 pieces
  3: required i64 price             // of one piece, in minor units
  4: required string currency
  5: required i64 claimed           // as far as settled; these are paid
  6: required i64 withdrawn         // these came back
  7: required string by             // a user id, or the id of a key
  8: required i64 at
}

struct WithdrawPiecesRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required string request_id
  4: required i64 pieces            // 1 to 1,000,000; what is left then comes back, at most so many
}

struct PieceWithdrawal {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required i64 asked
  3: required i64 pieces            // that came back, once it is done
  4: required bool done             // within about a second
  5: required string by             // empty where the time of the cover was over
  6: required i64 at
}

struct WithdrawalRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required i64 withdrawal_id (api.path = "withdrawal", go.tag = 'json:"withdrawal_id,string"')
}

struct StockRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
}

struct Stock {
  1: required i64 bought
  2: required i64 claimed           // as far as settled: within about a second
  3: required i64 withdrawn
  4: required i64 left
  5: required i64 lasts_ms          // how long what is left lasts at the pace of the last 24 hours; 0 for unknown
  6: required list<PieceBatch> batches          // the latest first
  7: required list<PieceWithdrawal> withdrawals // the latest 500, the latest first
  8: required list<CoverChannel> channels       // the latest first
}

struct OpenChannelRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required string request_id
  4: required string kind           // link (one code for all, also printed as QR), codes (each for one piece), grant, payment
  5: required string name           // 1 to 40 characters, for the merchant's own lists
  6: optional i64 quota             // pieces at most, 1 to 1,000,000; 0 or left out for as many as there are
  7: optional i64 starts_at         // at once unless told
  8: optional i64 ends_at           // never unless told
}

struct CoverChannel {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string kind
  3: required string name
  4: required i64 quota             // 0 for none
  5: required i64 starts_at         // 0 for at once
  6: required i64 ends_at           // 0 for never
  7: required bool closed
  8: required string code           // of a link; else empty
  9: required i64 codes             // how many were made
  10: required i64 claimed          // as far as settled
  11: required string by
  12: required i64 at
}

struct ChannelRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required i64 channel_id (api.path = "channel", go.tag = 'json:"channel_id,string"')
}

struct MakeCodesRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required i64 channel_id (api.path = "channel", go.tag = 'json:"channel_id,string"')
  4: required string request_id
  5: required i32 count             // 1 to 10,000; at most 200,000 of a cover
}

struct CodesResponse {
  1: required list<string> codes    // told once: empty where the request was carried out before
}

struct GrantRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required i64 channel_id (api.path = "channel", go.tag = 'json:"channel_id,string"')
  4: required list<string> users    // 1 to 1,000
}

struct PaymentMade {
  1: required string payment_id     // the merchant's own number of it, unique in the channel; as ids of users
  2: required string user_id        // who paid
}

struct GrantForPaymentsRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required i64 channel_id (api.path = "channel", go.tag = 'json:"channel_id,string"')
  4: required list<PaymentMade> payments // 1 to 1,000
}

struct GrantedPiece {
  1: required string user_id
  2: required string outcome        // see ClaimResponse; code_used where the payment gave its piece to another user
}

struct GrantResponse {
  1: required list<GrantedPiece> granted // in the order of what was asked for
}

struct CoverStatsRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required i64 from (api.query = "from")
  4: required i64 to (api.query = "to") // at most 92 days later
}

// What happened in an hour of UTC in which something did.
struct CoverHour {
  1: required i64 at                // when it begins
  2: required i64 channel_id (go.tag = 'json:"channel_id,string"')
  3: required i64 views             // of the page of the channel's codes
  4: required i64 claims
}

// What happened to the envelopes of a cover in an hour of UTC in which something did.
struct CoverUse {
  1: required i64 at                // when it begins
  2: required i64 sent              // envelopes
  3: required i64 opened            // envelopes of which the first share was taken
  4: required i64 reached           // people who took a share, once for each envelope
}

struct CoverStatsResponse {
  1: required list<CoverHour> hours // the earliest first
  2: optional list<CoverUse> uses   // the earliest first; some seconds late
}

struct ClaimRequest {
  1: required string code
}

struct ClaimResponse {
  1: required string outcome        // claimed, already_held, sold_out, quota_spent, not_started, ended
  2: required i64 cover_id (go.tag = 'json:"cover_id,string"')
  3: required i64 claimed_at        // 0 unless the caller holds the cover
  4: required i64 usable_until      // 0 unless the caller holds the cover
}

struct CheckCodeRequest {
  1: required string code (api.path = "code")
}

struct CodeOffer {
  1: required i64 cover_id (go.tag = 'json:"cover_id,string"')
  2: required string kind           // link, codes
  3: required bool used             // by somebody; of a code that is good once
}

struct MyCoversRequest {
  1: optional string cursor (api.query = "cursor")
  2: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct HeldCover {
  1: required i64 cover_id (go.tag = 'json:"cover_id,string"')
  2: required i64 claimed_at
  3: required i64 usable_until
  4: required bool usable           // it can be sent now
}

struct MyCoversResponse {
  1: required list<HeldCover> covers // the latest claim first, without those that were taken down
  2: required string next_cursor     // empty on the last page
}

service StockService {
  // Buys pieces. Errors: `cover_not_found`, `role_missing`, `permission_missing`, `mode_mismatch`,
  // `merchant_not_active`, `cover_not_approved`, `cover_frozen`, `insufficient_balance`, `account_frozen`,
  // `unknown_currency`, `too_many_pieces`, `request_conflict`, `ip_not_allowed`, `rate_limited`.
  PieceBatch BuyPieces(1: BuyPiecesRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/stock", hongbao.scope = "user,merchant")

  // Purchases, withdrawals, channels, and what is left. Errors: `cover_not_found`, `permission_missing`,
  // `mode_mismatch`, `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  Stock GetStock(1: StockRequest req) (api.get = "/v1/merchants/{id}/covers/{cover}/stock", hongbao.scope = "user,merchant")

  // Orders pieces back, of the latest purchase first; also of a frozen cover. What is left of a cover whose time is
  // over, or that was taken down, comes back by itself. Errors: `cover_not_found`, `role_missing`,
  // `permission_missing`, `mode_mismatch`, `merchant_not_active` (keys), `stock_insufficient`, `request_conflict`,
  // `ip_not_allowed`, `rate_limited`.
  PieceWithdrawal WithdrawPieces(1: WithdrawPiecesRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/withdraw", hongbao.scope = "user,merchant")

  // A withdrawal. Errors: `cover_not_found`, `permission_missing`, `mode_mismatch`, `merchant_not_active`,
  // `ip_not_allowed`, `rate_limited`.
  PieceWithdrawal GetWithdrawal(1: WithdrawalRequest req) (api.get = "/v1/merchants/{id}/covers/{cover}/withdrawals/{withdrawal}", hongbao.scope = "user,merchant")

  // Opens a channel. Errors: `cover_not_found`, `role_missing`, `permission_missing`, `mode_mismatch`,
  // `merchant_not_active`, `cover_not_approved`, `cover_frozen`, `too_many_pieces`, `request_conflict`,
  // `ip_not_allowed`, `rate_limited`.
  CoverChannel OpenChannel(1: OpenChannelRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/channels", hongbao.scope = "user,merchant")

  // Ends a channel for ever. Errors: `cover_not_found`, `cover_channel_not_found`, `role_missing`,
  // `permission_missing`, `mode_mismatch`, `merchant_not_active` (keys), `ip_not_allowed`, `rate_limited`.
  CoverChannel CloseChannel(1: ChannelRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/channels/{channel}/close", hongbao.scope = "user,merchant")

  // Makes codes that are good for one piece each. Errors: `cover_not_found`, `cover_channel_not_found`,
  // `cover_channel_closed`, `role_missing`, `permission_missing`, `mode_mismatch`, `merchant_not_active` (keys),
  // `too_many_pieces`, `request_conflict`, `ip_not_allowed`, `rate_limited`.
  CodesResponse MakeCodes(1: MakeCodesRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/channels/{channel}/codes", hongbao.scope = "user,merchant")

  // Gives a piece to each of the users, through a channel of kind grant. Repeating it gives nobody a second one.
  // Errors: `cover_not_found`, `cover_channel_not_found`, `cover_not_approved`, `cover_frozen`, `role_missing`,
  // `permission_missing`, `mode_mismatch`, `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  GrantResponse Grant(1: GrantRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/channels/{channel}/grants", hongbao.scope = "user,merchant")

  // Gives a piece for each of the payments to who made it, through a channel of kind payment. A payment gives one
  // piece, to one user, however often it is named. Errors: `cover_not_found`, `cover_channel_not_found`,
  // `cover_not_approved`, `cover_frozen`, `role_missing`, `permission_missing`, `mode_mismatch`,
  // `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  GrantResponse GrantForPayments(1: GrantForPaymentsRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/channels/{channel}/payments", hongbao.scope = "user,merchant")

  // Views and claims by hour and channel. Errors: `cover_not_found`, `permission_missing`, `mode_mismatch`,
  // `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  CoverStatsResponse GetCoverStats(1: CoverStatsRequest req) (api.get = "/v1/merchants/{id}/covers/{cover}/stats", hongbao.scope = "user,merchant")

  // Claims a piece of the cover that a code is for. Repeating it gives the same answer as `already_held`. Errors:
  // `claim_code_unknown`, `claim_code_used` (by somebody else), `cover_not_found`, `cover_frozen`,
  // `cover_not_approved`, `merchant_not_active`.
  ClaimResponse Claim(1: ClaimRequest req) (api.post = "/v1/covers/claim", hongbao.scope = "user")

  // Tells what a code is for, without claiming anything, so that nobody buys a fake. Errors: `claim_code_unknown`,
  // `cover_not_found`.
  CodeOffer CheckCode(1: CheckCodeRequest req) (api.get = "/v1/codes/{code}", hongbao.scope = "user")

  // The covers that the caller holds.
  MyCoversResponse MyCovers(1: MyCoversRequest req) (api.get = "/v1/me/covers", hongbao.scope = "user")
}
