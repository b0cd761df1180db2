package merchant

import (
	"context"
	"slices"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// MemberChange is what an owner makes of a user's membership.
type MemberChange struct {
	RequestID string
	User      string
	Role      string // empty to remove
	Reason    string // may be empty
}

// SetMember makes a user a member, or gives a member another role. Repeating it changes nothing. Refusals: see
// idl/merchant.thrift.
func (s *Service) SetMember(ctx context.Context, owner string, id int64, c MemberChange) ([]Member, error) {
	if err := checkRole(c.Role); err != nil {
		return nil, err
	}
	return s.changeMember(ctx, owner, id, ActionSetMember, c)
}

// RemoveMember ends a membership. Every member may end their own. Refusals: see idl/merchant.thrift.
func (s *Service) RemoveMember(ctx context.Context, owner string, id int64, c MemberChange) ([]Member, error) {
	c.Role = ""
	return s.changeMember(ctx, owner, id, ActionRemoveMember, c)
}

func (s *Service) changeMember(
	ctx context.Context, owner string, id int64, action string, c MemberChange,
) ([]Member, error) {
	if err := refusal.CheckID("user_id", c.User); err != nil {
		return nil, err
	}
	if c.Reason != "" {
		if err := checkText("reason", c.Reason, maxReason); err != nil {
			return nil, err
		}
	}
	change := Change{By: owner, Side: SideMember, Action: action, Object: c.User, To: c.Role, Reason: c.Reason}
	r, _, err := s.update(ctx, id, c.RequestID, change, c, func(r Record, e *Edit) error {
		leaves := action == ActionRemoveMember && owner == c.User
		need := ManageMembers
		if leaves {
			need = SeeMerchant
		}
		if err := mayDo(r.Members, owner, need); err != nil {
			return err
		}
		return c.edit(r, e)
	})
	if err != nil {
		return nil, err
	}
	return r.Members, nil
}

// edit is what the change does to a record.
func (c MemberChange) edit(r Record, e *Edit) error {
	i := slices.IndexFunc(r.Members, func(m Member) bool { return m.User == c.User })
	switch {
	case i < 0 && c.Role == "":
		return refusal.New(CodeMemberNotFound, "%q is not a member of this merchant", c.User)
	case i < 0 && len(r.Members) >= MaxMembers:
		return refusal.New(CodeTooMany, "a merchant has at most %d members: remove one first", MaxMembers)
	case i >= 0 && r.Members[i].Role == Owner && Role(c.Role) != Owner && owners(r.Members) == 1:
		return refusal.New(CodeLastOwner, "%q is the only owner: make another member owner first", c.User)
	}
	if i >= 0 {
		e.Change.From = string(r.Members[i].Role)
	}
	if c.Role == "" {
		e.Remove = c.User
		return nil
	}
	e.Member = &Member{User: c.User, Role: Role(c.Role), Since: e.Change.At}
	if i < 0 {
		e.Index = []ledger.IndexEntry{{Of: c.User, Subject: Subject, Reference: r.ID}}
	} else {
		e.Member.Since = r.Members[i].Since
	}
	return nil
}

func owners(members []Member) (n int) {
	for _, m := range members {
		if m.Role == Owner {
			n++
		}
	}
	return n
}

func hasMember(members []Member, user string) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return m.User == user })
}
