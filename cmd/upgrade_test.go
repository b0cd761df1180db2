package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// upgraded is the dump's installation after `hongbao migrate`.
type upgraded struct {
	*apptest.Harness
	dump
}

// newUpgraded migrates the dump's installation and opens it, after change has changed how (nil: nothing).
func newUpgraded(t *testing.T, change func(*app.Config)) *upgraded {
	t.Helper()
	d, cfg, clock := loadDump(t)
	migrateByCommand(t, cfg)
	if change != nil {
		change(&cfg)
	}
	return &upgraded{&apptest.Harness{App: apptest.Open(t, cfg), T: t, Clock: clock}, d}
}

func migrateByCommand(t *testing.T, cfg app.Config) {
	t.Helper()
	var out bytes.Buffer
	args := []string{"migrate", "--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix,
		"--shards", strconv.Itoa(cfg.Shards)}
	if code := Main(args, &out, &out); code != 0 {
		t.Fatalf("hongbao migrate: exit %d\n%s", code, &out)
	}
}

// id is that of the record that is an example of something.
func (u *upgraded) id(name string) int64 {
	u.T.Helper()
	id, err := strconv.ParseInt(u.Names[name], 10, 64)
	if err != nil {
		u.T.Fatalf("the dump has no %s", name)
	}
	return id
}

// balances are those in CNY that users have in the dump, with what is on its way to them.
func (u *upgraded) balances(onTheWay map[string]int64) map[string]int64 {
	all := map[string]int64{}
	for _, a := range u.Answers {
		if a.Path != "/v1/wallet" {
			continue
		}
		var wallet struct {
			Balances []struct {
				Currency string
				Amount   int64
			}
		}
		if err := json.Unmarshal(a.Answer, &wallet); err != nil {
			u.T.Fatal(err)
		}
		all[a.User] = wallet.Balances[0].Amount + onTheWay[a.User]
	}
	return all
}

// Everything that the gateway said before the migration it says after it, lists and statements and repeated requests
// included, and the books balance with the same money in flight.
func TestMigrateKeepsWhatIsThere(t *testing.T) {
	u := newUpgraded(t, nil)
	u.wantInFlight()
	u.wantAnswers(u.serve())
	migrateByCommand(t, u.Config())
	u.wantInFlight()
	u.wantAnswers(u.serve())
}

func (u *upgraded) wantInFlight() {
	u.T.Helper()
	apptest.MustBalance(u.T, u.App)
	report, err := u.Auditor.Audit(u.T.Context())
	if err != nil {
		u.T.Fatal(err)
	}
	want := map[ledger.Currency]int64{}
	for _, amount := range u.InFlight {
		want[ledger.Currency(amount.Currency)] = amount.Amount
	}
	if !reflect.DeepEqual(report.InFlight, want) {
		u.T.Errorf("in flight: %v, want %v", report.InFlight, want)
	}
}

