// GroupService: who may see, grab and listen. Groups and their members belong to the chat application, which keeps
// them here with a token of scope `service`. A change takes effect on every node within a second.
namespace go groupapi

struct CreateGroupRequest {
  1: required string group_id
  2: required list<string> members // 0 to 500 distinct user ids
}

struct Group {
  1: required string group_id
  2: required list<string> members // ordered by user id
}

struct MembersRequest {
  1: required string group_id (api.path = "id")
}

struct MemberRequest {
  1: required string group_id (api.path = "id")
  2: required string user_id (api.path = "user")
}

struct MyGroupsRequest {}

struct MyGroupsResponse {
  1: required list<string> group_ids // ordered
}

service GroupService {
  // Creates a group. Creating it again with the same members changes nothing; with others it is refused as
  // `group_exists`. Errors: `group_exists`, `group_too_large`.
  Group CreateGroup(1: CreateGroupRequest req) (api.post = "/v1/groups", hongbao.scope = "service")

  // The members of a group, for the chat application, or for one of them. Errors: `group_not_found`, `not_a_member`.
  Group Members(1: MembersRequest req) (api.get = "/v1/groups/{id}/members", hongbao.scope = "user,service")

  // Adds a member; adding one again changes nothing. Errors: `group_not_found`, `group_too_large`.
  Group AddMember(1: MemberRequest req) (api.put = "/v1/groups/{id}/members/{user}", hongbao.scope = "service")

  // Removes a member, who from then on may neither look, grab nor listen; removing one again changes nothing.
  // Money already won stays won. Errors: `group_not_found`.
  Group RemoveMember(1: MemberRequest req) (api.delete = "/v1/groups/{id}/members/{user}", hongbao.scope = "service")

  // The groups that the caller is a member of.
  MyGroupsResponse MyGroups(1: MyGroupsRequest req) (api.get = "/v1/me/groups", hongbao.scope = "user")
}
