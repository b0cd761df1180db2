package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
)

const (
	// drainTimeout bounds how long credits may take after the last grab.
	drainTimeout = 10 * time.Minute
	// drainPoll is how often the backlog is asked for meanwhile.
	drainPoll = 10 * time.Millisecond
	// auditRetry is how long to wait for somebody else's audit before asking again, auditTries how often.
	auditRetry = time.Second
	auditTries = 300
	// statementPage is how many shares are read of a statement at once: the most that are given.
	statementPage = 100
	// shardsOfIDs is what an envelope's id is divided by to find its shard, by the contract.
	shardsOfIDs = 1024
)

// Outcomes of a grab.
const (
	outcomeWon = iota
	outcomeAlreadyWon
	outcomeEmpty
	outcomeExpired
	outcomes
)

func outcomeNames() [outcomes]string {
	return [outcomes]string{"won", "already_won", "empty", "expired"}
}

// win is a grab that was answered with `won`.
type win struct {
	envelope int64
	minor    int64
	at       int64 // when it was answered, in Unix milliseconds
	user     int32
	share    int32
}

// notes are what one worker was answered.
type notes struct {
	wins     []win
	outcomes [outcomes]int64
	_        [64]byte // keeps what workers write apart in the processor's cache
}

// books are our own count of what was acknowledged, to be compared with the target's.
type books struct {
	target *Target
	users  *users
	notes  []notes // by worker

	mu        sync.Mutex
	envelopes map[int64]int // that this suite sent: by whom
}

func newBooks(t *Target, c *users, workers int) *books {
	return &books{target: t, users: c, notes: make([]notes, workers), envelopes: make(map[int64]int)}
}

// sent notes envelopes.
func (b *books) sent(envelopes ...opened) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range envelopes {
		b.envelopes[e.id] = e.sender
	}
}

// note notes an answer. It is for the worker with that number only.
func (b *books) note(worker int, envelope int64, user int, r *envelopeapi.GrabResponse) {
	n := &b.notes[worker]
	switch r.Outcome {
	case "won":
		n.outcomes[outcomeWon]++
		n.wins = append(n.wins, win{envelope: envelope, minor: r.Amount, at: time.Now().UnixMilli(), user: int32(user),
			share: r.Share})
	case "already_won":
		n.outcomes[outcomeAlreadyWon]++
	case "empty":
		n.outcomes[outcomeEmpty]++
	case "expired":
		n.outcomes[outcomeExpired]++
	}
}

// counts are how often each outcome was answered. Nobody may be taking notes.
func (b *books) counts() map[string]int64 {
	all := make(map[string]int64)
	for i, name := range outcomeNames() {
		var n int64
		for w := range b.notes {
			n += b.notes[w].outcomes[i]
		}
		if n > 0 {
			all[name] = n
		}
	}
	return all
}

// wins are all wins. Nobody may be taking notes.
func (b *books) wins() []win {
	var all []win
	for w := range b.notes {
		all = append(all, b.notes[w].wins...)
	}
	return all
}

// check compares the books after a load. failed is how many requests got no answer, and so may have won all the same.
// The failures say what is wrong, for a person; the error says that it could not be found out.
func (b *books) check(ctx context.Context, failed int64) (found report.Books, failures []string, err error) {
	if found.DrainSeconds, err = drain(ctx, b.target); err != nil {
		return found, nil, err
	}
	audit, err := b.audit(ctx)
	if err != nil {
		return found, nil, err
	}
	found.AuditBalanced, found.Entries = audit.Balanced, audit.Entries
	if !audit.Balanced {
		failures = append(failures, fmt.Sprintf("the audit of the books found %d discrepancies", audit.Found))
		for _, d := range audit.Discrepancies {
			found.Discrepancies = append(found.Discrepancies,
				fmt.Sprintf("%s on shard %d: %s: expected %s, found %s", d.Kind, d.Shard, d.What, d.Expected, d.Found))
		}
	}
	wins := b.wins()
	found.Wins = int64(len(wins))
	failures = append(failures, twice(wins)...)
	first := b.first()
	if first == 0 {
		return found, failures, nil
	}
	if err := b.statements(ctx, wins, first, &found); err != nil {
		return found, failures, err
	}
	lost, err := b.lostSends(ctx, first)
	if err != nil {
		return found, failures, err
	}
	failures = append(failures, lost...)
	if n := len(found.NotCredited); n > 0 {
		failures = append(failures, fmt.Sprintf("%d acknowledged wins were never credited, or not to the unit", n))
	}
	if found.Unanswered > failed {
		failures = append(failures, fmt.Sprintf("%d shares were credited without an answer, and only %d grabs got none",
			found.Unanswered, failed))
	}
	return found, failures, nil
}

