package handlertest

import (
	"context"
	"net/netip"
	"time"

	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func sampleMerchant() merchant.Merchant {
	at := time.UnixMilli(1_800_000_000_000).UTC()
	return merchant.Merchant{
		ID: 1<<62 + 4, Name: "noodles", LegalID: "9131", Country: "CN", MCC: "5812", Contact: "ann@example.org",
		Currencies: []ledger.Currency{"CNY"}, State: merchant.StateActive, Applicant: "alice",
		CreatedAt: at, ChangedAt: at, History: 2,
	}
}

func sampleKey() merchant.Key {
	return merchant.Key{
		ID: 1<<62 + 5, Merchant: 1<<62 + 4, Mode: merchant.Test, Name: "shop",
		Permissions: []merchant.Permission{merchant.WalletRead},
		Allowed:     []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Hint: "wxyz", State: merchant.KeyActive,
		CreatedAt: time.UnixMilli(1_800_000_000_000).UTC(),
	}
}

// merchants is the Domain as a merchant.Service.
type merchants struct{ *Domain }

func (d merchants) one(user string) (merchant.Merchant, error) {
	_, err := d.asked(user, nil)
	return sampleMerchant(), err
}

func (d merchants) members(user string) ([]merchant.Member, error) {
	_, err := d.asked(user, nil)
	return []merchant.Member{{User: "alice", Role: merchant.Owner, Since: sampleMerchant().CreatedAt}}, err
}

func (d merchants) key(user string) (merchant.Key, string, error) {
	_, err := d.asked(user, nil)
	return sampleKey(), "hb_test_1_secret", err
}

func (d merchants) account(user string) (string, error) {
	_, err := d.asked(user, nil)
	return merchant.Account(1, merchant.Test, merchant.Available), err
}

func (d merchants) hold(user string) (ledger.Hold, error) {
	_, err := d.asked(user, nil)
	return ledger.Hold{ID: 1<<62 + 6, CreatedAt: sampleMerchant().CreatedAt}, err
}

func (d merchants) Apply(_ context.Context, user string, _ merchant.Application) (merchant.Merchant, error) {
	return d.one(user)
}

func (d merchants) Decide(_ context.Context, user string, _ int64, _ merchant.Decision) (merchant.Merchant, error) {
	return d.one(user)
}

func (d merchants) Get(_ context.Context, c merchant.Caller, _ int64) (merchant.Merchant, error) {
	return d.one(c.User)
}

func (d merchants) AdvanceBy(_ context.Context, user string, _ int64, _ merchant.Advance) (merchant.Merchant, error) {
	return d.one(user)
}

func (d merchants) AdvanceIn(
	_ context.Context, s merchant.Session, _ int64, _ merchant.Advance,
) (merchant.Merchant, error) {
	return d.one(s.Account())
}

func (d merchants) History(
	_ context.Context, c merchant.Caller, _, before int64, limit int,
) ([]merchant.Change, error) {
	_, err := d.asked(c.User, func(s *State) { s.Before, s.Limit = before, limit })
	return []merchant.Change{
		{Seq: 1, By: "alice", Side: merchant.SideMember, Action: merchant.ActionApply, To: "applied"},
	}, err
}

func (d merchants) Mine(_ context.Context, user string, before int64, limit int) ([]merchant.Membership, int64, error) {
	_, err := d.asked(user, func(s *State) { s.Before, s.Limit = before, limit })
	return []merchant.Membership{{Merchant: sampleMerchant(), Role: merchant.Owner}}, 0, err
}

func (d merchants) InState(_ context.Context, _ string, before int64, limit int) ([]merchant.Merchant, error) {
	_, err := d.asked("", func(s *State) { s.Before, s.Limit = before, limit })
	return []merchant.Merchant{sampleMerchant()}, err
}

func (d merchants) Find(_ context.Context, q merchant.Search) ([]merchant.Merchant, error) {
	_, err := d.asked("", func(s *State) { s.Before, s.Limit, s.Search = q.Before, q.Limit, q })
	return []merchant.Merchant{sampleMerchant()}, err
}

func (d merchants) Usage(_ context.Context, user string, _ int64, _ string) (merchant.Usage, error) {
	_, err := d.asked(user, nil)
	return merchant.Usage{Members: 1, Keys: 2, Good: []merchant.Key{sampleKey()}}, err
}

func (d merchants) Members(_ context.Context, c merchant.Caller, _ int64) ([]merchant.Member, error) {
	return d.members(c.User)
}

func (d merchants) SetMember(
	_ context.Context, user string, _ int64, _ merchant.MemberChange,
) ([]merchant.Member, error) {
	return d.members(user)
}

func (d merchants) RemoveMember(
	_ context.Context, user string, _ int64, _ merchant.MemberChange,
) ([]merchant.Member, error) {
	return d.members(user)
}

func (d merchants) Keys(_ context.Context, user string, _ int64) ([]merchant.Key, error) {
	k, _, err := d.key(user)
	return []merchant.Key{k}, err
}

func (d merchants) CreateKey(_ context.Context, user string, _ int64, _ merchant.NewKey) (merchant.Key, string, error) {
	return d.key(user)
}

func (d merchants) RollKey(
	_ context.Context, user string, _, _ int64, _ string, _ time.Duration, _ []byte,
) (merchant.Key, string, error) {
	return d.key(user)
}

func (d merchants) RevokeKey(_ context.Context, user string, _, _ int64, _, _ string) (merchant.Key, error) {
	k, _, err := d.key(user)
	return k, err
}

func (d merchants) Exchange(_ context.Context, p merchant.Proof, _ netip.Addr) (merchant.Grant, error) {
	_, err := d.asked("", nil)
	if p.Secret == "" && p.Signature == "" {
		err = refusal.New(merchant.CodeSignatureInvalid, "no proof")
	}
	return merchant.Grant{
		Session: merchant.Session{Merchant: 1, Key: 2, Mode: merchant.Test}, Expires: sampleMerchant().CreatedAt,
	}, err
}

func (d merchants) SeenBy(_ context.Context, user string, _ int64, _, _ string) (string, error) {
	return d.account(user)
}

func (d merchants) FundedBy(_ context.Context, user string, _ int64, _, _, _ string) (string, error) {
	return d.account(user)
}

func (d merchants) MoveBy(_ context.Context, user string, _ int64, _ string, _ merchant.Move) (ledger.Hold, error) {
	return d.hold(user)
}

func (d merchants) Session(_ context.Context, s merchant.Session) (merchant.Merchant, error) {
	return d.one(s.Account())
}

func (d merchants) SeenIn(_ context.Context, s merchant.Session, _ string) (string, error) {
	return d.account(s.Account())
}

func (d merchants) FundedIn(_ context.Context, s merchant.Session, _, _ string) (string, error) {
	return d.account(s.Account())
}

func (d merchants) MoveIn(_ context.Context, s merchant.Session, _ merchant.Move) (ledger.Hold, error) {
	return d.hold(s.Account())
}

// Limits are rate limits of which nothing is used, or all where the state says so.
type Limits struct{ *Domain }

func (d Limits) Take(_ context.Context, limit ratelimit.Limit, who string, _ int) (ratelimit.Result, error) {
	s, err := d.asked(who, nil)
	if s.Unknown {
		return ratelimit.Result{}, context.DeadlineExceeded
	}
	if s.Limited {
		return ratelimit.Result{Limit: limit, RetryAfter: 1500 * time.Millisecond, ResetAfter: 2 * time.Second}, err
	}
	return ratelimit.Result{Limit: limit, Allowed: true, Remaining: limit.Count}, err
}
