// OperatorService: what whoever runs an installation, or measures it, may know of it. The conventions of wallet.thrift
// hold; every method needs a token of scope `operator`.
namespace go operatorapi

struct InstallationRequest {}

// A Redis server that pots are on.
struct RedisServer {
  1: required string version
  2: required bool appendonly
  3: required string appendfsync // always, everysec or no; empty where the server does not say
  4: required i64 used_memory    // bytes
}

// A MySQL, MariaDB or TiDB server that shards are on.
struct MySQLServer {
  1: required string version
  2: required string flush_log_at_trx_commit // 1: a commit is on disk; empty where the server has no such setting
  3: required string sync_binlog             // 1: so is its binary log; empty where there is none
}

struct Installation {
  1: required string id                // made at installation, 32 hex digits
  2: required bool sandbox             // money is not real
  3: required string version           // of the process that answers
  4: required i64 created_at
  5: required i32 shards
  6: required i32 buckets_per_shard
  7: required i32 wait_replicas        // Redis replicas that must have a grab before it is acknowledged
  8: required i32 max_shares           // of an envelope
  9: required list<RedisServer> redis  // one, or the primaries of a cluster; empty while they do not answer
  10: required list<MySQLServer> mysql // those that answer, in the order of the configuration
}

struct BacklogRequest {}

// What has been acknowledged on a shard and not yet been done.
struct ShardBacklog {
  1: required i32 shard          // of the envelopes whose id modulo 1,024 it is
  2: required i64 settle_entries // log entries that the settler has before it, about; an entry has one or more grabs
  3: required i64 settle_age_ms  // of the oldest of them; 0 where there is none
  4: required i64 clearing_age_ms // of the oldest credit that is posted and not yet in its wallet; 0 where there is none
  5: required i64 relay_entries  // log entries that listeners have still to be told, about
}

struct BacklogResponse {
  1: required list<ShardBacklog> shards
}

struct AuditRequest {}

struct AuditAmount {
  1: required string currency
  2: required i64 amount
}

// One thing that the books contradict themselves about.
struct Discrepancy {
  1: required string kind     // for example account_balance
  2: required i32 shard
  3: required string what     // the account, hold, post or row that it is about
  4: required string expected // what the rest of the books say it should be
  5: required string found
}

struct AuditResponse {
  1: required bool balanced
  2: required i32 shards
  3: required i64 accounts
  4: required i64 entries
  5: required i64 holds
  6: required i64 posts
  7: required list<AuditAmount> in_flight       // posted, and not yet in its wallet
  8: required i64 found                         // how many discrepancies there are
  9: required list<Discrepancy> discrepancies   // the first 1,000 of them
  10: optional list<string> rebuilds            // buckets of Redis that were rebuilt: which, when, why; the newest 100
                                                // of each shard
  11: optional list<string> volatile            // servers that may forget what they acknowledged, and are accepted
}

struct LastAuditRequest {}

struct LastAuditResponse {
  1: required bool known           // false: no worker has audited yet, and the rest is missing or 0
  2: required i64 at               // when the audit ended
  3: required i64 age_ms           // how long ago that is
  4: required i64 took_ms
  5: optional AuditResponse report
  6: required bool incremental     // true: it read, and counted, only what no audit before had sealed; false: everything
}

struct RevokeTokenRequest {
  1: required string token_id // the token's jti
}

struct RevokeTokenResponse {
  1: required i64 until // the revocation is kept until then, when no token that is good now can be good any more
}

struct FreezeRequest {
  1: required string account // a user id, or the wallet of a merchant as merchant~1~available
  2: required string reason  // 1 to 200 characters, for operators only
}

// An account out of which no money goes.
struct Freeze {
  1: required string account
  2: required string by     // the operator who froze it
  3: required string reason
  4: required i64 frozen_at
  5: optional bool has_wallet // told when it is frozen; false: nobody of this name has any. Is it spelled right?
}

struct ThawRequest {
  1: required string account
  2: required string reason // as that of a freeze; it stands in the trail
}

struct ThawResponse {
  1: required bool thawed // false: it was not frozen
}

struct ListFreezesRequest {
  1: optional string after (api.query = "after") // the account after which the page begins; without it, with the first
  2: optional i32 limit (api.query = "limit")    // 1 to 200; 100 without it
}

struct ListFreezesResponse {
  1: required list<Freeze> freezes // in the order of accounts; fewer than the limit: there are no more
}

struct ListReviewsRequest {
  1: optional string state (api.query = "state")   // open, approved or declined; open unless told
  2: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the oldest
  3: optional i32 limit (api.query = "limit")      // 1 to 200; 100 without it
}

// A call that a rule about what was claimed of late has stopped until an operator has looked at it.
struct Review {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string user       // whose call it is
  3: required string kind       // envelope, transfer, payment, withdrawal, topup
  4: required string request_id // of the call; the id of the collection where a part of one is paid
  5: required i64 amount
  6: required string currency
  7: required string payee      // who would get the money; empty where the call does not say
  8: required string rule       // that stopped it
  9: required string version    // of the rules
  10: required string state     // open, approved, declined
  11: required i64 at
  12: required string by         // the operator who decided; empty while it is open
  13: required string reason     // of the decision
  14: required i64 decided_at    // 0 while it is open
}

struct ListReviewsResponse {
  1: required list<Review> reviews // the oldest first
  2: required string next_cursor   // empty on the last page
}

