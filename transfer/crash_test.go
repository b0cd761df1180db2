package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// mortal is the ledger of a process that dies at one of its calls: before the call has done anything, or after it has
// done all, and nobody has heard of it.
type mortal struct {
	transfer.CollectionLedger
	at    string
	after bool
	dead  bool
	// pause is called before a hold is made, for a process that is slow there.
	pause func()
}

func (m *mortal) live(call string, do func() error) error {
	if m.dead {
		return errDied
	}
	if call != m.at {
		return do()
	}
	m.dead = true
	if m.after {
		_ = do() // whatever it answered, nobody hears it
	}
	return errDied
}

func (m *mortal) HoldOn(ctx context.Context, r ledger.Request, h ledger.Hold, t ledger.HoldOptions) (held ledger.Hold, err error) {
	if m.pause != nil {
		m.pause()
		m.pause = nil
	}
	err = m.live("hold", func() error { held, err = m.CollectionLedger.HoldOn(ctx, r, h, t); return err })
	return held, err
}

func (m *mortal) Advance(ctx context.Context, s ledger.Step) (h ledger.Hold, done bool, err error) {
	err = m.live("advance", func() error { h, done, err = m.CollectionLedger.Advance(ctx, s); return err })
	return h, done, err
}

func (m *mortal) OpenCollection(ctx context.Context, r ledger.Request, c collection.Collection, mentions []ledger.IndexEntry, notices []ledger.Event) (o collection.Collection, err error) {
	err = m.live("open", func() error { o, err = m.CollectionLedger.OpenCollection(ctx, r, c, mentions, notices); return err })
	return o, err
}

func (m *mortal) Claim(ctx context.Context, id int64, member string, at time.Time) (c collection.Collection, err error) {
	err = m.live("claim", func() error { c, err = m.CollectionLedger.Claim(ctx, id, member, at); return err })
	return c, err
}

func (m *mortal) Record(ctx context.Context, claim collection.Claim, hold int64, at time.Time, tell func(collection.Collection) ([]ledger.Event, error)) (c collection.Collection, err error) {
	err = m.live("record", func() error { c, err = m.CollectionLedger.Record(ctx, claim, hold, at, tell); return err })
	return c, err
}

func (m *mortal) GiveUp(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error) {
	err = m.live("give up", func() error { id, ok, err = m.CollectionLedger.GiveUp(ctx, user, r); return err })
	return id, ok, err
}

func (m *mortal) Release(ctx context.Context, claim collection.Claim, at time.Time) error {
	return m.live("release", func() error { return m.CollectionLedger.Release(ctx, claim, at) })
}

// dying is the collections of a process that dies.
func (r *rig) dying(m *mortal) *transfer.Collections {
	m.CollectionLedger = r.Ledger
	return transfer.NewCollections(m, r.Groups, transfer.DefaultRules(), r.clock.now)
}

