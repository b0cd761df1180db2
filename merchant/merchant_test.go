package merchant_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

func TestApplyingTwiceMakesOneMerchant(t *testing.T) {
	r := newRig(t, nil)
	a := application("apply-1")
	const callers = 8
	ids := make([]int64, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			m, err := r.Merchants.Apply(r.ctx(), "ann", a)
			apptest.WantCode(t, "apply", err, "")
			ids[i] = m.ID
		})
	}
	all.Wait()
	if slices.Sort(ids); ids[0] == 0 || ids[0] != ids[callers-1] {
		t.Errorf("the same application made %v", ids)
	}
	a.Name = "somebody else"
	_, err := r.Merchants.Apply(r.ctx(), "ann", a)
	apptest.WantCode(t, "the same request for another merchant", err, refusal.CodeRequestConflict)
	r.Deliver()
	mine, _, err := r.Merchants.Mine(r.ctx(), "ann", 0, 10)
	if err != nil || len(mine) != 1 || mine[0].Role != merchant.Owner || mine[0].State != merchant.StateApplied {
		t.Errorf("ann has %+v, %v", mine, err)
	}
	home := r.Cluster.ForUser("ann")
	if got := r.Cluster.ForUser(merchant.Account(ids[0], merchant.Test, merchant.Marketing)); got != home {
		t.Errorf("its wallets are on shard %d, its applicant on %d", got, home)
	}
	r.MustBalance()
}

func TestApplicationsAreChecked(t *testing.T) {
	r := newRig(t, nil)
	for what, change := range map[string]func(*merchant.Application){
		"no name":             func(a *merchant.Application) { a.Name = "" },
		"a name of spaces":    func(a *merchant.Application) { a.Name = "  " },
		"a turned name":       func(a *merchant.Application) { a.Name = "pay\u202eme" },
		"a long legal id":     func(a *merchant.Application) { a.LegalID = fmt.Sprintf("%041d", 1) },
		"a small country":     func(a *merchant.Application) { a.Country = "cn" },
		"an mcc of letters":   func(a *merchant.Application) { a.MCC = "58a2" },
		"no currency":         func(a *merchant.Application) { a.Currencies = nil },
		"a currency twice":    func(a *merchant.Application) { a.Currencies = []string{"CNY", "CNY"} },
		"a malformed request": func(a *merchant.Application) { a.RequestID = "a b" },
	} {
		a := application(r.RequestID())
		change(&a)
		_, err := r.Merchants.Apply(r.ctx(), "ann", a)
		apptest.WantCode(t, what, err, refusal.CodeInvalidArgument)
	}
	a := application(r.RequestID())
	a.Currencies = []string{"XAU"}
	_, err := r.Merchants.Apply(r.ctx(), "ann", a)
	apptest.WantCode(t, "gold", err, refusal.CodeUnknownCurrency)
}

// TestDecisions tries every decision in every state.
func TestDecisions(t *testing.T) {
	r := newRig(t, nil)
	ways := map[merchant.State][]string{
		merchant.StateApplied: nil, merchant.StateActive: {"approve"}, merchant.StateSuspended: {"approve", "suspend"},
		merchant.StateClosed: {"approve", "suspend", "close"}, merchant.StateRejected: {"reject"},
	}
	leads := map[string]merchant.State{
		"applied/approve": merchant.StateActive, "applied/reject": merchant.StateRejected,
		"active/suspend":   merchant.StateSuspended,
		"suspended/resume": merchant.StateActive, "suspended/close": merchant.StateClosed,
	}
	for state, way := range ways {
		for _, verb := range []string{"approve", "reject", "suspend", "resume", "close"} {
			m := r.applied()
			for _, step := range way {
				r.must(r.decide(m.ID, step))
			}
			want, ok := leads[string(state)+"/"+verb]
			code := ""
			if !ok {
				want, code = state, merchant.CodeNotAllowedInState
			}
			apptest.WantCode(t, fmt.Sprintf("%s what is %s", verb, state), r.decide(m.ID, verb), code)
			got, err := r.Merchants.Get(r.ctx(), merchant.Caller{User: "ann"}, m.ID)
			if err != nil || got.State != want {
				t.Errorf("%s of what is %s made it %s, %v", verb, state, got.State, err)
			}
		}
	}
	m := r.applied()
	_, err := r.Merchants.Decide(r.ctx(), "op", m.ID, merchant.Decision{RequestID: r.RequestID(), Verb: "approve"})
	apptest.WantCode(t, "a decision without a reason", err, refusal.CodeInvalidArgument)
	apptest.WantCode(t, "a decision that does not exist", r.decide(m.ID, "burn"), refusal.CodeInvalidArgument)
	apptest.WantCode(t, "a decision about nobody", r.decide(m.ID+1<<20, "approve"), merchant.CodeNotFound)
	r.MustBalance()
}

