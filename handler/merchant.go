package handler

import (
	"context"
	"encoding/base64"
	"net/netip"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/merchant"
)

// MerchantDomain is what Merchant needs of merchant.Service.
type MerchantDomain interface {
	Apply(ctx context.Context, user string, a merchant.Application) (merchant.Merchant, error)
	Decide(ctx context.Context, operator string, id int64, d merchant.Decision) (merchant.Merchant, error)
	Get(ctx context.Context, c merchant.Caller, id int64) (merchant.Merchant, error)
	AdvanceBy(ctx context.Context, user string, id int64, a merchant.Advance) (merchant.Merchant, error)
	AdvanceIn(ctx context.Context, s merchant.Session, id int64, a merchant.Advance) (merchant.Merchant, error)
	History(ctx context.Context, c merchant.Caller, id, before int64, limit int) ([]merchant.Change, error)
	Mine(ctx context.Context, user string, before int64, limit int) (mine []merchant.Membership, next int64, err error)
	InState(ctx context.Context, state string, before int64, limit int) ([]merchant.Merchant, error)
	Find(ctx context.Context, q merchant.Search) ([]merchant.Merchant, error)
	Usage(ctx context.Context, user string, id int64, mode string) (merchant.Usage, error)
	Members(ctx context.Context, c merchant.Caller, id int64) ([]merchant.Member, error)
	SetMember(ctx context.Context, owner string, id int64, c merchant.MemberChange) ([]merchant.Member, error)
	RemoveMember(ctx context.Context, owner string, id int64, c merchant.MemberChange) ([]merchant.Member, error)
	Keys(ctx context.Context, user string, id int64) ([]merchant.Key, error)
	CreateKey(ctx context.Context, user string, id int64, n merchant.NewKey) (k merchant.Key, secret string, err error)
	RollKey(
		ctx context.Context, user string, id, key int64, requestID string, overlap time.Duration, publicKey []byte,
	) (k merchant.Key, secret string, err error)
	RevokeKey(ctx context.Context, user string, id, key int64, requestID, reason string) (merchant.Key, error)
	Exchange(ctx context.Context, p merchant.Proof, address netip.Addr) (merchant.Grant, error)
	MerchantMoney
}

// SessionIssuer is what Merchant needs of auth.Issuer.
type SessionIssuer interface {
	IssueSession(s merchant.Session, until time.Time) (string, error)
}

// Merchant is the Kitex MerchantService.
type Merchant struct {
	Domain         MerchantDomain
	Wallets        WalletDomain
	Tokens         SessionIssuer // nil where this process has no key to sign with
	Limits         RateLimiter
	CallsPerSecond int // of a key; 0 for DefaultMerchantCalls
}

var _ merchantapi.MerchantService = (*Merchant)(nil)

// Apply implements merchantapi.MerchantService.
func (h *Merchant) Apply(ctx context.Context, r *merchantapi.ApplyRequest) (*merchantapi.Merchant, error) {
	return merchantResponse(h.Domain.Apply(ctx, subject(ctx), merchant.Application{
		RequestID: r.RequestId, Name: r.Name, LegalID: r.LegalId, Country: r.Country, MCC: r.Mcc, Contact: r.Contact,
		Currencies: r.Currencies,
	}))
}

// DecideMerchant implements merchantapi.MerchantService.
func (h *Merchant) DecideMerchant(ctx context.Context, r *merchantapi.DecideRequest) (*merchantapi.Merchant, error) {
	d := merchant.Decision{RequestID: r.RequestId, Verb: r.Decision, Reason: r.Reason}
	return merchantResponse(h.Domain.Decide(ctx, subject(ctx), r.Id, d))
}

// GetMerchant implements merchantapi.MerchantService.
func (h *Merchant) GetMerchant(ctx context.Context, r *merchantapi.MerchantRequest) (*merchantapi.Merchant, error) {
	return merchantResponse(h.Domain.Get(ctx, memberOrOperator(ctx), r.Id))
}

// AdvanceTestClock implements merchantapi.MerchantService.
func (h *Merchant) AdvanceTestClock(
	ctx context.Context, r *merchantapi.AdvanceTestClockRequest,
) (*merchantapi.Merchant, error) {
	a := merchant.Advance{RequestID: r.RequestId, By: milliseconds(r.ByMs)}
	if c, _ := auth.CallerFrom(ctx); c.Session != nil {
		return merchantResponse(h.Domain.AdvanceIn(ctx, *c.Session, r.Id, a))
	}
	return merchantResponse(h.Domain.AdvanceBy(ctx, subject(ctx), r.Id, a))
}

// milliseconds is a duration, or one that is out of every range where ms would not fit.
func milliseconds(ms int64) time.Duration {
	const most = 1 << 40
	return time.Duration(min(max(ms, -1), most)) * time.Millisecond
}

