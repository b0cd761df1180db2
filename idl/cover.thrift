// CoverService: the branded covers of merchants, from draft to the end of their validity. The conventions of
// wallet.thrift hold.
//
//   cover   draft ──submit──▶ in_review ──approve──▶ approved ◀──restore── frozen ──take_down──▶ taken_down
//             ▲                   └──reject──▶ rejected │ └──────freeze───────▲
//             └───────────────edit─────────────┘        └──its time is over──▶ expired
//
// Members of the roles owner and developer make, edit and submit covers and appeal, all members see them; a merchant's
// server does the same with a token of scope `merchant` whose key has the permission `cover_edit`, or `cover_read` to
// see. The token's merchant and side must be those of the cover. Operators decide, with a reason that both sides read.
//
// Images are uploaded first: `POST /v1/merchant/images`, and a cover names them by hash. Anybody may see an image at
// `GET /v1/art/{hash}/{size}`. Members hear of every change live: `cover.changed` on the topic `user:` and their own
// id.
namespace go coverapi

// A page of a cover's story: an image, a text, or both.
struct CoverPage {
  1: required string image      // a hash; empty for none
  2: required string text       // up to 200 characters
}

// What a cover looks like and says.
struct CoverDesign {
  1: required string name           // 1 to 16 characters
  2: required string face           // hash of the image on the closed envelope; may be empty in a draft
  3: required string opened         // and on the opened one; empty for none
  4: required string pendant        // what hangs from its card in the chat; empty for none
  5: required list<CoverPage> story // up to 3
  6: required string colour         // of the envelope, #rrggbb in lower case
  7: required string accent         // of the seal and the text on it
  8: required string greeting       // that is suggested, up to 30 characters; may be empty
}

// What an operator says about one field.
struct CoverFinding {
  1: required string field      // name, face, opened, pendant, story, colour, accent, greeting
  2: required string text       // 1 to 300 characters
}

struct Cover {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required i64 merchant_id (go.tag = 'json:"merchant_id,string"')
  3: required string mode           // live, test
  4: required CoverDesign design
  5: required string state          // draft, in_review, approved, rejected, frozen, taken_down, expired
  6: required string reason         // of the operator's last decision; empty before the first
  7: required list<CoverFinding> findings
  8: required string created_by     // a user id, or the id of the key
  9: required i64 created_at
  10: required i64 changed_at       // when it came into its state
  11: required i64 usable_until     // 0 before it was approved; while it is frozen, as it was then
  12: required i64 frozen_at        // 0 unless it is frozen
  13: required string appeal        // open, dismissed; empty for none
  14: required string appeal_text
  15: required i64 appeal_until     // until then the merchant may appeal; 0 where it may not
}

struct CreateCoverRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"') // of the merchant
  2: required string request_id     // unique for the side of the merchant
  3: required string mode
  4: required CoverDesign design
}

struct CoversRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
  3: optional string cursor (api.query = "cursor")
  4: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct CoversResponse {
  1: required list<Cover> covers    // newest first
  2: required string next_cursor    // empty on the last page
}

struct CoverRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
}

struct EditCoverRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required string request_id
  4: required CoverDesign design
}

struct SubmitCoverRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required string request_id
}

struct AppealCoverRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: required string request_id
  4: required string reason         // 1 to 300 characters
}

struct CoverHistoryRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  3: optional string cursor (api.query = "cursor")
  4: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

// A line of a cover's history.
struct CoverChange {
  1: required i64 seq               // 1, 2, 3 … of the cover
  2: required i64 at
  3: required string by             // a user id, the id of a key, the subject of an operator's token; empty for time
  4: required string side           // member, server, operator, system
  5: required string action         // create, edit, submit, appeal, expire, or a decision
  6: required string before         // state; empty for none
  7: required string after
  8: required string reason         // the operator's, or of the appeal
  9: required list<CoverFinding> findings
  10: required i64 usable_until     // afterwards; 0 for none
}