func TestOfTwoOperatorsWhoDecideAtOnceOneDoes(t *testing.T) {
	r := newRig(t, nil)
	m := r.applied()
	verbs := map[string]string{"op-1": "approve", "op-2": "reject"}
	var mu sync.Mutex
	var decided []string
	var all sync.WaitGroup
	for operator, verb := range verbs {
		all.Go(func() {
			d := merchant.Decision{RequestID: "decide-1", Verb: verb, Reason: "seen"}
			_, err := r.Merchants.Decide(r.ctx(), operator, m.ID, d)
			if refusal.CodeOf(err) == merchant.CodeNotAllowedInState {
				return
			}
			apptest.WantCode(t, "decide", err, "")
			_, err = r.Merchants.Decide(r.ctx(), operator, m.ID, d) // its answer was lost
			apptest.WantCode(t, "decide again", err, "")
			d.Reason = "another"
			_, err = r.Merchants.Decide(r.ctx(), operator, m.ID, d)
			apptest.WantCode(t, "the same request for another reason", err, refusal.CodeRequestConflict)
			mu.Lock()
			defer mu.Unlock()
			decided = append(decided, operator)
		})
	}
	all.Wait()
	history := r.history(m.ID)
	if len(decided) != 1 || len(history) != 2 || history[1].By != decided[0] || history[1].Reason != "seen" {
		t.Errorf("%v decided, and the history is %+v", decided, history)
	}
	r.MustBalance()
}

func TestRolesAllowWhatTheTableSays(t *testing.T) {
	can := map[merchant.Role][]merchant.Action{
		merchant.Owner: {
			merchant.SeeMerchant,
			merchant.SeeWallets,
			merchant.MoveMoney,
			merchant.SeeKeys,
			merchant.ManageKeys,
			merchant.ManageMembers,
		},
		merchant.Finance:   {merchant.SeeMerchant, merchant.SeeWallets, merchant.MoveMoney},
		merchant.Developer: {merchant.SeeMerchant, merchant.SeeKeys, merchant.ManageKeys},
		merchant.Viewer:    {merchant.SeeMerchant, merchant.SeeWallets, merchant.SeeKeys},
		"":                 nil, "boss": nil,
	}
	for role, actions := range can {
		for _, a := range can[merchant.Owner] {
			if got := role.Allows(a); got != slices.Contains(actions, a) {
				t.Errorf("%s: %s: %t", role, a, got)
			}
		}
	}
}

