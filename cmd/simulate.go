package cmd

import (
	"context"
	"fmt"

	"github.com/hongbao/hongbao/internal/vopr"
)

type simulateCmd struct {
	Seed  uint64 `help:"Seed of the first world. The same seed and steps go the same way every time."`
	Seeds uint64 `help:"Worlds, each with the seed after the last."                                    default:"1"`
	Steps int    `help:"Steps of each world before its faults stop."                                   default:"2000"`
}

// Run lets worlds live until one goes wrong, whose seed it says.
func (s simulateCmd) Run(ctx context.Context, at console) error {
	if s.Steps < 1 || s.Seeds < 1 {
		return fmt.Errorf("--steps %d, --seeds %d: give at least 1 of each", s.Steps, s.Seeds)
	}
	var all vopr.Report
	for n := range s.Seeds {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := vopr.Run(s.Seed+n, s.Steps)
		if err != nil {
			return err
		}
		all.Add(r)
	}
	at.say("%d worlds, %d steps: %d grabs, %d of them wins, %d crashes, %d pauses, %d late calls, %d times a bucket "+
		"went back, %d rebuilt, %d times a shard went back. Nothing is wrong.", s.Seeds, all.Steps, all.Grabs, all.Won,
		all.Crashes, all.Pauses, all.Late, all.WentBack, all.Rebuilt, all.ShardsBack)
	return nil
}
