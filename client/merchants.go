package client

import (
	"context"
	"iter"

	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
)

// Merchants calls the MerchantService. The requests and answers are those of idl/merchant.thrift; a RequestId that is
// empty is made. Scope: user for the methods that take a merchant's id, and of the key for the others; see
// Client.AsMerchant.
type Merchants struct{ c *Client }

// AsMerchant returns a client that acts as the merchant of an API key, given its secret: it exchanges the secret for
// tokens as they are needed. Its connections are this one's; close only one of them.
func (c *Client) AsMerchant(secret string) *Client {
	return c.As(TokenFunc(func(ctx context.Context) (string, error) {
		answer, err := c.shared.services.Merchants.MerchantToken(ctx, &merchantapi.TokenRequest{Secret: &secret})
		if err != nil {
			return "", err
		}
		return answer.Token, nil
	}))
}

// Apply applies for a merchant, of which the caller becomes the first owner.
func (s Merchants) Apply(ctx context.Context, r *merchantapi.ApplyRequest) (*merchantapi.Merchant, error) {
	return mutate(ctx, s.c, "Merchants.Apply", s.c.shared.services.Merchants.Apply, r, &r.RequestId)
}

// Mine iterates over the merchants of which the caller is a member, newest first.
func (s Merchants) Mine(ctx context.Context) iter.Seq2[*merchantapi.Merchant, error] {
	return list(s.c, func(cursor *string, size *int32) (*merchantapi.MerchantsResponse, error) {
		return invoke(ctx, s.c, call{method: "Merchants.Mine"}, s.c.shared.services.Merchants.MyMerchants,
			&merchantapi.MyMerchantsRequest{Cursor: cursor, Limit: size})
	}, (*merchantapi.MerchantsResponse).GetMerchants, same)
}

// InState iterates over all merchants in a state, newest first. Scope: operator.
func (s Merchants) InState(ctx context.Context, state string) iter.Seq2[*merchantapi.Merchant, error] {
	return list(s.c, func(cursor *string, size *int32) (*merchantapi.MerchantsResponse, error) {
		return invoke(ctx, s.c, call{method: "Merchants.InState"}, s.c.shared.services.Merchants.MerchantsInState,
			&merchantapi.MerchantsInStateRequest{State: state, Cursor: cursor, Limit: size})
	}, (*merchantapi.MerchantsResponse).GetMerchants, same)
}

// Find iterates over the merchants whose name or legal id has a text in it, or whose id it is, newest first; those in
// every state where state is empty. Scope: operator.
func (s Merchants) Find(ctx context.Context, query, state string) iter.Seq2[*merchantapi.Merchant, error] {
	return list(s.c, func(cursor *string, size *int32) (*merchantapi.MerchantsResponse, error) {
		r := &merchantapi.FindMerchantsRequest{Query: query, Cursor: cursor, Limit: size}
		if state != "" {
			r.State = &state
		}
		return invoke(ctx, s.c, call{method: "Merchants.Find"}, s.c.shared.services.Merchants.FindMerchants, r)
	}, (*merchantapi.MerchantsResponse).GetMerchants, same)
}

// Decide decides about a merchant. Scope: operator.
func (s Merchants) Decide(ctx context.Context, r *merchantapi.DecideRequest) (*merchantapi.Merchant, error) {
	return mutate(ctx, s.c, "Merchants.Decide", s.c.shared.services.Merchants.DecideMerchant, r, &r.RequestId)
}

// Get returns a merchant, for its members and for operators.
func (s Merchants) Get(ctx context.Context, id int64) (*merchantapi.Merchant, error) {
	return invoke(ctx, s.c, call{method: "Merchants.Get"}, s.c.shared.services.Merchants.GetMerchant,
		&merchantapi.MerchantRequest{Id: id})
}

// AdvanceTestClock advances the clock of a merchant's test side. Scope: user, or merchant with a key of the test side.
func (s Merchants) AdvanceTestClock(
	ctx context.Context, r *merchantapi.AdvanceTestClockRequest,
) (*merchantapi.Merchant, error) {
	return mutate(ctx, s.c, "Merchants.AdvanceTestClock", s.c.shared.services.Merchants.AdvanceTestClock, r,
		&r.RequestId)
}

