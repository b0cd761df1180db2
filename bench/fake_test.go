package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"
	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
)

// fake is a deployment that keeps everything in memory and lies where it is told to. It is there to see whether the
// bench notices; what the real one does is tested with the real one.
type fake struct {
	lies
	mu        sync.Mutex
	last      int64
	envelopes map[int64]*fakeEnvelope
	received  map[string][]*envelopeapi.Received
	sent      map[string][]*envelopeapi.Sent
	grabs     int64
	transfers map[int64]*transferapi.Transfer
	entries   map[string][]*walletapi.Entry
	audits    int
	untold    map[string][]string // events, by group
	telling   bool

	writing  sync.Mutex // keeps writers to a connection apart
	watchers map[string][]*websocket.Conn
}

// lies are what a fake does wrong.
type lies struct {
	forgetCredit   int64 // each so-manieth win is never credited
	shortCredit    int64 // each so-manieth win is credited with a unit less
	sameShare      int64 // each so-manieth win is of a share that somebody has
	forgetSend     int64 // each so-manieth envelope is not in its sender's list
	forgetTransfer int64 // each so-manieth transfer never arrives
	dropAnswer     int64 // each so-manieth win gets no answer, and is credited
	inventCredit   int64 // each so-manieth loser is credited something
	wrongLoser     bool  // losers of a drained envelope are told that it is expired
	dropEvent      int64 // each so-manieth event reaches nobody
	unbalanced     bool
	busyAudits     int // so many audits are refused first
	notSandbox     bool
	refuseTokens   bool
	refuseSends    bool
	withoutDrain   bool // the backlog never empties
	answerGrabsIn  time.Duration
}

type fakeEnvelope struct {
	group  string
	sender string
	count  int32
	taken  map[string]int32
}

func every(n, each int64) bool { return each > 0 && n%each == 0 }

