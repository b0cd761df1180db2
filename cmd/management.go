package cmd

import (
	"math"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// mountProfiles adds the profiles of the process, as `go tool pprof` reads them.
func mountProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// connectionBound is the flag of a process that listens.
type connectionBound struct {
	MaxConnections int `help:"Connections that may be open at once; more wait. 0 means no bound." default:"25000"`
}

func (c connectionBound) checkConnections() error {
	return checkRangeTo("--max-connections", 1_000_000, c.MaxConnections)
}

// cgroupMemory is where Linux says how much memory a container may use (control groups, version 2).
const cgroupMemory = "/sys/fs/cgroup/memory.max"

// limitMemory tells the garbage collector to work harder near the limit of the container, unless GOMEMLIMIT says
// otherwise: of nine tenths of it on, for not everything is the heap's.
func limitMemory(path string) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit <= 0 || limit == math.MaxInt64 { // "max": there is none
		return
	}
	debug.SetMemoryLimit(limit / 10 * 9)
}