struct CoverHistoryResponse {
  1: required list<CoverChange> changes // the latest first
  2: required string next_cursor
}

struct CoversInStateRequest {
  1: required string state (api.query = "state") // a state, or appealed: frozen, with an appeal that is open
  2: optional string cursor (api.query = "cursor")
  3: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct DecideCoverRequest {
  1: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  2: required string request_id
  3: required string decision       // approve, reject, freeze, restore, keep (frozen, against an appeal), take_down
  4: required string reason         // 1 to 300 characters, for both sides to read
  5: optional list<CoverFinding> findings // of a rejection, up to 12
}

// A cover as users see it.
struct ShownCover {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required i64 merchant_id (go.tag = 'json:"merchant_id,string"') // "0" for one of the installation's own
  3: required string mode
  4: required CoverDesign design
  5: required string state          // approved, frozen, expired
  6: required i64 usable_until      // 0 for ever
  7: required string merchant_name  // empty for one of the installation's own
}

struct DefaultCoversRequest {}

struct DefaultCoversResponse {
  1: required list<ShownCover> covers
}

struct ShownCoverRequest {
  1: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
}

struct ReportCoverRequest {
  1: required i64 cover_id (api.path = "cover", go.tag = 'json:"cover_id,string"')
  2: required string reason         // copied, indecent, violent, fraud, unlawful, other
  3: required string note           // up to 200 characters
}

struct CoverReport {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required i64 cover_id (go.tag = 'json:"cover_id,string"')
  3: required string user_id
  4: required string reason
  5: required string note
  6: required i64 at
  7: required string state          // open, upheld, dismissed
  8: required string outcome        // the operator's sentence; empty while it is open
  9: required string decided_by
  10: required i64 decided_at       // 0 while it is open
  11: required i64 merchant_id (go.tag = 'json:"merchant_id,string"') // whose the cover is; "0" for the installation's own
}

struct CoverReportsRequest {
  1: optional string cursor (api.query = "cursor")
  2: optional i32 limit (api.query = "limit") // 1 to 100, 20 unless told
}

struct CoverReportsResponse {
  1: required list<CoverReport> reports // that are open, newest first
  2: required string next_cursor
}

struct DecideCoverReportRequest {
  1: required i64 report_id (api.path = "report", go.tag = 'json:"report_id,string"')
  2: required string outcome        // upheld, dismissed
  3: required string reason         // 1 to 300 characters
}

struct UploadAllowanceRequest {
  1: required i64 id (api.path = "id", go.tag = 'json:"id,string"')
  2: required string mode (api.query = "mode")
}

struct UploadAllowance {
  1: required i64 max_bytes         // of an image's file
  2: required i64 max_pixels        // width × height
  3: required i32 left              // images that the side may still upload
}

service CoverService {
  // Makes a draft. Errors: `merchant_not_found`, `role_missing`, `permission_missing`, `mode_mismatch`,
  // `merchant_not_active`, `image_unknown`, `cover_limit_reached`, `request_conflict`, `ip_not_allowed`,
  // `rate_limited`.
  Cover CreateCover(1: CreateCoverRequest req) (api.post = "/v1/merchants/{id}/covers", hongbao.scope = "user,merchant")

  // The covers of a merchant's side, newest first. Errors: `merchant_not_found`, `permission_missing`,
  // `mode_mismatch`, `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  CoversResponse Covers(1: CoversRequest req) (api.get = "/v1/merchants/{id}/covers", hongbao.scope = "user,merchant")

  // A cover, for its merchant and for operators. Errors: `cover_not_found`, `permission_missing`, `mode_mismatch`,
  // `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  Cover GetCover(1: CoverRequest req) (api.get = "/v1/merchants/{id}/covers/{cover}", hongbao.scope = "user,merchant,operator")

  // Who changed what, when and why, for the merchant and for operators. Errors: `cover_not_found`,
  // `permission_missing`, `mode_mismatch`, `merchant_not_active`, `ip_not_allowed`, `rate_limited`.
  CoverHistoryResponse CoverHistory(1: CoverHistoryRequest req) (api.get = "/v1/merchants/{id}/covers/{cover}/history", hongbao.scope = "user,merchant,operator")

  // Gives a draft, or a rejected cover, another design. Errors: `cover_not_found`, `role_missing`,
  // `permission_missing`, `mode_mismatch`, `merchant_not_active`, `image_unknown`, `cover_state_conflict`,
  // `request_conflict`, `ip_not_allowed`, `rate_limited`.
  Cover EditCover(1: EditCoverRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/edit", hongbao.scope = "user,merchant")

  // Asks for a review of a draft, which needs a face. Errors: `cover_not_found`, `role_missing`, `permission_missing`,
  // `mode_mismatch`, `merchant_not_active`, `cover_state_conflict`, `request_conflict`, `ip_not_allowed`,
  // `rate_limited`.
  Cover SubmitCover(1: SubmitCoverRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/submit", hongbao.scope = "user,merchant")

  // Objects to a freeze, once, within 5 days. Errors: `cover_not_found`, `role_missing`, `permission_missing`,
  // `mode_mismatch`, `merchant_not_active` (keys), `cover_state_conflict`, `cover_appeal_over`, `request_conflict`,
  // `ip_not_allowed`, `rate_limited`.
  Cover AppealCover(1: AppealCoverRequest req) (api.post = "/v1/merchants/{id}/covers/{cover}/appeal", hongbao.scope = "user,merchant")

  // What may be uploaded for a merchant's side. Errors: `merchant_not_found`, `role_missing`, `permission_missing`,
  // `mode_mismatch`, `merchant_not_active`, `cover_limit_reached`, `ip_not_allowed`, `rate_limited`.
  UploadAllowance GetUploadAllowance(1: UploadAllowanceRequest req) (api.get = "/v1/merchants/{id}/images/allowance", hongbao.scope = "user,merchant")

  // All covers in a state, newest first, for operators.
  CoversResponse CoversInState(1: CoversInStateRequest req) (api.get = "/v1/operator/covers", hongbao.scope = "operator")

  // Decides about a cover. A freeze and a take-down hold on every node within a second; a restored cover is good for as
  // much longer as it was frozen. Errors: `cover_not_found`, `cover_state_conflict` (another operator was first),
  // `request_conflict`.
  Cover DecideCover(1: DecideCoverRequest req) (api.post = "/v1/operator/covers/{cover}/decide", hongbao.scope = "operator")

  // A cover as users see it, at most a second old. Errors: `cover_not_found`, also for one that was taken down.
  ShownCover LookAtCover(1: ShownCoverRequest req) (api.get = "/v1/covers/{cover}", hongbao.scope = "user")

  // The installation's own covers, which everybody may use for ever. Their ids never change.
  DefaultCoversResponse DefaultCovers(1: DefaultCoversRequest req) (api.get = "/v1/covers/defaults", hongbao.scope = "user")

  // Tells the operators what is wrong with a cover: once for each user and cover. Errors: `cover_not_found`,
  // `cover_already_reported` (with other words).
  CoverReport ReportCover(1: ReportCoverRequest req) (api.post = "/v1/covers/{cover}/report", hongbao.scope = "user")

  // Reports that are open, newest first, for operators.
  CoverReportsResponse CoverReports(1: CoverReportsRequest req) (api.get = "/v1/operator/cover/reports", hongbao.scope = "operator")

  // Decides about a report; what follows for the cover is decided there. Errors: `cover_report_not_found`,
  // `cover_state_conflict` (it was decided in another way).
  CoverReport DecideCoverReport(1: DecideCoverReportRequest req) (api.post = "/v1/operator/cover/reports/{report}/decide", hongbao.scope = "operator")
}
