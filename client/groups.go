package client

import (
	"context"

	"github.com/hongbao/hongbao/kitex_gen/groupapi"
)

// Groups calls the GroupService: who may see, grab and listen. Scope: service, for the chat application; Mine: user;
// Members: either.
type Groups struct{ c *Client }

// Create creates a group. Creating it again with the same members changes nothing.
func (s Groups) Create(ctx context.Context, group string, members ...string) error {
	_, err := invoke(ctx, s.c, call{method: "Groups.Create"}, s.c.shared.services.Groups.CreateGroup,
		&groupapi.CreateGroupRequest{GroupId: group, Members: members})
	return err
}

// Add adds a member; adding one again changes nothing.
func (s Groups) Add(ctx context.Context, group, user string) error {
	_, err := invoke(ctx, s.c, call{method: "Groups.Add"}, s.c.shared.services.Groups.AddMember,
		&groupapi.MemberRequest{GroupId: group, UserId: user})
	return err
}

// Remove removes a member; removing one again changes nothing. Money already won stays won.
func (s Groups) Remove(ctx context.Context, group, user string) error {
	_, err := invoke(ctx, s.c, call{method: "Groups.Remove"}, s.c.shared.services.Groups.RemoveMember,
		&groupapi.MemberRequest{GroupId: group, UserId: user})
	return err
}

// Members returns the members of a group, ordered by user id.
func (s Groups) Members(ctx context.Context, group string) ([]string, error) {
	answer, err := invoke(ctx, s.c, call{method: "Groups.Members"}, s.c.shared.services.Groups.Members,
		&groupapi.MembersRequest{GroupId: group})
	return converted((*groupapi.Group).GetMembers, answer, err)
}

// Mine returns the groups that the caller is a member of, ordered.
func (s Groups) Mine(ctx context.Context) ([]string, error) {
	answer, err := invoke(ctx, s.c, call{method: "Groups.Mine"}, s.c.shared.services.Groups.MyGroups,
		&groupapi.MyGroupsRequest{})
	return converted((*groupapi.MyGroupsResponse).GetGroupIds, answer, err)
}
