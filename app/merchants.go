package app

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/merchant"
)

// keyRevocations are merchant.Revocations on the list of revoked tokens.
type keyRevocations struct{ list *revoked.List }

func (k keyRevocations) RevokeKey(ctx context.Context, key int64, until time.Time) error {
	return k.list.Add(ctx, merchant.RevocationID(key), until)
}
