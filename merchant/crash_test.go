package merchant_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// mortal is what merchants stand on in a process that dies at one of the calls that change something.
type mortal struct {
	merchant.Store
	merchant.Ledger
	merchant.Revocations
	*apptest.Mortal
}

// NewID implements merchant.Ledger.
func (m mortal) NewID(owner string) (int64, error) { return m.Ledger.NewID(owner) }

// HoldWith implements merchant.Ledger.
func (m mortal) HoldWith(
	ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions,
) (made ledger.Hold, err error) {
	err = m.Call("hold", func() error {
		made, err = m.Ledger.HoldWith(ctx, r, h, o)
		return err
	})
	return made, err
}

// RevokeKey implements merchant.Revocations.
func (m mortal) RevokeKey(ctx context.Context, key int64, until time.Time) error {
	return m.Call("tell", func() error { return m.Revocations.RevokeKey(ctx, key, until) })
}

// mortalStore is the store of such a process.
type mortalStore struct{ mortal }

// NewID implements merchant.Store.
func (m mortalStore) NewID(applicant string) (int64, error) { return m.Store.NewID(applicant) }

// Apply implements merchant.Store.
func (m mortalStore) Apply(
	ctx context.Context, r ledger.Request, of merchant.Merchant, first merchant.Edit,
) (made merchant.Merchant, err error) {
	err = m.Call("apply", func() error {
		made, err = m.Store.Apply(ctx, r, of, first)
		return err
	})
	return made, err
}

// Update implements merchant.Store.
func (m mortalStore) Update(
	ctx context.Context, id int64, by string, side merchant.Side, request ledger.Request,
	f func(merchant.Record) (merchant.Edit, error),
) (r merchant.Record, made int64, repeated bool, err error) {
	err = m.Call("update", func() error {
		r, made, repeated, err = m.Store.Update(ctx, id, by, side, request, f)
		return err
	})
	return r, made, repeated, err
}

// UseKey implements merchant.Store.
func (m mortalStore) UseKey(
	ctx context.Context, id int64, nonce string, at, forget time.Time,
) (fresh bool, err error) {
	err = m.Call("use", func() error {
		fresh, err = m.Store.UseKey(ctx, id, nonce, at, forget)
		return err
	})
	return fresh, err
}

// Announced implements merchant.Store.
func (m mortalStore) Announced(ctx context.Context, key int64) error {
	return m.Call("note", func() error { return m.Store.Announced(ctx, key) })
}

// scene is an active merchant with bob as a viewer, a live key and 1000 in its live wallet.
type scene struct {
	*rig
	merchant.Merchant
	key    merchant.Key
	secret string
	lines  int // of its history
}

func newScene(r *rig) *scene {
	s := &scene{rig: r, Merchant: r.active()}
	r.must(r.setMember("ann", s.ID, "bob", "viewer"))
	s.key, s.secret = r.key(s.ID, "live", nil)
	r.fund(s.ID, "live", 1000)
	s.lines = len(r.history(s.ID))
	return s
}

// step is something that is done to a merchant under a request id, with the calls that it makes, and how many lines of
// history it leaves.
type step struct {
	name  string
	calls []string
	lines int
	do    func(s *scene, on *merchant.Service, request string) error
	check func(t *testing.T, s *scene)
}

