package redispot

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
	"github.com/hongbao/hongbao/internal/refusal"
)

// grab is one call of Take: who asks, and what they are told.
type grab struct {
	id      int64
	user    string
	trace   string // "" for none
	take    envelope.Take
	outcome envelope.Outcome
	count   int // shares of the envelope, with Empty and Expired
	err     error
}

// Take implements envelope.Pot. Refusals: invalid_argument for a malformed user, unavailable when too many grabs are
// waiting or too few replicas confirmed.
func (p *Pots) Take(ctx context.Context, id int64, user string) (envelope.Take, envelope.Outcome, error) {
	if pot, ok := p.finals.get(id); ok {
		a := p.remembered(pot, user)
		return a.Take, a.Outcome, nil
	}
	b, err := p.of(id)
	if err != nil {
		return envelope.Take{}, "", err
	}
	if err := refusal.CheckID("user", user); err != nil {
		return envelope.Take{}, "", err
	}
	asked := grab{id: id, user: user}
	if p.traceOf != nil {
		asked.trace = p.traceOf(ctx)
	}
	p.waiting.Add(1)
	g, err := b.grabs.Do(ctx, asked)
	p.waiting.Add(-1)
	a, final := p.answered(g, err)
	if final {
		p.finals.load(ctx, id, p.Look)
	}
	return a.Take, a.Outcome, a.Err
}

// TakeMany implements envelope.Pot. Refusals of an ask: as Take.
func (p *Pots) TakeMany(ctx context.Context, asks []envelope.Ask) []envelope.Answer {
	answers := make([]envelope.Answer, len(asks))
	byBucket := make(map[*bucket]*together)
	trace := ""
	if p.traceOf != nil {
		trace = p.traceOf(ctx)
	}
	for i, a := range asks {
		if answers[i].Err = refusal.CheckID("user", a.User); answers[i].Err != nil {
			continue
		}
		if pot, ok := p.finals.get(a.Envelope); ok {
			answers[i] = p.remembered(pot, a.User)
			continue
		}
		b, err := p.of(a.Envelope)
		if err != nil {
			answers[i].Err = err
			continue
		}
		t := byBucket[b]
		if t == nil {
			t = &together{}
			byBucket[b] = t
		}
		t.grabs, t.at = append(t.grabs, grab{id: a.Envelope, user: a.User, trace: trace}), append(t.at, i)
	}
	for b, t := range byBucket {
		if t.calls, t.err = b.grabs.Start(nil, t.grabs...); t.err == nil {
			p.waiting.Add(int64(len(t.calls)))
		}
	}
	finals := make(map[int64]struct{})
	for b, t := range byBucket {
		for n, i := range t.at {
			if t.err != nil {
				answers[i].Err = t.err
				continue
			}
			g, err := b.grabs.Await(ctx, t.calls[n])
			p.waiting.Add(-1)
			var final bool
			if answers[i], final = p.answered(g, err); final {
				finals[asks[i].Envelope] = struct{}{}
			}
		}
	}
	var loads sync.WaitGroup
	for id := range finals {
		loads.Go(func() { p.finals.load(ctx, id, p.Look) })
	}
	loads.Wait()
	return answers
}

// together is the asks of one TakeMany for a bucket.
type together struct {
	grabs []grab
	at    []int // of each, its place among the asks
	calls []*gather.Call[grab]
	err   error // why there are no calls
}

// remembered answers from memory.
func (p *Pots) remembered(pot *final, user string) envelope.Answer {
	take, outcome := pot.take(user)
	p.metrics.hits.Inc()
	p.metrics.outcomes[outcome].Inc()
	return envelope.Answer{Take: take, Outcome: outcome}
}

// answered is what comes of a grab that was answered, or whose call failed; and whether its pot is final and worth
// remembering.
func (p *Pots) answered(g grab, err error) (a envelope.Answer, final bool) {
	if err == nil {
		err = g.err
	}
	if err != nil {
		return envelope.Answer{Err: err}, false
	}
	p.metrics.outcomes[g.outcome].Inc()
	final = (g.outcome == envelope.Empty || g.outcome == envelope.Expired) && g.count <= maxFinalShares
	return envelope.Answer{Take: g.take, Outcome: g.outcome}, final
}

// Waiting implements envelope.Pot.
func (p *Pots) Waiting() int { return int(p.waiting.Load()) }

// work is the memory of sending a batch.
type work struct {
	groups []group
	at     map[int64]int // envelope → index into groups
	keys   []string
	args   []string
	traced []string // the last of args
}

// group is the grabs of one envelope.
type group struct {
	id    int64
	calls []*gather.Call[grab]
}

var works = sync.Pool{New: func() any { return &work{at: map[int64]int{}} }}

