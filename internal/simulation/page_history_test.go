package simulation

import (
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// back goes back as the browser's button and a phone's gesture do.
func (w *window) back() {
	w.t.Helper()
	ask[bool](w, "history.back() ?? true")
}

func (w *window) escape() {
	w.t.Helper()
	w.do("press Escape", chromedp.KeyEvent(kb.Escape))
}

func (w *window) holds(name, value string) {
	w.t.Helper()
	w.until(name+" holds "+value, `document.querySelector('`+id(name)+`')?.value === "`+value+`"`)
}

// backBeforeAllIsRead goes to the list while the window still reads what it begins with, and stays there.
func (w *window) backBeforeAllIsRead() {
	w.t.Helper()
	late := page.AddScriptToEvaluateOnNewDocumentParams{Source: `(() => {
		const usual = fetch;
		const isLate = (of) => of.endsWith("/v1/wallet");
		const released = new Promise((release) => (window.release = release));
		window.fetch = (of, options) => isLate(of) ? released.then(() => usual(of, options)) : usual(of, options);
	})()`}
	script, err := chromedp.Call(w.ctx, page.AddScriptToEvaluateOnNewDocument, late)
	if err != nil {
		w.t.Fatal(err)
	}
	w.do("open again", chromedp.Reload())
	w.click("back")
	ask[bool](w, "release() ?? true")
	w.until("all is read", `performance.getEntriesByType("resource").some((e) => e.name.includes("/v1/me/envelopes"))`)
	if screen := ask[string](w, `document.querySelector(".app").dataset.screen`); screen != "list" {
		w.t.Errorf("who went to the list is at the %s", screen)
	}
	remove := page.RemoveScriptToEvaluateOnNewDocumentParams(script)
	if _, err := chromedp.Call(w.ctx, page.RemoveScriptToEvaluateOnNewDocument, remove); err != nil {
		w.t.Fatal(err)
	}
}

// Going back closes the dialog that is open and leaves the page beneath as it is; however a form was closed, what was
// typed there is there again, until it was sent.
func TestBackClosesDialogsAndFormsKeepTheirDrafts(t *testing.T) {
	u := newUp(t)
	u.family()
	w := openWindow(t, newBrowser(t), u, "alice")
	w.backBeforeAllIsRead()
	w.click("group-family")
	address := ask[string](w, "location.href")
	stays := func() {
		t.Helper()
		w.gone("close")
		w.see("compose")
		w.until("the address is as before", "location.href === '"+address+"'")
		w.until("the step of the dialog is over", "!history.state?.step")
	}
	for _, dialog := range []string{"compose", "history", "topup"} {
		w.click(dialog)
		w.see("close")
		w.back()
		stays()
	}

	w.click("compose")
	w.click("kind-equal")
	w.enter("total", "12.34")
	w.enter("greeting", "not yet")
	w.escape()
	stays()
	w.click("compose")
	w.holds("total", "12.34")
	w.holds("greeting", "not yet")
	w.until("the kind is kept", `document.querySelector('`+id("kind-equal")+` input').checked`)
	w.enter("count", "2")
	w.back()
	stays()
	w.click("compose")
	w.holds("count", "2")
	w.click("send")
	w.gone("send")
	w.shows(w.card(), "not yet")
	w.click("compose")
	w.holds("total", "")
	w.click("close")
	stays()

	w.click("collect-new")
	w.click("collect-kind-per_person")
	w.enter("collect-ask-carol", "7")
	w.escape()
	stays()
	w.click("collect-new")
	w.holds("collect-ask-carol", "7")
	w.click("close")
	stays()

	// A transfer leads to the conversation; from there one step leads back to the group, another to the list.
	w.offer("bob", "1", "lunch", "now")
	w.until("the conversation", `location.search.includes("with=bob")`)
	w.back()
	stays()
	w.back()
	w.until("the list", `document.querySelector(".app").dataset.screen === "list"`)
	if got := u.balanceOf("alice", "CNY"); got != 52_000-1234-100 {
		t.Errorf("alice has %d: something was sent twice or not at all", got)
	}
}