struct DecideReviewRequest {
  1: required i64 review_id (api.path = "id", go.tag = 'json:"review_id,string"')
  2: required string decision // approved or declined
  3: required string reason   // 1 to 200 characters, for operators only
}

// Somebody who was told to have won, and whom the ledger refuses to pay, with what was decided about it.
struct Rejection {
  1: required string id       // 12 hex digits
  2: required i64 hold_id (go.tag = 'json:"hold_id,string"') // the envelope
  3: required i32 part        // the share
  4: required string payee
  5: required i64 amount
  6: required string currency // empty where there is no such envelope, and nobody has decided
  7: required i64 won_at
  8: required string why      // the ledger refuses it
  9: required bool open       // somebody has still to decide, or to pay what was decided
  10: optional string decision // pay or dismiss
  11: optional string account  // pay: whose wallet pays
  12: optional string by       // who decided
  13: optional string reason
  14: optional i64 decided_at
  15: optional i64 payment_id (go.tag = 'json:"payment_id,string,omitempty"') // pay: the hold that paid; absent while it has not
}

struct ListRejectionsRequest {
  1: optional string state (api.query = "state") // open: those about which something is to be decided or paid, as
                                                 // without it; all: those that are decided as well
  2: optional string after (api.query = "after") // the id behind which the page begins; without it, with the first
  3: optional i32 limit (api.query = "limit")    // 1 to 200; 100 without it
}

struct ListRejectionsResponse {
  1: required list<Rejection> rejections // by shard and envelope; fewer than the limit: there are no more
}

struct DecideRejectionRequest {
  1: required string id (api.path = "id")
  2: required string decision // pay: the payee gets the amount from the account; dismiss: nobody is owed anything
  3: optional string account  // pay: a user id, or the wallet of a merchant as merchant~1~available
  4: optional string currency // pay: where the rejection has none
  5: required string reason   // 1 to 200 characters, for operators only
}

service OperatorService {
  // What the installation is: its numbers, its servers, and what they promise about what they have acknowledged.
  Installation Installation(1: InstallationRequest req) (api.get = "/v1/operator/installation", hongbao.scope = "operator")

  // What has been acknowledged and not yet been done, per shard. All zero: every win is a credit.
  BacklogResponse Backlog(1: BacklogRequest req) (api.get = "/v1/operator/backlog", hongbao.scope = "operator")

  // Reads all the books and names each contradiction in them; it is exact while the installation works. One runs at a
  // time in a process, others are refused as `unavailable`. It may take minutes.
  AuditResponse Audit(1: AuditRequest req) (api.get = "/v1/operator/audit", hongbao.scope = "operator", hongbao.timeout = "15m")

  // The latest audit that a worker made of its own accord (`--audit-every`), and how old it is. It is answered at once.
  LastAuditResponse LastAudit(1: LastAuditRequest req) (
    api.get = "/v1/operator/audits/last", hongbao.scope = "operator")

  // Makes the token with an id worthless, on every node within about a second, and ends its WebSocket connections. It
  // may be repeated. A token without jti cannot be revoked: it is worthless when it expires.
  RevokeTokenResponse RevokeToken(1: RevokeTokenRequest req) (
    api.post = "/v1/operator/revocations", hongbao.scope = "operator")

  // Freezes an account: from when this is answered on, nothing leaves it. Sends, transfers, payments, purchases and
  // withdrawals are refused as `account_frozen`, on every node at once. What arrives, arrives: top-ups, transfers,
  // shares that the user grabs, and what comes back of their own. What was set aside before is paid or comes back as
  // ever. An earlier freeze stays, and is the answer. A name without a wallet is frozen for when it has one.
  Freeze FreezeAccount(1: FreezeRequest req) (api.post = "/v1/operator/freezes", hongbao.scope = "operator")

  // Ends a freeze. It may be repeated.
  ThawResponse ThawAccount(1: ThawRequest req) (api.post = "/v1/operator/thaws", hongbao.scope = "operator")

  // The posts that the ledger refused, about which something is to be decided.
  ListRejectionsResponse ListRejections(1: ListRejectionsRequest req) (
    api.get = "/v1/operator/rejections", hongbao.scope = "operator")

  // Decides about one of them, once. It may be repeated: what was decided the same way is the answer, and what could
  // not be paid then is paid. It stands in the books with who and when. Errors: `rejection_unknown`,
  // `rejection_decided`, `insufficient_balance` (the decision stands: top up, and repeat it), `account_frozen`.
  Rejection DecideRejection(1: DecideRejectionRequest req) (
    api.post = "/v1/operator/rejections/{id}/decision", hongbao.scope = "operator")

  // The accounts that are frozen.
  ListFreezesResponse ListFreezes(1: ListFreezesRequest req) (
    api.get = "/v1/operator/freezes", hongbao.scope = "operator")

  // The calls that rules have stopped for an operator to look at.
  ListReviewsResponse ListReviews(1: ListReviewsRequest req) (
    api.get = "/v1/operator/reviews", hongbao.scope = "operator")

  // Decides about such a call. Nothing is carried out by it: when its user repeats the call with the same request_id
  // and body, one that was approved passes the rules that ask for a review, and one that was declined is refused as
  // `risk_refused`. It may be repeated. Errors: `review_not_found`, `review_already_decided`.
  Review DecideReview(1: DecideReviewRequest req) (
    api.post = "/v1/operator/reviews/{id}/decide", hongbao.scope = "operator")
}