// send asks Redis about a batch and delivers the answers.
func (b *bucket) send(batch []*gather.Call[grab]) {
	w := works.Get().(*work)
	defer works.Put(w)
	size := w.sort(batch)
	if size == 0 {
		return
	}
	b.pots.metrics.batch.Observe(float64(size))
	answer, safe, err := b.ask(w)
	for _, g := range w.groups {
		for _, c := range g.calls {
			var word string
			word, answer, _ = strings.Cut(answer, " ")
			c.Deliver(answerOf(c.Data.user, word, safe, err))
		}
		clear(g.calls)
	}
}

func (b *bucket) ask(w *work) (answer string, safe bool, err error) {
	ctx, cancel := b.pots.Bounded(context.Background())
	defer cancel()
	at, err := b.keys(ctx)
	if err != nil {
		return "", false, fmt.Errorf("take: %w", err)
	}
	w.write(at)
	m, safe, err := b.pots.RunSafely(ctx, at.Bucket, &b.pots.scripts.take, w.keys, w.args)
	if err == nil {
		answer, err = m.ToString()
	}
	if err != nil {
		return "", false, fmt.Errorf("take: %w", err)
	}
	return answer, safe, nil
}

// write sets the keys and arguments of take.lua.
func (w *work) write(at keys) {
	w.keys = append(w.keys[:0], at.Home, at.Log)
	w.args, w.traced = append(w.args[:0], at.Mark), w.traced[:0]
	place := 0
	for _, g := range w.groups {
		pot, shares := at.pot(g.id)
		w.keys = append(w.keys, pot, shares)
		w.args = append(w.args, strconv.FormatInt(g.id, 10), strconv.Itoa(len(g.calls)))
		for _, c := range g.calls {
			w.args = append(w.args, c.Data.user)
			place++
			if c.Data.trace != "" {
				w.traced = append(w.traced, strconv.Itoa(place), strconv.FormatInt(g.id, 10), c.Data.trace)
			}
		}
	}
	if len(w.traced) > 0 {
		w.keys, w.args = append(w.keys, at.Traces), append(w.args, w.traced...)
	}
}

// sort groups the calls of the batch that somebody still waits for by envelope, and returns their number.
func (w *work) sort(batch []*gather.Call[grab]) int {
	clear(w.at)
	w.groups = w.groups[:0]
	size := 0
	for _, c := range batch {
		if c.Abandoned() {
			continue
		}
		size++
		i, ok := w.at[c.Data.id]
		if !ok {
			i = len(w.groups)
			w.at[c.Data.id] = i
			if i < cap(w.groups) {
				w.groups = w.groups[:i+1]
			} else {
				w.groups = append(w.groups, group{})
			}
			w.groups[i].id, w.groups[i].calls = c.Data.id, w.groups[i].calls[:0]
		}
		w.groups[i].calls = append(w.groups[i].calls, c)
	}
	return size
}

// answerOf is what a user is told for one word of the script's answer.
func answerOf(user, word string, safe bool, err error) grab {
	if err != nil {
		return grab{err: err}
	}
	take, outcome, count, err := parseAnswer(word, user)
	if err == nil && !safe && (outcome == envelope.Won || outcome == envelope.AlreadyWon) {
		err = redisbucket.Unsafe()
	}
	return grab{take: take, outcome: outcome, count: count, err: err}
}

// parseAnswer reads a word as take.lua describes it.
func parseAnswer(word, user string) (t envelope.Take, o envelope.Outcome, count int, err error) {
	if word == "" {
		return t, "", 0, fmt.Errorf("redispot: take: no answer")
	}
	switch rest := word[1:]; word[0] {
	case 'w', 'a':
		o = envelope.Won
		if word[0] == 'a' {
			o = envelope.AlreadyWon
		}
		t, err = parseTake(user, rest)
	case 'e', 'x':
		o = envelope.Empty
		if word[0] == 'x' {
			o = envelope.Expired
		}
		count, err = strconv.Atoi(rest)
	case 'n':
		err = envelope.ErrNoPot
	default:
		err = fmt.Errorf("redispot: take: answer %q", word)
	}
	return t, o, count, err
}

// parseTake reads "<share>:<minor>:<at>", a user's field in a pot.
func parseTake(user, value string) (envelope.Take, error) {
	share, rest, ok := strings.Cut(value, ":")
	minor, at, ok2 := strings.Cut(rest, ":")
	s, err1 := strconv.Atoi(share)
	m, err2 := strconv.ParseInt(minor, 10, 64)
	ms, err3 := strconv.ParseInt(at, 10, 64)
	if !ok || !ok2 || err1 != nil || err2 != nil || err3 != nil {
		return envelope.Take{}, fmt.Errorf("redispot: %q is no take", value)
	}
	return envelope.Take{User: user, Share: s, Minor: m, At: time.UnixMilli(ms).UTC()}, nil
}
