package web_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/wallet/ledger"
)

func TestBillsAreSharedAsTheServerDoes(t *testing.T) {
	type bill struct {
		Total     int64    `json:"total"`
		Users     []string `json:"users"`
		Remainder string   `json:"remainder"`
		want      string
	}
	cases := []bill{
		{9000, []string{"bob", "alice", "carol"}, "members", "alice 3000 bob 3000 carol 3000"},
		{10001, []string{"bob", "alice", "carol"}, "members", "alice 3334 bob 3334 carol 3333"},
		{10001, []string{"bob", "alice", "carol"}, "collector", "alice 3335 bob 3333 carol 3333"},
		{100, []string{"bob", "carol", "dave"}, "members", "bob 34 carol 33 dave 33"},
		{100, []string{"bob", "carol", "dave"}, "collector", "bob 33 carol 33 dave 33"}, // alice bears what no part has
		{100, []string{"b", "B", "a1", "a-1", "a.1", "a:1"}, "members", "B 17 a-1 17 a.1 17 a1 17 a:1 16 b 16"},
		{2, []string{"bob", "alice", "carol"}, "members", ""},
		{ledger.MaxMinor, []string{"bob", "alice", "carol"}, "members", "alice 366503875926 bob 366503875925 carol 366503875925"},
		{100, nil, "members", ""},
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async (bills) => {
		const { shareEvenly } = await import("/bill.js");
		return bills.map(({ total, users, remainder }) =>
			shareEvenly(total, users ?? [], remainder, "alice").map((p) => p.user + " " + p.amount).join(" "));
	}`, cases)
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%d among %v, rest to %s: %s, want %s", c.Total, c.Users, c.Remainder, got[i], c.want)
		}
	}
}

func TestOfferedCurrenciesHaveTheServersDecimals(t *testing.T) {
	got := evaluate[map[string]int](t, browse(t, serve(t, true).URL), `async () => {
		const { CURRENCIES, digits } = await import("/money.js");
		return Object.fromEntries(CURRENCIES.map((code) => [code, digits(code)]));
	}`, nil)
	for _, settled := range strings.Fields("GBP HKD USD JPY CAD AUD EUR NZD KRW THB SGD RUB DKK SEK CHF NOK CNY KWD") {
		if _, ok := got[settled]; !ok {
			t.Errorf("%s is not offered", settled)
		}
	}
	for code, digits := range got {
		if currency, err := ledger.ParseCurrency(code); err != nil || currency.Digits() != digits {
			t.Errorf("%s has %d decimals here, %d at the server (%v)", code, digits, currency.Digits(), err)
		}
	}
}

func TestTransferFormStatesTheRules(t *testing.T) {
	type draft struct {
		To     string         `json:"to"`
		Amount map[string]any `json:"amount"`
		Note   string         `json:"note"`
	}
	minor := func(n int64) map[string]any { return map[string]any{"minor": n} }
	cases := []struct {
		name  string
		draft draft
		want  string // field and rule, or nothing
	}{
		{"smallest", draft{"bob", minor(1), ""}, ""},
		{"largest", draft{"bob", minor(ledger.MaxMinor), ""}, ""},
		{"more than a share may be", draft{"bob", minor(5_000_000), ""}, ""},
		{"nothing", draft{"bob", minor(0), ""}, "amount rule.total_min"},
		{"nothing typed", draft{"bob", map[string]any{"problem": "empty"}, ""}, "amount rule.total_empty"},
		{"too many decimals", draft{"bob", map[string]any{"problem": "decimals"}, ""}, "amount rule.total_decimals"},
		{"to nobody", draft{"", minor(1), ""}, "to rule.transfer_to"},
		{"to oneself", draft{"alice", minor(1), ""}, "to rule.transfer_self"},
		{"note of 100", draft{"bob", minor(1), strings.Repeat("🎬", 100)}, ""},
		{"note of 101", draft{"bob", minor(1), strings.Repeat("字", 101)}, "note rule.greeting"},
	}
	drafts := make([]draft, len(cases))
	for i, c := range cases {
		drafts[i] = c.draft
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async (drafts) => {
		const { checkTransfer } = await import("/rules.js");
		return drafts.map((d) => Object.entries(checkTransfer(d, "alice")).map(([field, rule]) => field + " " + rule.key).join(", "));
	}`, drafts)
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%s: %q, want %q", c.name, got[i], c.want)
		}
	}
}

