package simulation

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// screens are the smallest phones that are still in use, upright and lying. The rules of axe-core are slow, so they are
// asked once in each language, by day in one and by night in the other.
var screens = []struct {
	width, height int64
	lang, look    string
	axe           bool
}{
	{320, 568, "en", "light", false}, {320, 568, "zh", "dark", true}, {390, 844, "en", "light", true},
	{568, 320, "zh", "light", false}, {844, 390, "en", "dark", false},
}

// outside names what is wider than the screen, scrolls sideways, or lies beyond an edge where nobody can tap it.
const outside = `(() => {
	const wrong = [];
	const name = (e) => e.dataset.testid || e.tagName.toLowerCase() + "." + e.className;
	const { scrollWidth } = document.documentElement;
	if (scrollWidth > innerWidth) wrong.push("the page is " + scrollWidth);
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("svg, .spoken, .sparks, .cover, .result-top")) continue;
		if (!e.checkVisibility({ visibilityProperty: true })) continue;
		const box = e.getBoundingClientRect();
		const clipped = e.closest(".spoken, input, option, .faces");
		if (box.width && !clipped && (box.left < -0.5 || box.right > innerWidth + 0.5)) {
			wrong.push(name(e) + " from " + Math.round(box.left) + " to " + Math.round(box.right));
		}
		const style = getComputedStyle(e);
		if (/auto|scroll/.test(style.overflowX) && e.scrollWidth > e.clientWidth && e.tagName !== "TEXTAREA") {
			wrong.push(name(e) + " scrolls sideways: " + e.scrollWidth + " in " + e.clientWidth);
		}
	}
	return wrong.slice(0, 5);
})()`

// covered names what of the cover lies outside the packet or over something else.
const covered = `(() => {
	const wrong = [];
	const box = (selector) => document.querySelector(selector).getBoundingClientRect();
	const packet = box(".packet"), coin = box(".coin"), see = box(".cover-see");
	const texts = [".cover .packet-from", ".cover-greeting"].map((selector) => [selector, box(selector)]);
	const screen = { top: 0, left: 0, bottom: innerHeight, right: innerWidth };
	const within = (a, b) => a.top >= b.top && a.bottom <= b.bottom && a.left >= b.left && a.right <= b.right;
	const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
	for (const [name, b] of [["coin", coin], ["see", see], ...texts]) {
		if (!within(b, packet)) wrong.push(name + " is cut off");
		if (!within(b, screen)) wrong.push(name + " is off the screen");
		if (name !== "coin" && over(b, coin)) wrong.push("the coin covers " + name);
	}
	const close = box(".packet-close");
	for (const [name, b] of texts) if (over(b, close)) wrong.push("the close button covers " + name);
	const at = (b) => document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);
	if (!at(coin)?.closest(".coin")) wrong.push("the coin cannot be tapped");
	if (!at(see)?.closest(".cover-see")) wrong.push("the way past the coin cannot be tapped");
	return wrong;
})()`

