package cmd

import (
	"context"
	"encoding/json"
	"io"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/personal"
)

type userCmd struct {
	Export userExportCmd `cmd:"" help:"Write all that the installation keeps of a user, a JSON object on each line."`
}

type userExportCmd struct {
	servers
	User   string `arg:"" help:"User id."`
	By     string `help:"Who does it. It stands in the trail." required:"" placeholder:"NAME"`
	Reason string `help:"Why, in at most 200 characters." required:""`
}

// Run writes the rows of a user.
func (c userExportCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return c.with(ctx, quiet, nil, func(_ *connected, s *app.App) error {
		out := json.NewEncoder(at.out)
		out.SetEscapeHTML(false)
		known := false
		err := s.ExportUser(ctx, app.Export{User: c.User, By: c.By, Reason: c.Reason}, func(r personal.Row) error {
			known = known || r.Table != "trail" // which names them for this export already
			return out.Encode(r)
		})
		if err == nil && !known {
			at.warn("nothing is kept of a user %q but what the trail says: is the name spelled right?", c.User)
		}
		return err
	})
}
