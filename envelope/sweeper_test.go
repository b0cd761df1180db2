package envelope_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
)

// TestADamagedHoldHoldsUpNoOther: `recover` fills every pot but that of the one envelope that the ledger cannot tell
// any more, and names it.
func TestADamagedHoldHoldsUpNoOther(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	dying := envelope.NewService(s.Ledger, brokenPot{s.Pots}, s.Groups, nil, s.Metadata, envelope.DefaultLimits(),
		s.Config().Now)
	for i := range 3 {
		if _, err := dying.Send(t.Context(), "alice", order(fmt.Sprint(i), 100, 2)); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
	}
	lines, err := s.Envelopes.ListSent(t.Context(), "alice", 0, 10)
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d envelopes, %v", len(lines), err)
	}
	oldest := lines[2].ID
	shard, _ := s.Ledger.ShardOf(oldest)
	if _, err := s.Cluster.DB(shard).ExecContext(t.Context(), "UPDATE "+s.Cluster.Table(shard, "holds")+
		" SET detail = '?' WHERE id = ?",
		oldest); err != nil {
		t.Fatal(err)
	}

	recovery, err := s.Recover(t.Context())
	if err == nil || recovery.Filled != 2 {
		t.Errorf("recover filled %d pots and said %v, want 2 and the name of the damaged one", recovery.Filled, err)
	}
	for _, line := range lines[:2] {
		if g, err := s.Envelopes.Grab(t.Context(), "bob", line.ID); err != nil || g.Outcome != envelope.Won {
			t.Errorf("grab beside the damaged one: %+v, %v", g, err)
		}
	}
}
