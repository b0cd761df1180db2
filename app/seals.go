package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/wallet/ledger"
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
	if err := (ledger.Freeze{Account: by, By: by, Reason: reason}).Check(); err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]any{"shard": shard, "reason": reason})
	if err != nil {
		return err
	}
	record := trail.Record{Actor: by, Action: actionForgetSeals, Outcome: "asked", Detail: string(detail)}
	if err := a.Trail.Append(ctx, record); err != nil {
		return fmt.Errorf("what cannot be recorded is not carried out: %w", err)
	}
	err = seal.Forget(ctx, a.Cluster, shard)
	if record.Outcome = "done"; err != nil {
		record.Outcome = "failed"
	}
	return errors.Join(err, a.Trail.Append(context.WithoutCancel(ctx), record))
}