// drain waits until nothing is left to be settled, and returns how long that took in seconds.
func drain(ctx context.Context, t *Target) (float64, error) {
	began := time.Now()
	for {
		backlog, err := t.backlog()
		if err != nil {
			return 0, err
		}
		if backlog.empty() {
			return time.Since(began).Seconds(), nil
		}
		if time.Since(began) > drainTimeout {
			return 0, fmt.Errorf("after %v there are still wins that are not credits, the oldest %v old", drainTimeout,
				backlog.lag())
		}
		select {
		case <-time.After(drainPoll):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// audit has the target audit its books, after whoever else does.
func (b *books) audit(ctx context.Context) (*operatorapi.AuditResponse, error) {
	for tries := 1; ; tries++ {
		audit, err := b.target.ops.Operator.Audit(context.WithoutCancel(ctx))
		if err == nil {
			return audit, nil
		}
		if Code(err) != client.CodeUnavailable || tries == auditTries {
			return nil, explainAt(err, "have the books audited")
		}
		select {
		case <-time.After(auditRetry):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// twice names shares that were acknowledged to two users, and users with two shares.
func twice(wins []win) (failures []string) {
	sorted := slices.SortedFunc(slices.Values(wins), func(a, b win) int {
		return cmp.Or(cmp.Compare(a.envelope, b.envelope), cmp.Compare(a.share, b.share))
	})
	for i := 1; i < len(sorted); i++ {
		if a, b := sorted[i-1], sorted[i]; a.envelope == b.envelope && a.share == b.share {
			failures = append(failures, fmt.Sprintf("envelope %d: share %d was won twice", a.envelope, a.share))
		}
	}
	slices.SortFunc(sorted, func(a, b win) int {
		return cmp.Or(cmp.Compare(a.envelope, b.envelope), cmp.Compare(a.user, b.user))
	})
	for i := 1; i < len(sorted); i++ {
		if a, b := sorted[i-1], sorted[i]; a.envelope == b.envelope && a.user == b.user {
			failures = append(failures, fmt.Sprintf("envelope %d: somebody won twice", a.envelope))
		}
	}
	return failures
}

// first is the lowest id of this suite's envelopes, before which no statement has to be read; 0 where there are none.
func (b *books) first() (first int64) {
	for id := range b.envelopes {
		if first == 0 || id < first {
			first = id
		}
	}
	return first
}

// lostSends names envelopes that were acknowledged and are not in their sender's list.
func (b *books) lostSends(ctx context.Context, first int64) (failures []string, err error) {
	senders := make(map[int]map[int64]bool)
	for id, sender := range b.envelopes {
		if senders[sender] == nil {
			senders[sender] = make(map[int64]bool)
		}
		senders[sender][id] = true
	}
	users := slices.Collect(maps.Keys(senders))
	var mu sync.Mutex
	err = inParallel(ctx, len(users), func(i int) error {
		lost, err := b.unlisted(users[i], senders[users[i]], first)
		mu.Lock()
		defer mu.Unlock()
		for id := range lost {
			failures = append(failures,
				fmt.Sprintf("envelope %d was acknowledged to %s, who never sent it by their own list", id,
					b.users.names[users[i]]))
		}
		return err
	})
	return failures, err
}

// unlisted removes from sent what the user's list has, and returns the rest.
func (b *books) unlisted(user int, sent map[int64]bool, first int64) (map[int64]bool, error) {
	limit := int32(statementPage)
	request := &envelopeapi.ListRequest{Limit: &limit}
	for len(sent) > 0 {
		page, err := b.target.sure.Envelopes.ListSent(b.users.as[user], request)
		if err != nil {
			return nil, explainAt(err, "read what was sent")
		}
		past := false
		for _, e := range page.Envelopes {
			past = past || e.EnvelopeId < first
			delete(sent, e.EnvelopeId)
		}
		if past || page.NextCursor == "" {
			break
		}
		request.Cursor = &page.NextCursor
	}
	return sent, nil
}

// statements looks for every win in its user's statement.
func (b *books) statements(ctx context.Context, wins []win, first int64, found *report.Books) error {
	byUser := make([][]win, len(b.users.names))
	for _, w := range wins {
		byUser[w.user] = append(byUser[w.user], w)
	}
	var mu sync.Mutex
	return inParallel(ctx, len(byUser), func(u int) error {
		credited, unanswered, missing, err := b.statement(u, byUser[u], first)
		mu.Lock()
		defer mu.Unlock()
		found.Credited += credited
		found.Unanswered += unanswered
		found.NotCredited = append(found.NotCredited, missing...)
		return err
	})
}

// statement reads what a user was credited of the envelopes since the first, and compares it with their wins.
func (b *books) statement(user int, wins []win, first int64) (credited, unanswered int64, missing []string, err error) {
	want := make(map[int64]win, len(wins))
	for _, w := range wins {
		want[w.envelope] = w
	}
	limit := int32(statementPage)
	request := &envelopeapi.ListRequest{Limit: &limit}
	for {
		page, err := b.target.sure.Envelopes.ListReceived(b.users.as[user], request)
		if err != nil {
			return 0, 0, nil, explainAt(err, "read a statement")
		}
		past := false
		for _, r := range page.Shares {
			past = past || r.EnvelopeId < first
			w, won := want[r.EnvelopeId]
			_, ours := b.envelopes[r.EnvelopeId]
			switch {
			case !won && ours:
				unanswered++
			case !won: // of another suite, or compared already
			case r.Amount != w.minor || r.Share != w.share || r.Currency != currency:
				missing = append(missing, fmt.Sprintf("%s: credited as share %d, %d %s", b.describe(w), r.Share,
					r.Amount, r.Currency))
				delete(want, r.EnvelopeId)
			default:
				credited++
				delete(want, r.EnvelopeId)
			}
		}
		if past || page.NextCursor == "" {
			break
		}
		request.Cursor = &page.NextCursor
	}
	for _, w := range want {
		missing = append(missing, b.describe(w)+": never credited")
	}
	return credited, unanswered, missing, nil
}

func (b *books) describe(w win) string {
	return fmt.Sprintf("envelope %d, share %d, %d %s, won by %s at %s", w.envelope, w.share, w.minor, currency,
		b.users.names[w.user], time.UnixMilli(w.at).UTC().Format("15:04:05.000"))
}
