package transfer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Every state of a transfer × every action × everybody: a stable code each, and no money moves but where the table says
// ok.
func TestTransferTable(t *testing.T) {
	// The states, and how a transfer comes into them. Late ones have ended by the clock, and no duePass has come by
	// yet.
	states := []struct {
		name    string
		arrives string
		lead    func(r *rig, id int64)
	}{
		{"offered", "2h", func(*rig, int64) {}},
		{"offered late", "2h", func(r *rig, _ int64) { r.Clock.Skip(24 * time.Hour) }},
		{"accepted", "2h", accept},
		{"accepted late", "2h", func(r *rig, id int64) { accept(r, id); r.Clock.Skip(2 * time.Hour) }},
		{"arrived", "now", accept},
		{"declined", "now", func(r *rig, id int64) { apptest.Must(r.Transfers.Decline(r.T.Context(), "bob", id)) }},
		{"expired", "now", func(r *rig, _ int64) { r.Clock.Skip(24 * time.Hour); r.end() }},
		{"recalled", "now", func(r *rig, id int64) { apptest.Must(r.Transfers.Recall(r.T.Context(), "alice", id)) }},
		{"recalled after acceptance", "2h", func(r *rig,
			id int64) {
			accept(r, id)
			apptest.Must(r.Transfers.Recall(r.T.Context(), "alice", id))
		}},
	}
	actions := map[string]func(r *rig, user string, id int64) (transfer.Transfer, error){
		"accept": func(r *rig, user string, id int64) (transfer.Transfer, error) {
			return r.Transfers.Accept(r.T.Context(), user, id)
		},
		"decline": func(r *rig, user string, id int64) (transfer.Transfer, error) {
			return r.Transfers.Decline(r.T.Context(), user, id)
		},
		"recall": func(r *rig, user string, id int64) (transfer.Transfer, error) {
			return r.Transfers.Recall(r.T.Context(), user, id)
		},
		"get": func(r *rig, user string, id int64) (transfer.Transfer, error) {
			return r.Transfers.Get(r.T.Context(), user, id)
		},
	}
	const ok = ""
	// What the recipient's accept and decline, and the sender's recall, answer in each state. Everybody else's answers
	// do not depend on the state.
	answers := map[string]struct{ accept, decline, recall string }{
		"offered":      {ok, ok, ok},
		"offered late": {transfer.CodeExpired, transfer.CodeExpired, transfer.CodeExpired},
		"accepted":     {transfer.CodeAlreadyAccepted, transfer.CodeAlreadyAccepted, ok},
		"accepted late": {transfer.CodeAlreadyAccepted, transfer.CodeAlreadyAccepted,
			transfer.CodeAlreadyArrived},
		"arrived": {transfer.CodeAlreadyArrived, transfer.CodeAlreadyArrived,
			transfer.CodeAlreadyArrived},
		"declined": {transfer.CodeAlreadyDeclined, transfer.CodeAlreadyDeclined,
			transfer.CodeAlreadyDeclined},
		"expired":                   {transfer.CodeExpired, transfer.CodeExpired, transfer.CodeExpired},
		"recalled":                  {transfer.CodeRecalled, transfer.CodeRecalled, transfer.CodeRecalled},
		"recalled after acceptance": {transfer.CodeRecalled, transfer.CodeRecalled, transfer.CodeRecalled},
	}
	r := newRig(t, nil, "alice", "bob", "carol")
	for _, state := range states {
		for action, do := range actions {
			for _, user := range []string{"alice", "bob", "carol"} {
				t.Run(fmt.Sprintf("%s, %s by %s", state.name, action, user), func(t *testing.T) {
					r.T = t
					want := ok
					switch row := answers[state.name]; {
					case user == "carol": // a stranger learns nothing
						want = transfer.CodeNotFound
					case action == "get":
					case action == "recall" && user != "alice":
						want = transfer.CodeNotTheSender
					case action == "recall":
						want = row.recall
					case user != "bob":
						want = transfer.CodeNotTheRecipient
					case action == "accept":
						want = row.accept
					case action == "decline":
						want = row.decline
					}
					x := r.offer("alice", "bob", state.arrives)
					state.lead(r, x.ID)
					r.Deliver()
					before, balances := r.hold(x.ID), r.balances()
					answer, err := do(r, user, x.ID)
					apptest.WantCode(t, "answer", err, want)
					r.Deliver()
					if after := r.hold(x.ID); want != ok || action == "get" {
						if after != before {
							t.Errorf("the transfer was %s and is %s", before, after)
						}
						if now := r.balances(); !slices.Equal(now, balances) {
							t.Errorf("money moved: %v → %v", balances, now)
						}
					} else if after == before || answer.ID != x.ID {
						t.Errorf("nothing happened: %s, %+v", after, answer)
					}
					r.Clock.Skip(48 * time.Hour) // so that this transfer is over before the next line
					r.end()
				})
			}
		}
	}
	r.T = t
	envelope := envelopeID(r)
	for action, do := range actions {
		for _, id := range []int64{0, -1, 5, 1<<63 - 1, 1<<40 | 1, envelope} {
			_, err := do(r, "bob", id)
			apptest.WantCode(t, fmt.Sprintf("%s of %d", action, id), err, transfer.CodeNotFound)
		}
	}
	r.MustBalance()
	r.wantOverall(3 * apptest.Funds)
}

func accept(r *rig, id int64) { apptest.Must(r.Transfers.Accept(r.T.Context(), "bob", id)) }

// envelopeID is the id of a hold that is no transfer.
func envelopeID(r *rig) int64 {
	r.T.Helper()
	id, err := r.Ledger.NewID("alice")
	if err != nil {
		r.T.Fatal(err)
	}
	request, err := ledger.NewRequest("an-envelope", "test", id)
	if err != nil {
		r.T.Fatal(err)
	}
	now := r.Clock.Now()
	h, err := r.Ledger.Hold(r.T.Context(), request, ledger.Hold{ID: id, Subject: envelope.Subject, Owner: "alice",
		Amount: ledger.Amount{Minor: 1, Currency: "CNY"}, Parts: []int64{1}, CreatedAt: now, ExpiresAt: now.Add(
			time.Hour)})
	if err != nil {
		r.T.Fatal(err)
	}
	if _, done, err := r.Ledger.Void(r.T.Context(), h.ID, 0); !done || err != nil {
		r.T.Fatal(done, err)
	}
	return h.ID
}

// hold says where a transfer's money is.
func (r *rig) hold(id int64) string {
	r.T.Helper()
	h, err := r.Ledger.GetHold(r.T.Context(), id)
	if err != nil {
		r.T.Fatal(err)
	}
	return fmt.Sprintf("%s, %d posted, %d voided, %v", h.Stage, h.Posted, h.Voided, h.StagedAt)
}

// balances are those of alice, bob and carol.
func (r *rig) balances() (all []int64) {
	for _, user := range []string{"alice", "bob", "carol"} {
		all = append(all, r.Balance(user))
	}
	return all
}

func (r *rig) wantOverall(want int64) {
	r.T.Helper()
	sum := int64(0)
	for _, b := range r.balances() {
		sum += b
	}
	if sum != want {
		r.T.Errorf("all have %d together, want %d", sum, want)
	}
}
