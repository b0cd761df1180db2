// EnvelopeService: red envelopes sent into a group and grabbed by its members. The conventions of wallet.thrift hold.
//
// An envelope is `open` until its last share is taken (`drained`) or its time is over (`expired`; what is left goes
// back to the sender, and then `refunded` says how much). An amount that nobody has taken never leaves the server.
namespace go envelopeapi

struct SendRequest {
  1: required string request_id
  2: required string group_id   // the sender must be a member
  3: required string kind       // lucky: random shares; equal: the same for everyone; exclusive: all of it for `to`
  4: required i64 total         // minor units; 1 to 20,000 a share on average in CNY (other currencies: by configuration)
  5: required i32 count         // shares: 1 to 100, at most the members who may take one; 1 where exclusive
  6: required string currency   // ISO 4217, for example CNY
  7: optional string greeting   // up to 100 characters
  8: optional string to         // exclusive only: the member who may take it, not the sender
  9: optional i64 cover_id (go.tag = 'json:"cover_id,string,omitempty"') // a branded cover that the sender holds; see cover.thrift
}

struct GrabRequest {
  1: required i64 envelope_id (api.path = "id", go.tag = 'json:"envelope_id,string"')
}

struct GrabResponse {
  1: required string outcome // won; already_won (the same share again); empty; expired
  2: required i64 amount     // minor units; 0 unless won or already_won
  3: required string currency
  4: required i32 share      // which share, from 0; -1 unless won or already_won
}

// A grab of one of many.
struct GrabEntry {
  1: required i64 envelope_id (go.tag = 'json:"envelope_id,string"')
  2: required string token // of scope user: the person whom it names grabs
}

struct GrabManyRequest {
  1: required list<GrabEntry> grabs // 1 to 1,000, of any envelopes and users
}

// The answer to a grab of many.
struct GrabAnswer {
  1: required string code     // ok; else the code with which the grab alone was refused, and only detail is set besides
  2: required string detail   // for a person: what was wrong and what is allowed; empty where code is ok
  3: required string incident // only where code is internal: what to quote
  4: required string outcome  // won; already_won (the same share again); empty; expired
  5: required i64 amount      // minor units; 0 unless won or already_won
  6: required string currency
  7: required i32 share       // which share, from 0; -1 unless won or already_won
  8: optional string limit    // where the person's limit of grabs is nearly used up: its name, what it allows, what is left; then its window, the time until it is whole and the time to wait, in nanoseconds
}

struct GrabManyResponse {
  1: required list<GrabAnswer> answers // in the order of the grabs
}

struct GetRequest {
  1: required i64 envelope_id (api.path = "id", go.tag = 'json:"envelope_id,string"')
}

// A share that somebody took.
struct Taken {
  1: required string user_id
  2: required i32 share     // from 0, in the order of the split
  3: required i64 amount
  4: required i64 at
  5: required bool best     // best luck: the largest share, the earliest where several are; only once drained
}

struct Envelope {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string group_id
  3: required string sender
  4: required string kind
  5: required i64 total
  6: required i32 count
  7: required string currency
  8: required string greeting
  9: required string to               // exclusive only, otherwise empty
  10: required string state           // open, drained, expired
  11: required i64 created_at
  12: required i64 expires_at
  13: required list<Taken> taken      // in the order in which they were taken
  14: required i64 taken_amount
  15: required i64 refunded           // what went back to the sender; 0 until it has
  16: required string commitment      // hex SHA-256(seed ‖ decimal id), fixed at send
  17: optional string seed            // hex, 32 bytes; only once closed (drained or expired), so that anyone can redo the split
  18: optional i64 cover_id (go.tag = 'json:"cover_id,string,omitempty"') // the branded cover that it was sent with
}

struct ListRequest {
  1: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  2: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

// An envelope that the caller sent.
struct Sent {
  1: required i64 envelope_id (go.tag = 'json:"envelope_id,string"')
  2: required string group_id
  3: required string kind
  4: required i64 total
  5: required i32 count
  6: required string currency
  7: required string greeting
  8: required i64 created_at
  9: required i64 settled  // what has been posted to receivers
  10: required i64 refunded // what came back
}

struct SentResponse {
  1: required list<Sent> envelopes // newest envelope first
  2: required string next_cursor   // empty on the last page
}

// A share that was credited to the caller.
struct Received {
  1: required i64 envelope_id (go.tag = 'json:"envelope_id,string"')
  2: required string sender
  3: required i32 share
  4: required i64 amount
  5: required string currency
  6: required string greeting
  7: required i64 at // when it was taken
}

struct ReceivedResponse {
  1: required list<Received> shares // newest envelope first
  2: required string next_cursor    // empty on the last page
}

service EnvelopeService {
  // Holds the money and puts a red envelope into a group. Errors: `not_a_member`, `unknown_kind`, `unknown_currency`,
  // `amount_out_of_range`, `count_out_of_range`, `greeting_too_long`, `recipient_not_allowed`, `recipient_required`,
  // `recipient_not_a_member`, `insufficient_balance` (nothing is held), `daily_limit_exceeded`, `account_frozen`,
  // `request_conflict`; with a cover also `cover_not_found`, `cover_not_held`, `cover_of_tests`, `cover_frozen`,
  // `cover_not_approved`, `merchant_not_active`.
  Envelope Send(1: SendRequest req) (api.post = "/v1/envelopes", hongbao.scope = "user")

  // Takes a share, at most one for each member; asking again gives the same share again. An answer of `won` is
  // durable; the money reaches the wallet within moments. Errors: `envelope_not_found`, `not_a_member`,
  // `not_the_recipient` (exclusive, and the caller is not `to`).
  GrabResponse Grab(1: GrabRequest req) (api.post = "/v1/envelopes/{id}/grab", hongbao.scope = "user")

  // Grabs for many people at once: what a chat application's server holds of them. The caller's own token opens the
  // call; each grab is made by the person whom its own token names. Each has its own answer, as of `Grab`; one that is
  // refused harms no other. Each counts to the limit of grabs of its person. Of two grabs of one person from one
  // envelope the second is answered `already_won`.
  GrabManyResponse GrabMany(1: GrabManyRequest req) (api.post = "/v1/grabs", hongbao.scope = "user,service", hongbao.body = "524288")

  // What a member may see of an envelope. Errors: `envelope_not_found`, `not_a_member`.
  Envelope Get(1: GetRequest req) (api.get = "/v1/envelopes/{id}", hongbao.scope = "user")

  // What the caller sent, newest first.
  SentResponse ListSent(1: ListRequest req) (api.get = "/v1/me/envelopes?direction=sent", hongbao.scope = "user")

  // The shares that the caller was credited, newest envelope first.
  ReceivedResponse ListReceived(1: ListRequest req) (api.get = "/v1/me/envelopes?direction=received", hongbao.scope = "user")
}
