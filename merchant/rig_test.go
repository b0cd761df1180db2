package merchant_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/merchant/mysqlmerchant"
)

// rig is an installation without workers, with what a test does to merchants in few words.
type rig struct{ *apptest.Harness }

func newRig(t *testing.T, change func(*app.Config)) *rig {
	t.Helper()
	return &rig{apptest.NewHarness(t, change, "ann", "bob", "cem", "dan")}
}

func (r *rig) ctx() context.Context { return r.T.Context() }

func (r *rig) store() *mysqlmerchant.Store { return mysqlmerchant.New(r.Cluster, r.Ledger) }

var here = netip.MustParseAddr("203.0.113.7")

func application(request string) merchant.Application {
	return merchant.Application{
		RequestID: request, Name: "老王面馆", LegalID: "91310000MA1", Country: "CN", MCC: "5812",
		Contact:    "ann@example.org",
		Currencies: []string{"CNY", "JPY"},
	}
}

// applied is a new merchant of ann's.
func (r *rig) applied() merchant.Merchant {
	r.T.Helper()
	m, err := r.Merchants.Apply(r.ctx(), "ann", application(r.RequestID()))
	if err != nil {
		r.T.Fatal(err)
	}
	return m
}

func (r *rig) decide(id int64, verb string) error {
	_, err := r.Merchants.Decide(r.ctx(), "op", id,
		merchant.Decision{RequestID: r.RequestID(), Verb: verb, Reason: "documents were seen"})
	return err
}

// active is a merchant of ann's that was approved.
func (r *rig) active() merchant.Merchant {
	r.T.Helper()
	m := r.applied()
	r.must(r.decide(m.ID, "approve"))
	return m
}

func (r *rig) must(err error) {
	r.T.Helper()
	if err != nil {
		r.T.Fatal(err)
	}
}

func (r *rig) setMember(by string, id int64, user, role string) error {
	_, err := r.Merchants.SetMember(r.ctx(), by, id,
		merchant.MemberChange{RequestID: r.RequestID(), User: user, Role: role})
	return err
}

func (r *rig) removeMember(by string, id int64, user string) error {
	_, err := r.Merchants.RemoveMember(r.ctx(), by, id, merchant.MemberChange{RequestID: r.RequestID(), User: user})
	return err
}

// key makes a key of ann's merchant with all permissions.
func (r *rig) key(id int64, mode string, change func(*merchant.NewKey)) (merchant.Key, string) {
	r.T.Helper()
	n := merchant.NewKey{
		RequestID:   r.RequestID(),
		Mode:        mode,
		Name:        "shop",
		Permissions: []string{"wallet_read", "wallet_move"},
	}
	if change != nil {
		change(&n)
	}
	k, secret, err := r.Merchants.CreateKey(r.ctx(), "ann", id, n)
	r.must(err)
	return k, secret
}

func (r *rig) exchange(secret string) (merchant.Grant, error) {
	return r.Merchants.Exchange(r.ctx(), merchant.Proof{Secret: secret}, here)
}

func (r *rig) revoke(id, key int64) error {
	_, err := r.Merchants.RevokeKey(r.ctx(), "ann", id, key, r.RequestID(), "left on a bus")
	return err
}

// history is a merchant's, the first line first.
func (r *rig) history(id int64) []merchant.Change {
	r.T.Helper()
	changes, err := r.Merchants.History(r.ctx(), merchant.Caller{Operator: true}, id, 0, 100)
	r.must(err)
	for i, j := 0, len(changes)-1; i < j; i, j = i+1, j-1 {
		changes[i], changes[j] = changes[j], changes[i]
	}
	return changes
}

// service is the installation's, of which the parts that change gives take the place of the real ones.
func (r *rig) service(store merchant.Store, revoked merchant.Revocations) *merchant.Service {
	return merchant.NewService(r.Ledger, store, revoked, r.Clock.Now, apptest.Quiet())
}

// told notes which keys every node was told of.
type told struct {
	keys []int64
	fail bool
}

func (r *told) RevokeKey(_ context.Context, key int64, _ time.Time) error {
	if r.fail {
		return apptest.ErrDied
	}
	r.keys = append(r.keys, key)
	return nil
}

// revocations are those of the installation.
type revocations struct{ list *revoked.List }

func (r revocations) RevokeKey(ctx context.Context, key int64, until time.Time) error {
	return r.list.Add(ctx, merchant.RevocationID(key), until)
}