// serve starts the services and the gateway, and returns how to call them as a user.
func (u *upgraded) serve() (call func(user, method, path string, body []byte) (int, []byte)) {
	u.T.Helper()
	issuer, err := makePrivateKey(u.T.TempDir() + "/key")
	if err != nil {
		u.T.Fatal(err)
	}
	rules := tokenRules{MaxTokenLife: time.Hour}
	tokens, err := rules.tokens(u.App, auth.NewKeyring(issuer.PublicKey()), nil)
	if err != nil {
		u.T.Fatal(err)
	}
	rpc, address, err := listenRPC(u.App,
		rpcOptions{address: "127.0.0.1:0", tokens: tokens, metrics: prometheus.NewRegistry()})
	if err != nil {
		u.T.Fatal(err)
	}
	web, err := listenHTTP(u.App, gatewayOptions{
		address: "127.0.0.1:0", rpc: []string{address.String()}, tokens: tokens, metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		u.T.Fatal(err)
	}
	u.T.Cleanup(apptest.Start(u.T, func(ctx context.Context) { _ = rpc.Run(ctx) }))
	u.T.Cleanup(apptest.Start(u.T, func(ctx context.Context) { _ = web.run(ctx) }))
	return func(user, method, path string, body []byte) (int, []byte) {
		u.T.Helper()
		token, err := issuer.Issue(user, []auth.Scope{auth.ScopeUser}, time.Minute)
		if err != nil {
			u.T.Fatal(err)
		}
		request, err := http.NewRequestWithContext(u.T.Context(), method, "http://"+web.listener.Addr().String()+path,
			bytes.NewReader(body))
		if err != nil {
			u.T.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			u.T.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			u.T.Fatal(err)
		}
		return response.StatusCode, text
	}
}

// wantAnswers repeats the calls whose answers are in the dump.
func (u *upgraded) wantAnswers(call func(user, method, path string, body []byte) (int, []byte)) {
	u.T.Helper()
	if len(u.Answers) < 100 {
		u.T.Fatalf("the dump has only %d answers", len(u.Answers))
	}
	for _, a := range u.Answers {
		status, text := call(a.User, a.Method, a.Path, a.Body)
		var got, want any
		if err := json.Unmarshal(a.Answer, &want); err != nil {
			u.T.Fatal(err)
		}
		if err := json.Unmarshal(text, &got); err != nil || status != http.StatusOK || !reflect.DeepEqual(got, want) {
			u.T.Errorf("%s %s %s of %s: %d %s\nbefore: %s", a.Method, a.Path, a.Body, a.User, status, text, a.Answer)
		}
	}
}

// A worker finishes what was in flight, and what has become due meanwhile.
func TestMigratedWorkGoesOn(t *testing.T) {
	u := newUpgraded(t, nil)
	bobs := u.pageOf("bob")
	heard := map[string]*apptest.Recorder{}
	for topic := range eventsInFlight {
		heard[topic] = u.Listen(topic)
	}
	u.Clock.Skip(time.Minute) // claims are idle
	u.Work()

	for topic, types := range eventsInFlight {
		u.Heard(heard[topic], topic, types...)
	}
	want := u.balances(u.onTheWay())
	for user, minor := range want {
		apptest.Until(t, user+" has their money", func() bool { return u.Balance(user) == minor })
	}
	for name, state := range map[string]transfer.State{
		"offered": transfer.StateOffered, "offered a moment ago": transfer.StateOffered,
		"accepted for tomorrow": transfer.StateAccepted, "accepted a moment ago": transfer.StateAccepted,
		"due": transfer.StateArrived, "past its time": transfer.StateExpired,
	} {
		u.untilTransfer(name, state)
	}
	for name, state := range map[string]collection.PartState{
		"claimed": collection.PartDue, "claimed and paid, not recorded": collection.PartPaid,
	} {
		apptest.Until(t, name+" is "+string(state), func() bool {
			c := apptest.Must(u.Collections.Get(t.Context(), "alice", u.id("collection "+name)))
			part, _ := c.Part(u.Names["payer "+name])
			return part.State == state
		})
	}
	apptest.Until(t, "bob finds what he was offered last", func() bool { return len(u.pageOf("bob")) == len(bobs)+1 })
	u.MustBalance()
	u.WantBalances(want)
}

// eventsInFlight are types of events that nobody had heard yet, by topic.
var eventsInFlight = map[string][]string{
	"group:g": {
		"envelope.sent", "envelope.grabbed", "envelope.drained", "envelope.refunded", "collection.opened",
		"collection.paid",
	},
	"user:alice": {"transfer.offered", "collection.reminder"},
	"user:frank": {"transfer.arrived", "transfer.expired"},
	"user:grace": {"transfer.declined"},
	"user:dave":  {"transfer.accepted", "transfer.arrived"},
}

// onTheWay is the money in CNY that users get once all work is done: shares that were not settled or not delivered,
// what comes back of expired envelopes, transfers and parts of collections.
func (u *upgraded) onTheWay() map[string]int64 {
	way := map[string]int64{
		"dave": 100, "erin": 700, "frank": 4321 + 100, "grace": 100, "heidi": 300,
	}
	left := int64(600)
	for _, name := range []string{
		"drained, credits on their way", "drained and not settled", "expired and not refunded", "partly taken",
	} {
		view := apptest.Must(u.Envelopes.Get(u.T.Context(), "alice", u.id("envelope "+name)))
		for _, take := range view.Taken {
			switch {
			case name == "partly taken" && (take.User == "bob" || take.User == "carol"):
				continue // it was credited
			case name == "expired and not refunded":
				left -= take.Minor
			}
			way[take.User] += take.Minor
		}
	}
	way["dave"] += left
	return way
}

// pageOf is what a user was offered.
func (u *upgraded) pageOf(user string) []transfer.Transfer {
	u.T.Helper()
	list, err := u.Transfers.Received(u.T.Context(), user, 0, 100)
	if err != nil {
		u.T.Fatal(err)
	}
	return list
}

func (u *upgraded) untilTransfer(name string, state transfer.State) {
	u.T.Helper()
	hold := apptest.Must(u.Ledger.GetHold(u.T.Context(), u.id("transfer "+name)))
	apptest.Until(u.T, name+" is "+string(state), func() bool {
		return apptest.Must(u.Transfers.Get(u.T.Context(), hold.Owner, hold.ID)).State == state
	})
}

// The day of the dump goes on: what was sent on it counts towards the limits, payments into collections included.
func TestMigratedDayStillCounts(t *testing.T) {
	const heidisTransfers = 4321
	u := newUpgraded(t, func(c *app.Config) { c.Transfers.PerDay.Default = heidisTransfers + 100 })
	offer := func(id string, minor int64) error {
		_, err := u.Transfers.Offer(t.Context(), "heidi",
			transfer.Offer{RequestID: id, To: "bob", Minor: minor, Currency: "CNY"})
		return err
	}
	apptest.WantCode(t, "one more than the day has left", offer("too-much", 101), refusal.CodeDailyLimitExceeded)
	apptest.WantCode(t, "all that the day has left", offer("all", 100), "")
	// What is declined no longer counts, also where the offer is older than the migration.
	id := u.id("transfer offered")
	before := u.usage("alice")
	apptest.Must(u.Transfers.Decline(t.Context(), "bob", id))
	if after := u.usage("alice"); after != before-100 {
		t.Errorf("alice's usage went from %d to %d, want 100 less", before, after)
	}
	u.MustBalance()
}

// usage is what a user's transfers and payments of the dump's day sum to.
func (u *upgraded) usage(user string) (minor int64) {
	u.T.Helper()
	shard := u.Cluster.ForUser(user)
	err := u.Cluster.DB(shard).QueryRowContext(u.T.Context(),
		"SELECT SUM(amount) FROM "+u.Cluster.Table(shard, "daily_usage")+
			" WHERE user = ? AND currency = 'CNY'", user).
		Scan(&minor)
	if err != nil {
		u.T.Fatal(err)
	}
	return minor
}

// Envelopes from before the migration are grabbed after it, and what nobody takes goes back when their time is over.
func TestMigratedEnvelopesLiveOn(t *testing.T) {
	u := newUpgraded(t, nil)
	before := u.balances(u.onTheWay())
	for name, user := range map[string]string{
		"untouched": "heidi", "exclusive and open": "grace", "partly taken": "heidi",
	} {
		won := apptest.Must(u.Envelopes.Grab(t.Context(), user, u.id("envelope "+name)))
		if won.Outcome != envelope.Won {
			t.Fatalf("%s: %+v", name, won)
		}
		again := apptest.Must(u.Envelopes.Grab(t.Context(), user, u.id("envelope "+name)))
		if again.Outcome != envelope.AlreadyWon || again.Take != won.Take {
			t.Errorf("%s again: %+v, want %+v", name, again, won)
		}
		before[user] += won.Take.Minor
	}
	_, err := u.Envelopes.Grab(t.Context(), "bob", u.id("envelope exclusive and open"))
	apptest.WantCode(t, "an envelope for somebody else", err, envelope.CodeNotTheRecipient)

	apptest.Expire(t, u.App)
	refunder := envelope.NewRefunder(u.Pots, u.Ledger, u.Buckets, u.Config().Log)
	for range 3 { // a pass closes pots, and refunds what has been settled
		u.Deliver()
		u.Pass(func(ctx context.Context, shard int) (int, error) {
			_, ended, err := refunder.Pass(ctx, shard)
			return ended, err
		})
	}
	u.MustBalance()
	before["alice"] += 600 // three shares of 200 that nobody took
	before["dave"] -= 100  // no transfer moved: they are not due for the refunder
	before["frank"] -= 100
	u.WantBalances(before)
	for _, h := range []string{"untouched", "partly taken", "exclusive and open", "expired and untouched"} {
		if hold := apptest.Must(u.Ledger.GetHold(t.Context(), u.id("envelope "+h))); hold.Pending() != 0 {
			t.Errorf("%s: %d are still pending", h, hold.Pending())
		}
	}
}
