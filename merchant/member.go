package merchant

import (
	"maps"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Role is what a member of a merchant may do: see Allows.
type Role string

const (
	Owner     Role = "owner"
	Finance   Role = "finance"
	Developer Role = "developer"
	Viewer    Role = "viewer"
)

// Action is what a member does.
type Action string

const (
	SeeMerchant   Action = "see_merchant" // its record, members and history
	SeeWallets    Action = "see_wallets"
	MoveMoney     Action = "move_money" // into its wallets, and between them
	SeeKeys       Action = "see_keys"
	ManageKeys    Action = "manage_keys"
	ManageMembers Action = "manage_members"

	ManageWebhooks Action = "manage_webhooks" // see and change them, and what was sent to them

	SeeCovers  Action = "see_covers"
	EditCovers Action = "edit_covers" // their images and art, submit them, appeal
	BuyStock   Action = "buy_stock"   // pieces of covers, and withdraw them
	GiveCovers Action = "give_covers" // open and close channels, make codes, grant pieces

	AdvanceClock Action = "advance_clock" // of the test side
)

// allowed are the roles that each action admits.
func allowed() map[Action][]Role {
	return map[Action][]Role{
		SeeMerchant:   {Owner, Finance, Developer, Viewer},
		SeeWallets:    {Owner, Finance, Viewer},
		MoveMoney:     {Owner, Finance},
		SeeKeys:       {Owner, Developer, Viewer},
		ManageKeys:    {Owner, Developer},
		ManageMembers: {Owner},

		ManageWebhooks: {Owner, Developer},

		SeeCovers:  {Owner, Finance, Developer, Viewer},
		EditCovers: {Owner, Developer},
		BuyStock:   {Owner, Finance},
		GiveCovers: {Owner, Finance, Developer},

		AdvanceClock: {Owner, Developer},
	}
}

// Actions are all that there are.
func Actions() []Action { return slices.Sorted(maps.Keys(allowed())) }

// Roles are all that there are.
func Roles() []Role { return []Role{Owner, Finance, Developer, Viewer} }

// Allows says whether a role admits an action.
func (r Role) Allows(a Action) bool { return slices.Contains(allowed()[a], r) }

// MaxMembers bounds the members of a merchant.
const MaxMembers = 100

// Member is a user who works for a merchant.
type Member struct {
	User  string
	Role  Role
	Since time.Time
}

func checkRole(role string) error {
	if slices.Contains(Roles(), Role(role)) {
		return nil
	}
	return refusal.New(refusal.CodeInvalidArgument, "role %q is unknown: give owner, finance, developer or viewer",
		refusal.Clip(role))
}

// mayDo refuses a member whose role does not admit an action. A user who is no member gets merchant_not_found: what
// merchants there are is not everybody's to know. Refusals: merchant_not_found, role_missing.
func mayDo(members []Member, user string, a Action) error {
	i := slices.IndexFunc(members, func(m Member) bool { return m.User == user })
	if i < 0 {
		return errNotFound
	}
	if !members[i].Role.Allows(a) {
		return refusal.New(CodeRoleMissing, "as %s you may not do this: ask a member of one of the roles %v",
			members[i].Role, allowed()[a])
	}
	return nil
}

var errNotFound = refusal.New(CodeNotFound, "there is no merchant with this id that you have a part in")
