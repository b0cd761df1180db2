package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func sample() Report {
	s := Suite{
		Name: "grab", Loop: "open", PerSecond: 31234.5, P50: .42, P90: 1.1, P99: 4.25, P999: 9.5, Max: 20,
		Requests: 312345, BooksBalanced: true,
		Settings: map[string]string{"rate": "max", "p99": "5ms"}, Outcomes: map[string]int64{"won": 312345},
		Figures: []Figure{{Name: "p99 at half the rate", Value: 1.5, Unit: "ms"}}, Search: []Step{
			{Rate: 40000, PerSecond: 35000, P99: 80, Missed: "p99 was 80ms"}},
		Books: Books{AuditBalanced: true, Wins: 312345, Credited: 312345},
	}
	for i := range 10 {
		s.Series = append(s.Series, Point{T: float64(i + 1), PerSecond: 31000 + float64(i), P50: .4,
			P99: 4 + float64(i)/10})
		s.SettleLag = append(s.SettleLag, Lag{T: float64(i), Ms: float64(i * i)})
	}
	for i, q := range []float64{.5, .9, .99, .999, 1} {
		s.Distribution = append(s.Distribution, Quantile{Q: q, Ms: float64(i*i) + .4})
	}
	return Report{
		Schema: Schema, StartedAt: time.Date(2026, 1, 28, 23, 59, 0, 0,
			time.UTC), Seconds: 12, Command: `hongbao bench grab --rate "max" <now>`,
		Machine:  Machine{OS: "linux", Arch: "amd64", CPU: "Some CPU", CPUs: 2, Memory: 1 << 34},
		Versions: Versions{Hongbao: "v1", Bench: "v1", Redis: []string{"7.0.15"}, MySQL: []string{"10.11"}},
		Target:   Target{RPC: "127.0.0.1:8888", SelfStarted: true, Sandbox: true, Shards: 4, BucketsPerShard: 1},
		Durability: Durability{RedisAppendOnly: []bool{true}, RedisAppendFsync: []string{"always"},
			FlushLogAtTrxCommit: []string{"1"}},
		Suites: []Suite{s},
		Yardsticks: []Yardstick{{Name: "echo", What: "Kitex echo", PerSecond: 90000,
			Rounds: []float64{89000, 90000, 91000}}},
		Ratios: map[string]float64{"winners/echo": .61},
	}
}

func broken() Report {
	r := sample()
	s := &r.Suites[0]
	s.BooksBalanced, s.PerSecond, s.P50, s.Errors = false, 15617.25, .84, 3
	s.ErrorCodes, s.ErrorExample = map[string]int64{"unavailable": 3}, map[string]string{"unavailable": "try again"}
	s.Failures = []string{"the books do not balance"}
	s.Books.Credited--
	s.Books.NotCredited = []string{"envelope 7 share 3 (CNY 12) of alice"}
	return r
}

// TestSchema holds the names that others rely on.
func TestSchema(t *testing.T) {
	text, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Suites []map[string]any   `json:"suites"`
		Ratios map[string]float64 `json:"ratios"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"name": "grab", "per_second": 31234.5, "p50_ms": .42, "p99_ms": 4.25,
		"errors": 0., "books_balanced": true} {
		if got.Suites[0][name] != want {
			t.Errorf("%s is %v, not %v", name, got.Suites[0][name], want)
		}
	}
	if got.Ratios["winners/echo"] != .61 {
		t.Errorf("%v", got.Ratios)
	}
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	want := broken()
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) {
		t.Errorf("%s\n%s", a, b)
	}
	for text, want := range map[string]string{`{"schema":99}`: "newer", `{}`: "no schema", `[`: "not the JSON",
		`{"schema":1,"rounds":[]}`: "no suites"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	if err := sample().Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"31,235", "4.25", "312345 of 312345", "balance", "appendfsync always", "winners/echo",
		"0.610", "p99 at half the rate: 1.50 ms"} {
		if !strings.Contains(out.String(), want) && !strings.Contains(out.String(), strings.TrimSuffix(want, "0")) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	inMemory := sample()
	inMemory.Durability.Filesystem = "tmpfs"
	if err := inMemory.Text(&out); err != nil || !strings.Contains(out.String(), "WHERE NOTHING IS DURABLE") {
		t.Errorf("%v, no word about tmpfs in\n%s", err, out.String())
	}
	out.Reset()
	if err := broken().Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"DO NOT BALANCE", "FAILED: the books do not balance",
		"3 × error unavailable: try again", "envelope 7 share 3 (CNY 12) of alice", "312344 of 312345"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if sample().Passed() == false || broken().Passed() || (Report{}).Passed() {
		t.Error("what passes is wrong")
	}
}

// TestHTMLNeedsNothingElse checks that the file asks for nothing, and has every chart.
func TestHTMLNeedsNothingElse(t *testing.T) {
	for name, r := range map[string]Report{"sample": sample(), "broken": broken(), "empty": {},
		"one point": {Suites: []Suite{{Name: "x", Series: []Point{{T: 1}}}}}} {
		var out bytes.Buffer
		if err := r.HTML(&out); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if outside := regexp.MustCompile(`(?i)<script|<link|<img|@import|url\(|(src|href)="[^#]`).FindString(
			out.String()); outside != "" {
			t.Errorf("%s: %s", name, outside)
		}
		if dir := os.Getenv("HONGBAO_KEEP"); dir != "" { // to look at them
			if err := os.WriteFile(filepath.Join(dir, name+".html"), out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if name != "sample" {
			continue
		}
		text := out.String()
		if n := strings.Count(text, "<svg"); n != 4 {
			t.Errorf("%d charts", n)
		}
		for _, want := range []string{"Throughput", "Latency, ms", "distribution", "Settle lag", "99.9 %",
			"&lt;now&gt;", "Some CPU", "Yardsticks"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q", want)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	b := broken()
	b.Suites = append(b.Suites, Suite{Name: "push"})
	b.Suites[0].Settings = map[string]string{"rate": "20000", "p99": "5ms"}
	b.Durability.RedisAppendFsync = []string{"everysec"}
	b.Ratios = map[string]float64{"winners/echo": .3, "winners/lpop": 1.1}
	var out bytes.Buffer
	if err := Compare(&out, "a.json", sample(), "b.json", b); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		`31,235\s+15,617\s+-50.0 %`, `p50 ms\s+0.420\s+0.840\s+\+100.0 %`, `balance\s+DO NOT BALANCE`,
		`push\s+only in B`,
		`another durability: .*always.*everysec`, `grab: another rate: max against 20000`,
		`winners/echo\s+0.610\s+0.300\s+-50.8 %`, `winners/lpop\s+–\s+1.10`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	out.Reset()
	if err := Compare(&out, "a", sample(), "b", sample()); err != nil || strings.Contains(out.String(), "!") {
		t.Errorf("%v: the same run differs from itself:\n%s", err, out.String())
	}
}

func TestCount(t *testing.T) {
	for v, want := range map[float64]string{0: "0", .0123: "0.012", 1.234: "1.23", 12.34: "12.3", 123.4: "123",
		1234.5: "1,235", 1234567: "1,234,567", -98765: "-98,765", 999999.6: "1,000,000"} {
		if got := Count(v); got != want {
			t.Errorf("%v: %s, not %s", v, got, want)
		}
	}
}