// TestEachCallAsksForItsRole calls everything as everybody.
func TestEachCallAsksForItsRole(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	r.must(r.setMember("ann", m.ID, "finance", "finance"))
	r.must(r.setMember("ann", m.ID, "developer", "developer"))
	r.must(r.setMember("ann", m.ID, "viewer", "viewer"))
	k, _ := r.key(m.ID, "live", nil)
	calls := map[string]struct {
		may  []string
		call func(user string) error
	}{
		"get": {[]string{"finance", "developer", "viewer"}, func(u string) error {
			_, err := r.Merchants.Get(r.ctx(), merchant.Caller{User: u}, m.ID)
			return err
		}},
		"history": {[]string{"finance", "developer", "viewer"}, func(u string) error {
			_, err := r.Merchants.History(r.ctx(), merchant.Caller{User: u}, m.ID, 0, 10)
			return err
		}},
		"wallet": {[]string{"finance", "viewer"}, func(u string) error {
			_, err := r.Merchants.SeenBy(r.ctx(), u, m.ID, "live", "available")
			return err
		}},
		"top up": {[]string{"finance"}, func(u string) error {
			_, err := r.Merchants.FundedBy(r.ctx(), u, m.ID, "live", "available", "CNY")
			return err
		}},
		"keys": {[]string{"developer", "viewer"}, func(u string) error {
			_, err := r.Merchants.Keys(r.ctx(), u, m.ID)
			return err
		}},
		"create key": {[]string{"developer"}, func(u string) error {
			_, _, err := r.Merchants.CreateKey(r.ctx(), u, m.ID, merchant.NewKey{
				RequestID: r.RequestID(), Mode: "test", Name: "x", Permissions: []string{"wallet_read"},
			})
			return err
		}},
		"roll key": {[]string{"developer"}, func(u string) error {
			if u == "developer" {
				return nil // it may, and would change the key for the others
			}
			_, _, err := r.Merchants.RollKey(r.ctx(), u, m.ID, k.ID, r.RequestID(), 0, nil)
			return err
		}},
		"set member":    {nil, func(u string) error { return r.setMember(u, m.ID, "eve", "owner") }},
		"remove member": {nil, func(u string) error { return r.removeMember(u, m.ID, "ann") }},
	}
	for name, c := range calls {
		for _, user := range []string{"finance", "developer", "viewer"} {
			code := merchant.CodeRoleMissing
			if slices.Contains(c.may, user) {
				code = ""
			}
			apptest.WantCode(t, name+" as "+user, c.call(user), code)
		}
		apptest.WantCode(t, name+" as a stranger", c.call("dan"), merchant.CodeNotFound)
	}
	r.MustBalance()
}

func TestOneOwnerAlwaysRemains(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	apptest.WantCode(t, "the only owner leaves", r.removeMember("ann", m.ID, "ann"), merchant.CodeLastOwner)
	apptest.WantCode(t, "the only owner becomes a viewer", r.setMember("ann", m.ID, "ann", "viewer"),
		merchant.CodeLastOwner)
	r.must(r.setMember("ann", m.ID, "bob", "owner"))
	for range 20 { // both leave, or remove each other, at once
		other := map[string]string{"ann": "bob", "bob": "ann"}
		var all sync.WaitGroup
		requests := map[string]string{"ann": r.RequestID(), "bob": r.RequestID()}
		for by, request := range requests {
			all.Go(func() {
				_, err := r.Merchants.RemoveMember(r.ctx(), by, m.ID,
					merchant.MemberChange{RequestID: request, User: other[by]})
				if code := refusal.CodeOf(err); err != nil && code != merchant.CodeLastOwner &&
					code != merchant.CodeNotFound {
					t.Errorf("remove: %v", err)
				}
			})
		}
		all.Wait()
		members, err := r.Merchants.Members(r.ctx(), merchant.Caller{Operator: true}, m.ID)
		r.must(err)
		if len(members) != 1 || members[0].Role != merchant.Owner {
			t.Fatalf("what is left is %+v", members)
		}
		left := members[0].User
		r.must(r.setMember(left, m.ID, other[left], "owner"))
	}
	r.MustBalance()
}

func TestTheHistoryHasEveryChangeOnce(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	change := merchant.MemberChange{RequestID: "set-1", User: "bob", Role: "finance", Reason: "hired"}
	for range 3 {
		_, err := r.Merchants.SetMember(r.ctx(), "ann", m.ID, change)
		r.must(err)
	}
	k, _ := r.key(m.ID, "live", nil)
	r.must(r.revoke(m.ID, k.ID))
	r.must(r.removeMember("bob", m.ID, "bob"))
	var lines []string
	for i, c := range r.history(m.ID) {
		if c.Seq != int64(i+1) || c.At.IsZero() {
			t.Errorf("line %d is %+v", i, c)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s→%s %s", c.By, c.Side, c.Action, c.From, c.To, c.Reason))
	}
	want := []string{
		"ann member apply →applied ", "op operator approve applied→active documents were seen",
		"ann member set_member →finance hired",
		"ann member create_key →active ", "ann member revoke_key active→revoked left on a bus",
		"bob member remove_member finance→ ",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("the history is\n%q, want\n%q", lines, want)
	}
	const c = "merchant.changed"
	recorder := &apptest.Recorder{}
	r.Publish(recorder)
	if ann, bob := len(recorder.Types("user:ann")), recorder.Types("user:bob"); ann != 5 ||
		!slices.Equal(bob, []string{c, c, c, c}) {
		t.Errorf("ann heard %d events, bob %v", ann, bob)
	}
	r.MustBalance()
}