func TestCollectionFormStatesTheRules(t *testing.T) {
	type ask struct {
		User   string         `json:"user"`
		Amount map[string]any `json:"amount"`
	}
	type draft struct {
		Kind   string         `json:"kind"`
		Amount map[string]any `json:"amount"`
		Users  []string       `json:"users"`
		Asks   []ask          `json:"asks"`
		Note   string         `json:"note"`
	}
	minor := func(n int64) map[string]any { return map[string]any{"minor": n} }
	even := func(n int64, users ...string) draft {
		return draft{Kind: "even", Amount: minor(n), Users: users, Asks: []ask{}}
	}
	each := func(asks ...ask) draft {
		return draft{Kind: "per_person", Amount: map[string]any{"problem": "empty"}, Asks: append([]ask{}, asks...)}
	}
	cases := []struct {
		name  string
		draft draft
		want  string // field and rule, or nothing
	}{
		{"a unit for each", even(3, "alice", "bob", "carol"), ""},
		{"less than a unit for each", even(2, "alice", "bob", "carol"), "amount rule.bill_min"},
		{"without oneself", even(1, "bob"), ""},
		{"only oneself", even(100, "alice"), "users rule.bill_users"},
		{"nobody", draft{Kind: "even", Amount: minor(100), Users: []string{}, Asks: []ask{}}, "users rule.bill_users"},
		{"from one", each(ask{"bob", minor(1)}), ""},
		{"from nobody", each(), "asks rule.bill_asks"},
		{"nothing from one", each(ask{"carol", minor(5)}, ask{"bob", minor(0)}), "asks rule.total_min of bob"},
		{"malformed", each(ask{"bob", map[string]any{"problem": "malformed"}}), "asks rule.total_malformed of bob"},
		{"more than there can be", each(ask{"bob", minor(ledger.MaxMinor)}, ask{"carol", minor(1)}), "asks rule.total_too_large"},
	}
	drafts := make([]draft, len(cases))
	for i, c := range cases {
		drafts[i] = c.draft
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async (drafts) => {
		const { checkCollection } = await import("/rules.js");
		const said = ([field, rule]) => field + " " + rule.key + (rule.user ? " of " + rule.user : "");
		return drafts.map((d) => Object.entries(checkCollection(d, "alice")).map(said).join(", "));
	}`, drafts)
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%s: %q, want %q", c.name, got[i], c.want)
		}
	}
}

// Events and answers cross each other: whatever the order, a transfer ends where it is furthest.
func TestTransfersOnlyMoveOn(t *testing.T) {
	wrong := evaluate[[]string](t, browse(t, serve(t, true).URL), `async () => {
		const { Transfers } = await import("/transfers.js");
		const wrong = [];
		const about = (state) => ({ id: "7", sender: "alice", to: "bob", amount: 5, currency: "CNY", note: "", state,
			arrives_in: "2h", created_at: 1, expires_at: 100, arrives_at: state === "accepted" ? 200 : 0, changed_at: 2 });
		const orders = [["offered", "accepted", "arrived"], ["arrived", "accepted", "offered"], ["accepted", "recalled", "offered"],
			["recalled", "accepted"], ["expired", "offered"], ["declined", "offered", "declined"]];
		for (const order of orders) {
			const all = new Transfers("bob", () => 50, () => {});
			const moved = order.map((state) => all.put(about(state)).moved).join();
			const end = order.find((s) => !["offered", "accepted"].includes(s));
			if (all.get("7").state !== end) wrong.push(order + " ends as " + all.get("7").state);
			const expected = order.map((s, i) => order.slice(0, i).every((b) => rank(b) < rank(s))).join();
			if (moved !== expected) wrong.push(order + " moved " + moved);
		}
		function rank(state) { return { offered: 0, accepted: 1 }[state] ?? 2; }

		// What is possible, by who looks and when.
		const cases = [
			["offered", "bob", 99, "offered", true, false], ["offered", "bob", 100, "expired", false, false],
			["offered", "alice", 99, "offered", false, true], ["offered", "alice", 100, "expired", false, false],
			["accepted", "bob", 199, "accepted", false, false], ["accepted", "alice", 199, "accepted", false, true],
			["accepted", "alice", 200, "arriving", false, false], ["arrived", "alice", 1, "arrived", false, false],
			["recalled", "bob", 1, "recalled", false, false],
		];
		for (const [state, who, now, standing, answer, recall] of cases) {
			const all = new Transfers(who, () => now, () => {});
			const { transfer } = all.put(about(state));
			const may = all.may(transfer);
			if (all.standing(transfer) !== standing || may.answer !== answer || may.recall !== recall) {
				wrong.push(state + " for " + who + " at " + now + ": " + all.standing(transfer) + " " + JSON.stringify(may));
			}
		}
		return wrong;
	}`, nil)
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestPaidPartsStayPaid(t *testing.T) {
	wrong := evaluate[[]string](t, browse(t, serve(t, true).URL), `async () => {
		const { Collections, paid, payers } = await import("/collections.js");
		const wrong = [];
		const expect = (what, got, want) => JSON.stringify(got) === JSON.stringify(want) || wrong.push(what + ": " + JSON.stringify(got));
		let now = 10;
		const all = new Collections("bob", () => now, () => {});
		const part = (user_id, amount, state) => ({ user_id, amount, state, at: 1, payment_id: "0" });
		const bill = { id: "7", group_id: "g", collector: "alice", kind: "even", currency: "CNY", total: 30, due: 20, collected: 0, note: "",
			state: "open", created_at: 1, remind_at: 100, closed_at: 0,
			parts: [part("alice", 10, "own"), part("bob", 10, "due"), part("carol", 10, "due")] };
		const event = (type, more) => ({ type: "collection." + type, collection_id: "7", collected: 0, state: "open", ...more });

		expect("an event of an unknown one", all.apply(event("paid")), false);
		const c = () => all.get("7");
		all.put(bill);
		expect("payers", payers(c()).map((p) => p.user), ["bob", "carol"]);
		expect("owed", all.owed(c()).amount, 10);
		expect("overdue before the reminder", all.overdue(c()), false);
		now = 100;
		expect("overdue after it", all.overdue(c()), true);
		all.apply(event("paid", { user_id: "bob", amount: 10, collected: 10 }));
		all.put(bill); // an answer from before
		expect("paid", paid(c()).map((p) => p.user), ["bob"]);
		expect("collected", c().collected, 10);
		expect("owed after paying", all.owed(c()) ?? null, null);
		all.apply(event("closed", { collected: 10, state: "closed" }));
		all.put(bill);
		all.apply(event("paid", { user_id: "carol", amount: 10, collected: 20, state: "closed" })); // it had begun before
		expect("state", c().state, "closed");
		expect("paid at last", paid(c()).length, 2);

		all.put({ ...bill, id: "8", state: "closed" });
		expect("owed in a closed one", all.owed(all.get("8")) ?? null, null);
		all.put({ ...bill, id: "9", state: "closed", parts: [part("bob", 10, "claimed")] });
		expect("owed where a payment had begun", all.owed(all.get("9"))?.amount ?? null, 10);
		const mine = new Collections("alice", () => 1, () => {});
		expect("may close", mine.mayClose(mine.put(bill)), true);
		expect("may close a closed one", mine.mayClose(mine.put({ ...bill, id: "8", state: "closed" })), false);
		return wrong;
	}`, nil)
	for _, w := range wrong {
		t.Error(w)
	}
}

// Each line of a statement says what it was for, and with whom.
func TestStatementNamesWhatEntriesWereFor(t *testing.T) {
	type entry struct {
		Kind         string `json:"kind"`
		Subject      string `json:"subject"`
		Counterparty string `json:"counterparty"`
		want         string
	}
	cases := []entry{
		{"topup", "funding", "", "Topped up"},
		{"withdrawal", "funding", "", "Withdrawn"},
		{"hold", "envelope", "", "Red envelope sent"},
		{"hold", "envelope", "bob", "Red envelope to Bob"},
		{"post", "envelope", "bob", "Red envelope from Bob"},
		{"void", "envelope", "", "Red envelope returned"},
		{"hold", "transfer", "bob", "Transfer to Bob"},
		{"post", "transfer", "zoe", "Transfer from zoe"},
		{"void", "transfer", "bob", "Transfer to Bob returned"},
		{"hold", "collection", "bob", "Shared bill, paid to Bob"},
		{"post", "collection", "bob", "Shared bill, paid by Bob"},
		{"post", "stamp", "bob", "stamp post · Bob"}, // newer than the page
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async (entries) => {
		const { entryTitle } = await import("/view-statement.js");
		const { I18n } = await import("/i18n.js");
		const { personName } = await import("/people.js");
		const i18n = new I18n("en");
		return entries.map((e) => entryTitle({ i18n, t: i18n.t, name: (id) => personName(id, "en") }, e));
	}`, cases)
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%s of %s with %q: %q, want %q", c.Kind, c.Subject, c.Counterparty, got[i], c.want)
		}
	}
}

func TestPlacesAndAddresses(t *testing.T) {
	wrong := evaluate[[]string](t, browse(t, serve(t, true).URL), `async () => {
		const { groupIn, groupPlace, personIn, personPlace, placeIn, queryOf } = await import("/places.js");
		const wrong = [];
		for (const id of ["family", "a:b", "person:bob", "group:x"]) {
			const places = [groupPlace(id), personPlace(id)];
			if (groupIn(places[0]) !== id || personIn(places[0]) !== "") wrong.push("group " + id);
			if (personIn(places[1]) !== id || groupIn(places[1]) !== "") wrong.push("person " + id);
			for (const place of places) if (placeIn("?" + new URLSearchParams(queryOf(place))) !== place) wrong.push("address of " + place);
		}
		for (const query of ["", "?user=alice", "?with=", "?with=no%20id", "?with=alice"]) {
			if (placeIn(query, "alice") !== "") wrong.push(query + " leads to " + placeIn(query, "alice"));
		}
		return wrong;
	}`, nil)
	for _, w := range wrong {
		t.Error(w)
	}
}
