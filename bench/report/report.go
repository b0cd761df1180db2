// Package report is what a bench run leaves behind: figures with everything needed to judge and to repeat them, as
// JSON, as a table and as one HTML file, and two runs side by side.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// Schema is the version of the JSON. Fields may be added within a version; none is removed, and none changes its
// meaning.
const Schema = 1

// Report is a run. docs/bench.md explains every field of its JSON.
type Report struct {
	Schema      int       `json:"schema"`
	StartedAt   time.Time `json:"started_at"`
	Seconds     float64   `json:"seconds"`
	Command     string    `json:"command"`
	Interrupted bool      `json:"interrupted"`

	Machine    Machine    `json:"machine"`
	Versions   Versions   `json:"versions"`
	Target     Target     `json:"target"`
	Durability Durability `json:"durability"`

	Suites     []Suite            `json:"suites"` // never null, and so are their series and distribution
	Yardsticks []Yardstick        `json:"yardsticks,omitempty"`
	Ratios     map[string]float64 `json:"ratios,omitempty"`
}

// Machine is where the generator ran, and with a deployment that it started itself everything else, too.
type Machine struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Memory int64  `json:"memory_bytes"`
}

// Versions of what was measured and what measured it.
type Versions struct {
	Hongbao string   `json:"hongbao"` // of the target
	Bench   string   `json:"bench"`
	Go      string   `json:"go"`
	Kitex   string   `json:"kitex"`
	Redis   []string `json:"redis"`
	MySQL   []string `json:"mysql"`
}

// Target is what was measured.
type Target struct {
	RPC             string `json:"rpc"`
	HTTP            string `json:"http"`
	SelfStarted     bool   `json:"self_started"` // by this run, on this machine
	Sandbox         bool   `json:"sandbox"`
	Shards          int    `json:"shards"`
	BucketsPerShard int    `json:"buckets_per_shard"`
}

// Durability is what the target's servers promise about what they have acknowledged, one element for each server.
type Durability struct {
	RedisAppendOnly     []bool   `json:"redis_appendonly"`
	RedisAppendFsync    []string `json:"redis_appendfsync"`
	WaitReplicas        int      `json:"wait_replicas"`
	FlushLogAtTrxCommit []string `json:"mysql_flush_log_at_trx_commit"`
	SyncBinlog          []string `json:"mysql_sync_binlog"`
	// of the temporary data, where this run started the target
	Filesystem string `json:"filesystem,omitempty"`
}

// Suite is what one suite measured.
type Suite struct {
	Name string `json:"name"`
	// open, or closed: then latencies leave out what the generator waited (coordinated omission)
	Loop string `json:"loop"`

	PerSecond     float64 `json:"per_second"` // requests answered without an error
	P50           float64 `json:"p50_ms"`
	P90           float64 `json:"p90_ms"`
	P99           float64 `json:"p99_ms"`
	P999          float64 `json:"p999_ms"`
	Max           float64 `json:"max_ms"`
	Errors        int64   `json:"errors"`
	BooksBalanced bool    `json:"books_balanced"`

	Settings     map[string]string `json:"settings"`
	Seconds      float64           `json:"seconds"`
	Requests     int64             `json:"requests"` // answered, errors included
	ErrorCodes   map[string]int64  `json:"error_codes,omitempty"`
	ErrorExample map[string]string `json:"error_examples,omitempty"`
	Outcomes     map[string]int64  `json:"outcomes,omitempty"`
	Figures      []Figure          `json:"figures,omitempty"` // what only this suite measures
	Search       []Step            `json:"search,omitempty"`  // what --rate max tried
	Generator    Generator         `json:"generator"`
	Books        Books             `json:"books"`
	Failures     []string          `json:"failures,omitempty"` // why the suite failed; none where it passed
	Notes        []string          `json:"notes,omitempty"`

	Series       []Point    `json:"series"`
	Distribution []Quantile `json:"distribution"`
	SettleLag    []Lag      `json:"settle_lag,omitempty"`
}

// Passed says whether nothing failed.
func (s Suite) Passed() bool { return len(s.Failures) == 0 }

// Figure is a single value with its name and unit.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Note  string  `json:"note,omitempty"`
}

// Step is a rate that a search tried.
type Step struct {
	Rate      float64 `json:"rate"`
	PerSecond float64 `json:"per_second"`
	P99       float64 `json:"p99_ms"`
	Missed    string  `json:"missed,omitempty"` // why the rate did not hold; empty where it did
}

// Generator is how the load generator itself did.
type Generator struct {
	LagP50  float64 `json:"lag_p50_ms"` // how late requests left although a place was free
	LagP99  float64 `json:"lag_p99_ms"`
	Limited bool    `json:"limited"` // the generator, not the target, was the limit
	Places  int     `json:"places"`  // most requests outstanding; callers, in a closed loop
	Waited  int64   `json:"waited"`  // requests that had to wait for a place
	Unsent  int64   `json:"unsent"`  // requests that never left
	// processor time of the generator itself for each request, in microseconds
	CPU float64 `json:"cpu_us_per_request"`
}

// Books is what the check after the suite found.
type Books struct {
	Unchecked     bool     `json:"unchecked,omitempty"` // they could not be checked, or not to the end
	AuditBalanced bool     `json:"audit_balanced"`
	Entries       int64    `json:"entries"` // read by the audit
	Discrepancies []string `json:"discrepancies,omitempty"`
	Wins          int64    `json:"wins"`     // acknowledged to this generator
	Credited      int64    `json:"credited"` // of these, found in the statements, to the last unit
	NotCredited   []string `json:"not_credited,omitempty"`
	Unanswered    int64    `json:"credited_unanswered"` // credits whose grab got no answer
	DrainSeconds  float64  `json:"drain_seconds"`       // from the last answer until every win was a credit
}

// Point is a moment of a suite.
type Point struct {
	T         float64 `json:"t_s"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Errors    int64   `json:"errors"`
}

// Quantile is a point of the distribution of latencies.
type Quantile struct {
	Q  float64 `json:"quantile"`
	Ms float64 `json:"ms"`
}

// Lag is how far credits were behind grabs at a moment.
type Lag struct {
	T  float64 `json:"t_s"`
	Ms float64 `json:"ms"`
}

// Yardstick is a bare mechanism, measured between rounds of ours.
type Yardstick struct {
	Name      string    `json:"name"`
	What      string    `json:"what"`
	PerSecond float64   `json:"per_second"` // median of the rounds
	Rounds    []float64 `json:"rounds"`
}

// Passed says whether every suite did, and there was one.
func (r Report) Passed() bool {
	for _, s := range r.Suites {
		if !s.Passed() {
			return false
		}
	}
	return len(r.Suites) > 0 && !r.Interrupted
}

// Milliseconds is d as the figures of a report give it, to the microsecond.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Write writes the JSON to a file.
func (r Report) Write(path string) error { return writeJSON(path, r) }

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Read reads the JSON of a file.
func Read(path string) (r Report, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s is not the JSON of a bench run: %w", path, err)
	}
	switch {
	case r.Schema == 0:
		return r, fmt.Errorf("%s is not the JSON of a bench run: it has no schema", path)
	case r.Schema > Schema:
		return r, errors.New(path + " was written by a newer hongbao: compare with that one")
	case r.Suites == nil: // of bench compare --build
		return r, fmt.Errorf("%s is not the JSON of a bench run: it has no suites", path)
	}
	return r, nil
}