// History iterates over a merchant's history, the latest line first, for its members and for operators.
func (s Merchants) History(ctx context.Context, id int64) iter.Seq2[*merchantapi.MerchantChange, error] {
	return list(s.c, func(cursor *string, size *int32) (*merchantapi.HistoryResponse, error) {
		return invoke(ctx, s.c, call{method: "Merchants.History"}, s.c.shared.services.Merchants.MerchantHistory,
			&merchantapi.HistoryRequest{Id: id, Cursor: cursor, Limit: size})
	}, (*merchantapi.HistoryResponse).GetChanges, same)
}

// Members returns a merchant's members, for its members and for operators.
func (s Merchants) Members(ctx context.Context, id int64) ([]*merchantapi.MerchantMember, error) {
	answer, err := invoke(ctx, s.c, call{method: "Merchants.Members"}, s.c.shared.services.Merchants.MerchantMembers,
		&merchantapi.MerchantRequest{Id: id})
	return converted((*merchantapi.MembersResponse).GetMembers, answer, err)
}

// SetMember makes a user a member, or gives a member another role.
func (s Merchants) SetMember(
	ctx context.Context, r *merchantapi.SetMemberRequest,
) ([]*merchantapi.MerchantMember, error) {
	answer, err := mutate(ctx, s.c, "Merchants.SetMember", s.c.shared.services.Merchants.SetMerchantMember, r,
		&r.RequestId)
	return converted((*merchantapi.MembersResponse).GetMembers, answer, err)
}

// RemoveMember ends a membership.
func (s Merchants) RemoveMember(
	ctx context.Context, r *merchantapi.RemoveMemberRequest,
) ([]*merchantapi.MerchantMember, error) {
	answer, err := mutate(ctx, s.c, "Merchants.RemoveMember", s.c.shared.services.Merchants.RemoveMerchantMember, r,
		&r.RequestId)
	return converted((*merchantapi.MembersResponse).GetMembers, answer, err)
}

// Keys returns all keys of a merchant, without their secrets.
func (s Merchants) Keys(ctx context.Context, id int64) ([]*merchantapi.MerchantKey, error) {
	answer, err := invoke(ctx, s.c, call{method: "Merchants.Keys"}, s.c.shared.services.Merchants.MerchantKeys,
		&merchantapi.MerchantRequest{Id: id})
	return converted((*merchantapi.KeysResponse).GetKeys, answer, err)
}

// CreateKey makes a key. It is sent once, for a repetition would answer without the secret: after an error other than a
// refusal, look at Keys, revoke what was made, and make another.
func (s Merchants) CreateKey(ctx context.Context, r *merchantapi.CreateKeyRequest) (*merchantapi.MerchantKey, error) {
	r.RequestId = requestID(r.RequestId)
	return invoke(ctx, s.c, call{method: "Merchants.CreateKey", requestID: r.RequestId, once: true},
		s.c.shared.services.Merchants.CreateMerchantKey, r)
}

// RollKey makes a key that takes another one's place. It is sent once, as CreateKey is.
func (s Merchants) RollKey(ctx context.Context, r *merchantapi.RollKeyRequest) (*merchantapi.MerchantKey, error) {
	r.RequestId = requestID(r.RequestId)
	return invoke(ctx, s.c, call{method: "Merchants.RollKey", requestID: r.RequestId, once: true},
		s.c.shared.services.Merchants.RollMerchantKey, r)
}

// RevokeKey ends a key and its tokens.
func (s Merchants) RevokeKey(ctx context.Context, r *merchantapi.RevokeKeyRequest) (*merchantapi.MerchantKey, error) {
	return mutate(ctx, s.c, "Merchants.RevokeKey", s.c.shared.services.Merchants.RevokeMerchantKey, r, &r.RequestId)
}

// Wallets returns what is in the wallets of one side, live or test.
func (s Merchants) Wallets(ctx context.Context, id int64, mode string) ([]*merchantapi.WalletBalance, error) {
	answer, err := invoke(ctx, s.c, call{method: "Merchants.Wallets"}, s.c.shared.services.Merchants.MerchantWallets,
		&merchantapi.WalletsRequest{Id: id, Mode: mode})
	return converted((*merchantapi.WalletsResponse).GetWallets, answer, err)
}

