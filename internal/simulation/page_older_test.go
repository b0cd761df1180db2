package simulation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// older loads what happened before until nothing is left, and checks each time that what was on the screen stays there.
func (w *window) older() {
	w.t.Helper()
	button := fmt.Sprintf("document.querySelector(%q)", id("older"))
	const held = `document.elementFromPoint(innerWidth / 2, innerHeight / 2).closest(".item")?.querySelector(".item-row")`
	for {
		ask[bool](w, `(document.querySelector(".feed").scrollTo(0, 300), true)`)
		w.until("nothing is being loaded or moves", "!"+button+".disabled && "+settled)
		if !ask[bool](w, button+".checkVisibility()") {
			return
		}
		ask[bool](w, fmt.Sprintf(`(() => {
			window.held = %s;
			window.heldAt = held?.getBoundingClientRect().top;
			%s.click();
			return true;
		})()`, held, button))
		w.until("it is loaded", "!"+button+".disabled && "+settled)
		if moved := ask[float64](w, "held ? Math.abs(held.getBoundingClientRect().top - heldAt) : 0"); moved > 2 {
			w.t.Errorf("what was on the screen moved by %.0f pixels", moved)
		}
	}
}

// items checks how much is in the chat.
func (w *window) items(want int) {
	w.t.Helper()
	if got := ask[int](w, `document.querySelectorAll(".item").length`); got != want {
		w.t.Errorf("there are %d items, want %d", got, want)
	}
}

// Whatever happened longer ago than the live history reaches can be read by scrolling up, and from the wallet.
func TestOlderThingsCanBeRead(t *testing.T) {
	u := newUp(t)
	u.family()
	const envelopes, transfers = 270, 270 // the live history holds 256 of each
	for i := range envelopes {
		u.post("alice", "/v1/envelopes", map[string]any{
			"request_id": fmt.Sprint("envelope", i), "group_id": "family", "kind": "equal", "total": 1, "count": 1,
			"currency": "CNY", "greeting": fmt.Sprint("number ", i),
		}, nil)
	}
	for i := range transfers {
		u.post("alice", "/v1/transfers", map[string]any{
			"request_id": fmt.Sprint("transfer", i), "to": "bob", "amount": 1, "currency": "CNY",
			"note": fmt.Sprint("number ", i), "arrives_in": "now",
		}, nil)
	}
	w := openWindow(t, newBrowser(t), u, "alice")
	w.see("older")
	w.older()
	w.items(envelopes)
	if first := ask[string](w, `document.querySelector(".item").innerText`); !containsLine(first, "number 0") {
		t.Errorf("the oldest is %q", first)
	}
	w.do("go to the conversation", chromedp.Navigate(u.address()+"/?user=alice&with=bob"))
	w.see("older")
	w.older()
	w.items(transfers)

	w.click("history")
	w.until("the statement", `document.querySelectorAll("[data-testid^=see-transfer-]").length > 0`)
	w.do("open a transfer", chromedp.Evaluate[chromedp.Void](
		`document.querySelector("[data-testid^=see-transfer-]").click()`))
	w.gone("history-list")
	w.until("its conversation", `location.search.includes("with=bob")`)
	w.click("history")
	w.click("history-sent")
	w.until("what was sent", `document.querySelectorAll("[data-testid^=see-envelope-]").length > 0`)
	w.do("open an envelope", chromedp.Evaluate[chromedp.Void](
		`document.querySelector("[data-testid^=see-envelope-]").click()`))
	w.until("the envelope", `document.querySelector(".packet") !== null`)
	w.back()
	w.until("the wallet again", `document.querySelector(".packet") === null`)
	w.see("history-list")
}

func containsLine(text, line string) bool {
	for got := range strings.Lines(text) {
		if strings.TrimSpace(got) == line {
			return true
		}
	}
	return false
}
