// Command ledgers measures what callers over HTTP wait for when money moves between accounts: on Hongbao, on Formance
// Ledger and on Blnk, in turns on one machine. Each runs already, with an empty database of its own; give the addresses
// of those to measure. docs/bench.md says how they were started.
//
//	cd bench/peers/ledgers && go run . --hongbao http://127.0.0.1:8080 --formance http://127.0.0.1:3068 \
//		--blnk http://127.0.0.1:5001
//
// Hongbao's transfer is two requests, an offer and its acceptance by the recipient, and counts as one. The others move
// the money in one.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// ledger is one contestant.
type ledger interface {
	// prepare makes accounts and gives each of them money for the whole run.
	prepare(ctx context.Context, c *caller, accounts int) error
	// transfer moves a little from one account to another, by their numbers. It returns when that is durable.
	transfer(ctx context.Context, c *caller, from, to int) error
}

// pattern is who pays whom.
type pattern struct {
	name string
	pair func(n int64, accounts int) (from, to int)
}

// The primes spread neighbours over all accounts.
var patterns = []pattern{
	{"many to many", func(n int64, accounts int) (from, to int) {
		from, to = int(n*7919)%accounts, int(n*104729+1)%accounts
		if from == to {
			to = (to + 1) % accounts
		}
		return from, to
	}},
	{"many to one", func(n int64, accounts int) (from, to int) { return 1 + int(n*7919)%(accounts-1), 0 }},
}

type settings struct {
	accounts, callers, rounds int
	span                      time.Duration
}

type contestant struct {
	name string
	ledger
}

func main() {
	var s settings
	hongbao := flag.String("hongbao", "", "address of `hongbao up`, for example http://127.0.0.1:8080")
	formance := flag.String("formance", "", "address of Formance Ledger, for example http://127.0.0.1:3068")
	blnk := flag.String("blnk", "", "address of Blnk, for example http://127.0.0.1:5001")
	flag.IntVar(&s.accounts, "accounts", 1000, "accounts")
	flag.IntVar(&s.callers, "callers", 64, "callers, each with one transfer under way")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds")
	flag.DurationVar(&s.span, "for", 5*time.Second, "how long each pattern lasts in each round")
	flag.Parse()
	run := rand.Text()[:8] // so that accounts and requests of several runs differ
	var all []contestant
	if *hongbao != "" {
		all = append(all, contestant{"hongbao", &hongbaoLedger{address: *hongbao, run: run}})
	}
	if *formance != "" {
		all = append(all, contestant{"formance", &formanceLedger{address: *formance, run: run}})
	}
	if *blnk != "" {
		all = append(all, contestant{"blnk", &blnkLedger{address: *blnk, run: run}})
	}
	if len(all) == 0 || s.accounts < 3 || s.callers < 1 || s.rounds < 1 || s.span < time.Second {
		fail(fmt.Errorf("give an address, three accounts, a caller, a round and a second at least"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := compare(ctx, all, s); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "ledgers:", err)
	os.Exit(1)
}

// compare measures all patterns of all contestants in each round, and prints the medians.
func compare(ctx context.Context, all []contestant, s settings) error {
	callers := make([]*caller, s.callers)
	transport := &http.Transport{MaxIdleConns: s.callers, MaxIdleConnsPerHost: s.callers}
	for i := range callers {
		callers[i] = &caller{http: &http.Client{Transport: transport, Timeout: time.Minute}}
	}
	for _, c := range all {
		fmt.Fprintf(os.Stderr, "%s: making %d accounts\n", c.name, s.accounts)
		if err := c.prepare(ctx, callers[0], s.accounts); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	found := make(map[[2]string][]measured)
	for round := range s.rounds {
		for _, p := range patterns {
			for _, c := range all {
				m, err := measure(ctx, c, p, callers, s)
				if err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s: %.0f a second, %d errors, %v\n", round+1, s.rounds,
					c.name, p.name, m.rate, m.errors, m.first)
				key := [2]string{p.name, c.name}
				found[key] = append(found[key], m)
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "transfers\tledger\ta second\tp50\tp99\terrors")
	for _, p := range patterns {
		for _, c := range all {
			m := found[[2]string{p.name, c.name}]
			errors := 0
			for _, one := range m {
				errors += one.errors
			}
			rate := median(m, func(m measured) float64 { return m.rate })
			p50 := median(m, func(m measured) time.Duration { return m.p50 })
			p99 := median(m, func(m measured) time.Duration { return m.p99 })
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%v\t%v\t%d\n", p.name, c.name, rate, p50.Round(100*time.Microsecond),
				p99.Round(100*time.Microsecond), errors)
		}
	}
	return w.Flush()
}

type measured struct {
	rate     float64 // transfers that succeeded, a second
	p50, p99 time.Duration
	errors   int
	first    error // the first of them
}

func median[T cmp.Ordered](all []measured, of func(measured) T) T {
	values := make([]T, len(all))
	for i, m := range all {
		values[i] = of(m)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

var transfers atomic.Int64 // of the whole run: their numbers

// measure has each caller transfer again as soon as its last transfer is done.
func measure(ctx context.Context, c contestant, p pattern, callers []*caller, s settings) (measured, error) {
	var m measured
	var mu sync.Mutex
	var wg sync.WaitGroup
	var took []time.Duration
	began := time.Now()
	for _, caller := range callers {
		wg.Go(func() {
			var mine []time.Duration
			for time.Since(began) < s.span && ctx.Err() == nil {
				from, to := p.pair(transfers.Add(1), s.accounts)
				at := time.Now()
				if err := c.transfer(ctx, caller, from, to); err != nil {
					mu.Lock()
					m.errors++
					if m.first == nil {
						m.first = err
					}
					mu.Unlock()
					continue
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	if len(took) == 0 {
		return m, fmt.Errorf("%s, %s: nothing was transferred: %w", c.name, p.name, m.first)
	}
	slices.Sort(took)
	m.rate = float64(len(took)) / time.Since(began).Seconds()
	m.p50, m.p99 = took[len(took)/2], took[len(took)*99/100]
	return m, ctx.Err()
}
