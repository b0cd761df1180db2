package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Compare writes two runs side by side, with what makes them hard to compare.
func Compare(w io.Writer, nameA string, a Report, nameB string, b Report) error {
	fmt.Fprintf(w, "A  %s  %s  %s\nB  %s  %s  %s\n", nameA, a.StartedAt.Format("2006-01-02 15:04"), a.Command, nameB,
		b.StartedAt.Format("2006-01-02 15:04"), b.Command)
	for _, difference := range differences(a, b) {
		fmt.Fprintln(w, "!  "+difference)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nsuite\tfigure\tA\tB\tchange\t")
	for _, name := range names(a, b) {
		compareSuites(t, name, a.suite(name), b.suite(name))
	}
	for _, name := range union(a.Ratios, b.Ratios) {
		va, inA := a.Ratios[name]
		vb, inB := b.Ratios[name]
		compareValues(t, "ratio", name, va, inA, vb, inB)
	}
	return t.Flush()
}

// differences are what makes two runs hard to compare.
func differences(a, b Report) (found []string) {
	for _, x := range []struct {
		what string
		a, b any
	}{
		{"machine", a.Machine, b.Machine}, {"durability", a.Durability, b.Durability},
		{"shards", a.Target.Shards, b.Target.Shards},
		{"buckets per shard", a.Target.BucketsPerShard, b.Target.BucketsPerShard},
		{"Redis", a.Versions.Redis, b.Versions.Redis}, {"MySQL", a.Versions.MySQL, b.Versions.MySQL},
	} {
		if va, vb := fmt.Sprintf("%+v", x.a), fmt.Sprintf("%+v", x.b); va != vb {
			found = append(found, fmt.Sprintf("another %s: %s against %s", x.what, va, vb))
		}
	}
	for _, name := range names(a, b) {
		sa, sb := a.suite(name), b.suite(name)
		if sa == nil || sb == nil {
			continue
		}
		if sa.Loop != sb.Loop {
			found = append(found, fmt.Sprintf("%s: %s loop against %s loop", name, sa.Loop, sb.Loop))
		}
		for _, setting := range union(sa.Settings, sb.Settings) {
			if va, vb := sa.Settings[setting], sb.Settings[setting]; va != vb {
				found = append(found, fmt.Sprintf("%s: another %s: %s against %s", name, setting, orNone(va),
					orNone(vb)))
			}
		}
	}
	return found
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (r Report) suite(name string) *Suite {
	i := slices.IndexFunc(r.Suites, func(s Suite) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Suites[i]
}

// names are the suites of both runs, in the order of the first.
func names(a, b Report) (all []string) {
	for _, s := range slices.Concat(a.Suites, b.Suites) {
		if !slices.Contains(all, s.Name) {
			all = append(all, s.Name)
		}
	}
	return all
}

func union[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = make(map[string]V)
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func compareSuites(w io.Writer, name string, a, b *Suite) {
	if a == nil || b == nil {
		in := "A"
		if a == nil {
			in = "B"
		}
		fmt.Fprintf(w, "%s\tonly in %s\t\t\t\t\n", name, in)
		return
	}
	for _, x := range []struct {
		figure string
		a, b   float64
	}{
		{"per second", a.PerSecond, b.PerSecond}, {"p50 ms", a.P50, b.P50}, {"p99 ms", a.P99, b.P99}, {"errors",
			float64(a.Errors), float64(b.Errors)},
	} {
		compareValues(w, name, x.figure, x.a, true, x.b, true)
	}
	var figures []string
	values := [2]map[string]float64{{}, {}}
	for i, s := range []*Suite{a, b} {
		for _, f := range s.Figures {
			label := strings.TrimSpace(f.Name + " " + f.Unit)
			if !slices.Contains(figures, label) {
				figures = append(figures, label)
			}
			values[i][label] = f.Value
		}
	}
	for _, f := range figures {
		va, inA := values[0][f]
		vb, inB := values[1][f]
		compareValues(w, name, f, va, inA, vb, inB)
	}
	fmt.Fprintf(w, "%s\tbooks\t%s\t%s\t\t\n", name, a.Balance(), b.Balance())
}

func compareValues(w io.Writer, suite, figure string, a float64, inA bool, b float64, inB bool) {
	show := func(v float64, in bool) string {
		if !in {
			return "–"
		}
		return Count(v)
	}
	change := ""
	if inA && inB && a != 0 {
		change = fmt.Sprintf("%+.1f %%", 100*(b-a)/a)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", suite, figure, show(a, inA), show(b, inB), change)
}