// Entries iterates over a wallet's statement, newest first. r's cursor and limit are not used.
func (s Merchants) Entries(
	ctx context.Context, r merchantapi.WalletEntriesRequest,
) iter.Seq2[*merchantapi.WalletEntry, error] {
	return list(s.c, func(cursor *string, size *int32) (*merchantapi.WalletEntriesResponse, error) {
		page := r
		page.Cursor, page.Limit = cursor, size
		return invoke(ctx, s.c, call{method: "Merchants.Entries"}, s.c.shared.services.Merchants.MerchantEntries, &page)
	}, (*merchantapi.WalletEntriesResponse).GetEntries, same)
}

// TopUp brings money into a wallet.
func (s Merchants) TopUp(ctx context.Context, r *merchantapi.WalletTopUpRequest) (*merchantapi.WalletTopUp, error) {
	return mutate(ctx, s.c, "Merchants.TopUp", s.c.shared.services.Merchants.TopUpMerchant, r, &r.RequestId)
}

// Move moves money from one wallet to the other of the same side.
func (s Merchants) Move(ctx context.Context, r *merchantapi.MoveRequest) (*merchantapi.Move, error) {
	return mutate(ctx, s.c, "Merchants.Move", s.c.shared.services.Merchants.MoveMerchantMoney, r, &r.RequestId)
}

// Usage returns what a merchant may have and what the keys of a side, live or test, may do, and how much of it is used.
func (s Merchants) Usage(ctx context.Context, id int64, mode string) (*merchantapi.MerchantLimitsResponse, error) {
	return invoke(ctx, s.c, call{method: "Merchants.Usage"}, s.c.shared.services.Merchants.MerchantLimits,
		&merchantapi.MerchantLimitsRequest{Id: id, Mode: mode})
}

// Self returns the merchant of the key.
func (s Merchants) Self(ctx context.Context) (*merchantapi.Merchant, error) {
	return invoke(ctx, s.c, call{method: "Merchants.Self"}, s.c.shared.services.Merchants.SelfMerchant,
		&merchantapi.SelfRequest{})
}

// SelfWallets returns what is in the wallets of the key's side.
func (s Merchants) SelfWallets(ctx context.Context) ([]*merchantapi.WalletBalance, error) {
	answer, err := invoke(ctx, s.c, call{method: "Merchants.SelfWallets"}, s.c.shared.services.Merchants.SelfWallets,
		&merchantapi.SelfRequest{})
	return converted((*merchantapi.WalletsResponse).GetWallets, answer, err)
}

// SelfEntries iterates over the statement of a wallet of the key's side, newest first.
func (s Merchants) SelfEntries(
	ctx context.Context, wallet, currency string,
) iter.Seq2[*merchantapi.WalletEntry, error] {
	return list(s.c, func(cursor *string, size *int32) (*merchantapi.WalletEntriesResponse, error) {
		return invoke(ctx, s.c, call{method: "Merchants.SelfEntries"}, s.c.shared.services.Merchants.SelfEntries,
			&merchantapi.SelfEntriesRequest{Wallet: wallet, Currency: currency, Cursor: cursor, Limit: size})
	}, (*merchantapi.WalletEntriesResponse).GetEntries, same)
}

// SelfTopUp brings money of the sandbox into a test wallet.
func (s Merchants) SelfTopUp(ctx context.Context, r *merchantapi.SelfTopUpRequest) (*merchantapi.WalletTopUp, error) {
	return mutate(ctx, s.c, "Merchants.SelfTopUp", s.c.shared.services.Merchants.SelfTopUp, r, &r.RequestId)
}

// SelfMove moves money from one wallet to the other of the key's side.
func (s Merchants) SelfMove(ctx context.Context, r *merchantapi.SelfMoveRequest) (*merchantapi.Move, error) {
	return mutate(ctx, s.c, "Merchants.SelfMove", s.c.shared.services.Merchants.SelfMove, r, &r.RequestId)
}

// Limits returns each limit of the key, and what of it is used.
func (s Merchants) Limits(ctx context.Context) ([]*merchantapi.Limit, error) {
	answer, err := invoke(ctx, s.c, call{method: "Merchants.Limits"}, s.c.shared.services.Merchants.SelfLimits,
		&merchantapi.SelfRequest{})
	return converted((*merchantapi.LimitsResponse).GetLimits, answer, err)
}

// mutate calls a method whose request has a request id, which is made where it is empty.
func mutate[Q, A any](ctx context.Context, c *Client, name string, m method[Q, A], request Q, id *string) (A, error) {
	*id = requestID(*id)
	return invoke(ctx, c, call{method: name, requestID: *id}, m, request)
}

func same[T any](v T) T { return v }
