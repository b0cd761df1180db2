package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/app"
)

type recoverCmd struct {
	servers
	actor
}

func (r recoverCmd) Run(ctx context.Context, at console) error {
	return r.with(ctx, at, nil, func(_ *connected, s *app.App) error {
		var recovery app.Recovery
		err := r.recorded(ctx, s.Trail, "recover", map[string]any{}, func() (err error) {
			recovery, err = s.Recover(ctx)
			return err
		})
		if err != nil {
			return errors.Join(fmt.Errorf("not finished, %d pots filled; run it again", recovery.Filled), err)
		}
		sayRecovery(at, recovery)
		return nil
	})
}

func sayRecovery(at console, r app.Recovery) {
	switch {
	case r.Lost:
		at.say("Redis had lost its pots; %d were filled again from the ledger.", r.Filled)
	case r.Filled > 0:
		at.say("Nothing was lost; %d pots that a crash had left out were filled.", r.Filled)
	default:
		at.say("Nothing was lost and nothing is missing.")
	}
}
