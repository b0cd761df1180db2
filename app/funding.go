package app

import (
	"context"
	"errors"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

var (
	// ErrNoFunding says that an installation with real money was opened without a funding provider.
	ErrNoFunding = errors.New("this installation has real money, and no funding provider is configured")
	// ErrSandbox says that a sandbox installation was opened with a funding provider.
	ErrSandbox = errors.New(
		"this installation is a sandbox: its money is not real, so it must have no funding provider")
)

// chooseFunding is what moves money in and out, according to the installation's record. Play money and real money never
// meet: beside real money only test accounts have any (see fundingOfTests). Errors: ErrNoFunding, ErrSandbox.
func chooseFunding(in shards.Installation, cfg Config) (wallet.Funding, error) {
	switch {
	case in.Sandbox && cfg.Funding != nil:
		return nil, ErrSandbox
	case cfg.Unfunded:
		return wallet.Unfunded{}, nil
	case in.Sandbox:
		return wallet.Sandbox{}, nil
	case cfg.Funding == nil:
		return nil, ErrNoFunding
	}
	return cfg.Funding, nil
}

// fundingOfTests funds test accounts from the sandbox, in every installation, and all others as the installation does.
type fundingOfTests struct{ wallet.Funding }

func (f fundingOfTests) of(o wallet.FundingOrder) wallet.Funding {
	if ledger.IsTestAccount(o.User) {
		return wallet.Sandbox{}
	}
	return f.Funding
}

// Create implements wallet.Funding.
func (f fundingOfTests) Create(ctx context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	return f.of(o).Create(ctx, o)
}

// Query implements wallet.Funding.
func (f fundingOfTests) Query(ctx context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	return f.of(o).Query(ctx, o)
}
