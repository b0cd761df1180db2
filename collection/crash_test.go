package collection_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// mortalLedger and mortalStore are those of one process that dies at one of its calls.
type mortalLedger struct {
	collection.Ledger
	*apptest.Mortal
	pause func() // called before a hold is made, once, for a process that is slow there
}

type mortalStore struct {
	collection.Store
	*apptest.Mortal
}

func (m *mortalLedger) HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold,
	o ledger.HoldOptions) (held ledger.Hold, err error) {
	if m.pause != nil {
		m.pause()
		m.pause = nil
	}
	err = m.Call("hold", func() error { held, err = m.Ledger.HoldWith(ctx, r, h, o); return err })
	return held, err
}

func (m *mortalLedger) CancelRequest(ctx context.Context, user string,
	r ledger.Request) (id int64, ok bool, err error) {
	err = m.Call("cancel", func() error { id, ok, err = m.Ledger.CancelRequest(ctx, user, r); return err })
	return id, ok, err
}

func (m *mortalStore) Open(
	ctx context.Context, r ledger.Request, c collection.Collection, index []ledger.IndexEntry, events []ledger.Event,
) (o collection.Collection, err error) {
	err = m.Call("open", func() error { o, err = m.Store.Open(ctx, r, c, index, events); return err })
	return o, err
}

func (m *mortalStore) Claim(ctx context.Context, id int64, member string,
	at time.Time) (c collection.Collection, err error) {
	err = m.Call("claim", func() error { c, err = m.Store.Claim(ctx, id, member, at); return err })
	return c, err
}

func (m *mortalStore) Record(
	ctx context.Context, claim collection.Claim, hold int64, at time.Time, events collection.Events,
) (c collection.Collection, err error) {
	err = m.Call("record", func() error { c, err = m.Store.Record(ctx, claim, hold, at, events); return err })
	return c, err
}

func (m *mortalStore) Release(ctx context.Context, claim collection.Claim, at time.Time) error {
	return m.Call("release", func() error { return m.Store.Release(ctx, claim, at) })
}

// dying is the service of a process that dies at a call, or is slow before its hold.
func (r *rig) dying(at string, after bool, pause func()) *collection.Service {
	m := &apptest.Mortal{At: at, After: after}
	return collection.NewService(&mortalLedger{r.Ledger, m, pause}, &mortalStore{r.store(), m}, r.Groups,
		collection.DefaultRules(), r.Clock.Now)
}

// A process dies at each of the calls of a payment, on either side of it. Right after, the books balance, and nobody
// has been paid what the collection does not know of. Then the user calls again, or the rescuer comes by, or both: the
// part is paid once.
func TestPaymentsThatStopInTheMiddle(t *testing.T) {
	r := newRig(t, nil, "alice")
	bob := r.Elsewhere("alice")
	ctx := t.Context()
	if err := r.Groups.Add(ctx, "g", bob); err != nil {
		t.Fatal(err)
	}
	for _, poor := range []bool{false, true} {
		for _, at := range []string{"claim", "hold", "record", "cancel", "release"} {
			if !poor && (at == "cancel" || at == "release") || poor && at == "record" {
				continue // not among the calls of this payment
			}
			for _, after := range []bool{false, true} {
				for _, next := range []string{"user", "rescuer", "rescuer, user",
					"a rescuer that dies, rescuer, user"} {
					t.Run(fmt.Sprintf("poor %v, dies at %s, after %v, then %s", poor, at, after, next),
						func(t *testing.T) {
							r.T = t
							r.Empty(bob)
							if !poor {
								r.TopUp(bob, 100)
							}
							balances := map[string]int64{"alice": r.Balance("alice"), bob: 100}
							c := r.open("alice")
							_, err := r.dying(at, after, nil).Pay(ctx, bob, c.ID, 100, "CNY")
							if !errors.Is(err, apptest.ErrDied) {
								t.Fatalf("pay: %v", err)
							}
							r.MustBalance()
							if poor { // for what comes next there is money
								r.TopUp(bob, 100)
							}
							r.Clock.Skip(time.Minute)
							if next == "a rescuer that dies, rescuer, user" {
								for _, at := range []string{"cancel", "release", "record"} {
									for _, after := range []bool{false, true} {
										rescuer := collection.NewRescuer(r.dying(at, after, nil), apptest.Quiet())
										for shard := range r.Buckets.Shards {
											if _, err := rescuer.Pass(ctx, shard); err != nil &&
												!errors.Is(err, apptest.ErrDied) {
												t.Fatal(err)
											}
										}
										r.MustBalance()
									}
								}
							}
							if next != "user" {
								r.rescue()
								r.MustBalance()
								if claims := r.claims(); len(claims) != 0 {
									t.Errorf("claims that the rescuer left: %+v", claims)
								}
							}
							part, _ := apptest.Must(r.store().Get(ctx, c.ID)).Part(bob)
							if next == "rescuer" && part.State == collection.PartDue {
								r.WantBalances(balances)
								return // given up: nothing has moved
							}
							if part.State == collection.PartPaid {
								_, err := r.pay(bob, c.ID)
								apptest.WantCode(t, "pay what is paid", err, collection.CodeAlreadyPaid)
							} else if _, err := r.pay(bob, c.ID); err != nil {
								t.Errorf("pay again: %v", err)
							}
							r.MustBalance()
							balances["alice"] += 100
							balances[bob] -= 100
							r.WantBalances(balances)
							if end := apptest.Must(r.store().Get(ctx, c.ID)); end.State != collection.StateComplete ||
								end.Collected != 100 {
								t.Errorf("at the end: %+v", end)
							}
						})
					r.T = t
				}
			}
		}
	}
}

