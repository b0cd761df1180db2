package merchant

import (
	"context"
	"errors"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// SeenBy says which account a member sees when they ask for one of a merchant's wallets. Refusals: merchant_not_found,
// role_missing, invalid_argument.
func (s *Service) SeenBy(ctx context.Context, user string, id int64, mode, wallet string) (account string, err error) {
	m, err := ParseMode(mode)
	if err != nil {
		return "", err
	}
	if err := checkWallet("wallet", wallet); err != nil {
		return "", err
	}
	if _, err := s.see(ctx, Caller{User: user}, id, SeeWallets); err != nil {
		return "", err
	}
	return Account(id, m, wallet), nil
}

// FundedBy says which account a member tops up. Refusals: as SeenBy, merchant_not_active, unknown_currency.
func (s *Service) FundedBy(
	ctx context.Context, user string, id int64, mode, wallet, currency string,
) (account string, err error) {
	m, err := ParseMode(mode)
	if err != nil {
		return "", err
	}
	if err := checkWallet("wallet", wallet); err != nil {
		return "", err
	}
	r, err := s.see(ctx, Caller{User: user}, id, MoveMoney)
	if err != nil {
		return "", err
	}
	return Account(id, m, wallet), dealsIn(r.Merchant, m, currency)
}

// Session returns the merchant of a session that may still act. Refusal: merchant_not_active.
func (s *Service) Session(ctx context.Context, session Session) (Merchant, error) {
	r, err := s.store.Get(ctx, session.Merchant)
	if errors.Is(err, ErrNotFound) {
		err = errNotFound
	}
	if err != nil {
		return Merchant{}, err
	}
	if !r.State.works(session.Mode) {
		return Merchant{}, notActive(r.Merchant)
	}
	return r.Merchant, nil
}

// SeenIn says which account a session sees. Refusals: permission_missing, invalid_argument, merchant_not_active.
func (s *Service) SeenIn(ctx context.Context, session Session, wallet string) (account string, err error) {
	if err := session.may(WalletRead); err != nil {
		return "", err
	}
	if err := checkWallet("wallet", wallet); err != nil {
		return "", err
	}
	_, err = s.Session(ctx, session)
	return Account(session.Merchant, session.Mode, wallet), err
}

// FundedIn says which account a session tops up: of the test side alone. Refusals: as SeenIn, mode_mismatch,
// unknown_currency.
func (s *Service) FundedIn(ctx context.Context, session Session, wallet, currency string) (account string, err error) {
	if session.Mode != Test {
		return "", refusal.New(CodeModeMismatch, "a key tops up test wallets alone: live ones are topped up by members")
	}
	if err := session.may(WalletMove); err != nil {
		return "", err
	}
	if err := checkWallet("wallet", wallet); err != nil {
		return "", err
	}
	m, err := s.Session(ctx, session)
	if err != nil {
		return "", err
	}
	return Account(session.Merchant, session.Mode, wallet), dealsIn(m, session.Mode, currency)
}

// dealsIn refuses a currency that is not one of the merchant's. Refusals: merchant_not_active, unknown_currency.
func dealsIn(m Merchant, mode Mode, currency string) error {
	if !m.State.works(mode) {
		return notActive(m)
	}
	if !m.has(ledger.Currency(currency)) {
		return refusal.New(refusal.CodeUnknownCurrency, "the merchant does not deal in %s: give one of %v",
			refusal.Clip(currency), m.Currencies)
	}
	return nil
}

// Move is money that goes from one of a merchant's wallets to the other of the same side.
type Move struct {
	RequestID string // unique for each wallet that pays
	From      string
	To        string
	Minor     int64
	Currency  string
	Note      string // may be empty
}

// MoveBy moves money for a member. Repeating it moves nothing more. Refusals: see idl/merchant.thrift.
func (s *Service) MoveBy(ctx context.Context, user string, id int64, mode string, v Move) (ledger.Hold, error) {
	m, err := ParseMode(mode)
	if err != nil {
		return ledger.Hold{}, err
	}
	r, err := s.see(ctx, Caller{User: user}, id, MoveMoney)
	if err != nil {
		return ledger.Hold{}, err
	}
	return s.move(ctx, r.Merchant, m, v)
}

// MoveIn moves money for a session. Refusals: see idl/merchant.thrift.
func (s *Service) MoveIn(ctx context.Context, session Session, v Move) (ledger.Hold, error) {
	if err := session.may(WalletMove); err != nil {
		return ledger.Hold{}, err
	}
	m, err := s.Session(ctx, session)
	if err != nil {
		return ledger.Hold{}, err
	}
	return s.move(ctx, m, session.Mode, v)
}

func (s *Service) move(ctx context.Context, m Merchant, mode Mode, v Move) (ledger.Hold, error) {
	if err := errors.Join(checkWallet("from", v.From), checkWallet("to", v.To)); err != nil {
		return ledger.Hold{}, err
	}
	if v.From == v.To {
		return ledger.Hold{}, refusal.New(refusal.CodeInvalidArgument, "from and to are the same wallet")
	}
	amount, err := ledger.NewAmount(v.Minor, v.Currency)
	if err != nil {
		return ledger.Hold{}, err
	}
	if err := refusal.CheckNote(v.Note, ledger.MaxNote); err != nil {
		return ledger.Hold{}, err
	}
	request, err := ledger.NewRequest(v.RequestID, "merchant.move", v)
	if err != nil {
		return ledger.Hold{}, err
	}
	if err := dealsIn(m, mode, v.Currency); err != nil {
		return ledger.Hold{}, err
	}
	owner := Account(m.ID, mode, v.From)
	id, err := s.ledger.NewID(owner)
	if err != nil {
		return ledger.Hold{}, err
	}
	return s.ledger.HoldWith(ctx, request, ledger.Hold{
		ID: id, Subject: Subject, Owner: owner, Counterparty: Account(m.ID, mode, v.To), Amount: amount,
		Parts: []int64{amount.Minor},
		Note:  v.Note, CreatedAt: s.clock(),
	}, ledger.HoldOptions{PayNow: true})
}
