package report

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// most are shown of a list that can be long; the JSON has them all.
const most = 10

// Text writes the report for a person to read.
func (r Report) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s\n\n", r.Heading())
	fmt.Fprintln(t, "suite\tper second\tp50 ms\tp99 ms\tp99.9 ms\terrors\tbooks\tcredited\t")
	for _, s := range r.Suites {
		name := s.Name
		if s.Loop == "closed" {
			name += " (closed loop)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t\n", name, Count(s.PerSecond), s.latency(s.P50),
			s.latency(s.P99), s.latency(s.P999), s.Errors, s.Balance(), s.credited())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range r.Suites {
		s.text(w)
	}
	r.yardsticks(w)
	switch {
	case r.Interrupted:
		fmt.Fprintln(w, "\nInterrupted: this is what there was until then.")
	case !r.Passed():
		fmt.Fprintln(w, "\nFAILED.")
	}
	return nil
}

// Heading says where and on what the run was, in two lines.
func (r Report) Heading() string {
	started := ""
	if r.Target.SelfStarted {
		started = ", started for this run on the same machine"
	}
	return fmt.Sprintf(
		"%d × %s, %s/%s; hongbao %s at %s%s, %d shards × %d buckets\nRedis %s: appendonly %v, appendfsync %s, "+
			"replicas waited for %d; MySQL %s: flush at commit %s%s",
		r.Machine.CPUs, r.Machine.CPU, r.Machine.OS, r.Machine.Arch, r.Versions.Hongbao, r.Target.RPC, started,
		r.Target.Shards, r.Target.BucketsPerShard,
		list(r.Versions.Redis), r.Durability.RedisAppendOnly, list(
			r.Durability.RedisAppendFsync), r.Durability.WaitReplicas,
		list(r.Versions.MySQL), list(r.Durability.FlushLogAtTrxCommit), r.Durability.where())
}

// where says on what the data is, where that is known.
func (d Durability) where() string {
	switch d.Filesystem {
	case "":
		return ""
	case tmpfs:
		return "; data on tmpfs, in memory, WHERE NOTHING IS DURABLE: give --temp-dir a folder on a disk"
	}
	return "; data on " + d.Filesystem
}

// tmpfs keeps files in memory.
const tmpfs = "tmpfs"

// latency formats one of the suite's, or that none was measured.
func (s Suite) latency(ms float64) string {
	if s.Max == 0 {
		return "–"
	}
	return Short(ms)
}

func list(values []string) string {
	return strings.Join(slices.Compact(slices.Clone(values)), ", ")
}

// Balance says what is known of the books.
func (s Suite) Balance() string {
	switch {
	case s.Books.Unchecked:
		return "not checked"
	case s.BooksBalanced:
		return "balance"
	}
	return "DO NOT BALANCE"
}

// credited says how many of the wins were found to be credits.
func (s Suite) credited() string {
	if s.Books.Unchecked {
		return "–"
	}
	return fmt.Sprintf("%d of %d", s.Books.Credited, s.Books.Wins)
}

func (s Suite) text(w io.Writer) {
	var lines []string
	for _, code := range slices.Sorted(maps.Keys(s.ErrorCodes)) {
		lines = append(lines, fmt.Sprintf("%d × error %s: %s", s.ErrorCodes[code], code, s.ErrorExample[code]))
	}
	for _, f := range s.Figures {
		line := fmt.Sprintf("%s: %s %s", f.Name, Count(f.Value), f.Unit)
		if f.Note != "" {
			line += " (" + f.Note + ")"
		}
		lines = append(lines, line)
	}
	lines = append(lines, s.Notes...)
	for _, f := range s.Failures {
		lines = append(lines, "FAILED: "+f)
	}
	lines = append(lines, shorten(s.Books.Discrepancies)...)
	lines = append(lines, shorten(s.Books.NotCredited)...)
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.Name)
	for _, line := range lines {
		fmt.Fprintln(w, "  "+line)
	}
}

func shorten(lines []string) []string {
	if len(lines) <= most {
		return lines
	}
	return append(slices.Clone(lines[:most]), fmt.Sprintf("… and %d more", len(lines)-most))
}

func (r Report) yardsticks(w io.Writer) {
	if len(r.Yardsticks) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nyardsticks\tper second\trounds\twhat")
	for _, y := range r.Yardsticks {
		rounds := make([]string, len(y.Rounds))
		for i, n := range y.Rounds {
			rounds[i] = Count(n)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", y.Name, Count(y.PerSecond), strings.Join(rounds, " "), y.What)
	}
	_ = t.Flush() // w is the same that the table went to
	fmt.Fprintln(w, "\nratios (median of the rounds' own)")
	for _, name := range slices.Sorted(maps.Keys(r.Ratios)) {
		fmt.Fprintf(w, "  %-16s %.2f\n", name, r.Ratios[name])
	}
}

// Count formats a value to three digits or whole, with thousands apart.
func Count(v float64) string {
	if math.Abs(v) < 1000 {
		return Short(v)
	}
	digits := strconv.FormatInt(int64(math.Round(math.Abs(v))), 10)
	var b strings.Builder
	if v < 0 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Short formats a value to three digits.
func Short(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}
