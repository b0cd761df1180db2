package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/pkg/klog"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
)

func TestMain(m *testing.M) {
	klog.SetLevel(klog.LevelFatal) // what calls fail with is looked at where it matters
	os.Exit(m.Run())
}

// small are settings with which a suite takes a moment.
func small() Settings {
	return Settings{Users: new(60), Group: new(30), Envelopes: new(8), Shares: new(10), Listeners: new(4),
		Rate: new(Rate(200)),
		For:  new(Span(300 * time.Millisecond)), Places: new(64)}
}

// play runs a suite against a fake.
func play(t *testing.T, f *fake, name string, settings Settings) report.Suite {
	t.Helper()
	target, err := Connect(t.Context(), f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	var r report.Report
	err = Run(t.Context(), target,
		Plan{Suites: []string{name}, Settings: settings, Quick: true, ArrivalTimeout: time.Second}, silent{}, &r)
	if err != nil || len(r.Suites) != 1 {
		t.Fatalf("%s: %d suites, %v", name, len(r.Suites), err)
	}
	return r.Suites[0]
}

func TestEverySuitePassesWhereNothingIsWrong(t *testing.T) {
	for _, name := range Suites() {
		if name == "covers" { // the fake has no merchants: cmd runs it on real servers
			continue
		}
		s := play(t, &fake{}, name, small())
		if !s.Passed() || !s.BooksBalanced || s.Errors != 0 || s.PerSecond <= 0 || s.Loop != "open" {
			t.Errorf("%s: %+v", name, s)
		}
		if s.Books.Credited != s.Books.Wins || name != "transfer" && s.Outcomes["won"] != s.Books.Wins ||
			name != "send" && s.Books.Wins == 0 {
			t.Errorf("%s: %d of %d wins credited, outcomes %v", name, s.Books.Credited, s.Books.Wins, s.Outcomes)
		}
		if len(s.Distribution) == 0 || s.P50 > s.P99 || s.Settings["rate"] != "200" {
			t.Errorf("%s: %v, %v to %v ms, settings %v", name, s.Distribution, s.P50, s.P99, s.Settings)
		}
	}
}

// TestLiesAreNoticed has the deployment break its promises one at a time.
func TestLiesAreNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a suite for each lie, a second each: not with -short")
	}
	for _, x := range []struct {
		suite string
		lies  lies
		want  string // in a failure
		named string // in what is listed with it
	}{
		{"grab", lies{forgetCredit: 7}, "acknowledged wins were never credited", "never credited"},
		{"grab", lies{shortCredit: 7}, "acknowledged wins were never credited", "credited as share"},
		{"grab", lies{sameShare: 7}, "was won twice", ""},
		{"grab", lies{unbalanced: true}, "the audit of the books found 1 discrepancies",
			"account_balance on shard 0: alice CNY: expected 1, found 2"},
		{"grab", lies{forgetSend: 3}, "who never sent it by their own list", ""},
		{"send", lies{forgetSend: 3}, "who never sent it by their own list", ""},
		{"transfer", lies{forgetTransfer: 6}, "accepted transfers were never credited", "accepted by"},
		{"hot", lies{inventCredit: 5}, "shares were credited without an answer", ""},
		{"losers", lies{wrongLoser: true}, "", ""},
		{"push", lies{dropEvent: 9}, "events never reached their listener", ""},
		{"spring", lies{dropEvent: 9}, "events never reached their listener", ""},
		{"settle", lies{forgetCredit: 7}, "acknowledged wins were never credited", "won by"},
	} {
		settings := small()
		settings.Envelopes = new(2)
		s := play(t, &fake{lies: x.lies}, x.suite, settings)
		failures := strings.Join(s.Failures, "\n")
		named := strings.Join(append(s.Books.Discrepancies, s.Books.NotCredited...), "\n")
		if x.suite == "losers" {
			if s.ErrorCodes[codeWrong] == 0 || s.Passed() {
				t.Errorf("losers: errors %v, failures %s", s.ErrorCodes, failures)
			}
			continue
		}
		if s.Passed() || !strings.Contains(failures, x.want) || !strings.Contains(named, x.named) {
			t.Errorf("%s %+v: failures %q, named %q", x.suite, x.lies, failures, named)
		}
		if about := strings.Contains(x.want, "listener"); s.BooksBalanced != about {
			t.Errorf("%s %+v: books balanced: %t", x.suite, x.lies, s.BooksBalanced)
		}
	}
}

