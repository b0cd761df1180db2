package app

import (
	"context"

	"github.com/hongbao/hongbao/internal/shards"
)

// OpenShards opens the shards of an installation alone, without Redis. Errors: shards.ErrNotInstalled,
// shards.ErrInstalledOtherwise, shards.ErrTablesOlder, shards.ErrTablesNewer, shards.ErrServerUnknown,
// shards.ErrUnavailable.
func OpenShards(ctx context.Context, cfg Config) (*shards.Cluster, error) {
	c, err := openCluster(cfg)
	if err != nil {
		return nil, err
	}
	if _, err = c.Installation(ctx); err == nil {
		err = c.CheckVersions(ctx, migrations...)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
