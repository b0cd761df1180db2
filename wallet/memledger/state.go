package memledger

import (
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// System accounts. No user id contains a #.
const (
	clearingAccount = "#clearing"
	outsideAccount  = "#funding"
)

// shard is one shard of a ledger.
type shard struct {
	mu sync.Mutex // held by a transaction from beginning to end
	state
}

// state is everything that a shard holds. The values of its maps and slices are never changed in place: a change puts a
// new value where the old one was, which is what makes undoing and snapshots cheap.
type state struct {
	wallets    map[accountKey][]entry       // statements, oldest first; the last balance is the wallet's
	currencies map[string][]ledger.Currency // of each user's wallets, in order
	system     map[accountKey]int64         // balances of system accounts
	holds      map[int64]ledger.Hold
	posts      map[partKey]ledger.Post
	payees     map[payeeKey]int // → part
	postsOf    map[int64][]int  // hold → parts, in the order in which they were posted
	requests   map[requestKey]request
	rejections map[rejectionKey]ledger.Rejection
	fundings   map[int64]wallet.FundingOrder
	usage      map[usageKey]int64 // what counts of a user's day
	index      map[indexKey][]int64
	outbox     []message // the oldest first
	inbox      map[int64]bool
	legs       map[legKey]bool // credits that arrived
	events     []ledger.Event  // the oldest first
	sources    map[sourceKey]ledger.SourceLog
	freezes    map[string]ledger.Freeze // by account
	rebuilds   []ledger.Rebuild         // the oldest first
}

type sourceKey struct {
	number int
	log    string
}

type accountKey struct {
	account  string
	currency ledger.Currency
}

// entry is a line of a statement, with the part of the hold that a credit is.
type entry struct {
	ledger.Entry
	part int
}

type partKey struct {
	hold int64
	part int
}

type payeeKey struct {
	hold  int64
	payee string
}

type requestKey struct{ user, id string }

type request struct {
	fingerprint [sha256.Size]byte
	reference   int64
}

type rejectionKey struct {
	hold  int64
	part  int
	payee string
	minor int64
}

type usageKey struct {
	user     string
	currency ledger.Currency
	day      int64
}

type indexKey struct {
	of      string
	subject ledger.Subject
}

type legKey struct {
	hold  int64
	part  int
	payee string
}

// message is on its way to a shard: the credits of a batch of posts in one currency, or index entries.
type message struct {
	id       int64
	dest     int
	at       time.Time
	currency ledger.Currency
	credits  []ledger.Credit
	subjects []ledger.Subject // of the credits' holds, one each
	index    []ledger.IndexEntry
}

func (m message) items() int { return len(m.credits) + len(m.index) }

func newState() state {
	return state{
		wallets: map[accountKey][]entry{}, currencies: map[string][]ledger.Currency{}, system: map[accountKey]int64{},
		holds: map[int64]ledger.Hold{}, posts: map[partKey]ledger.Post{}, payees: map[payeeKey]int{},
		postsOf: map[int64][]int{}, requests: map[requestKey]request{}, rejections: map[rejectionKey]ledger.Rejection{},
		fundings: map[int64]wallet.FundingOrder{}, usage: map[usageKey]int64{}, index: map[indexKey][]int64{},
		inbox: map[int64]bool{}, legs: map[legKey]bool{}, sources: map[sourceKey]ledger.SourceLog{},
		freezes: map[string]ledger.Freeze{},
	}
}

// clone copies what a change would change.
func (s state) clone() state {
	s.wallets, s.currencies, s.system = cloneLists(s.wallets), cloneLists(s.currencies), maps.Clone(s.system)
	s.holds, s.posts, s.payees = maps.Clone(s.holds), maps.Clone(s.posts), maps.Clone(s.payees)
	s.postsOf, s.requests, s.rejections = cloneLists(s.postsOf), maps.Clone(s.requests), maps.Clone(s.rejections)
	s.fundings, s.usage, s.index = maps.Clone(s.fundings), maps.Clone(s.usage), cloneLists(s.index)
	s.outbox, s.inbox, s.events = slices.Clip(s.outbox), maps.Clone(s.inbox), slices.Clip(s.events)
	s.legs = maps.Clone(s.legs)
	s.sources, s.rebuilds, s.freezes = maps.Clone(s.sources), slices.Clip(s.rebuilds), maps.Clone(s.freezes)
	return s
}

// cloneLists copies a map of lists that are only appended to; two copies append to arrays of their own.
func cloneLists[K comparable, V any](m map[K][]V) map[K][]V {
	c := make(map[K][]V, len(m))
	for k, list := range m {
		c[k] = slices.Clip(list)
	}
	return c
}

// Snapshot is a shard as it was at one moment.
type Snapshot struct{ state state }

// Snapshot copies a shard that exists, between two transactions.
func (l *Ledger) Snapshot(n int) Snapshot {
	s := l.shards[n]
	s.mu.Lock()
	defer s.mu.Unlock()
	return Snapshot{state: s.clone()}
}

// Restore makes a shard what it was, as a server does that has lost its latest transactions. A snapshot may be restored
// any number of times.
func (l *Ledger) Restore(n int, from Snapshot) {
	s := l.shards[n]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = from.state.clone()
}