// start serves a fake and returns how to reach it.
func (f *fake) start(t *testing.T) Access {
	t.Helper()
	f.last = 1 << 40
	f.envelopes, f.received, f.sent = map[int64]*fakeEnvelope{}, map[string][]*envelopeapi.Received{},
		map[string][]*envelopeapi.Sent{}
	f.transfers, f.entries = map[int64]*transferapi.Transfer{}, map[string][]*walletapi.Entry{}
	f.untold, f.watchers = map[string][]string{}, map[string][]*websocket.Conn{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	exit := make(chan error, 1)
	s := server.NewServer(server.WithListener(listener), server.WithMetaHandler(transmeta.ServerTTHeaderHandler),
		server.WithMiddleware(f.authenticate), server.WithExitSignal(func() <-chan error { return exit }))
	err = errors.Join(walletservice.RegisterService(s, &fakeWallet{fake: f}),
		groupservice.RegisterService(s, &fakeGroup{}),
		envelopeservice.RegisterService(s, &fakeEnvelopes{f}),
		operatorservice.RegisterService(s, &fakeOperator{fake: f}),
		transferservice.RegisterService(s, &fakeTransfers{fake: f}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	t.Cleanup(func() {
		exit <- nil
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewServer(http.HandlerFunc(f.serveHTTP))
	t.Cleanup(web.Close)
	return Access{
		RPC: listener.Addr().String(), HTTP: strings.TrimPrefix(web.URL, "http://"),
		Sign: func(subject, scope string) (string, error) { return scope + ":" + subject, nil },
	}
}

func (f *fake) authenticate(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request, response any) error {
		if f.refuseTokens {
			rpcinfo.GetRPCInfo(ctx).Invocation().(rpcinfo.InvocationSetter).SetBizStatusErr(
				kerrors.NewBizStatusErrorWithExtra(40101, "the token is forged",
					map[string]string{"code": "unauthenticated"}))
			return nil
		}
		return next(ctx, request, response)
	}
}

func caller(ctx context.Context) string {
	token, _ := metainfo.GetValue(ctx, client.TokenKey)
	_, subject, _ := strings.Cut(token, ":")
	return subject
}

type fakeWallet struct {
	walletapi.WalletService
	*fake
}

func (f fakeWallet) Entries(ctx context.Context, _ *walletapi.EntriesRequest) (*walletapi.EntriesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &walletapi.EntriesResponse{Entries: slices.Clone(f.entries[caller(ctx)])}, nil
}

type fakeTransfers struct {
	transferapi.TransferService
	*fake
}

func (f fakeTransfers) Offer(_ context.Context, r *transferapi.OfferRequest) (*transferapi.Transfer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last += shardsOfIDs
	f.transfers[f.last] = &transferapi.Transfer{Id: f.last, To: r.To, Amount: r.Amount, State: "offered"}
	return f.transfers[f.last], nil
}

func (f fakeTransfers) Accept(ctx context.Context, r *transferapi.TransferRequest) (*transferapi.Transfer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.transfers[r.TransferId]
	if t.To != caller(ctx) {
		return nil, errors.New("not the recipient")
	}
	if !every(int64(len(f.transfers)), f.forgetTransfer) {
		f.entries[t.To] = append(f.entries[t.To], &walletapi.Entry{Subject: "transfer", Reference: t.Id,
			Amount: t.Amount})
	}
	return t, nil
}

func (fakeWallet) Balances(context.Context, *walletapi.BalancesRequest) (*walletapi.BalancesResponse, error) {
	return &walletapi.BalancesResponse{}, nil
}

func (fakeWallet) TopUp(_ context.Context, r *walletapi.FundingRequest) (*walletapi.FundingResponse, error) {
	return &walletapi.FundingResponse{Currency: r.Currency, State: "settled"}, nil
}

type fakeGroup struct{ groupapi.GroupService }

func (fakeGroup) CreateGroup(_ context.Context, r *groupapi.CreateGroupRequest) (*groupapi.Group, error) {
	return &groupapi.Group{GroupId: r.GroupId}, nil
}

type fakeEnvelopes struct{ *fake }

func (f fakeEnvelopes) Send(ctx context.Context, r *envelopeapi.SendRequest) (*envelopeapi.Envelope, error) {
	if f.refuseSends {
		return nil, kerrors.NewBizStatusErrorWithExtra(40201, "there is not enough money",
			map[string]string{"code": "insufficient_balance"})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last += shardsOfIDs
	f.envelopes[f.last] = &fakeEnvelope{group: r.GroupId, sender: caller(ctx), count: r.Count,
		taken: map[string]int32{}}
	if !every(int64(len(f.envelopes)), f.forgetSend) {
		f.sent[caller(ctx)] = append(f.sent[caller(ctx)], &envelopeapi.Sent{EnvelopeId: f.last})
	}
	return &envelopeapi.Envelope{Id: f.last}, nil
}

func (f fakeEnvelopes) Get(_ context.Context, r *envelopeapi.GetRequest) (*envelopeapi.Envelope, error) {
	return &envelopeapi.Envelope{Id: r.EnvelopeId}, nil
}

func (f fakeEnvelopes) GrabMany(
	ctx context.Context, r *envelopeapi.GrabManyRequest,
) (*envelopeapi.GrabManyResponse, error) {
	response := &envelopeapi.GrabManyResponse{}
	for _, g := range r.Grabs {
		a, err := f.Grab(client.ContextWithToken(ctx, g.Token), &envelopeapi.GrabRequest{EnvelopeId: g.EnvelopeId})
		if err != nil {
			return nil, err
		}
		response.Answers = append(response.Answers, &envelopeapi.GrabAnswer{
			Code: "ok", Outcome: a.Outcome, Amount: a.Amount, Currency: a.Currency, Share: a.Share,
		})
	}
	return response, nil
}

func (f fakeEnvelopes) Grab(ctx context.Context, r *envelopeapi.GrabRequest) (*envelopeapi.GrabResponse, error) {
	time.Sleep(f.answerGrabsIn)
	f.mu.Lock()
	defer f.mu.Unlock()
	user, e := caller(ctx), f.envelopes[r.EnvelopeId]
	if share, ok := e.taken[user]; ok {
		return &envelopeapi.GrabResponse{Outcome: "already_won", Amount: 100, Share: share, Currency: currency}, nil
	}
	f.grabs++
	share := int32(len(e.taken))
	if share >= e.count {
		if every(f.grabs, f.inventCredit) {
			f.credit(user, r.EnvelopeId, 0, 1)
		}
		if f.wrongLoser {
			return &envelopeapi.GrabResponse{Outcome: "expired", Share: -1, Currency: currency}, nil
		}
		return &envelopeapi.GrabResponse{Outcome: "empty", Share: -1, Currency: currency}, nil
	}
	e.taken[user] = share
	if share > 0 && every(f.grabs, f.sameShare) {
		share--
	}
	amount := int64(100)
	if every(f.grabs, f.shortCredit) {
		amount--
	}
	if !every(f.grabs, f.forgetCredit) {
		f.credit(user, r.EnvelopeId, share, amount)
	}
	if !every(f.grabs, f.dropEvent) {
		f.tell(e.group, r.EnvelopeId, share)
	}
	if every(f.grabs, f.dropAnswer) {
		return nil, errors.New("the answer is lost")
	}
	return &envelopeapi.GrabResponse{Outcome: "won", Amount: 100, Share: share, Currency: currency}, nil
}

func (f *fake) credit(user string, envelope int64, share int32, amount int64) {
	f.received[user] = append(f.received[user], &envelopeapi.Received{EnvelopeId: envelope, Share: share,
		Amount: amount, Currency: currency})
}

// page is a page of a list, newest envelope first; the cursor is the id before which it goes on.
func page[T any](all []T, id func(T) int64, r *envelopeapi.ListRequest) (found []T, next string) {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return int(id(b) - id(a)) })
	before, _ := strconv.ParseInt(r.GetCursor(), 10, 64)
	for _, one := range sorted {
		if before > 0 && id(one) >= before {
			continue
		}
		if len(found) == int(r.GetLimit()) {
			return found, fmt.Sprint(id(found[len(found)-1]))
		}
		found = append(found, one)
	}
	return found, ""
}

func (f fakeEnvelopes) ListSent(ctx context.Context, r *envelopeapi.ListRequest) (*envelopeapi.SentResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, next := page(f.sent[caller(ctx)], func(s *envelopeapi.Sent) int64 { return s.EnvelopeId }, r)
	return &envelopeapi.SentResponse{Envelopes: found, NextCursor: next}, nil
}

func (f fakeEnvelopes) ListReceived(ctx context.Context,
	r *envelopeapi.ListRequest) (*envelopeapi.ReceivedResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, next := page(f.received[caller(ctx)], func(s *envelopeapi.Received) int64 { return s.EnvelopeId }, r)
	return &envelopeapi.ReceivedResponse{Shares: found, NextCursor: next}, nil
}

type fakeOperator struct {
	operatorapi.OperatorService
	*fake
}

func (f fakeOperator) Installation(context.Context,
	*operatorapi.InstallationRequest) (*operatorapi.Installation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &operatorapi.Installation{
		Id: "fake", Sandbox: !f.notSandbox, Version: "v0", Shards: 1, BucketsPerShard: 1, MaxShares: 100,
		Redis: []*operatorapi.RedisServer{{Version: "7", Appendonly: true, Appendfsync: "always",
			UsedMemory: int64(len(f.envelopes)) * 512}},
		Mysql: []*operatorapi.MySQLServer{{Version: "8", FlushLogAtTrxCommit: "1"}},
	}, nil
}

func (f fakeOperator) Backlog(context.Context, *operatorapi.BacklogRequest) (*operatorapi.BacklogResponse, error) {
	left := &operatorapi.ShardBacklog{}
	if f.withoutDrain {
		left.SettleEntries, left.SettleAgeMs = 1, 50
	}
	return &operatorapi.BacklogResponse{Shards: []*operatorapi.ShardBacklog{left}}, nil
}

func (f fakeOperator) Audit(context.Context, *operatorapi.AuditRequest) (*operatorapi.AuditResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audits++
	if f.audits <= f.busyAudits {
		return nil, kerrors.NewBizStatusErrorWithExtra(50301, "an audit is running",
			map[string]string{"code": "unavailable"})
	}
	if f.unbalanced {
		return &operatorapi.AuditResponse{Found: 1, Discrepancies: []*operatorapi.Discrepancy{
			{Kind: "account_balance", What: "alice CNY", Expected: "1", Found: "2"}}}, nil
	}
	return &operatorapi.AuditResponse{Balanced: true, Entries: 42}, nil
}

// serveHTTP is the gateway: grabs, and the WebSocket.
func (f *fake) serveHTTP(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	ctx := metainfo.WithValue(r.Context(), client.TokenKey, token)
	id, isGrab := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/grab"), "/v1/envelopes/")
	if !isGrab {
		f.serveSocket(ctx, w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(f.grabAsJSON(ctx, id))
}

func (f *fake) grabAsJSON(ctx context.Context, id string) map[string]any {
	envelope, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return map[string]any{"code": "invalid_argument"}
	}
	a, err := fakeEnvelopes{f}.Grab(ctx, &envelopeapi.GrabRequest{EnvelopeId: envelope})
	if err != nil {
		return map[string]any{"code": "unavailable"}
	}
	return map[string]any{"op": "grab", "envelope": id, "code": "ok", "outcome": a.Outcome, "amount": a.Amount,
		"currency": a.Currency, "share": a.Share}
}

// serveSocket answers subscriptions and grabs.
func (f *fake) serveSocket(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	for {
		var request struct{ Op, Topic, Envelope string }
		if conn.ReadJSON(&request) != nil {
			return
		}
		answer := map[string]any{"op": "subscribed", "topic": request.Topic}
		if request.Op == "grab" {
			answer = f.grabAsJSON(ctx, request.Envelope)
		}
		f.writing.Lock()
		if group, ok := strings.CutPrefix(request.Topic, "group:"); ok {
			f.watchers[group] = append(f.watchers[group], conn)
		}
		_ = conn.WriteJSON(answer)
		f.writing.Unlock()
	}
}

// tell lets watchers hear of a grab soon. It needs mu.
func (f *fake) tell(group string, envelope int64, share int32) {
	f.untold[group] = append(f.untold[group], fmt.Sprintf(
		`{"seq":1,"event":{"type":"envelope.grabbed","envelope_id":"%d","share":%d}}`, envelope, share))
	if !f.telling {
		f.telling = true
		go f.tellAll()
	}
}

// tellAll tells watchers what they have not heard, in few frames, so that no grab waits for any of them, however many
// there are.
func (f *fake) tellAll() {
	for {
		f.mu.Lock()
		untold := f.untold
		f.untold = map[string][]string{}
		f.telling = len(untold) > 0
		f.mu.Unlock()
		if len(untold) == 0 {
			return
		}
		f.writing.Lock()
		for group, events := range untold {
			message, err := websocket.NewPreparedMessage(websocket.TextMessage,
				[]byte(`{"op":"events","events":[`+strings.Join(events, ",")+`]}`))
			if err != nil {
				panic(err)
			}
			f.watchers[group] = slices.DeleteFunc(f.watchers[group], func(conn *websocket.Conn) bool {
				return conn.WritePreparedMessage(message) != nil // whoever has gone
			})
		}
		f.writing.Unlock()
	}
}

// silent hears of progress and says nothing.
type silent struct{}

func (silent) Suite(string, string)            {}
func (silent) Step(string)                     {}
func (silent) Load(string, time.Duration)      {}
func (silent) Point(load.Point, time.Duration) {}
func (silent) LoadEnd()                        {}
