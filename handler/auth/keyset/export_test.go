package keyset

import (
	"context"
	"log/slog"

	"github.com/hongbao/hongbao/handler/auth"
)

// NewKeeper makes looks at keys, for tests.
func NewKeeper(
	s Source, before auth.Keyring, use func(auth.Keyring) error, log *slog.Logger,
) func(context.Context) {
	return s.keeper(before, use, log)
}