func steps() []step {
	return []step{
		{"decide", []string{"update"}, 1, func(s *scene, on *merchant.Service, request string) error {
			d := merchant.Decision{RequestID: request, Verb: "suspend", Reason: "complaints"}
			_, err := on.Decide(s.ctx(), "op", s.ID, d)
			return err
		}, func(t *testing.T, s *scene) {
			_, err := s.exchange(s.secret)
			apptest.WantCode(t, "a suspended merchant's key", err, merchant.CodeNotActive)
		}},
		{"set member", []string{"update"}, 1, func(s *scene, on *merchant.Service, request string) error {
			c := merchant.MemberChange{RequestID: request, User: "cem", Role: "finance"}
			_, err := on.SetMember(s.ctx(), "ann", s.ID, c)
			return err
		}, func(t *testing.T, s *scene) {
			mine, _, err := s.Merchants.Mine(s.ctx(), "cem", 0, 100)
			if err != nil || len(mine) == 0 || mine[0].ID != s.ID || mine[0].Role != merchant.Finance {
				t.Errorf("cem finds %+v, %v", mine, err)
			}
		}},
		{"remove member", []string{"update"}, 1, func(s *scene, on *merchant.Service, request string) error {
			_, err := on.RemoveMember(s.ctx(), "ann", s.ID, merchant.MemberChange{RequestID: request, User: "bob"})
			return err
		}, func(t *testing.T, s *scene) {
			_, err := s.Merchants.Get(s.ctx(), merchant.Caller{User: "bob"}, s.ID)
			apptest.WantCode(t, "bob, who was removed", err, merchant.CodeNotFound)
		}},
		{"create key", []string{"update"}, 1, func(s *scene, on *merchant.Service, request string) error {
			n := merchant.NewKey{RequestID: request, Mode: "test", Name: "x", Permissions: []string{"wallet_read"}}
			_, _, err := on.CreateKey(s.ctx(), "ann", s.ID, n)
			return err
		}, wantKeys(merchant.KeyActive, merchant.KeyActive)},
		{"roll key", []string{"update"}, 1, func(s *scene, on *merchant.Service, request string) error {
			_, _, err := on.RollKey(s.ctx(), "ann", s.ID, s.key.ID, request, time.Hour, nil)
			return err
		}, wantKeys(merchant.KeyRolling, merchant.KeyActive)},
		{"revoke key", []string{"update", "tell", "note"}, 1, func(s *scene, on *merchant.Service, req string) error {
			_, err := on.RevokeKey(s.ctx(), "ann", s.ID, s.key.ID, req, "")
			return err
		}, func(t *testing.T, s *scene) {
			wantKeys(merchant.KeyRevoked)(t, s)
			if n := s.Pass(s.Merchants.AnnounceRevocations); n != 0 {
				t.Errorf("%d revocations were left to be announced", n)
			}
			if !apptest.Open(t, s.Config()).Revoked.Has(merchant.RevocationID(s.key.ID)) {
				t.Error("another node does not know of it")
			}
		}},
		{"exchange", []string{"use"}, 0, func(s *scene, on *merchant.Service, _ string) error {
			_, err := on.Exchange(s.ctx(), merchant.Proof{Secret: s.secret}, here)
			return err
		}, wantKeys(merchant.KeyActive)},
		{"move", []string{"hold"}, 0, func(s *scene, on *merchant.Service, request string) error {
			_, err := on.MoveBy(s.ctx(), "ann", s.ID, "live", move(request, 400))
			return err
		}, func(t *testing.T, s *scene) {
			s.WantBalances(map[string]int64{
				merchant.Account(s.ID, merchant.Live, merchant.Available): 600,
				merchant.Account(s.ID, merchant.Live, merchant.Marketing): 400,
			})
		}},
	}
}

func wantKeys(want ...merchant.KeyState) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		keys, err := s.Merchants.Keys(s.ctx(), "ann", s.ID)
		var states []merchant.KeyState
		for _, k := range keys {
			states = append(states, k.State)
		}
		if err != nil || fmt.Sprint(states) != fmt.Sprint(want) {
			t.Errorf("the keys are %v, %v; want %v", states, err, want)
		}
	}
}

// dying is the installation's service in a process that dies at a call.
func (r *rig) dying(call string, after bool) *merchant.Service {
	m := mortal{r.store(), r.Ledger, revocations{r.Revoked}, &apptest.Mortal{At: call, After: after}}
	return merchant.NewService(m, mortalStore{m}, m, r.Clock.Now, apptest.Quiet())
}

// TestAProcessDiesAtEachCall lets a process die before and after each call that changes something; the caller repeats
// the request elsewhere. The books balance in between, and in the end everything was done once.
func TestAProcessDiesAtEachCall(t *testing.T) {
	r := newRig(t, nil)
	for _, step := range steps() {
		for _, call := range step.calls {
			for _, after := range []bool{false, true} {
				s, request := newScene(r), r.RequestID()
				t.Run(fmt.Sprintf("%s/%s/after=%t", step.name, call, after), func(t *testing.T) {
					if err := step.do(s, r.dying(call, after), request); !errors.Is(err, apptest.ErrDied) {
						t.Fatalf("it lived: %v", err)
					}
					r.MustBalance()
					for range 2 {
						apptest.WantCode(t, "repeated", step.do(s, r.Merchants, request), "")
					}
					r.MustBalance()
					if got := len(r.history(s.ID)) - s.lines; got != step.lines {
						t.Errorf("%d lines of history, want %d", got, step.lines)
					}
					step.check(t, s)
				})
			}
		}
	}
}

func TestAnApplicationThatStopsInTheMiddle(t *testing.T) {
	r := newRig(t, nil)
	for _, after := range []bool{false, true} {
		a := application(r.RequestID())
		if _, err := r.dying("apply", after).Apply(r.ctx(), "dan", a); !errors.Is(err, apptest.ErrDied) {
			t.Fatalf("it lived: %v", err)
		}
		r.MustBalance()
		m, err := r.Merchants.Apply(r.ctx(), "dan", a)
		r.must(err)
		r.MustBalance()
		mine, _, err := r.Merchants.Mine(r.ctx(), "dan", 0, 10)
		if err != nil || mine[0].ID != m.ID || len(r.history(m.ID)) != 1 {
			t.Errorf("dan finds %+v, %v", mine, err)
		}
	}
	if mine, _, err := r.Merchants.Mine(r.ctx(), "dan", 0, 10); err != nil || len(mine) != 2 {
		t.Errorf("two applications made %d merchants, %v", len(mine), err)
	}
}
