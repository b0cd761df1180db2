package app

import (
	"errors"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

var (
	// ErrNoFunding says that an installation with real money was opened without a funding provider.
	ErrNoFunding = errors.New("this installation has real money, and no funding provider is configured")
	// ErrSandbox says that a sandbox installation was opened with a funding provider.
	ErrSandbox = errors.New(
		"this installation is a sandbox: its money is not real, so it must have no funding provider")
)

// chooseFunding is what moves money in and out, according to the installation's record. Play money and real money never
// meet in one ledger. Errors: ErrNoFunding, ErrSandbox.
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
