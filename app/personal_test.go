package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/chat"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/personal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// notTheirs are columns with a user whose row is somebody else's, or says what another row of the user says.
var notTheirs = map[string]string{
	"entries.counterparty":    "a line of the other's statement; the user's own has the other as counterparty",
	"posts.payee":             "the credit in the user's wallet says the same",
	"seals.account":           "digests of the user's entries",
	"merchant_history.object": "what somebody did about them for a merchant",
	"risk_reviews.payee":      "a call of somebody else that was stopped",
	"holds.counterparty":      "found by its index entry while it is under way",
}

// TestExportHasAllOfAUser lets somebody do everything once, and looks for their id in every column of every table: each
// row that has it is exported, unless notTheirs says why not; and nothing of anybody else's is.
func TestExportHasAllOfAUser(t *testing.T) {
	const user = "zoe"
	h := newHousehold(t, nil, "alice", "zoe_2", user)
	h.Work()
	ctx := t.Context()
	sent := apptest.Must(h.Envelopes.Send(ctx, user, envelope.Order{RequestID: h.RequestID(), Group: "g",
		Kind: string(envelope.Equal), Total: 200, Count: 2, Currency: "CNY", Greeting: "from zoe"}))
	apptest.Must(h.Envelopes.Grab(ctx, "alice", sent.ID))
	other := apptest.Must(h.Envelopes.Send(ctx, "alice", envelope.Order{RequestID: h.RequestID(), Group: "g",
		Kind: string(envelope.Equal), Total: 300, Count: 3, Currency: "CNY"}))
	apptest.Must(h.Envelopes.Grab(ctx, user, other.ID))
	apptest.Must(h.Envelopes.Grab(ctx, "zoe_2", other.ID))
	mine, theirs := h.offer(user, "alice", "now"), h.offer("alice", user, "now")
	apptest.Must(h.pay(user, h.open("alice").ID))
	own := h.open(user)
	say := func(from, to, words string) {
		apptest.Must(h.Chats.Send(ctx, from, chat.Draft{RequestID: h.RequestID(), To: to, Text: words}))
	}
	say(user, "alice", "written by zoe")
	say("alice", user, "written to zoe")
	say("alice", "zoe_2", "of no concern")
	if err := h.Chats.NameMyself(ctx, user, "Zoë"); err != nil {
		t.Fatal(err)
	}
	apptest.Must(h.Merchants.Apply(ctx, user, merchant.Application{RequestID: h.RequestID(), Name: "Tea", LegalID: "1",
		Country: "CN", MCC: "5499", Contact: "zoe@example.org", Currencies: []string{"CNY"}}))
	apptest.Must(h.Freeze(ctx, ledger.Freeze{Account: user, By: "otto", Reason: "a test", At: time.Now()}))
	h.Deliver()

	var all []personal.Row
	export := func() error {
		all = nil
		return h.ExportUser(ctx, app.Export{User: user, By: "otto", Reason: "asked for"}, func(r personal.Row) error {
			all = append(all, r)
			return nil
		})
	}
	apptest.Until(t, "what is on its way has arrived", func() bool {
		if err := export(); err != nil {
			t.Fatal(err)
		}
		has := func(text string) bool {
			return slices.ContainsFunc(all, func(r personal.Row) bool { return r.Fields["text"] == text })
		}
		return has("written by zoe") && has("written to zoe")
	})
	exported := map[string]int{} // rows by table and column that has the user
	for _, r := range all {
		about := false
		for column, value := range r.Fields {
			if value == user || value == "user:"+user {
				exported[r.Table+"."+column]++
				about = true
			}
			if text, ok := value.(string); ok {
				about = about || strings.Contains(text, `"`+user+`"`)
			}
		}
		if found := r.Table == "collections"; !about && !found {
			t.Errorf("not of %s: %+v", user, r)
		}
		if strings.Contains(fmt.Sprint(r.Fields["detail"]), "seed") {
			t.Errorf("whoever reads this knows the shares before they are grabbed: %+v", r)
		}
		if r.Table == "entries" && r.Fields["account"] != user || r.Fields["text"] == "of no concern" {
			t.Errorf("of somebody else: %+v", r)
		}
	}
	for column, rows := range columnsWith(ctx, t, h, user) {
		if notTheirs[column] == "" && exported[column] != rows {
			t.Errorf("%s has %s in %d rows, and %d are exported", column, user, rows, exported[column])
		}
	}
	ids := map[string]int64{"holds": theirs.ID, "collections": own.ID}
	for table, id := range ids {
		if !slices.ContainsFunc(all, func(r personal.Row) bool {
			return r.Table == table && fmt.Sprint(r.Fields["id"]) == fmt.Sprint(id)
		}) {
			t.Errorf("%s %d is not exported", table, id)
		}
	}
	for _, column := range []string{"holds.owner", "entries.account", "chat_names.owner", "members.user_id",
		"merchants.applicant", "freezes.account", "collection_parts.member", "chat_messages.sender"} {
		if exported[column] == 0 {
			t.Errorf("nothing of %s is exported", column)
		}
	}
	if _, err := h.Transfers.Get(ctx, user, mine.ID); err != nil {
		t.Error(err)
	}
	if err := h.ExportUser(ctx, app.Export{User: "#clearing", By: "otto", Reason: "asked for"}, nil); err == nil {
		t.Error("an account that is no user's is exported")
	}
	if err := personal.Check(h.Personal()); err != nil {
		t.Error(err)
	}
}

// columnsWith counts, for each column of text of all tables, the rows that are a user's id.
func columnsWith(ctx context.Context, t *testing.T, h *household, user string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, shard := range h.Cluster.All() {
		found := apptest.Must(h.Cluster.DB(shard).QueryContext(ctx, "SELECT table_name, column_name FROM "+
			"information_schema.columns WHERE table_schema = ? AND data_type IN ('varchar', 'char', 'varbinary')",
			h.Cluster.Schema(shard)))
		var columns [][2]string
		for found.Next() {
			var c [2]string
			if err := found.Scan(&c[0], &c[1]); err != nil {
				t.Fatal(err)
			}
			columns = append(columns, c)
		}
		if err := found.Close(); err != nil || len(columns) < 50 {
			t.Fatalf("%d columns, %v", len(columns), err)
		}
		for _, c := range columns {
			var n int
			table := h.Cluster.Table(shard, c[0])
			query := "SELECT COUNT(*) FROM " + table + " WHERE `" + c[1] + "` IN (?, ?)"
			apptest.Must(0, h.Cluster.DB(shard).QueryRowContext(ctx, query, user, "user:"+user).Scan(&n))
			if n > 0 {
				counts[c[0]+"."+c[1]] += n
			}
		}
	}
	return counts
}
