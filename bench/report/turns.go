package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Turns are the reports of two builds that ran in turns on one machine: round i of one beside round i of the other.
type Turns struct {
	Schema  int               `json:"schema"`
	Command string            `json:"command"`
	Builds  [2]string         `json:"builds"` // what was run
	Rounds  [][2]Report       `json:"rounds"`
	Changes map[string]Change `json:"changes"` // by suite and figure: "grab per second", "grab p99 ms"
}

// Change is how a figure differs between two builds.
type Change struct {
	A      float64   `json:"a"` // median
	B      float64   `json:"b"`
	Ratio  float64   `json:"ratio"`  // median of B ÷ A, each taken within a round
	Ratios []float64 `json:"ratios"` // by round
}

// Compare fills in Changes.
func (t *Turns) Compare() {
	values := [2]map[string][]float64{{}, {}}
	for _, round := range t.Rounds {
		for i, r := range round {
			for name, v := range r.flat() {
				values[i][name] = append(values[i][name], v)
			}
		}
	}
	t.Changes = map[string]Change{}
	for name, a := range values[0] {
		b := values[1][name]
		if len(a) != len(t.Rounds) || len(b) != len(t.Rounds) {
			continue
		}
		c := Change{A: Median(a), B: Median(b)}
		for i := range a {
			if a[i] > 0 {
				c.Ratios = append(c.Ratios, b[i]/a[i])
			}
		}
		if len(c.Ratios) > 0 {
			c.Ratio = Median(c.Ratios)
			t.Changes[name] = c
		}
	}
}

// flat are the figures of all suites by suite and name, and the ratios to yardsticks.
func (r Report) flat() map[string]float64 {
	all := map[string]float64{}
	for _, s := range r.Suites {
		all[s.Name+" per second"], all[s.Name+" p50 ms"], all[s.Name+" p99 ms"] = s.PerSecond, s.P50, s.P99
		for _, f := range s.Figures {
			all[strings.TrimSpace(s.Name+" "+f.Name+" "+f.Unit)] = f.Value
		}
	}
	for name, v := range r.Ratios {
		all["ratio "+name] = v
	}
	return all
}

// Passed says whether every suite of every round passed.
func (t *Turns) Passed() bool {
	return !slices.ContainsFunc(t.Rounds, func(round [2]Report) bool {
		return !round[0].Passed() || !round[1].Passed()
	})
}

// Text writes the changes as a table.
func (t *Turns) Text(w io.Writer) error {
	fmt.Fprintf(w, "A  %s\nB  %s\n", t.Builds[0], t.Builds[1])
	for i, round := range t.Rounds {
		for j, r := range round {
			for _, s := range r.Suites {
				for _, failure := range s.Failures {
					fmt.Fprintf(w, "!  round %d, %c, %s: %s\n", i+1, 'A'+j, s.Name, failure)
				}
			}
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\nmedians of %d rounds\tA\tB\tB ÷ A\tleast\tmost\t\n", len(t.Rounds))
	for _, name := range union(t.Changes, nil) {
		c := t.Changes[name]
		fmt.Fprintf(table, "%s\t%s\t%s\t%.3f\t%.3f\t%.3f\t\n", name, Count(c.A), Count(c.B), c.Ratio,
			slices.Min(c.Ratios), slices.Max(c.Ratios))
	}
	return table.Flush()
}

// Median of values; of two middle ones their mean. NaN where there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Write writes the turns as JSON to a file.
func (t *Turns) Write(path string) error { return writeJSON(path, t) }