// The longest names and greetings that the server accepts fit the smallest screens, and the coin can be reached there.
func TestLongestNamesFitTheSmallestScreens(t *testing.T) {
	u := newUp(t, "--daily-limit", "0")
	long := func(name, letters string) string { return (name + "-" + strings.Repeat(letters, 64))[:64] }
	group, me, sender := long("family", "x"), long("alice", "W"), long("bob", "mW")
	members := []string{me, sender, long("carol", "i"), long("dave", "W.W"), "erin"}
	post := func(user, path string, body map[string]any, answer any) {
		t.Helper()
		u.must(http.MethodPost, path, u.token(user, "user"), body, answer)
	}
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"),
		map[string]any{"group_id": group, "members": members}, nil)
	for _, name := range []string{me, sender} {
		for _, currency := range []string{"CNY", "KWD", "USD"} {
			post(name, "/v1/wallet/topups",
				map[string]any{"request_id": "fund" + currency, "amount": 9_876_543_210, "currency": currency}, nil)
		}
	}
	text := strings.Repeat("恭喜发财大吉大利", 12) + "福福福福"
	word := strings.Repeat("W", 100)
	post(sender, "/v1/transfers", map[string]any{
		"request_id": "transfer", "to": me, "amount": 876_543_210, "currency": "CNY", "note": word, "arrives_in": "24h",
	}, nil)
	post(sender, "/v1/collections", map[string]any{
		"request_id": "bill", "group_id": group, "kind": "even", "total": 876_543_210, "currency": "CNY", "note": word,
		"participants": members, "remainder": "members",
	}, nil)
	post(sender, "/v1/envelopes", map[string]any{
		"request_id": "word", "group_id": group, "kind": "exclusive", "to": "erin", "total": 100, "count": 1,
		"currency": "CNY", "greeting": word,
	}, nil)
	var card struct {
		ID string `json:"id"`
	}
	post(sender, "/v1/envelopes", map[string]any{
		"request_id": "text", "group_id": group, "kind": "lucky", "total": 8_000, "count": 4, "currency": "CNY",
		"greeting": text,
	}, &card)

	browser := newBrowser(t)
	rules, err := os.ReadFile(axePath)
	if err != nil {
		t.Fatalf("axe-core is not installed: make page-modules (%v)", err)
	}
	for _, screen := range screens {
		lang := screen.lang
		t.Run(fmt.Sprintf("%dx%d %s", screen.width, screen.height, lang), func(t *testing.T) {
			ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
			t.Cleanup(cancel)
			w := &window{t: t, ctx: ctx}
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(screen.width, screen.height)); err != nil {
				t.Fatal(err)
			}
			w.do("open", chromedp.Navigate(u.address()+"/?user="+me+"&group="+group))
			w.see("compose")
			if !strings.HasPrefix(ask[string](w, "document.documentElement.lang"), lang) {
				w.click("lang")
			}
			w.see("card-" + card.ID)
			w.click("me")
			w.click("look-" + screen.look)
			w.click("close")
			w.gone("close")
			name := fmt.Sprintf("%d-%s-", screen.width, lang)
			fits := func(view string) {
				t.Helper()
				w.until("the animations of "+view+" end", settled)
				w.save(name + view)
				for _, wrong := range ask[[]string](w, outside) {
					t.Errorf("%s: %s", view, wrong)
				}
				if !screen.axe {
					return
				}
				ask[bool](w, string(rules)+"; true")
				for _, wrong := range ask[[]string](w, axe, chromedp.EvalAwaitPromise) {
					t.Errorf("%s: %s", view, wrong)
				}
			}
			fits("chat")
			post(sender, "/v1/transfers", map[string]any{
				"request_id": "notice-" + name, "to": me, "amount": 876_543_210, "currency": "CNY", "note": word,
				"arrives_in": "24h",
			}, nil)
			w.until("the notice of a transfer", `document.querySelector(".toast") !== null`)
			fits("notice")
			for _, sheet := range []string{"me", "compose", "transfer-new", "collect-new", "history", "topup"} {
				w.click(sheet)
				w.see("close")
				fits(sheet)
				w.click("close")
				w.gone("close")
			}
			w.click("card-" + card.ID)
			w.see("open")
			fits("cover")
			for _, wrong := range ask[[]string](w, covered) {
				t.Error(wrong)
			}
			w.click("see")
			w.see("taken-summary")
			fits("result")
			w.click("close")
			// Closing goes back in the history, which would stop a navigation that had begun.
			w.until("the step of the dialog is over", `!history.state?.step`)
			w.do("go to the conversation", chromedp.Navigate(u.address()+"/?user="+me+"&with="+sender))
			w.until("the transfer", `document.querySelector(".ticket") !== null`)
			fits("person")
			if ask[bool](w, `getComputedStyle(document.querySelector(".chat-head .back")).display !== "none"`) {
				w.click("back")
				fits("chats")
			}
		})
	}
}

// settled is true once nothing moves but what moves for ever.
const settled = `document.getAnimations().every((a) =>
	a.playState !== "running" || a.effect.getComputedTiming().iterations === Infinity)`

// save keeps a picture of the window in the folder that HONGBAO_SCREENSHOTS names, if it does.
func (w *window) save(name string) {
	w.t.Helper()
	folder := os.Getenv("HONGBAO_SCREENSHOTS")
	if folder == "" {
		return
	}
	data, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), data, 0o644); err != nil {
		w.t.Fatal(err)
	}
}
