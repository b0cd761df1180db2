package shards

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/sonyflake/v2"

	"github.com/hongbao/hongbao/internal/refusal"
)

// An id is 63 bits: 36 of time in 10 ms since idEpoch (enough until October 2047), 8 of sequence, 9 of node, 10 of
// shard. So ids of one shard and node ascend, up to 25,600 a second, and an id alone says where its record is.
//
// Ids below firstID have 39 bits of time and 6 of node. They were made before September 2028, and the others after
// April 2026, so all are unique and ascend.
const (
	shardBits  = 10
	nodeBits   = 9
	seqBits    = 8
	idTimeUnit = 10 * time.Millisecond

	narrowNodeBits = 6
	firstID        = 1 << 57

	// MaxNode is the highest node number: 512 processes may make ids at a time for shards of one home.
	MaxNode = 1<<nodeBits - 1
)

// idEpoch is when the time of ids starts, in Unix milliseconds: 2026-01-01 UTC. It never changes.
const idEpoch = 1_767_225_600_000

// ErrClock says that no ids can be made because the clock of this machine is off.
var ErrClock = errors.New("shards: the clock of this machine is off")

// Node is a number with which a process may make ids for a while, alone.
type Node struct {
	Number int // 0 to MaxNode
	// The times of the ids: Whoever has the number before or afterwards makes ids of other times, so that no two are
	// the same, whatever clocks say. The zero values stand for no bound.
	From, Until time.Time // From is included, Until is not
}

// Nodes says with which number ids of the shards that have the same home may be made now; see Cluster.IDHome.
type Nodes interface {
	Node(home int) (Node, error)
}

// fixed is one number for ever.
type fixed int

func (f fixed) Node(int) (Node, error) { return Node{Number: int(f)}, nil }

// IDs makes ids that carry their shard. It is safe for concurrent use.
type IDs struct {
	cluster *Cluster
	nodes   Nodes
	shards  []idsOfShard
}

type idsOfShard struct {
	mu    sync.Mutex
	flake *sonyflake.Sonyflake // nil: none was made yet
	node  int                  // of flake
	last  int64
}

// NewIDs makes a source of ids for a process that has one number for ever: 0 to MaxNode, another one in each process.
func NewIDs(c *Cluster, node int) (*IDs, error) {
	if node < 0 || node > MaxNode {
		return nil, fmt.Errorf("shards: node %d is out of range: give 0 to %d, another one to each process", node,
			MaxNode)
	}
	return NewIDsOf(c, fixed(node)), nil
}

// NewIDsOf makes a source of ids for a process whose numbers change.
func NewIDsOf(c *Cluster, nodes Nodes) *IDs {
	return &IDs{cluster: c, nodes: nodes, shards: make([]idsOfShard, c.Shards())}
}

// ForUser makes an id for a record of this user. If the clock has stepped back it goes on from the highest id so far.
// Errors: ErrClock, and those of Nodes.
func (ids *IDs) ForUser(user string) (int64, error) { return ids.New(ids.cluster.ForUser(user)) }

// New makes an id for a record of a shard; see ForUser.
func (ids *IDs) New(shard int) (int64, error) {
	of := &ids.shards[shard]
	of.mu.Lock()
	defer of.mu.Unlock()
	node, err := ids.nodes.Node(ids.cluster.IDHome(shard))
	if err != nil {
		return 0, err
	}
	if of.flake == nil || of.node != node.Number {
		if of.flake, err = newFlake(shard, node.Number); err != nil {
			return 0, fmt.Errorf("shards: ids of shard %d: %w", shard, err)
		}
		of.node = node.Number
	}
	id, err := of.flake.NextID()
	for n := 1; err == nil && id <= of.last && n < 1<<seqBits; n++ { // a new number, in the same 10 ms
		id, err = of.flake.NextID()
	}
	if err != nil {
		return 0, fmt.Errorf("shards: next id: %w", err)
	}
	switch at := MadeAt(id); {
	case !node.Until.IsZero() && !at.Before(node.Until):
		return 0, wrongClock("%v is after the end of this process's node number, %v", at, node.Until)
	case at.Before(node.From):
		return 0, wrongClock("%v is before the beginning of this process's node number, %v", at, node.From)
	case id < firstID || id <= of.last:
		return 0, wrongClock("%v is before the newest id, of %v", at, MadeAt(max(firstID, of.last)))
	}
	of.last = id
	return id, nil
}

func wrongClock(format string, at, bound time.Time) error {
	return errors.Join(fmt.Errorf("%w: "+format, ErrClock, at.UTC(), bound.UTC()),
		refusal.New(refusal.CodeUnavailable, "this server's clock is off: try again with the same request_id"))
}

func newFlake(shard, node int) (*sonyflake.Sonyflake, error) {
	machine := node<<shardBits | shard
	return sonyflake.New(sonyflake.Settings{
		BitsSequence:  seqBits,
		BitsMachineID: nodeBits + shardBits,
		TimeUnit:      idTimeUnit,
		StartTime:     time.UnixMilli(idEpoch),
		MachineID:     func() (int, error) { return machine, nil },
	})
}

// End is when the newest id was made for the shards of a home, rounded up: no id of a later time was. It waits for
// calls under way.
func (ids *IDs) End(home int) (end time.Time) {
	for shard := range ids.shards {
		if ids.cluster.IDHome(shard) != home {
			continue
		}
		of := &ids.shards[shard]
		of.mu.Lock()
		if at := MadeAt(of.last).Add(idTimeUnit); of.last != 0 && at.After(end) {
			end = at
		}
		of.mu.Unlock()
	}
	return end
}

// ShardOf is the shard that an id carries. ok is false for an id that no shard of this installation can have made.
func (c *Cluster) ShardOf(id int64) (shard int, ok bool) {
	shard = int(id & (1<<shardBits - 1))
	return shard, id > 0 && shard < c.Shards()
}

// MadeAt is when an id was made, to 10 ms.
func MadeAt(id int64) time.Time {
	bits := shardBits + nodeBits + seqBits
	if id < firstID {
		bits = shardBits + narrowNodeBits + seqBits
	}
	return time.UnixMilli(idEpoch + id>>bits*idTimeUnit.Milliseconds()).UTC()
}

// FirstAt is an id below all that were made at a time or later, to 10 ms, but for those below firstID: they are older.
func FirstAt(at time.Time) int64 {
	return max(0, at.UnixMilli()-idEpoch) / idTimeUnit.Milliseconds() << (shardBits + nodeBits + seqBits)
}
