package simulation

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A slow network. At 400 ms and 50 KB/s the way is the same and takes three times as long.
const (
	slowLatency    = 100        // ms
	slowThroughput = 200 * 1000 // bytes/s
)

// mostSteps is how many presses of Tab may lie between two controls of a view.
const mostSteps = 40

// slow slows the window's network down.
func (w *window) slow() {
	w.t.Helper()
	conditions := network.Conditions{
		Latency: slowLatency, DownloadThroughput: slowThroughput, UploadThroughput: slowThroughput,
	}
	rules := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&conditions}}
	if _, err := chromedp.Call(w.ctx, network.Enable, network.EnableParams{}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := chromedp.Call(w.ctx, network.EmulateNetworkConditionsByRule, rules); err != nil {
		w.t.Fatal(err)
	}
}

func (w *window) press(key string, modifiers ...chromedp.Modifier) {
	w.t.Helper()
	w.do("press "+key, chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers...)))
}

// reach moves the focus to a control, as somebody without a mouse does, and fails where a control on the way cannot be
// seen.
func (w *window) reach(name string) {
	w.t.Helper()
	w.see(name)
	for range mostSteps {
		at := ask[struct {
			There         bool
			Name, Trouble string
		}](w, fmt.Sprintf(`(() => {
			const e = document.activeElement;
			const name = e.dataset.testid ?? e.tagName + "." + e.className;
			const box = e.getBoundingClientRect();
			const hidden = e !== document.body && (!e.checkVisibility() || box.bottom <= 0 || box.top >= innerHeight);
			const { outlineStyle, boxShadow } = getComputedStyle(e);
			const plain = e !== document.body && outlineStyle === "none" && boxShadow === "none" &&
				!e.closest(".field-row, .money-input, .say-row, form")?.matches(":focus-within") && !e.matches("input");
			return { there: e.closest(%q) !== null, name, trouble: hidden ? "is hidden" : plain ? "looks as ever" : "" };
		})()`, id(name)))
		if at.Trouble != "" {
			w.t.Errorf("on the way to %s the focus is on %s, which %s", name, at.Name, at.Trouble)
		}
		if at.There {
			return
		}
		w.press(kb.Tab)
	}
	w.t.Fatalf("%s cannot be reached with Tab; the focus is on %s", name,
		ask[string](w, "document.activeElement.outerHTML"))
}

// enact presses a control.
func (w *window) enact(name string) {
	w.t.Helper()
	w.reach(name)
	w.press(kb.Enter)
}

// write writes into a field that has the focus.
func (w *window) write(name, text string) {
	w.t.Helper()
	w.reach(name)
	w.do("write", chromedp.KeyEvent(text))
}

// isOn waits until the focus is in an element.
func (w *window) isOn(selector, when string) {
	w.t.Helper()
	w.until(when+", the focus is on "+selector, fmt.Sprintf("document.activeElement.closest(%q) !== null", selector))
}

// keyboardAlone is a new user without a mouse, on a phone, on a slow network, in Chinese: from nothing at all to
// envelopes that were opened, thanks, a transfer and the wallet.
func keyboardAlone(t *testing.T, u *up) {
	ctx, cancel := chromedp.NewContext(newBrowser(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	w := &window{t: t, ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844)); err != nil {
		t.Fatal(err)
	}
	w.slow()
	w.do("open", chromedp.Navigate(u.address()+"/"))
	w.see("user-input")
	w.enact("lang")
	w.until("the page is Chinese", `document.documentElement.lang === "zh-CN"`)
	w.write("user-input", "mei\r")
	w.see("group-new")
	w.save("walk-03-welcome")
	w.enact("group-new")
	w.write("group-name", "cousins")
	w.write("group-members", "bob，carol")
	w.save("walk-04-new")
	w.press(kb.Enter)
	w.see("compose")
	w.isOn(".feed", "in the new chat")
	w.save("walk-05-chat")
	w.enact("topup")
	w.see("topup-amount")
	w.save("walk-06-topup")
	w.enact("topup-send")
	w.gone("topup-send")
	w.enact("compose")
	w.write("total", "8.88")
	w.write("count", "3")
	w.save("walk-07-compose")
	w.press(kb.Enter)
	card := w.card()
	w.gone("send")
	w.save("walk-08-sent")
	w.enact(card)
	w.see("open")
	w.save("walk-09-coin")
	w.enact("open")
	w.save("walk-10-opening")
	w.see("my-amount")
	w.save("walk-11-result")
	w.press(kb.Escape)
	w.gone("close")
	w.isOn(id(card), "after the envelope")

	var sent struct{ ID string }
	u.post("bob", "/v1/envelopes", map[string]any{
		"request_id": "bob", "group_id": "cousins", "kind": "lucky", "total": 888, "count": 3, "currency": "CNY",
	}, &sent)
	w.enact("card-" + sent.ID)
	w.enact("open")
	w.enact("thanks-boss")
	w.save("walk-12-thanks")
	w.press(kb.Escape)
	w.gone("close")
	w.write("say", "谢谢大家\r")
	w.until("what was said is there", `document.querySelector(".feed").innerText.includes("谢谢大家")`)
	w.enact("transfer-new")
	w.save("walk-13-transfer")
	w.press(kb.Escape)
	w.gone("close")
	w.enact("history")
	w.see("history-list")
	w.until("the list is there", `document.querySelector("[data-testid=history-list] li") !== null`)
	w.save("walk-14-wallet")
	w.press(kb.Escape)
	w.gone("close")
	w.enact("back")
	w.isOn(id("group-cousins"), "back in the list")
	w.press(kb.Enter)
	w.see("compose")
	w.isOn(".feed", "in the chat")
	w.save("walk-15-end")
}
