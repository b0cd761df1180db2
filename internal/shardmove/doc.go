// Package shardmove moves a shard to another MySQL server while it serves.
//
//	claim ──▶ copy ──▶ follow ──▶ verify ──▶ fence ──▶ drain ──▶ check ──▶ switch ──▶ tidy
//	   └────────────────────── an end in between: undo ──────────┘           └─ only on ─┘
//
// The binary log of the source names the rows that change, by their primary keys; what they are is read from the tables
// each time. So a copy needs no snapshot, and to copy a row twice, or in another order, does no harm. A row is read
// after the transaction that the log names is visible: the mover commits a mark of its own, and what stands before a
// committed mark in the log is committed.
//
// Each stretch of each table has been found equal on both servers once before the switch, byte by byte; what changed
// since is in the log. Stretches that are never found equal because they change all the time are compared in the fence.
//
// The fence is RENAME TABLE of all tables into a schema that nobody reads, in four statements at a time. It waits for
// transactions that have begun, and every statement after it finds no table, so it has done nothing: package shards
// repeats it where the shard is by then. The row in shard 0 says that there is a fence before there is one, and where
// the shard is after it; that UPDATE is the switch. Before it, an end of the mover leaves a shard that another run, or
// Undo, gives back; after it, one that another run tidies up.
//
// Who moves a shard has locks of the servers (GET_LOCK), one on each connection that it writes with: whoever
// lost one cannot write, so two movers cannot either.
package shardmove

import (
	"errors"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
)

var (
	// ErrShardZero says that shard 0 cannot be moved.
	ErrShardZero = errors.New("shardmove: shard 0 says where the others are, so it stays where the configuration " +
		"says: move it with its server, by replication and failover")
	// ErrUnfit says that a server or a table lacks what a move needs.
	ErrUnfit = errors.New("shardmove: a server or a table lacks what a move needs")
	// ErrBusy says that the fence could not be closed, or that somebody else moves the shard.
	ErrBusy = errors.New("shardmove: busy")
	// ErrDiffers says that the copy does not become equal.
	ErrDiffers = errors.New("shardmove: the copy differs")
)

// Bounds of a move.
const (
	chunkRows   = 1000                   // rows that are copied or compared at a time
	batchKeys   = 2000                   // rows that are brought up to date in one transaction
	keysOfQuery = 200                    // rows that one query asks for by their keys
	roundEvery  = time.Second            // between two looks at the log while rows are copied
	closeLag    = 100 * time.Millisecond // a round that takes less lets the fence begin
	closeRounds = 600                    // rounds at most until there is one
	recheckMost = 100                    // rounds of comparing again what was not equal
	suspectMost = 8                      // stretches that are compared in the fence
	lockWait    = 30                     // looks, of a second each, for a lock of a mover that died
	tableWait   = 5                      // seconds that a statement waits for transactions that use a table
	fencePause  = 2 * time.Second        // between two tries
	hiders      = 4                      // connections that rename tables
	fenceTries  = 150                    // tries at most: an audit's snapshot can last minutes
	undoTimeout = 30 * time.Second       // of giving the shard back when the context has ended
	sessionLife = time.Minute            // for which a server keeps a lock of a mover that says nothing
	fencedLife  = 5 * time.Second        // the same in the fence, where writers wait for it
	tidyLife    = time.Hour              // the same after the switch: old copies are dropped meanwhile
)

// DefaultMaxPause is how long writers wait at most, unless it is configured.
const DefaultMaxPause = time.Second

// Config says what to move where.
type Config struct {
	Cluster *shards.Cluster // opened with the target among its servers
	Shard   int
	To      string // address of the server, as shards.Cluster.ServerAddress gives it
	Drop    bool   // delete the old copy at the end
	// MaxPause is how long writers may wait: a switch that takes longer is given up, and tried again later. 0 for
	// DefaultMaxPause.
	MaxPause time.Duration
	Say      func(line string) // nil for none
	At       func(step Step)   // nil for none: called before each step, for tests
}

// Step is a part of a move.
type Step string

// The steps, in their order.
const (
	StepClaim  Step = "claim"
	StepCopy   Step = "copy"
	StepFollow Step = "follow"
	StepVerify Step = "verify"
	StepFence  Step = "fence"
	StepRename Step = "rename" // the row says that there is a fence, and there is none
	StepHidden Step = "hidden" // the tables have been renamed
	StepDrain  Step = "drain"
	StepCheck  Step = "check"
	StepSwitch Step = "switch"
	StepTidy   Step = "tidy"
	StepTidied Step = "tidied" // all but the row in shard 0
)

// Steps are all steps.
func Steps() []Step {
	return []Step{StepClaim, StepCopy, StepFollow, StepVerify, StepFence, StepRename, StepHidden, StepDrain, StepCheck,
		StepSwitch, StepTidy, StepTidied}
}

// Report is what a move did.
type Report struct {
	From, To string
	Epoch    int64         // of the shard, after it
	Rows     int64         // copied, compared and found different included
	Followed int64         // rows brought up to date from the log
	Pause    time.Duration // from the RENAME to the switch, or to where it was given up: writers waited so long at most
	Kept     string        // the schema on the source that has the old copy; "" where it was dropped
}
