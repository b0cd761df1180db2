// ChatService: what the page needs of a chat application. An application of one's own has its own messages and names,
// and never calls it. No money moves here.
//
// Those in a conversation hear of a message live: `chat.message` with the message's fields, on the topic `group:` and
// the group's id, or on `user:` and the id of each of the two. Members hear `chat.named` when their group gets a name.
// An event can come twice: apply it by its id. A user sends at most 20 messages in 10 seconds.
namespace go chatapi

struct SendMessageRequest {
  1: required string request_id                                              // unique for the caller in the conversation
  2: optional string group_id                                                // a group that the caller is in; else `to`
  3: optional string to                                                      // another person; else `group_id`
  4: required string text                                                    // 1 to 1,000 characters, in one line or more
  5: optional i64 reply_to (go.tag = 'json:"reply_to,string,omitempty"')     // an earlier message of the conversation
  6: optional i64 about (go.tag = 'json:"about,string,omitempty"')           // what else it is about, as the id of an envelope; kept as it is
}

struct Message {
  1: required i64 message_id (go.tag = 'json:"message_id,string"')
  2: required string group_id                                                // empty between two people
  3: required string to                                                      // empty in a group
  4: required string sender
  5: required string text
  6: optional i64 reply_to (go.tag = 'json:"reply_to,string,omitempty"')
  7: optional i64 about (go.tag = 'json:"about,string,omitempty"')
  8: required i64 created_at
}

struct GroupMessagesRequest {
  1: required string group_id (api.path = "id")
  2: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  3: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

struct MessagesWithRequest {
  1: required string user_id (api.path = "id")
  2: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  3: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

struct MessagesResponse {
  1: required list<Message> messages // newest first
  2: required string next_cursor     // empty on the last page
}

struct PartnersRequest {
  1: optional string cursor (api.query = "cursor") // next_cursor of the page before; absent for the newest
  2: optional i32 limit (api.query = "limit")      // 1 to 100, 20 unless told
}

struct PartnersResponse {
  1: required list<string> user_ids // the conversation that began last first
  2: required string next_cursor    // empty on the last page
}

struct NameRequest {
  1: required string name // up to 32 characters of any script; empty takes it back
}

struct NameGroupRequest {
  1: required string group_id (api.path = "id")
  2: required string name // up to 32 characters of any script; empty takes it back
}

struct NameResponse {
  1: required string name
}

struct NamesRequest {
  1: required list<string> user_ids
  2: required list<string> group_ids // with user_ids, up to 500
}

struct Named {
  1: required string id
  2: required string name
}

// Those that have a name, in the order asked for.
struct NamesResponse {
  1: required list<Named> users
  2: required list<Named> groups
}

service ChatService {
  // Sends a message into a group or to a person. Errors: `not_a_member`, `request_conflict`, `rate_limited`.
  Message SendMessage(1: SendMessageRequest req) (api.post = "/v1/messages", hongbao.scope = "user")

  // The messages of a group, newest first, for its members. Errors: `not_a_member`.
  MessagesResponse MessagesOfGroup(1: GroupMessagesRequest req) (api.get = "/v1/groups/{id}/messages", hongbao.scope = "user")

  // The messages of the caller and another person, newest first.
  MessagesResponse MessagesWith(1: MessagesWithRequest req) (api.get = "/v1/me/messages/{id}", hongbao.scope = "user")

  // The people with whom the caller has exchanged messages. One appears here within moments.
  PartnersResponse Partners(1: PartnersRequest req) (api.get = "/v1/me/partners", hongbao.scope = "user")

  // Gives the caller a name.
  NameResponse NameMyself(1: NameRequest req) (api.post = "/v1/me/name", hongbao.scope = "user")

  // Gives a group a name, for its members. Errors: `not_a_member`.
  NameResponse NameGroup(1: NameGroupRequest req) (api.post = "/v1/groups/{id}/name", hongbao.scope = "user")

  // The names of people and groups.
  NamesResponse Names(1: NamesRequest req) (api.post = "/v1/names", hongbao.scope = "user")
}
