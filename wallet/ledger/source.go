package ledger

import (
	"errors"
	"fmt"
)

// A source is a store outside of the ledger that decides who is paid before the ledger knows, and says in logs whom.
// Such a store can go back in time: it is restored from a copy, or one that lacks its latest writes takes over. So
// every source has an epoch, another one for each history that it has had, and the ledger notes, with what it settles,
// how far it has settled each log. What was read in another epoch is never settled.

// SourceLog is a log of a source as the ledger knows it.
type SourceLog struct {
	Source int    // a number on its shard
	Log    string // at most MaxLogName bytes
	Epoch  string // the history by which the ledger goes; "" is the first. At most MaxEpoch bytes
	UpTo   string // the last record of the epoch that is settled, in the log's own words; "" for none. At most MaxUpTo
	// Rebuilding says that the epoch has begun and the source is not yet made again from the ledger.
	Rebuilding bool
}

// Bounds, in bytes.
const (
	MaxLogName = 16
	MaxEpoch   = 16
	MaxUpTo    = 100
)

// Check finds a log that no ledger could keep.
func (l SourceLog) Check() error {
	if l.Source < 0 || l.Log == "" || len(l.Log) > MaxLogName || len(l.Epoch) > MaxEpoch || len(l.UpTo) > MaxUpTo {
		return fmt.Errorf("ledger: %+v is no log of a source", l)
	}
	return nil
}

// ErrSourceMoved says that a log has been settled further, or is in another epoch, than the caller knew: nothing
// happened, and the log is to be read anew.
var ErrSourceMoved = errors.New("ledger: the source's log was settled further, or has a new epoch")

// Rebuild is one beginning of a new epoch, for the audit to name: what the source promised between Settled and Began,
// and neither the ledger nor the source's own logs know, is lost.
type Rebuild struct {
	Shard   int
	Source  int
	Epoch   string // that began
	Was     string // the one before
	Settled string // the last record of the one before that was settled
	Reason  string
	Began   int64 // Unix milliseconds by the shard's database
	Ended   int64 // 0 while it is not over
}
