package app

import (
	"context"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/revoked"
)

// RevokedKey is the name under which the list of revoked tokens knows all tokens of a merchant's key.
func RevokedKey(key int64) string { return "merchant-key:" + strconv.FormatInt(key, 10) }

// keyRevocations are merchant.Revocations on the list of revoked tokens.
type keyRevocations struct{ list *revoked.List }

func (k keyRevocations) RevokeKey(ctx context.Context, key int64, until time.Time) error {
	return k.list.Add(ctx, RevokedKey(key), until)
}
