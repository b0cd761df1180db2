package cmd

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/hongbao/hongbao/app"
)

type workCmd struct {
	servers
	funding
	metricsFlag
	traceFlag
}

func (w workCmd) check() error {
	return errors.Join(w.servers.check(), w.funding.check(), w.metricsFlag.check(), w.traceFlag.check())
}

func (w workCmd) Run(ctx context.Context, at console) error {
	prepare := func(c *connected) error { return errors.Join(w.use(c), w.trace(ctx, c, "work")) }
	return w.with(ctx, at, prepare, func(c *connected, s *app.App) error {
		if err := checkStart(ctx, s); err != nil {
			return err
		}
		member, err := newMember(s)
		if err != nil {
			return err
		}
		at.say("worker for %d shards", s.Buckets.Shards)
		return together(ctx,
			func(ctx context.Context) error { s.Work(ctx, member); return nil },
			func(ctx context.Context) error { return w.serve(ctx, s.Checks(), at.log, c.metrics, nil) })
	})
}

// together runs parts until the context ends or one fails.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error { return part(ctx) })
	}
	return group.Wait()
}