// MyMerchants implements merchantapi.MerchantService.
func (h *Merchant) MyMerchants(
	ctx context.Context, r *merchantapi.MyMerchantsRequest,
) (*merchantapi.MerchantsResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	mine, next, err := h.Domain.Mine(ctx, subject(ctx), before, limit)
	if err != nil {
		return nil, err
	}
	response := &merchantapi.MerchantsResponse{Merchants: make([]*merchantapi.Merchant, len(mine))}
	for i, m := range mine {
		response.Merchants[i] = encodeMerchant(m.Merchant)
		response.Merchants[i].Role = string(m.Role)
	}
	if next != 0 {
		response.NextCursor = encodeCursor(next)
	}
	return response, nil
}

// MerchantsInState implements merchantapi.MerchantService.
func (h *Merchant) MerchantsInState(
	ctx context.Context, r *merchantapi.MerchantsInStateRequest,
) (*merchantapi.MerchantsResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.InState(ctx, r.State, before, limit+1)
	return merchantsResponse(found, limit, err)
}

// FindMerchants implements merchantapi.MerchantService.
func (h *Merchant) FindMerchants(
	ctx context.Context, r *merchantapi.FindMerchantsRequest,
) (*merchantapi.MerchantsResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.Find(ctx, merchant.Search{
		Text: r.Query, State: merchant.State(r.GetState()), Before: before, Limit: limit + 1,
	})
	return merchantsResponse(found, limit, err)
}

// merchantsResponse is a page of merchants, of which one more than its limit was asked for.
func merchantsResponse(found []merchant.Merchant, limit int, err error) (*merchantapi.MerchantsResponse, error) {
	if err != nil {
		return nil, err
	}
	found, cursor := cut(found, limit, func(m merchant.Merchant) int64 { return m.ID })
	return &merchantapi.MerchantsResponse{Merchants: encodeAll(found, encodeMerchant), NextCursor: cursor}, nil
}

// MerchantHistory implements merchantapi.MerchantService.
func (h *Merchant) MerchantHistory(
	ctx context.Context, r *merchantapi.HistoryRequest,
) (*merchantapi.HistoryResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	changes, err := h.Domain.History(ctx, memberOrOperator(ctx), r.Id, before, limit+1)
	if err != nil {
		return nil, err
	}
	changes, cursor := cut(changes, limit, func(c merchant.Change) int64 { return c.Seq })
	response := &merchantapi.HistoryResponse{NextCursor: cursor}
	response.Changes = make([]*merchantapi.MerchantChange, len(changes))
	for i, c := range changes {
		response.Changes[i] = &merchantapi.MerchantChange{
			Seq: c.Seq, At: c.At.UnixMilli(), By: c.By, Side: string(c.Side), Action: c.Action, Object: c.Object,
			Before: c.From,
			After:  c.To, Reason: c.Reason,
		}
	}
	return response, nil
}

// MerchantMembers implements merchantapi.MerchantService.
func (h *Merchant) MerchantMembers(
	ctx context.Context, r *merchantapi.MerchantRequest,
) (*merchantapi.MembersResponse, error) {
	return membersResponse(h.Domain.Members(ctx, memberOrOperator(ctx), r.Id))
}

// SetMerchantMember implements merchantapi.MerchantService.
func (h *Merchant) SetMerchantMember(
	ctx context.Context, r *merchantapi.SetMemberRequest,
) (*merchantapi.MembersResponse, error) {
	c := merchant.MemberChange{RequestID: r.RequestId, User: r.UserId, Role: r.Role, Reason: r.GetReason()}
	return membersResponse(h.Domain.SetMember(ctx, subject(ctx), r.Id, c))
}

// RemoveMerchantMember implements merchantapi.MerchantService.
func (h *Merchant) RemoveMerchantMember(
	ctx context.Context, r *merchantapi.RemoveMemberRequest,
) (*merchantapi.MembersResponse, error) {
	c := merchant.MemberChange{RequestID: r.RequestId, User: r.UserId, Reason: r.GetReason()}
	return membersResponse(h.Domain.RemoveMember(ctx, subject(ctx), r.Id, c))
}

// MerchantKeys implements merchantapi.MerchantService.
func (h *Merchant) MerchantKeys(
	ctx context.Context, r *merchantapi.MerchantRequest,
) (*merchantapi.KeysResponse, error) {
	keys, err := h.Domain.Keys(ctx, subject(ctx), r.Id)
	if err != nil {
		return nil, err
	}
	response := &merchantapi.KeysResponse{Keys: make([]*merchantapi.MerchantKey, len(keys))}
	for i, k := range keys {
		response.Keys[i] = encodeKey(k, "")
	}
	return response, nil
}

