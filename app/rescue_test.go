package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
)

// A worker gives a shard back that its mover left in the middle of the switch, and its users' money is there again.
func TestAWorkerRescuesAShard(t *testing.T) {
	h := apptest.NewHarness(t, func(c *app.Config) { c.Log = apptest.Quiet() })
	const shard = 1
	user := ""
	for i := 0; user == "" || h.Cluster.ForUser(user) != shard; i++ {
		user = fmt.Sprintf("user-%d", i)
	}
	h.TopUp(user, 70)
	h.Deliver()
	if err := h.Cluster.Pin(t.Context()); err != nil {
		t.Fatal(err)
	}
	place := apptest.Must(h.Cluster.Places(t.Context()))[shard]

	// What a mover has done when it dies there: see internal/shardmove.
	db, schema := h.Cluster.ServerDB(0), h.Cluster.Schema(shard)
	hidden := fmt.Sprintf("%s_moved_%d", schema, place.Epoch)
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec("CREATE DATABASE " + hidden)
	exec("UPDATE "+h.Cluster.Table(0, "placements")+" SET fenced = 1, target = 'elsewhere' WHERE shard = ?", shard)
	found, err := db.QueryContext(t.Context(),
		"SELECT table_name FROM information_schema.tables WHERE table_schema = ?", schema)
	if err != nil {
		t.Fatal(err)
	}
	var renames []string
	for found.Next() {
		var name string
		if err := found.Scan(&name); err != nil {
			t.Fatal(err)
		}
		renames = append(renames, schema+"."+name+" TO "+hidden+"."+name)
	}
	_ = found.Close()
	exec("RENAME TABLE " + strings.Join(renames, ", "))
	_, err = h.Wallets.Balances(t.Context(), user)
	apptest.WantCode(t, "while nobody looks", err, refusal.CodeUnavailable)

	h.Work()
	apptest.Until(t, "the shard serves again", func() bool {
		_, err := h.Wallets.Balances(t.Context(), user)
		return err == nil
	})
	if has := h.Balance(user); has != 70 {
		t.Errorf("%s has %d, want 70", user, has)
	}
	h.MustBalance()
}
