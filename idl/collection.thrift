// CollectionService: somebody asks a group to share a bill. The conventions of wallet.thrift hold.
//
// Nothing is held: each participant pays their part once, straight to the collector, and what was not paid was never
// there.
//
//   collection   open ──the last part is paid──▶ complete
//                  └───close, by the collector──▶ closed        nobody can begin to pay any more
//
//   part         due ──pay──▶ claimed ──the money is the collector's──▶ paid
//                 ▲              └──it could not be had──┐
//                 └──────────────────────────────────────┘
//                own: the collector's own part of an even bill, of which nothing moves
//
// A payment claims its part before money moves, so that a part is paid once and nothing is paid into a closed
// collection. One that had begun before the closing ends as it would have.
//
// Members hear of it live: `collection.opened`, `collection.paid` (who, how much, and the collection's state) and
// `collection.closed` on the topic `group:` and the group's id, and each participant who has not paid after 24 hours
// `collection.reminder` on `user:` and their own id, once. An event can come twice: apply it by what it is about.
namespace go collectionapi

// Somebody's part of the bill, as the collector asks for it.
struct Ask {
  1: required string user_id
  2: required i64 amount // minor units, at least 1
}

struct OpenCollectionRequest {
  1: required string request_id
  2: required string group_id                // the caller must be a member
  3: required string kind                    // even: `total` is shared evenly by `participants`; per_person: each of `asks` pays what is said there
  4: required string currency                // ISO 4217, for example CNY
  5: optional i64 total                      // even only, required there: minor units, at least 1 for each participant
  6: optional list<string> participants      // even only: members who share it; all members but the caller unless told. With the caller among them their own part is reckoned and not paid
  7: optional string remainder               // even only, who bears what cannot be shared evenly: members (unless told): one unit each, the first in order of their ids; collector: the caller, so that all are asked for the same
  8: optional list<Ask> asks                 // per_person only, required there: members other than the caller, each once
  9: optional string note                    // up to 100 characters, in all statements
}

struct CollectionPart {
  1: required string user_id
  2: required i64 amount
  3: required string state     // due, claimed (being paid), paid, own
  4: required i64 at           // when it came into that state
  5: required i64 payment_id (go.tag = 'json:"payment_id,string"') // "0" unless paid; the reference of both statements' entries
}

struct Collection {
  1: required i64 id (go.tag = 'json:"id,string"')
  2: required string group_id
  3: required string collector
  4: required string kind
  5: required string currency
  6: required i64 total                   // the bill
  7: required i64 due                     // what the participants are asked for: the bill without what the collector bears
  8: required i64 collected               // what they have paid of it
  9: required string note
  10: required string state               // open, complete, closed
  11: required i64 created_at
  12: required i64 remind_at              // when those who have not paid are reminded
  13: required i64 closed_at              // 0 while it is open or complete
  14: required list<CollectionPart> parts // ordered by user id
}

struct CollectionRequest {
  1: required i64 collection_id (api.path = "id", go.tag = 'json:"collection_id,string"')
}

struct PayCollectionRequest {
  1: required i64 collection_id (api.path = "id", go.tag = 'json:"collection_id,string"')
  2: required i64 amount      // the caller's part, as a person saw it
  3: required string currency // the collection's
}

// A collection in a list.
struct CollectionLine {
  1: required i64 collection_id (go.tag = 'json:"collection_id,string"')
  2: required string group_id
  3: required string collector
  4: required string kind
  5: required string currency
  6: required i64 total
  7: required i64 due
  8: required i64 collected
  9: required string note
  10: required string state
  11: required i64 created_at
  12: required i64 my_amount   // the caller's part; 0 where they have none
  13: required string my_state // due, claimed, paid, own; empty where they have none
}

struct GroupCollectionsRequest {
  1: required string group_id (api.path = "id")
  2: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  3: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

struct MyCollectionsRequest {
  1: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  2: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

struct CollectionsResponse {
  1: required list<CollectionLine> collections // newest first
  2: required string next_cursor               // empty on the last page
}

service CollectionService {
  // Asks members of a group to share a bill. Errors: `not_a_member`, `unknown_kind`, `unknown_currency`,
  // `amount_out_of_range`, `note_too_long`, `participants_required` (nobody but the caller would pay),
  // `participant_not_a_member`, `request_conflict`.
  Collection OpenCollection(1: OpenCollectionRequest req) (api.post = "/v1/collections", hongbao.scope = "user")

  // Pays the caller's part. Without an answer, or after `unavailable`, call again: the payment goes on from where it
  // stopped, and is made once; `already_paid` then says that it was. Errors: `collection_not_found`,
  // `not_a_participant`, `wrong_amount` (also in another currency), `already_paid`, `collection_closed`,
  // `daily_limit_exceeded`, `insufficient_balance`, `account_frozen`; none of them moves money.
  Collection PayCollection(1: PayCollectionRequest req) (api.post = "/v1/collections/{id}/pay", hongbao.scope = "user")

  // Ends a collection, for its collector; what was paid stays paid. Closing it again changes nothing. Errors:
  // `collection_not_found`, `not_the_collector`, `collection_complete` (everybody has paid).
  Collection CloseCollection(1: CollectionRequest req) (api.post = "/v1/collections/{id}/close", hongbao.scope = "user")

  // A collection with everybody's part, for the group's members and its participants. Errors: `collection_not_found`,
  // `not_a_member`.
  Collection GetCollection(1: CollectionRequest req) (api.get = "/v1/collections/{id}", hongbao.scope = "user")

  // The collections of a group, newest first, for its members. One appears here within moments. Errors: `not_a_member`.
  CollectionsResponse CollectionsOfGroup(1: GroupCollectionsRequest req) (api.get = "/v1/groups/{id}/collections", hongbao.scope = "user")

  // Those that the caller opened, newest first.
  CollectionsResponse OpenedCollections(1: MyCollectionsRequest req) (api.get = "/v1/me/collections?direction=opened", hongbao.scope = "user")

  // Those of which the caller is asked for a part, newest first. One appears here within moments.
  CollectionsResponse AskedCollections(1: MyCollectionsRequest req) (api.get = "/v1/me/collections?direction=asked", hongbao.scope = "user")
}
