package vopr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Report is what happened in a run.
type Report struct {
	Seed              uint64
	Steps, Grabs, Won int
	Crashes, Pauses   int
	Late              int // calls that were carried out when their callers had given up
	WentBack, Rebuilt int // buckets
	ShardsBack        int // shards of the ledger that lost their latest commits
}

// Add adds up what happened.
func (r *Report) Add(o Report) {
	r.Steps += o.Steps
	r.Grabs += o.Grabs
	r.Won += o.Won
	r.Crashes += o.Crashes
	r.Pauses += o.Pauses
	r.Late += o.Late
	r.WentBack += o.WentBack
	r.Rebuilt += o.Rebuilt
	r.ShardsBack += o.ShardsBack
}

// rounds is how many times everything is done once the faults have stopped. It is far more than it takes.
const rounds = 40

// Run lets a world live for so many steps, then lets everything finish without faults. The error names what is wrong
// then.
func Run(seed uint64, steps int) (Report, error) { return RunWith(seed, steps, Flawless) }

// RunWith is Run in a world with a flaw, which has to be found.
func RunWith(seed uint64, steps int, flaw Flaw) (Report, error) {
	w, err := newWorld(seed, flaw)
	if err != nil {
		return Report{}, err
	}
	for range steps {
		w.step()
	}
	w.faulty = false
	for _, a := range w.actors { // whoever stands still wakes up now
		a.finish()
	}
	clear(w.skew[:])
	ctx := context.Background()
	for n := range w.process {
		w.boot(n)
	}
	for range rounds {
		_ = w.finish(ctx) // envelopes are open; what does not come to rest is found below
	}
	w.askAgain(ctx)
	w.now = w.now.Add(2 * openFor)
	var last error
	for range rounds {
		last = w.finish(ctx)
	}
	var wrong []string
	if last != nil {
		wrong = append(wrong, "it does not come to rest: "+last.Error())
	}
	if wrong = append(wrong, w.audit.check(ctx)...); len(wrong) > 0 {
		return w.Report, fmt.Errorf("seed %d, %d steps:\n%s", seed, steps, strings.Join(wrong, "\n"))
	}
	return w.Report, nil
}

// finish does once everything that is to be done.
func (w *world) finish(ctx context.Context) error {
	w.Steps++
	p := w.process[0]
	var errs []error
	for shard := range w.buckets.Shards {
		_, err := p.rebuilder.Pass(ctx, shard, false)
		errs = append(errs, err)
		for bucket, to := w.buckets.OfShard(shard); bucket < to; bucket++ {
			n, err := p.settler.Pass(ctx, shard, bucket, 0)
			if errs = append(errs, err); n == 0 && err == nil {
				w.audit.looked(bucket, w.Steps)
			}
		}
		_, err = p.sweeper.All(ctx, shard)
		errs = append(errs, err)
		for _, h := range w.due(shard) {
			_, err := p.refunder.End(ctx, h)
			errs = append(errs, err)
		}
		_, err = p.retirer.Pass(ctx, shard)
		errs = append(errs, err)
		for {
			n, err := w.ledger.Deliver(ctx, shard)
			if errs = append(errs, err); n == 0 || err != nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// askAgain lets everybody ask once more for a share of each of the newest envelopes, and all who have won for theirs.
// Everything that went back is mended, so nobody is told now what is not so.
func (w *world) askAgain(ctx context.Context) {
	for _, of := range slices.Clone(w.audit.all) {
		w.Steps++
		w.grab(ctx, w.process[0], of.envelope, of.user)
	}
	for _, id := range w.sent[max(0, len(w.sent)-newest):] {
		for n := range people {
			w.Steps++
			w.grab(ctx, w.process[0], id, user(n))
		}
	}
}
