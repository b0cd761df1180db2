package shards

import (
	"context"
	"time"
)

// Installation is what was decided when the system was installed.
type Installation struct {
	ID              string // random, 32 hex digits
	Shards          int
	BucketsPerShard int
	Sandbox         bool // money is not real: wallet.Sandbox funds the wallets
	PotsReady       bool // the pots have been filled once; from then on their absence means that they were lost
	CreatedAt       time.Time
}

// Installation returns the record. Errors: ErrNotInstalled, ErrUnavailable, a clear one where Shards is not the cluster's.
func (c *Cluster) Installation(ctx context.Context) (Installation, error) { panic("skeleton") }

// Install makes the record if there is none and returns the one that is there. It is an error if that one has another number
// of shards or buckets, or another sandbox. want's ID, PotsReady and CreatedAt are ignored.
func (c *Cluster) Install(ctx context.Context, want Installation) (Installation, error) {
	panic("skeleton")
}

// SetPotsReady records that the pots have been filled.
func (c *Cluster) SetPotsReady(ctx context.Context) error { panic("skeleton") }