// A process dies at each of the calls of a payment, on either side of it. Right after, the books balance, and nobody has
// been paid what the collection does not know of. Then the user calls again, or the keeper comes by, or both: the part is
// paid once.
func TestPaymentsThatStopInTheMiddle(t *testing.T) {
	r := newRig(t, nil, "alice")
	bob := r.elsewhere("alice")
	ctx := t.Context()
	if err := r.Groups.Add(ctx, "g", bob); err != nil {
		t.Fatal(err)
	}
	for _, poor := range []bool{false, true} {
		for _, at := range []string{"claim", "hold", "record", "give up", "release"} {
			if !poor && (at == "give up" || at == "release") || poor && at == "record" {
				continue // not among the calls of this payment
			}
			for _, after := range []bool{false, true} {
				for _, next := range []string{"user", "keeper", "keeper, user", "a keeper that dies, keeper, user"} {
					t.Run(fmt.Sprintf("poor %v, dies at %s, after %v, then %s", poor, at, after, next), func(t *testing.T) {
						r.t = t
						r.empty(bob)
						if !poor {
							r.topUp(bob, 100)
						}
						balances := map[string]int64{"alice": balance(r, "alice"), bob: 100}
						c := r.open("alice")
						_, err := r.dying(&mortal{at: at, after: after}).Pay(ctx, bob, c.ID, 100, "CNY")
						if !errors.Is(err, errDied) {
							t.Fatalf("pay: %v", err)
						}
						r.mustBalance()
						if poor { // for what comes next there is money
							r.topUp(bob, 100)
						}
						r.clock.skip(time.Minute)
						if next == "a keeper that dies, keeper, user" {
							for _, at := range []string{"give up", "release", "record"} {
								for _, after := range []bool{false, true} {
									keeper := transfer.NewKeeper(r.dying(&mortal{at: at, after: after}), quiet())
									for shard := range r.Buckets.Shards {
										if _, err := keeper.Pass(ctx, shard); err != nil && !errors.Is(err, errDied) {
											t.Fatal(err)
										}
									}
									r.mustBalance()
								}
							}
						}
						if next != "user" {
							r.keep()
							r.mustBalance()
							if claims := r.claims(); len(claims) != 0 {
								t.Errorf("claims that the keeper left: %+v", claims)
							}
						}
						part, _ := must(r.Ledger.GetCollection(ctx, c.ID)).Part(bob)
						if next == "keeper" && part.State == collection.PartDue {
							r.wantBalances(balances)
							return // given up: nothing has moved
						}
						if part.State == collection.PartPaid {
							_, err := r.pay(bob, c.ID)
							wantCode(t, "pay what is paid", err, transfer.CodeAlreadyPaid)
						} else if _, err := r.pay(bob, c.ID); err != nil {
							t.Errorf("pay again: %v", err)
						}
						r.mustBalance()
						balances["alice"] += 100
						balances[bob] -= 100
						r.wantBalances(balances)
						if end := must(r.Ledger.GetCollection(ctx, c.ID)); end.State != collection.StateComplete || end.Collected != 100 {
							t.Errorf("at the end: %+v", end)
						}
					})
					r.t = t
				}
			}
		}
	}
}

func (r *rig) topUp(user string, minor int64) {
	r.t.Helper()
	r.calls++
	if _, err := r.Wallets.TopUp(r.t.Context(), user, fmt.Sprintf("top-up-%d", r.calls), minor, "CNY"); err != nil {
		r.t.Fatal(err)
	}
}

// empty takes all that a user has out.
func (r *rig) empty(user string) {
	r.t.Helper()
	r.deliver()
	if has := balance(r, user); has > 0 {
		r.calls++
		if _, err := r.Wallets.Withdraw(r.t.Context(), user, fmt.Sprintf("empty-%d", r.calls), has, "CNY"); err != nil {
			r.t.Fatal(err)
		}
	}
}

// claims are all parts that are claimed.
func (r *rig) claims() (all []collection.Claim) {
	r.t.Helper()
	for shard := range r.Buckets.Shards {
		claims, err := r.Ledger.IdleClaims(r.t.Context(), shard, r.clock.now().Add(time.Hour), 100)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, claims...)
	}
	return all
}

// A process that is slow between its claim and its hold finds that the keeper gave it up. It cannot pay under that claim
// any more; it makes a new one, and pays once.
func TestASlowPaymentThatWasGivenUp(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	ctx := t.Context()
	c := r.open("alice")
	slow := r.dying(&mortal{pause: func() {
		r.clock.skip(time.Minute)
		if n := r.keep(); n != 1 {
			t.Errorf("the keeper dealt with %d claims, want 1", n)
		}
		if part, _ := must(r.Ledger.GetCollection(ctx, c.ID)).Part("bob"); part.State != collection.PartDue || part.Claim != 1 {
			t.Errorf("after the keeper: %+v", part)
		}
	}})
	paid, err := slow.Pay(ctx, "bob", c.ID, 100, "CNY")
	part, _ := paid.Part("bob")
	if err != nil || part.State != collection.PartPaid || part.Claim != 2 {
		t.Errorf("pay: %+v, %v", part, err)
	}
	r.mustBalance()
	r.wantBalances(map[string]int64{"alice": funds + 100, "bob": funds - 100})

	// Closed meanwhile: the claim was given up, so nothing may be paid any more.
	c = r.open("alice")
	slow = r.dying(&mortal{pause: func() {
		r.clock.skip(time.Minute)
		r.keep()
		must(r.Collections.Close(ctx, "alice", c.ID))
	}})
	_, err = slow.Pay(ctx, "bob", c.ID, 100, "CNY")
	wantCode(t, "pay into what was closed meanwhile", err, transfer.CodeCollectionClosed)
	r.mustBalance()
	r.wantBalances(map[string]int64{"alice": funds + 100, "bob": funds - 100})
}

