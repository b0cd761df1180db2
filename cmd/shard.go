package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/shardmove"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/trail"
)

type shardCmd struct {
	List shardListCmd `cmd:"" help:"Show where each shard is."`
	Pin  shardPinCmd  `cmd:"" help:"Write down where each shard is, so that servers may be appended to --mysql without moving any."`
	Move shardMoveCmd `cmd:"" help:"Move a shard to another MySQL server, while it serves. May be run again after any end."`
	Undo shardUndoCmd `cmd:"" help:"Give a shard back that an unfinished move holds."`
}

// withShards opens the shards for run.
func (f servers) withShards(ctx context.Context, at console, run func(*shards.Cluster) error) error {
	c, err := f.connect(ctx, console{out: io.Discard, err: at.err, log: at.log})
	if err != nil {
		return err
	}
	defer c.close()
	cluster, err := app.OpenShards(ctx, c.config)
	if err != nil {
		return err
	}
	defer cluster.Close()
	return run(cluster)
}

type shardListCmd struct {
	servers
	JSON bool `name:"json" help:"Print JSON, an object on each line."`
}

// shardLine is where a shard is, as it is printed.
type shardLine struct {
	Shard    int    `json:"shard"`
	Schema   string `json:"schema"`
	Server   string `json:"server"`
	Epoch    int64  `json:"epoch"` // 0: never written down, so as configured
	MovingTo string `json:"moving_to,omitempty"`
	Fenced   bool   `json:"fenced,omitempty"`
}

// Run implements the command.
func (s shardListCmd) Run(ctx context.Context, at console) error {
	return s.withShards(ctx, at, func(c *shards.Cluster) error {
		places, err := c.Places(ctx)
		if err != nil {
			return err
		}
		for _, shard := range c.All() {
			line := shardLine{Shard: shard, Schema: c.Schema(shard), Server: c.ServerAddress(c.ServerOf(shard))}
			if shard < len(places) {
				p := places[shard]
				line.Epoch, line.MovingTo, line.Fenced = p.Epoch, p.Target, p.Fenced
			}
			if err := line.print(at, s.JSON); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l shardLine) print(at console, asJSON bool) error {
	if asJSON {
		text, err := json.Marshal(l)
		if err == nil {
			at.say("%s", text)
		}
		return err
	}
	state := ""
	switch {
	case l.Epoch == 0:
		state = "  (as configured)"
	case l.Fenced:
		state = "  OUT OF REACH: its move to " + l.MovingTo + " is not finished: run it again, or hongbao shard undo"
	case l.MovingTo != "":
		state = "  is being moved to " + l.MovingTo
	}
	at.say("%4d  %s  %s%s", l.Shard, l.Schema, l.Server, state)
	return nil
}

type shardPinCmd struct {
	servers
	actor
}

// Run implements the command.
func (s shardPinCmd) Run(ctx context.Context, at console) error {
	return s.withShards(ctx, at, func(c *shards.Cluster) error {
		err := s.recorded(ctx, trail.New(c, time.Now), "pin_shards", map[string]any{}, func() error {
			return c.Pin(ctx)
		})
		if err != nil {
			return err
		}
		at.say("It is written down where the %d shards are. hongbao shard list shows it.", c.Shards())
		return nil
	})
}

type shardMoveCmd struct {
	servers
	actor
	Shard int    `required:"" help:"Number of the shard; shard 0 cannot be moved."`
	To    string `required:"" help:"Address of the server, as --mysql has it: host:port." placeholder:"ADDRESS"`
	Drop  bool   `help:"Delete the old copy at the end. Without it, it stays under another name."`

	MaxPause time.Duration `help:"How long writers may wait for the switch. One that takes longer is given up and tried again, 150 times at most." default:"1s"`
}

// Run implements the command.
func (s shardMoveCmd) Run(ctx context.Context, at console) error {
	return s.withShards(ctx, at, func(c *shards.Cluster) error {
		var r shardmove.Report
		err := s.recorded(ctx, trail.New(c, time.Now), "move_shard", map[string]any{"shard": s.Shard, "to": s.To,
			"drop": s.Drop}, func() (err error) {
			r, err = shardmove.Move(ctx, shardmove.Config{Cluster: c, Shard: s.Shard, To: s.To, Drop: s.Drop,
				MaxPause: s.MaxPause, Say: func(line string) { at.say("%s", line) }})
			return err
		})
		if err != nil {
			return fmt.Errorf("shard %d was not moved: %w", s.Shard, err)
		}
		if r.From == r.To {
			return nil
		}
		at.say("Shard %d moved from %s to %s (epoch %d): %d rows read, %d followed from the log; writers waited %v.",
			s.Shard, r.From, r.To, r.Epoch, r.Rows, r.Followed, r.Pause.Round(time.Millisecond))
		return nil
	})
}

type shardUndoCmd struct {
	servers
	actor
	Shard int `required:"" help:"Number of the shard."`
}

// Run implements the command.
func (s shardUndoCmd) Run(ctx context.Context, at console) error {
	return s.withShards(ctx, at, func(c *shards.Cluster) error {
		return s.recorded(ctx, trail.New(c, time.Now), "undo_move", map[string]any{"shard": s.Shard}, func() error {
			return shardmove.Undo(ctx, shardmove.Config{Cluster: c, Shard: s.Shard,
				Say: func(line string) { at.say("%s", line) }})
		})
	})
}
