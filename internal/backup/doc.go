// Package backup copies all shards as of one moment with MariaDB's own tools, and loads such a copy into empty servers.
//
// One moment over several servers is a fence: every server is told FLUSH TABLES WITH READ LOCK, so no transaction
// commits anywhere; once all have agreed, mariadb-dump --single-transaction is started for each server, and as soon as
// each has its snapshot, writers go on. What a shard knows of another one is then in the other's copy as well. The
// fence lasts as long as it takes to start the tools, and never longer than fenceMost; no call fails in it, those that
// write wait.
//
// A backup is a folder:
//
//	shard-0000.sql.gz …   a file for each shard, without the name of its schema: zcat | mariadb reads it
//	backup.json           what the installation is, and the size and SHA-256 of each file; written last
//
// A folder without backup.json is no backup. The record of the installation is in backup.json alone, and a restore
// writes it last, so one that died leaves nothing that could be opened.
package backup

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
)

// Bounds of a fence.
const (
	// fenceWait is how long a server may take to stop its writers: below the 5 s after which a transaction gives up to
	// wait for a row that another one, which waits for the fence, has locked.
	fenceWait = 3 * time.Second
	// fenceTries is how often that is tried, for long statements delay it; fenceInterval is the time between.
	fenceTries    = 5
	fenceInterval = 2 * time.Second
	// fenceMost is how long writers wait at most until all snapshots are taken.
	fenceMost = 10 * time.Second
)

// loadWidth is how many shards are loaded, or files read, at the same time.
const loadWidth = 4

const (
	manifestName = "backup.json"
	maxManifest  = 16 << 20 // bytes
	format       = 1
)

var (
	// ErrNone says that a folder holds no backup, or not a whole one.
	ErrNone = errors.New("backup: no backup")
	// ErrDamaged says that a file of a backup is not as it was written.
	ErrDamaged = errors.New("backup: a file is damaged")
)

// Manifest is what backup.json says.
type Manifest struct {
	Format       int                 `json:"format"` // 1
	At           time.Time           `json:"at"`     // the moment, by the clock of shard 0's server
	FenceMillis  int64               `json:"fence_ms"`
	Installation shards.Installation `json:"installation"`
	Shards       []File              `json:"shards"`
	Notes        json.RawMessage     `json:"notes,omitempty"` // of the caller
}

// File is the copy of a shard.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Bytes is the size of all files.
func (m Manifest) Bytes() (sum int64) {
	for _, f := range m.Shards {
		sum += f.Bytes
	}
	return sum
}
