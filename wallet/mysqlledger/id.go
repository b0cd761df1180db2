package mysqlledger

import (
	"fmt"
	"time"

	"github.com/sony/sonyflake/v2"

	"github.com/hongbao/hongbao/internal/shards"
)

// An id is 63 bits: 39 of time in 10 ms since idEpoch (enough until 2200), 8 of sequence, 6 of node, 10 of shard. So ids
// of one shard and node ascend, up to 25,600 a second, and an id alone says where its record is.
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

func generators(node, n int) ([]*sonyflake.Sonyflake, error) {
	if node < 0 || node > MaxNode {
		return nil, fmt.Errorf("mysqlledger: node %d is out of range: give 0 to %d, another one to each process", node, MaxNode)
	}
	if n > shards.MaxShards {
		return nil, fmt.Errorf("mysqlledger: %d shards do not fit an id", n)
	}
	ids := make([]*sonyflake.Sonyflake, n)
	for shard := range ids {
		machine := node<<shardBits | shard
		flake, err := sonyflake.New(sonyflake.Settings{
			BitsSequence:  seqBits,
			BitsMachineID: nodeBits + shardBits,
			TimeUnit:      idTimeUnit,
			StartTime:     time.UnixMilli(idEpoch),
			MachineID:     func() (int, error) { return machine, nil },
		})
		if err != nil {
			return nil, fmt.Errorf("mysqlledger: ids of shard %d: %w", shard, err)
		}
		ids[shard] = flake
	}
	return ids, nil
}

// NewID makes an id for a hold or funding of this owner. If the clock has stepped back it goes on from the highest id so far; after
// a restart in that state an id can come twice, which the database refuses.
func (l *Ledger) NewID(owner string) (int64, error) { return l.newID(l.cluster.ForUser(owner)) }

func (l *Ledger) newID(shard int) (int64, error) {
	id, err := l.ids[shard].NextID()
	if err != nil {
		return 0, fmt.Errorf("mysqlledger: next id: %w", err)
	}
	return id, nil
}

// ShardOf is the shard that an id carries. ok is false for an id that no shard of this installation can have made.
func (l *Ledger) ShardOf(id int64) (shard int, ok bool) {
	shard = int(id & (1<<shardBits - 1))
	return shard, id > 0 && shard < l.Shards()
}

// madeAt is when an id was made, to 10 ms.
func madeAt(id int64) time.Time {
	return millis(idEpoch + id>>(shardBits+nodeBits+seqBits)*idTimeUnit.Milliseconds())
}