// claims are all parts that are claimed.
func (r *rig) claims() (all []collection.Claim) {
	r.T.Helper()
	for shard := range r.Buckets.Shards {
		claims, err := r.store().IdleClaims(r.T.Context(), shard, r.Clock.Now().Add(time.Hour), collection.IdleClaim{},
			100)
		if err != nil {
			r.T.Fatal(err)
		}
		for _, c := range claims {
			all = append(all, c.Claim)
		}
	}
	return all
}

// A process that is slow between its claim and its hold finds that the rescuer gave it up. It cannot pay under that
// claim any more; it makes a new one, and pays once.
func TestASlowPaymentThatWasGivenUp(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	ctx := t.Context()
	c := r.open("alice")
	slow := r.dying("", false, func() {
		r.Clock.Skip(time.Minute)
		if n := r.rescue(); n != 1 {
			t.Errorf("the rescuer dealt with %d claims, want 1", n)
		}
		if part, _ := apptest.Must(r.store().Get(ctx, c.ID)).Part("bob"); part.State != collection.PartDue ||
			part.Claim != 1 {
			t.Errorf("after the rescuer: %+v", part)
		}
	})
	paid, err := slow.Pay(ctx, "bob", c.ID, 100, "CNY")
	part, _ := paid.Part("bob")
	if err != nil || part.State != collection.PartPaid || part.Claim != 2 {
		t.Errorf("pay: %+v, %v", part, err)
	}
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": apptest.Funds + 100, "bob": apptest.Funds - 100})

	// Closed meanwhile: the claim was given up, so nothing may be paid any more.
	c = r.open("alice")
	slow = r.dying("", false, func() {
		r.Clock.Skip(time.Minute)
		r.rescue()
		apptest.Must(r.Collections.Close(ctx, "alice", c.ID))
	})
	_, err = slow.Pay(ctx, "bob", c.ID, 100, "CNY")
	apptest.WantCode(t, "pay into what was closed meanwhile", err, collection.CodeClosed)
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": apptest.Funds + 100, "bob": apptest.Funds - 100})
}

// An opening whose answer was lost is repeated: one collection, found by all.
func TestAnOpeningThatStopsInTheMiddle(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	for _, after := range []bool{false, true} {
		b := collection.Bill{RequestID: fmt.Sprintf("dies-%v", after), Group: "g", Kind: "even", Currency: "CNY",
			Total: 100}
		if _, err := r.dying("open", after, nil).Open(t.Context(), "alice", b); !errors.Is(err, apptest.ErrDied) {
			t.Fatal(err)
		}
		c := apptest.Must(r.Collections.Open(t.Context(), "alice", b))
		r.Deliver()
		if lines := apptest.Must(r.Collections.Asked(t.Context(), "bob", 0, 10)); lines[0].ID != c.ID ||
			len(lines) != map[bool]int{false: 1, true: 2}[after] {
			t.Errorf("bob is asked for %+v", lines)
		}
	}
	r.MustBalance()
}
