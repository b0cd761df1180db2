package simulation

import (
	"fmt"
	"slices"
	"testing"
)

// The coin is the first to tell what was in an envelope: until it has turned, neither the balance nor the card nor
// anything else in the window changes. Then the balance counts up to the new amount. The coin waits for nothing but the
// answer to the grab.
func TestTheCoinTellsFirst(t *testing.T) {
	u := newUp(t)
	u.family()
	browser := newBrowser(t)
	alice, bob := openWindow(t, browser, u, "alice"), openWindow(t, browser, u, "bob")
	alice.send("equal", "17.76", "2", "a secret until it is opened")
	card := bob.card()
	bob.shows("balance", "520.00")
	bob.click(card)
	bob.see("open")
	ask[bool](bob, fmt.Sprintf(`(() => {
		window.told = [];
		for (const name of ["balance", %q]) {
			const element = document.querySelector('[data-testid="' + name + '"]');
			const item = element.closest(".item") ?? element;
			const stage = () => document.querySelector(".packet")?.dataset.stage ?? "";
			const note = () => told.push({ name, text: item.innerText, stage: stage() });
			const everything = { subtree: true, childList: true, characterData: true, attributes: true };
			new MutationObserver(note).observe(item, everything);
		}
		return true;
	})()`, card))
	ask[bool](bob, `(() => {
		const usual = fetch;
		const isLate = (of, { method = "GET" } = {}) => method === "GET" && /\/v1\/envelopes\/\d+$/.test(of);
		window.fetch = (of, options) => isLate(of, options) ? new Promise(() => {}) : usual(of, options);
		return true;
	})()`)
	// On a busy machine few of its steps are shown while 0.7 s go by: here, time goes by with the steps.
	ask[bool](bob, `(() => {
		let at = performance.now();
		performance.now = () => (at += 20);
		return true;
	})()`)
	bob.click("open")
	bob.shows("my-amount", "8.88")
	bob.shows("balance", "528.88")
	bob.shows(card, "8.88")

	var balances []string
	for _, change := range ask[[]struct{ Name, Text, Stage string }](bob, "told") {
		if change.Stage != "result" {
			t.Errorf("%s tells %q while the coin is %s", change.Name, change.Text, change.Stage)
		}
		if change.Name == "balance" && !slices.Contains(balances, change.Text) {
			balances = append(balances, change.Text)
		}
	}
	if !slices.IsSorted(balances) || len(balances) < 4 {
		t.Errorf("the balance does not count up: %q", balances)
	}
}