// TestAWinWithoutAnAnswerIsNoFailure: who got no answer may have won.
func TestAWinWithoutAnAnswerIsNoFailure(t *testing.T) {
	s := play(t, &fake{lies: lies{dropAnswer: 9}}, "grab", small())
	if s.Errors == 0 || s.Books.Unanswered != s.Errors || !s.BooksBalanced {
		t.Errorf("%d errors, %d credited without an answer, failures %v", s.Errors, s.Books.Unanswered, s.Failures)
	}
}

func TestTheHighestRateIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("searches for a rate for seconds: not with -short")
	}
	settings := small()
	settings.Rate, settings.P99, settings.Places, settings.For = new(Rate(0)), new(Span(time.Second)), new(8), new(
		Span(time.Second))
	s := play(t, &fake{lies: lies{answerGrabsIn: 4 * time.Millisecond}}, "grab", settings)
	// 8 places and 4 ms: 2,000 a second at most; on a busy machine far less, and perhaps no rate is held to the end.
	if !s.Passed() || s.PerSecond > 2100 || len(s.Search) < 2 {
		t.Errorf("%v a second, search %+v, failures %v", s.PerSecond, s.Search, s.Failures)
	}
	for i, step := range s.Search[1:] {
		if before := s.Search[i]; before.Missed != "" && step.Rate >= before.Rate {
			t.Errorf("%v a second were missed, and then %v were tried", before.Rate, step.Rate)
		}
	}
	if i := len(s.Figures) - 1; i < 0 || s.Figures[i].Name != "p99 at half of the highest rate" {
		t.Errorf("%+v", s.Figures)
	}
	settings.P99 = new(Span(time.Microsecond))
	s = play(t, &fake{}, "grab", settings)
	if !strings.Contains(strings.Join(s.Notes, "\n"), "held a p99 of 1µs") {
		t.Errorf("notes %v", s.Notes)
	}
}

// Suites with listeners look for the highest rate at which those are told in time.
func TestHighestRateWithListeners(t *testing.T) {
	if testing.Short() {
		t.Skip("searches for rates for seconds: not with -short")
	}
	settings := small()
	settings.Rate, settings.P99, settings.For = new(Rate(0)), new(Span(time.Second)), new(Span(100*time.Millisecond))
	for _, name := range []string{"push", "spring"} {
		s := play(t, &fake{}, name, settings)
		if !s.Passed() || len(s.Search) < 2 || s.PerSecond <= 0 {
			t.Errorf("%s: %v a second, search %+v, failures %v", name, s.PerSecond, s.Search, s.Failures)
		}
		settings.P99 = new(Span(time.Microsecond)) // nobody is told so soon
		s = play(t, &fake{}, name, settings)
		if !strings.Contains(strings.Join(s.Notes, "\n"), "held a p99 of 1µs") {
			t.Errorf("%s: notes %v", name, s.Notes)
		}
		settings.P99 = new(Span(time.Second))
	}
}

