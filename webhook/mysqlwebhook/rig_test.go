package mysqlwebhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook"
	"github.com/hongbao/hongbao/webhook/httpsender"
	"github.com/hongbao/hongbao/webhook/mysqlwebhook"
)

// clock is a clock that only a test moves: on a busy machine a lease or a pause would end in the middle of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is an installation of two shards, and what a test does to it in few words.
type rig struct {
	testing.TB
	*node
	cluster *shards.Cluster
	clock   *clock
	calls   int
	secrets *sealed.Keys // of nodes that are made from now on
}

// node is an installation as one process sees it.
type node struct {
	ledger     *mysqlledger.Ledger
	consumer   *mysqlwebhook.Consumer
	store      *mysqlwebhook.Store
	service    *webhook.Service
	dispatcher *webhook.Dispatcher
	sender     webhook.Sender
}

// Files of keys that secrets are kept with.
const (
	keyA = "a YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n"
	keyB = "b YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=\n"
)

func openRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{TB: t, cluster: shardstest.New(t, 2), clock: &clock{at: time.Now()},
		secrets: must(sealed.Parse([]byte(keyA)))}
	for _, migrate := range []func(context.Context, *shards.Cluster) error{mysqlledger.Migrate, mysqlwebhook.Migrate} {
		if err := migrate(t.Context(), r.cluster); err != nil {
			t.Fatal(err)
		}
	}
	r.node = r.newNode(0)
	return r
}

