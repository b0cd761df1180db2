package vopr

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Report is what happened in a run.
type Report struct {
	Seed              uint64
	Steps, Grabs, Won int
	Crashes, Pauses   int
	Late              int // calls that were carried out when their callers had given up
	WentBack, Rebuilt int // buckets
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
}

// rounds is how many times everything is done once the faults have stopped. It is far more than it takes.
const rounds = 40

// Run lets a world live for so many steps, then lets everything finish without faults. The error names what is wrong
// then.
func Run(seed uint64, steps int) (Report, error) {
	w, err := newWorld(seed)
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
	w.now = w.now.Add(2 * openFor)
	ctx := context.Background()
	for n := range w.process {
		w.boot(n)
	}
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
			_, err := p.settler.Pass(ctx, shard, bucket, 0)
			errs = append(errs, err)
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