// A process dies at each call that changes a transfer, on either side of it; the caller calls again. What was done is not
// done twice, and what was not is.
func TestTransfersThatStopInTheMiddle(t *testing.T) {
	r := newRig(t, nil, "alice")
	bob := r.elsewhere("alice")
	ctx := t.Context()
	service := func(at string, after bool) *transfer.Service {
		return transfer.NewService(&mortal{CollectionLedger: r.Ledger, at: at, after: after}, transfer.DefaultRules(), r.clock.now)
	}
	arrived := int64(0)
	for _, after := range []bool{false, true} {
		o := transfer.Offer{RequestID: fmt.Sprintf("dies-%v", after), To: bob, Minor: 100, Currency: "CNY"}
		if _, err := service("hold", after).Offer(ctx, "alice", o); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		r.mustBalance()
		x := must(r.Transfers.Offer(ctx, "alice", o))
		r.deliver()
		if list := must(r.Transfers.Received(ctx, bob, 0, 1)); len(list) != 1 || list[0] != x {
			t.Errorf("bob finds %+v, want %+v", list, x)
		}
		if _, err := service("advance", after).Accept(ctx, bob, x.ID); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		r.mustBalance()
		_, err := r.Transfers.Accept(ctx, bob, x.ID)
		wantCode(t, "accept again", err, map[bool]string{false: "", true: transfer.CodeAlreadyArrived}[after])
		arrived += 100
		r.mustBalance()
		r.wantBalances(map[string]int64{"alice": funds - arrived, bob: arrived})

		for _, due := range []string{"2h", "now"} { // one that arrives, one that expires
			x := r.offer("alice", bob, due)
			if due == "2h" {
				must(r.Transfers.Accept(ctx, bob, x.ID))
				arrived += 100
			}
			r.clock.skip(25 * time.Hour)
			mover := transfer.NewMover(&mortal{CollectionLedger: r.Ledger, at: "advance", after: after}, r.clock.now, quiet())
			shard, _ := r.Ledger.ShardOf(x.ID)
			if _, err := mover.Pass(ctx, shard); !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			r.mustBalance()
			if moved := r.move(); moved == 1 == after {
				t.Errorf("after the mover died, %v after its step, another one made %d", after, moved)
			}
			r.mustBalance()
			r.wantBalances(map[string]int64{"alice": funds - arrived, bob: arrived})
		}
	}
}

// A herald that dies between publishing and forgetting tells again; one whose publisher is away keeps what it has to tell.
func TestNoticesAreToldAtLeastOnce(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	r.offer("alice", "bob", "")
	l := &listener{fails: true}
	shard := r.Cluster.ForUser("alice")
	if _, err := transfer.NewHerald(r.Ledger, l, quiet()).Pass(t.Context(), shard); !errors.Is(err, errDied) {
		t.Errorf("with a publisher that is away: %v", err)
	}
	l.fails = false
	if _, err := transfer.NewHerald(forgetful{r.Ledger}, l, quiet()).Pass(t.Context(), shard); !errors.Is(err, errDied) {
		t.Errorf("with a ledger that is away: %v", err)
	}
	r.tell(l)
	r.tell(l)
	if got := l.types("user:bob"); !slices.Equal(got, []string{"transfer.offered", "transfer.offered"}) {
		t.Errorf("bob heard %v", got)
	}
}

type source = transfer.Notices

// forgetful dies before it forgets.
type forgetful struct{ source }

func (forgetful) ForgetNotices(context.Context, int, []int64) error { return errDied }

// An opening whose answer was lost is repeated: one collection, found by all.
func TestAnOpeningThatStopsInTheMiddle(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	for _, after := range []bool{false, true} {
		b := transfer.Bill{RequestID: fmt.Sprintf("dies-%v", after), Group: "g", Kind: "even", Currency: "CNY", Total: 100}
		if _, err := r.dying(&mortal{at: "open", after: after}).Open(t.Context(), "alice", b); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		c := must(r.Collections.Open(t.Context(), "alice", b))
		r.deliver()
		if lines := must(r.Collections.Asked(t.Context(), "bob", 0, 10)); lines[0].ID != c.ID || len(lines) != map[bool]int{false: 1, true: 2}[after] {
			t.Errorf("bob is asked for %+v", lines)
		}
	}
	r.mustBalance()
}
