package app

import (
	"context"
	"fmt"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/wallet/seal"
)

// actionForgetSeals is what the trail calls it.
const actionForgetSeals = "forget_seals"

// ForgetSeals takes back what audits have sealed on a shard, but what is archived: see seal.Forget. by and reason stand
// in the trail; what cannot be recorded is not done.
func (a *App) ForgetSeals(ctx context.Context, shard int, by, reason string) error {
	if shard < 0 || shard >= a.Cluster.Shards() {
		return fmt.Errorf("there is no shard %d: there are 0 to %d", shard, a.Cluster.Shards()-1)
	}
	if err := refusal.CheckReason(reason); err != nil {
		return err
	}
	return a.Trail.Recorded(ctx, trail.Act{By: by, Action: actionForgetSeals,
		Detail: map[string]any{"shard": shard, "reason": reason}}, func() error {
		return seal.Forget(ctx, a.Cluster, shard)
	})
}
