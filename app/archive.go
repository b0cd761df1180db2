package app

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/archive"
)

// Archive moves what is sealed and older than a time into files of a folder; see archive.Archiver.Run.
func (a *App) Archive(ctx context.Context, olderThan time.Duration, dir string) ([]archive.File, error) {
	return archive.New(a.Cluster).Run(ctx, olderThan, dir)
}