func TestClosedLoopIsLabelled(t *testing.T) {
	settings := small()
	settings.Closed = new(4)
	s := play(t, &fake{}, "grab", settings)
	if !s.Passed() || s.Loop != "closed" || s.Generator.Places != 4 || !strings.Contains(s.Notes[0], "closed loop") {
		t.Errorf("%+v", s)
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	nobody := (&fake{}).start(t)
	nobody.RPC = "127.0.0.1:1"
	if _, err := Connect(t.Context(), nobody); err == nil ||
		!strings.Contains(err.Error(), "no hongbao answers at 127.0.0.1:1") {
		t.Error(err)
	}
	if _, err := Connect(t.Context(), (&fake{lies: lies{refuseTokens: true}}).start(t)); err == nil ||
		!strings.Contains(err.Error(), "refuses our token") || !strings.Contains(err.Error(), "forged") {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, x := range []struct {
		lies lies
		plan Plan
		want string
	}{
		{lies{notSandbox: true}, Plan{Suites: []string{"grab"}}, "--i-know-this-moves-real-money"},
		{lies{}, Plan{Suites: []string{"gras"}}, "there is no suite"},
		{lies{}, Plan{Suites: []string{"grab"}, Settings: Settings{Users: new(1)}}, "users 1 is out of range"},
		{lies{}, Plan{Suites: []string{"neighbour"}, Settings: Settings{Rate: new(Rate(0))}}, "give --rate a number"},
		{lies{}, Plan{Suites: []string{"spring"}, Settings: Settings{Closed: new(3)}}, "no closed loop"},
		{lies{}, Plan{Suites: []string{"covers"}, Settings: Settings{Closed: new(3)}}, "leave out --closed"},
		{lies{}, Plan{Suites: []string{"grab"}, Only: []string{"ecko"}}, `no yardstick "ecko": take from commits, echo`},
	} {
		target, err := Connect(t.Context(), (&fake{lies: x.lies}).start(t))
		if err != nil {
			t.Fatal(err)
		}
		var r report.Report
		err = Run(t.Context(), target, x.plan, silent{}, &r)
		if err == nil || !strings.Contains(err.Error(), x.want) || len(r.Suites) > 0 {
			t.Errorf("%+v: %v", x.plan, err)
		}
		target.Close()
	}
	settings := small()
	f := &fake{lies: lies{notSandbox: true}}
	target, err := Connect(t.Context(), f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	var r report.Report
	if err := Run(t.Context(), target, Plan{Suites: []string{"grab"}, Settings: settings, RealMoney: true}, silent{},
		&r); err != nil || !r.Passed() {
		t.Errorf("told that it moves real money: %v", err)
	}
}

// TestASuiteThatCannotBePreparedFails goes on with the others.
func TestASuiteThatCannotBePreparedFails(t *testing.T) {
	s := play(t, &fake{lies: lies{refuseSends: true}}, "grab", small())
	if s.Passed() || !strings.Contains(strings.Join(s.Failures, " "),
		"could not send an envelope: insufficient_balance: there is not enough money") {
		t.Errorf("%v", s.Failures)
	}
	if s.Series == nil || s.Distribution == nil {
		t.Errorf("nothing was measured: series %v, distribution %v, which JSON would give as null", s.Series,
			s.Distribution)
	}
}

// TestASuiteOfWhichNothingSucceedsFails has every request of the load refused.
func TestASuiteOfWhichNothingSucceedsFails(t *testing.T) {
	s := play(t, &fake{lies: lies{refuseSends: true}}, "send", small())
	if s.Passed() || s.Requests == 0 || s.Errors != s.Requests || !strings.Contains(strings.Join(s.Failures, " "),
		"not one request succeeded: insufficient_balance: ") {
		t.Errorf("%d errors of %d, failures %v", s.Errors, s.Requests, s.Failures)
	}
}

// TestSuitesThatNeedTheGatewaySaySo leaves its address out.
func TestSuitesThatNeedTheGatewaySaySo(t *testing.T) {
	for name, s := range map[string]Settings{"push": {}, "spring": {}, "covers": {}, All: {},
		"spring alone": {Listeners: new(0)}} {
		suite, alone, _ := strings.Cut(name, " ")
		err := Plan{Suites: []string{suite}, Settings: s}.Check(100, false)
		if alone != "" && err != nil || alone == "" && (err == nil || !strings.Contains(err.Error(), "--http")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuditsWaitForEachOther(t *testing.T) {
	if testing.Short() {
		t.Skip("waits between audits: not with -short")
	}
	f := &fake{lies: lies{busyAudits: 2}}
	if s := play(t, f, "grab", small()); !s.Passed() || f.audits != 3 {
		t.Errorf("%d audits, %v", f.audits, s.Failures)
	}
}

// TestInterrupted keeps what there was until then.
func TestInterrupted(t *testing.T) {
	target, err := Connect(t.Context(), (&fake{}).start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	ctx, cancel := context.WithCancel(t.Context())
	settings := small()
	settings.For = new(Span(time.Minute))
	progress := &interrupter{stop: cancel}
	var r report.Report
	err = Run(ctx, target, Plan{Suites: []string{"grab", "hot"}, Settings: settings}, progress, &r)
	if err != nil || !r.Interrupted || r.Passed() || len(r.Suites) != 1 || r.Suites[0].Requests == 0 ||
		r.Suites[0].BooksBalanced || !r.Suites[0].Books.Unchecked || r.Suites[0].Balance() != "not checked" {
		t.Errorf("%v, %+v", err, r)
	}
}

// interrupter stops a run at its first moment under load.
type interrupter struct {
	silent
	stop func()
}

func (i *interrupter) Point(load.Point, time.Duration) { i.stop() }

type fixedYardstick float64

func (fixedYardstick) Name() string { return "echo" }
func (fixedYardstick) What() string { return "a number" }
func (f fixedYardstick) Measure(context.Context, time.Duration) (float64, error) {
	if f == 0 {
		return 0, errors.New("broken")
	}
	return float64(f), nil
}

func TestCompareWithYardsticks(t *testing.T) {
	if testing.Short() {
		t.Skip("searches for a rate for seconds: not with -short")
	}
	target, err := Connect(t.Context(), (&fake{}).start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	var r report.Report
	plan := Plan{Quick: true}
	if err := Compare(t.Context(), target, plan, []Yardstick{fixedYardstick(1000)}, silent{}, &r); err != nil {
		t.Fatal(err)
	}
	if last := r.Yardsticks[len(r.Yardsticks)-1]; len(r.Yardsticks) != 10 || len(last.Rounds) != quickRounds ||
		last.PerSecond != 1000 {
		t.Errorf("%+v", r.Yardsticks)
	}
	if got, want := r.Ratios["winners/echo"], r.Yardsticks[0].PerSecond/1000; got != want ||
		r.Ratios["losers/echo"] == 0 || r.Ratios["watched/winners"] == 0 || len(r.Ratios) != 3 {
		t.Errorf("%v, %+v", r.Ratios, r.Yardsticks)
	}
	if !r.Passed() || r.Suites[0].Books.Wins == 0 {
		t.Errorf("%+v", r.Suites)
	}
	if err := Compare(t.Context(), target, plan, []Yardstick{fixedYardstick(0)}, silent{}, &r); err == nil ||
		!strings.Contains(err.Error(), "echo: broken") {
		t.Error(err)
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{2: {3, 1, 2}, 2.5: {4, 1, 3, 2}, 7: {7}} {
		if got := report.Median(values); got != want {
			t.Errorf("%v: %v", values, got)
		}
	}
	if q := divide([]float64{10, 20, 30}, []float64{5, 0}); len(q) != 1 || q[0] != 2 {
		t.Errorf("%v", q)
	}
}

func TestOpenWinsAreCountedByShard(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	b := backlog{[]*operatorapi.ShardBacklog{{Shard: 0, SettleAgeMs: 100}, {Shard: 1, ClearingAgeMs: 300}}}
	wins := []win{
		{envelope: 1024, at: 999_901}, {envelope: 1024, at: 999_900}, // shard 0: the last 100 ms are open
		{envelope: 1025, at: 999_800}, {envelope: 1025, at: 999_699}, // shard 1: the last 300 ms
		{envelope: 1026, at: 999_999}, // a shard that there is not
	}
	if n := b.open(wins, at); n != 2 {
		t.Errorf("%d open", n)
	}
	if b.lag() != 300*time.Millisecond || b.empty() || !b.relayed() {
		t.Errorf("lag %v", b.lag())
	}
}
