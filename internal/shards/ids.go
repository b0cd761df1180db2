package shards

import (
	"fmt"
	"time"

	"github.com/sony/sonyflake/v2"
)

// An id is 63 bits: 39 of time in 10 ms since idEpoch (enough until 2200), 8 of sequence, 6 of node, 10 of shard. So
// ids of one shard and node ascend, up to 25,600 a second, and an id alone says where its record is.
const (
	shardBits  = 10
	nodeBits   = 6
	seqBits    = 8
	idTimeUnit = 10 * time.Millisecond

	// MaxNode is the highest node number: 64 processes may make ids.
	MaxNode = 1<<nodeBits - 1
)

// idEpoch is when the time of ids starts, in Unix milliseconds: 2026-01-01 UTC. It never changes.
const idEpoch = 1_767_225_600_000

// IDs makes ids that carry their shard. It is safe for concurrent use.
type IDs struct {
	cluster *Cluster
	flakes  []*sonyflake.Sonyflake // by shard
}

// NewIDs makes a source of ids. node is 0 to MaxNode, another one in each process.
func NewIDs(c *Cluster, node int) (*IDs, error) {
	if node < 0 || node > MaxNode {
		return nil, fmt.Errorf("shards: node %d is out of range: give 0 to %d, another one to each process", node,
			MaxNode)
	}
	ids := &IDs{cluster: c, flakes: make([]*sonyflake.Sonyflake, c.Shards())}
	for shard := range ids.flakes {
		machine := node<<shardBits | shard
		flake, err := sonyflake.New(sonyflake.Settings{
			BitsSequence:  seqBits,
			BitsMachineID: nodeBits + shardBits,
			TimeUnit:      idTimeUnit,
			StartTime:     time.UnixMilli(idEpoch),
			MachineID:     func() (int, error) { return machine, nil },
		})
		if err != nil {
			return nil, fmt.Errorf("shards: ids of shard %d: %w", shard, err)
		}
		ids.flakes[shard] = flake
	}
	return ids, nil
}

// ForUser makes an id for a record of this user. If the clock has stepped back it goes on from the highest id so far;
// after a restart in that state an id can come twice, which the database refuses.
func (ids *IDs) ForUser(user string) (int64, error) { return ids.New(ids.cluster.ForUser(user)) }

// New makes an id for a record of a shard; see ForUser.
func (ids *IDs) New(shard int) (int64, error) {
	id, err := ids.flakes[shard].NextID()
	if err != nil {
		return 0, fmt.Errorf("shards: next id: %w", err)
	}
	return id, nil
}

// ShardOf is the shard that an id carries. ok is false for an id that no shard of this installation can have made.
func (c *Cluster) ShardOf(id int64) (shard int, ok bool) {
	shard = int(id & (1<<shardBits - 1))
	return shard, id > 0 && shard < c.Shards()
}

// MadeAt is when an id was made, to 10 ms.
func MadeAt(id int64) time.Time {
	return time.UnixMilli(idEpoch + id>>(shardBits+nodeBits+seqBits)*idTimeUnit.Milliseconds()).UTC()
}

// FirstAt is an id below all that were made at a time or later, to 10 ms.
func FirstAt(at time.Time) int64 {
	return max(0, at.UnixMilli()-idEpoch) / idTimeUnit.Milliseconds() << (shardBits + nodeBits + seqBits)
}
