package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
)

// Plan is what to run.
type Plan struct {
	Suites   []string // names, or All
	Settings Settings
	Quick    bool // sizes with which all suites take about a minute

	// Only are the names of what is measured beside yardsticks, and of the yardsticks; empty: all.
	Only []string

	// RealMoney lets suites run against a deployment that is not marked as a sandbox.
	RealMoney bool
	// ArrivalTimeout is how long an accepted transfer may take to its recipient's statement, once nothing else is to be
	// settled; 0: a minute.
	ArrivalTimeout time.Duration
}

func (p Plan) arrivalTimeout() time.Duration {
	if p.ArrivalTimeout > 0 {
		return p.ArrivalTimeout
	}
	return time.Minute
}

// ErrRealMoney says that the deployment is not marked as a sandbox.
var ErrRealMoney = errors.New(
	"this deployment is not marked as a sandbox: a bench sends, grabs and tops up, so its money would move; give " +
		"--i-know-this-moves-real-money if that is meant")

// session is a run of suites against a target.
type session struct {
	target   *Target
	plan     Plan
	progress Progress
	prefix   string // of everything that is made, which no other run has
	userSets map[[2]int]*users
	number   int          // of pools
	calls    atomic.Int64 // of request ids that are made while others are
	ratios   map[string]float64
	checked  bool // the books of the suite that runs
}

func newSession(t *Target, plan Plan, p Progress) *session {
	return &session{
		target: t, plan: plan, progress: p, userSets: make(map[[2]int]*users), ratios: make(map[string]float64),
		prefix: fmt.Sprintf("b%d-%d", time.Now().UnixNano(), os.Getpid()),
	}
}

// Run runs the suites and puts what they measured into the report. A suite that fails is in the report with its
// failures; the error is for what kept suites from being run at all. When the context ends, the report has what there
// was until then.
func Run(ctx context.Context, t *Target, plan Plan, p Progress, r *report.Report) error {
	if !t.Sandbox() && !plan.RealMoney {
		return ErrRealMoney
	}
	if err := plan.Check(int(t.installation.MaxShares), t.access.HTTP != ""); err != nil {
		return err
	}
	s := newSession(t, plan, p)
	todo, _ := plan.suites() // as checked above, and so are the settings
	for _, one := range todo {
		c, _ := plan.Settings.choose(one.own, plan.Quick, int(t.installation.MaxShares))
		began := time.Now()
		p.Suite(one.name, one.about)
		s.checked = false
		found, err := one.run(ctx, s, c)
		r.Ratios = s.ratios
		found.Name, found.Settings, found.Seconds = one.name, c.shown(one), time.Since(began).Seconds()
		found.Books.Unchecked = !s.checked
		if found.Series == nil { // nothing was measured
			found.Series, found.Distribution = []report.Point{}, []report.Quantile{}
		}
		if err != nil {
			found.Failures = append(found.Failures, err.Error())
		}
		if ctx.Err() != nil {
			r.Interrupted = true
			if found.Requests > 0 {
				found.Failures = []string{"interrupted before the books were checked"}
				r.Suites = append(r.Suites, found)
			}
			return nil
		}
		r.Suites = append(r.Suites, found)
	}
	return nil
}

// suites are those that the plan names.
func (p Plan) suites() (todo []suite, err error) {
	for _, name := range p.Suites {
		found, err := suitesOf(name)
		if err != nil {
			return nil, err
		}
		todo = append(todo, found...)
	}
	return todo, nil
}

// Check finds what is wrong with a plan, for a deployment that allows so many shares of an envelope, and whose gateway
// is known or not.
func (p Plan) Check(mostShares int, gateway bool) error {
	todo, err := p.suites()
	if err != nil {
		return err
	}
	for _, one := range todo {
		c, err := p.Settings.choose(one.own, p.Quick, mostShares)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", one.name, err)
		case c.rate.Max() && one.fixedRate:
			return fmt.Errorf("%s: give --rate a number: it has no single rate whose highest could be looked for",
				one.name)
		case c.closed > 0 && one.openLoop:
			return fmt.Errorf("%s has no closed loop", one.name)
		case c.closed > 0 && one.ownLoad:
			return fmt.Errorf("%s: leave out --closed: its callers are %d", one.name, callers)
		case (one.gateway || one.listens && c.listeners > 0) && !gateway:
			return fmt.Errorf("%s needs the deployment's gateway: give its address with --http", one.name)
		}
	}
	return checkOnly(p.Only)
}

// Describe writes what the target is into the report.
func (t *Target) Describe(r *report.Report) {
	in := t.installation
	r.Target.RPC, r.Target.HTTP, r.Target.Sandbox = t.access.RPC, t.access.HTTP, in.Sandbox
	r.Target.Shards, r.Target.BucketsPerShard = int(in.Shards), int(in.BucketsPerShard)
	r.Versions.Hongbao = in.Version
	r.Durability.WaitReplicas = int(in.WaitReplicas)
	for _, server := range in.Redis {
		r.Versions.Redis = append(r.Versions.Redis, server.Version)
		r.Durability.RedisAppendOnly = append(r.Durability.RedisAppendOnly, server.Appendonly)
		r.Durability.RedisAppendFsync = append(r.Durability.RedisAppendFsync, server.Appendfsync)
	}
	for _, server := range in.Mysql {
		r.Versions.MySQL = append(r.Versions.MySQL, server.Version)
		r.Durability.FlushLogAtTrxCommit = append(r.Durability.FlushLogAtTrxCommit, server.FlushLogAtTrxCommit)
		r.Durability.SyncBinlog = append(r.Durability.SyncBinlog, server.SyncBinlog)
	}
}

// users returns users for a suite; suites with the same numbers share them.
func (s *session) users(ctx context.Context, c chosen) (*users, error) {
	key := [2]int{c.users, c.group}
	if s.userSets[key] == nil {
		s.progress.Step(fmt.Sprintf("making %d users in groups of %d", c.users, c.group))
		made, err := newUsers(ctx, s.target, fmt.Sprintf("%s-%d", s.prefix, len(s.userSets)), c.users, c.group)
		if err != nil {
			return nil, err
		}
		s.userSets[key] = made
	}
	return s.userSets[key], nil
}

// name is a new prefix for request ids.
func (s *session) name() string {
	s.number++
	return fmt.Sprintf("%s-s%d", s.prefix, s.number)
}

// options of a load, which the progress follows.
func (s *session) options(c chosen, span time.Duration, lag func() time.Duration) load.Options {
	o := load.Options{Places: c.places, Code: Code, Interval: interval(span)}
	if lag == nil {
		lag = func() time.Duration { return 0 }
	}
	o.Observe = func(p load.Point) { s.progress.Point(p, lag()) }
	return o
}

// interval of the points of a series: a second, or less where that would be few.
func interval(span time.Duration) time.Duration {
	const points, shortest = 40, 100 * time.Millisecond
	return min(max(span/points, shortest), time.Second)
}
