package outbox_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// notes is a consumer that writes down each word of its messages. Its table has no unique key, so a word that is
// consumed twice is there twice.
type notes struct {
	kind    outbox.Kind
	cluster *shards.Cluster

	mu      sync.Mutex
	broken  int   // shard at which nothing can be consumed; -1 for none
	why     error // what is wrong there
	renamed []int64
	takings []taking
}

// taking is messages that were taken in at a shard in a transaction, whatever became of that.
type taking struct {
	tx    *sql.Tx
	shard int
}

type words []string

// Size implements outbox.Content.
func (w words) Size() int { return len(w) }

func (n *notes) table(shard int) string { return n.cluster.Table(shard, "notes") }

// Kind implements outbox.Consumer.
func (n *notes) Kind() outbox.Kind { return n.kind }

// Decode implements outbox.Consumer.
func (n *notes) Decode(payload []byte) (outbox.Content, error) {
	var w words
	err := json.Unmarshal(payload, &w)
	return w, err
}

// Consume implements outbox.Consumer.
func (n *notes) Consume(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) error {
	var args []any
	for _, m := range messages {
		for _, word := range m.Content().(words) {
			args = append(args, string(n.kind), word)
		}
	}
	if err := rows.Insert(ctx, tx, "INSERT INTO "+n.table(shard)+" (kind, word)", 2, args, ""); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.takings = append(n.takings, taking{tx, shard})
	if shard == n.broken {
		return n.why
	}
	return nil
}

// Arrived implements outbox.Consumer.
func (n *notes) Arrived(ctx context.Context, q rows.Querier, shard int, m outbox.Message) (bool, error) {
	found, err := rows.Select(ctx, q, rows.Scalar[int], "SELECT 1 FROM "+n.table(shard)+" WHERE kind = ? AND word = ?",
		string(n.kind), m.Content().(words)[0])
	return len(found) > 0, err
}

// Renamed implements outbox.Consumer.
func (n *notes) Renamed(_ context.Context, _ *sql.Tx, _ int, _ outbox.Message, id int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.renamed = append(n.renamed, id)
	return nil
}

// together are the shards of each transaction since the last call, in the order of the first of each.
func (n *notes) together() (all [][]int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := map[*sql.Tx]int{}
	for _, took := range n.takings {
		i, ok := at[took.tx]
		if !ok {
			i = len(all)
			at[took.tx], all = i, append(all, nil)
		}
		all[i] = append(all[i], took.shard)
	}
	n.takings = nil
	slices.SortFunc(all, slices.Compare)
	return all
}

func (n *notes) mend() { n.breakAt(-1, nil) }

func (n *notes) breakAt(shard int, why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken, n.why = shard, why
}

// post is the outboxes of a cluster as one process sees them, with two kinds of messages and a clock that only a test
// moves.
type post struct {
	*outbox.Outbox
	t       *testing.T
	cluster *shards.Cluster
	letters *notes
	cards   *notes
	places  chan struct{} // of writers; nil for any number
	metrics *prometheus.Registry

	mu sync.Mutex
	at time.Time
}

func (p *post) acquire(ctx context.Context, _ int) (release func(), err error) {
	if p.places == nil {
		return func() {}, nil
	}
	select {
	case p.places <- struct{}{}:
		return func() { <-p.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *post) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *post) skip(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = p.at.Add(d)
}

func open(t *testing.T, n int) *post {
	t.Helper()
	c := shardstest.New(t, n)
	if err := outbox.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p := openOn(t, c, 0)
	p.makeNotes()
	return p
}

func (p *post) makeNotes() {
	p.t.Helper()
	for shard := range p.cluster.Shards() {
		p.exec(shard, "CREATE TABLE "+p.letters.table(shard)+" (kind VARCHAR(16) NOT NULL, word VARCHAR(64) NOT NULL)")
	}
}

func openOn(t *testing.T, c *shards.Cluster, node int) *post {
	t.Helper()
	return openWith(t, c, node, 0)
}

func openWith(t *testing.T, c *shards.Cluster, node int, timeout time.Duration) *post {
	t.Helper()
	ids, err := shards.NewIDs(c, node)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{t: t, cluster: c, at: time.Now(), letters: &notes{kind: "letter", cluster: c, broken: -1},
		cards: &notes{kind: "card", cluster: c, broken: -1}, metrics: prometheus.NewRegistry()}
	p.Outbox, err = outbox.New(outbox.Config{
		Cluster: c, IDs: ids, Consumers: []outbox.Consumer{p.letters,
			p.cards}, Log: slog.New(slog.DiscardHandler), Now: p.now,
		Acquire: p.acquire, Timeout: timeout, Registerer: p.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// suspended is how often a delivery was put off.
func (p *post) suspended() int {
	p.t.Helper()
	families, err := p.metrics.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hongbao_outbox_suspensions_total" {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	p.t.Fatal("there is no such metric")
	return 0
}

func (p *post) exec(shard int, statement string, args ...any) {
	p.t.Helper()
	if _, err := p.cluster.DB(shard).ExecContext(p.t.Context(), statement, args...); err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
}

func (p *post) count(shard int, query string, args ...any) (n int) {
	p.t.Helper()
	if err := p.cluster.DB(shard).QueryRowContext(p.t.Context(), query, args...).Scan(&n); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// letter is a message of words.
func letter(kind outbox.Kind, dest int, text ...string) outbox.Message {
	payload, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return outbox.Message{Dest: dest, Kind: kind, Payload: payload}
}

// send writes messages into a shard's outbox, in one transaction.
func (p *post) send(shard int, messages ...outbox.Message) {
	p.t.Helper()
	err := p.cluster.Tx(p.t.Context(), shard, func(tx *sql.Tx) error {
		return p.Write(p.t.Context(), tx, shard, messages)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// deliverAll delivers all there is in a shard's outbox, and returns how much that was.
func (p *post) deliverAll(shard int) (all int) {
	p.t.Helper()
	for {
		n, err := p.Deliver(p.t.Context(), shard)
		if err != nil {
			p.t.Fatalf("deliver: %v", err)
		}
		if all += n; n == 0 {
			return all
		}
	}
}

// wantNotes wants each word that begins so to be on a shard so many times.
func (p *post) wantNotes(shard int, kind outbox.Kind, prefix string, words, times int) {
	p.t.Helper()
	where := fmt.Sprintf(" FROM %s WHERE kind = '%s' AND word LIKE '%s%%'", p.letters.table(shard), kind, prefix)
	all, distinct := p.count(shard, "SELECT COUNT(*)"+where), p.count(shard, "SELECT COUNT(DISTINCT word)"+where)
	if distinct != words || all != words*times {
		p.t.Errorf("shard %d: %d words %s*, %d in all, want %d, each %d times", shard, distinct, prefix, all, words,
			times)
	}
}

// left is the number of rows in a shard's outbox.
func (p *post) left(shard int) int {
	p.t.Helper()
	return p.count(shard, "SELECT COUNT(*) FROM "+p.cluster.Table(shard, "outbox"))
}