// CreateMerchantKey implements merchantapi.MerchantService.
func (h *Merchant) CreateMerchantKey(
	ctx context.Context, r *merchantapi.CreateKeyRequest,
) (*merchantapi.MerchantKey, error) {
	public, err := decodePublicKey(r.GetPublicKey())
	if err != nil {
		return nil, err
	}
	return keyResponse(h.Domain.CreateKey(ctx, subject(ctx), r.Id, merchant.NewKey{
		RequestID: r.RequestId, Mode: r.Mode, Name: r.Name, Permissions: r.Permissions, Allowed: r.Allowed,
		ExpiresAt: bound(r.ExpiresAt), PublicKey: public,
	}))
}

// RollMerchantKey implements merchantapi.MerchantService.
func (h *Merchant) RollMerchantKey(
	ctx context.Context, r *merchantapi.RollKeyRequest,
) (*merchantapi.MerchantKey, error) {
	public, err := decodePublicKey(r.GetPublicKey())
	if err != nil {
		return nil, err
	}
	return keyResponse(
		h.Domain.RollKey(ctx, subject(ctx), r.Id, r.KeyId, r.RequestId, milliseconds(r.OverlapMs), public))
}

// RevokeMerchantKey implements merchantapi.MerchantService.
func (h *Merchant) RevokeMerchantKey(
	ctx context.Context, r *merchantapi.RevokeKeyRequest,
) (*merchantapi.MerchantKey, error) {
	k, err := h.Domain.RevokeKey(ctx, subject(ctx), r.Id, r.KeyId, r.RequestId, r.GetReason())
	return keyResponse(k, "", err)
}

// memberOrOperator is who asks for what both may see.
func memberOrOperator(ctx context.Context) merchant.Caller {
	c, _ := auth.CallerFrom(ctx)
	return merchant.Caller{User: c.Subject, Operator: c.Has(auth.ScopeOperator)}
}

func decodePublicKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, refusal.New(refusal.CodeInvalidArgument,
			"public_key is malformed: give the 32 bytes of an Ed25519 key in base64")
	}
	return key, nil
}

func merchantResponse(m merchant.Merchant, err error) (*merchantapi.Merchant, error) {
	if err != nil {
		return nil, err
	}
	return encodeMerchant(m), nil
}

func encodeMerchant(m merchant.Merchant) *merchantapi.Merchant {
	currencies := make([]string, len(m.Currencies))
	for i, c := range m.Currencies {
		currencies[i] = string(c)
	}
	return &merchantapi.Merchant{
		Id: m.ID, Name: m.Name, LegalId: m.LegalID, Country: m.Country, Mcc: m.MCC, Contact: m.Contact,
		Currencies: currencies, State: string(m.State), Applicant: m.Applicant,
		CreatedAt: m.CreatedAt.UnixMilli(), ChangedAt: m.ChangedAt.UnixMilli(),
		TestAheadMs: m.TestAhead.Milliseconds(),
	}
}

func membersResponse(members []merchant.Member, err error) (*merchantapi.MembersResponse, error) {
	if err != nil {
		return nil, err
	}
	response := &merchantapi.MembersResponse{Members: make([]*merchantapi.MerchantMember, len(members))}
	for i, m := range members {
		response.Members[i] = &merchantapi.MerchantMember{
			UserId: m.User, Role: string(m.Role), Since: m.Since.UnixMilli(),
		}
	}
	return response, nil
}

func keyResponse(k merchant.Key, secret string, err error) (*merchantapi.MerchantKey, error) {
	if err != nil {
		return nil, err
	}
	return encodeKey(k, secret), nil
}

func encodeKey(k merchant.Key, secret string) *merchantapi.MerchantKey {
	encoded := &merchantapi.MerchantKey{
		Id: k.ID, Mode: string(k.Mode), Name: k.Name, Permissions: make([]string, len(k.Permissions)),
		Allowed: make([]string, len(k.Allowed)), Hint: k.Hint,
		PublicKey: base64.StdEncoding.EncodeToString(k.PublicKey),
		State:     string(k.State), CreatedAt: k.CreatedAt.UnixMilli(), RolledFrom: k.RolledFrom, Secret: secret,
	}
	for i, p := range k.Permissions {
		encoded.Permissions[i] = string(p)
	}
	for i, p := range k.Allowed {
		encoded.Allowed[i] = p.String()
	}
	if !k.ExpiresAt.IsZero() {
		encoded.ExpiresAt = k.ExpiresAt.UnixMilli()
	}
	if !k.LastUsedAt.IsZero() {
		encoded.LastUsedAt = k.LastUsedAt.UnixMilli()
	}
	return encoded
}