// newNode opens another process's view.
func (r *rig) newNode(number int) *node {
	r.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ids := must(shards.NewIDs(r.cluster, number))
	consumer := mysqlwebhook.NewConsumer(r.cluster, ids)
	l := must(mysqlledger.New(mysqlledger.Config{
		Cluster: r.cluster, IDs: ids, Consumers: []outbox.Consumer{consumer}, Log: log, Now: r.clock.now,
	}))
	store := must(mysqlwebhook.New(r.cluster, l, r.secrets, nil, r.clock.now))
	sender := httpsender.New(httpsender.Config{AllowPrivate: true, Now: time.Now})
	r.Cleanup(sender.Close)
	rules := webhook.Rules{AllowPrivate: true, Types: []string{"cover.approved", "cover.frozen", "cover.claimed"}}
	return &node{
		ledger: l, consumer: consumer, store: store, service: webhook.NewService(store, rules, r.clock.now),
		dispatcher: webhook.NewDispatcher(store, sender, consumer.Wake, r.clock.now, log),
		sender:     sender,
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (r *rig) request() string {
	r.calls++
	return fmt.Sprintf("request-%d", r.calls)
}

// create makes an endpoint that is subscribed to all covers' events.
func (r *rig) create(owner, url string) (webhook.Endpoint, webhook.Key) {
	r.Helper()
	e, k, err := r.service.Create(r.Context(), owner, r.request(),
		webhook.Settings{URL: url, Types: []string{"cover.*"}, Asymmetric: true})
	if err != nil {
		r.Fatalf("create: %v", err)
	}
	return e, *k
}

// publish publishes an event of a cover from a shard.
func (n *node) publish(ctx context.Context, shard int, events ...webhook.Event) error {
	return n.ledger.Tx(ctx, int64(1<<24|shard), func(tx ledger.Tx) error { return n.store.Publish(ctx, tx, events...) })
}

func (r *rig) event(owner, object string) webhook.Event {
	return webhook.Event{
		Owner: owner, Type: "cover.claimed", Object: object, Data: json.RawMessage(`{"note":"恭喜 <发财>"}`), At: r.clock.now(),
	}
}

// tell publishes events and takes them in.
func (r *rig) tell(events ...webhook.Event) {
	r.Helper()
	if err := r.publish(r.Context(), 0, events...); err != nil {
		r.Fatalf("publish: %v", err)
	}
	r.deliverAll()
}

func (r *rig) deliverAll() {
	r.Helper()
	for shard := range r.cluster.Shards() {
		for {
			n, err := r.ledger.Outbox().Deliver(r.Context(), shard)
			if err != nil {
				r.Fatalf("deliver: %v", err)
			}
			if n == 0 {
				break
			}
		}
	}
}

// send makes all attempts whose time has come, on both shards.
func (r *rig) send() {
	r.Helper()
	for shard := range r.cluster.Shards() {
		for {
			n, err := r.dispatcher.Pass(r.Context(), shard)
			if err != nil {
				r.Fatalf("pass: %v", err)
			}
			r.dispatcher.Wait(shard)
			if n == 0 {
				break
			}
		}
	}
}

func (r *rig) exec(owner, format string) {
	r.Helper()
	shard := r.cluster.ForUser(owner)
	statement := strings.ReplaceAll(format, "@", r.cluster.Schema(shard)+".webhook_")
	if _, err := r.cluster.DB(shard).ExecContext(r.Context(), statement); err != nil {
		r.Fatalf("%s: %v", statement, err)
	}
}

func (r *rig) deliveries(e webhook.Endpoint) []webhook.Delivery {
	r.Helper()
	found, err := r.service.Deliveries(r.Context(), e.Owner, e.ID, "", 0, 0)
	if err != nil {
		r.Fatalf("deliveries: %v", err)
	}
	return found
}

func (r *rig) endpoint(e webhook.Endpoint) webhook.Endpoint {
	r.Helper()
	got, err := r.service.Endpoint(r.Context(), e.Owner, e.ID)
	if err != nil {
		r.Fatalf("endpoint: %v", err)
	}
	return got
}

// audited audits the books, webhooks included.
func (r *rig) audited() ledger.AuditReport {
	r.Helper()
	report, err := audit.New(r.cluster, r.ledger.Outbox(), r.store.Audit()).Audit(context.WithoutCancel(r.Context()))
	if err != nil {
		r.Fatalf("audit: %v", err)
	}
	return report
}

func (r *rig) balanced() {
	r.Helper()
	if report := r.audited(); !report.Balanced() {
		r.Fatalf("audit: %+v", report.Discrepancies)
	}
}

// until waits for something that a worker does.
func (r *rig) until(what string, f func() bool) {
	r.Helper()
	r.untilWithin(2*time.Minute, what, f)
}

func (r *rig) untilWithin(limit time.Duration, what string, f func() bool) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	for !f() {
		if ctx.Err() != nil {
			r.Fatalf("it never happened: %s", what)
		}
		loop.Wait(ctx, 5*time.Millisecond, nil)
	}
}

// receiver is a merchant's server, which verifies what it gets with the specification's own library.
type receiver struct {
	*httptest.Server
	t      testing.TB
	answer func(got received) int // the status; nil for 200

	mu       sync.Mutex
	secrets  []string
	all      []received
	times    map[string]int // by webhook-id
	accepted map[string]int // by webhook-id, those answered 2xx
}

type received struct {
	id, signature string
	header        http.Header
	body          []byte
	payload       struct {
		ID, Type, Timestamp, Object string
		Sequence                    int64
		Data                        json.RawMessage
	}
}

func (r *rig) receiver(answer func(received) int) *receiver {
	rec := &receiver{t: r.TB, answer: answer, times: map[string]int{}, accepted: map[string]int{}}
	rec.Server = httptest.NewServer(http.HandlerFunc(rec.serve))
	r.Cleanup(rec.Close)
	return rec
}

// knows tells a receiver the secret that it verifies with.
func (rec *receiver) knows(k webhook.Key) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.secrets = []string{signature.EncodeSecret(k.Secret)}
}

func (rec *receiver) serve(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil { // the sender broke it off
		return
	}
	got := received{id: request.Header.Get("webhook-id"), signature: request.Header.Get("webhook-signature"),
		header: request.Header, body: body}
	rec.mu.Lock()
	for _, secret := range rec.secrets {
		if err := must(standardwebhooks.NewWebhook(secret)).Verify(body, request.Header); err != nil {
			rec.t.Errorf("the specification's library: %v", err)
		}
	}
	rec.mu.Unlock()
	if err := json.Unmarshal(body, &got.payload); err != nil || got.payload.ID != got.id {
		rec.t.Errorf("body %q of %s: %v", body, got.id, err)
	}
	status := http.StatusOK
	if rec.answer != nil {
		status = rec.answer(got)
	}
	rec.mu.Lock()
	rec.all = append(rec.all, got)
	rec.times[got.id]++
	if status < 300 {
		rec.accepted[got.id]++
	}
	rec.mu.Unlock()
	w.WriteHeader(status)
	_, _ = w.Write([]byte("answer \n" + got.id))
}

func (rec *receiver) got() []received {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]received{}, rec.all...)
}

// attempts are those at an event that were answered.
func (rec *receiver) attempts(id string) int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.times[id]
}

func (rec *receiver) acceptedIDs() int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return len(rec.accepted)
}
