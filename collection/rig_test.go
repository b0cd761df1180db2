package collection_test

import (
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
)

// rig is an installation without workers, with what a test does to collections in few words.
type rig struct{ *apptest.Harness }

func newRig(t *testing.T, change func(*app.Config), users ...string) *rig {
	t.Helper()
	return &rig{apptest.NewHarness(t, change, users...)}
}

// store is where the installation keeps its collections.
func (r *rig) store() *mysqlcollection.Store { return mysqlcollection.New(r.Cluster, r.Ledger) }

// rescue makes one pass of a rescuer on each shard.
func (r *rig) rescue() (done int) {
	r.T.Helper()
	return r.Pass(collection.NewRescuer(r.Collections, apptest.Quiet()).Pass)
}

// open asks all of group g but the collector for 100 each.
func (r *rig) open(collector string) collection.Collection {
	r.T.Helper()
	members, err := r.Groups.Members(r.T.Context(), "g")
	if err != nil {
		r.T.Fatal(err)
	}
	c, err := r.Collections.Open(r.T.Context(), collector, collection.Bill{
		RequestID: r.RequestID(), Group: "g", Kind: "even", Currency: "CNY", Total: int64(
			100 * (len(members) - 1)), Note: "晚饭",
	})
	if err != nil {
		r.T.Fatal(err)
	}
	return c
}

func (r *rig) pay(user string, id int64) (collection.Collection, error) {
	return r.Collections.Pay(r.T.Context(), user, id, 100, "CNY")
}
