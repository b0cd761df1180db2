package handler

import (
	"context"
	"slices"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/groupapi"
)

// GroupDomain is what Group needs of group.Directory.
type GroupDomain interface {
	Create(ctx context.Context, group string, members []string) error
	Add(ctx context.Context, group, user string) error
	Remove(ctx context.Context, group, user string) error
	Members(ctx context.Context, group string) ([]string, error)
	GroupsOf(ctx context.Context, user string) ([]string, error)
}

// Group is the Kitex GroupService.
type Group struct {
	Domain GroupDomain
}

var _ groupapi.GroupService = (*Group)(nil)

// CreateGroup implements groupapi.GroupService.
func (h *Group) CreateGroup(ctx context.Context, r *groupapi.CreateGroupRequest) (*groupapi.Group, error) {
	if err := h.Domain.Create(ctx, r.GroupId, r.Members); err != nil {
		return nil, err
	}
	return h.group(ctx, r.GroupId)
}

// Members implements groupapi.GroupService. To a user who is not a member, a group that exists is as one that does not.
func (h *Group) Members(ctx context.Context, r *groupapi.MembersRequest) (*groupapi.Group, error) {
	caller, _ := auth.CallerFrom(ctx)
	g, err := h.group(ctx, r.GroupId)
	if caller.Has(auth.ScopeService) {
		return g, err
	}
	if code := refusal.CodeOf(err); err != nil && code != group.CodeNotFound {
		return nil, err
	}
	if g == nil || !slices.Contains(g.Members, caller.Subject) {
		return nil, refusal.New(refusal.CodeNotAMember, "you are not a member of this group")
	}
	return g, nil
}

// AddMember implements groupapi.GroupService.
func (h *Group) AddMember(ctx context.Context, r *groupapi.MemberRequest) (*groupapi.Group, error) {
	if err := h.Domain.Add(ctx, r.GroupId, r.UserId); err != nil {
		return nil, err
	}
	return h.group(ctx, r.GroupId)
}

// RemoveMember implements groupapi.GroupService.
func (h *Group) RemoveMember(ctx context.Context, r *groupapi.MemberRequest) (*groupapi.Group, error) {
	if err := h.Domain.Remove(ctx, r.GroupId, r.UserId); err != nil {
		return nil, err
	}
	return h.group(ctx, r.GroupId)
}

// MyGroups implements groupapi.GroupService.
func (h *Group) MyGroups(ctx context.Context, _ *groupapi.MyGroupsRequest) (*groupapi.MyGroupsResponse, error) {
	groups, err := h.Domain.GroupsOf(ctx, subject(ctx))
	if err != nil {
		return nil, err
	}
	return &groupapi.MyGroupsResponse{GroupIds: groups}, nil
}

func (h *Group) group(ctx context.Context, id string) (*groupapi.Group, error) {
	members, err := h.Domain.Members(ctx, id)
	if err != nil {
		return nil, err
	}
	return &groupapi.Group{GroupId: id, Members: members}, nil
}
