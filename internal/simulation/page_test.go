package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/hongbao/hongbao/internal/devstack"
)

const (
	pageTimeout  = 60 * time.Second // for everything that one window does
	windowWidth  = 620
	windowHeight = 840

	clickAttempts = 3
)

// window is one person's browser window.
type window struct {
	t   *testing.T
	ctx context.Context
}

// openWindow opens the page as a person, in the one browser of the test, with storage of its own.
func openWindow(t *testing.T, browser context.Context, u *up, user string) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	w := &window{t: t, ctx: ctx}
	// The first action makes the tab, which would go with a context that ends.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(windowWidth, windowHeight)); err != nil {
		t.Fatal(err)
	}
	w.do("open as "+user, chromedp.Navigate(u.address()+"/?user="+user+"&group=family"))
	w.see("compose")
	return w
}

func (w *window) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, pageTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](w *window, expression string, options ...chromedp.EvaluateOption) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, pageTimeout)
	defer cancel()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		w.t.Fatalf("%s: %v", expression, err)
	}
	return answer
}

// until waits until a condition holds in the page.
func (w *window) until(what, condition string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, pageTimeout)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](condition,
		chromedp.WithPollingInterval(10*time.Millisecond))); err != nil {
		w.t.Fatalf("%s: %v\n%s", what, err, ask[string](w, "document.body.innerText"))
	}
}

func id(name string) string { return fmt.Sprintf("[data-testid=%q]", name) }

func element(name string) chromedp.CSS { return chromedp.CSS(id(name)) }

func (w *window) see(name string) {
	w.t.Helper()
	w.until("see "+name, visible(id(name)))
}

// visible is the condition that an element of a selector can be seen.
func visible(selector string) string {
	return fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.checkVisibility())", selector)
}

func (w *window) click(name string) {
	w.t.Helper()
	w.clickOn(id(name))
}

// clickOn clicks the first element of a selector that nothing covers any more, once it has stopped moving: rows that
// come in live push others down, and the opening animation is drawn over what it reveals. It clicks again where the
// page did not hear of it: on a busy machine Chrome loses a press now and then.
func (w *window) clickOn(selector string) {
	w.t.Helper()
	w.until("see "+selector, visible(selector))
	for range clickAttempts {
		w.until(selector+" can be clicked", fmt.Sprintf(`(() => {
			const element = document.querySelector(%[1]q);
			if (!element) return false;
			element.scrollIntoView({ block: "nearest" });
			const box = element.getBoundingClientRect();
			const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
			const at = element.contains(top) && JSON.stringify(box);
			const still = at && window.wasAt === at ? (window.stillFor ?? 0) + 1 : 0;
			Object.assign(window, { wasAt: at, stillFor: still });
			if (still < 5) return false;
			window.unheard = true;
			window.clickAt = [box.x + box.width / 2, box.y + box.height / 2];
			// On the document, because the page may draw the element anew between these lines and the click.
			const heard = (e) => e.target.closest?.(%[1]q) && delete window.unheard;
			document.addEventListener("click", heard, { capture: true, once: true });
			return true;
		})()`, selector))
		// At a place: an element that is drawn anew meanwhile is another one for Chrome.
		at := ask[[2]float64](w, "clickAt")
		w.do("click "+selector, chromedp.MouseClickXY(at[0], at[1]))
		if !ask[bool](w, `window.unheard === true`) {
			return
		}
		w.t.Logf("the page did not hear of a click on %s", selector)
	}
	w.t.Fatalf("%s cannot be clicked", selector)
}

// enter types into an empty field.
func (w *window) enter(name, text string) {
	w.t.Helper()
	w.focus(name)
	w.do("enter "+name, chromedp.KeyEvent(text))
}

// focus gives an element the focus. While a dialog closes, nothing behind it takes it.
func (w *window) focus(name string) {
	w.t.Helper()
	w.see(name)
	w.until(name+" has the focus", fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element?.focus();
		return element && document.activeElement === element;
	})()`, id(name)))
}

// shows waits until an element's text has something in it.
func (w *window) shows(name, text string) {
	w.t.Helper()
	w.until(name+" shows "+text, fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q))",
		id(name), text))
}

// card is the test id of the newest card in the chat.
func (w *window) card() string {
	w.t.Helper()
	return w.read("a card", `[...document.querySelectorAll('[data-testid^="card-"]')].at(-1)?.dataset.testid`)
}

// read waits until an expression is something, and returns it. The page may draw anew what it was read from.
func (w *window) read(what, expression string) string {
	w.t.Helper()
	w.until(what, "(window.wasRead = "+expression+") !== undefined")
	return ask[string](w, "wasRead")
}

// send sends a red envelope from the composer.
func (w *window) send(kind, total, count, greeting string) {
	w.t.Helper()
	w.click("compose")
	w.click("kind-" + kind)
	w.enter("total", total)
	if count != "" {
		w.enter("count", count)
	}
	w.enter("greeting", greeting)
	w.click("send")
}

// newBrowser is the one browser of all tests: windows have storage of their own, and end with their test.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	devstack.SkipInShort(t)
	ctx, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// endBrowser is what TestMain does with the browser, if a test needed it.
var endBrowser = func() {}

var chromium = sync.OnceValues(func() (context.Context, error) {
	if !haveBrowser() {
		return nil, errors.New("no Chromium or Chrome is installed: deploy/install-deps.sh --browser")
	}
	profile, err := os.MkdirTemp("", "hongbao-browser-*")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	endBrowser = func() {
		_ = chromedp.Cancel(ctx) // waits until it is gone, and its files with it
		cancel()
		_ = os.RemoveAll(profile)
	}
	return ctx, chromedp.Do(ctx)
})

func haveBrowser() bool {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// TestTwoWindows is what a new user does: two people in two windows, side by side. With HONGBAO_SCREENSHOT=file.png it
// leaves a picture of both, with HONGBAO_SCREENSHOT_FILM=file.gif a film of how an envelope is opened.
func TestTwoWindows(t *testing.T) {
	u := newUp(t)
	names := []string{"alice", "bob", "carol"}
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"),
		map[string]any{"group_id": "family", "members": names}, nil)
	for _, name := range names {
		u.must(http.MethodPost, "/v1/wallet/topups", u.token(name, "user"),
			map[string]any{"request_id": "fund", "amount": 52_000, "currency": "CNY"}, nil)
	}
	browser := newBrowser(t)
	alice, bob := openWindow(t, browser, u, "alice"), openWindow(t, browser, u, "bob")
	alice.shows("balance", "520.00")

	opening := record(t, alice, bob)
	alice.send("lucky", "8.88", "3", "恭喜发财，大吉大利")
	card := bob.card()
	bob.shows(card, "恭喜发财")
	opening.slow()
	bob.click(card)
	ask[bool](bob, `(() => {
		const usual = WebSocket.prototype.send;
		WebSocket.prototype.send = function (text) {
			window.grabSent ||= text.includes('"grab"');
			usual.call(this, text);
		};
		return true;
	})()`)
	bob.click("open")
	bob.shows("my-amount", ".") // ¥ and two decimals
	// On a busy machine, where the answer takes 4 s, a request follows.
	if !ask[bool](bob, "window.grabSent === true") {
		t.Error("bob did not grab over the connection that is open")
	}

	alice.see(card)
	alice.click(card)
	alice.click("open")
	alice.see("my-amount")
	alice.see("taken-bob")
	// Carol has no window: her grab reaches both over the live feed.
	u.must(http.MethodPost, "/v1/envelopes/"+strings.TrimPrefix(card, "card-")+"/grab", u.token("carol", "user"), nil,
		nil)
	for _, w := range []*window{alice, bob} {
		w.see("taken-carol")
		w.see("best")
	}
	screenshot(t, alice, bob)
	bob.click("thanks-boss")
	alice.shows("thanks", "Thank you!")
	opening.save()

	alice.click("verify")
	alice.see("verify-result")
	if ask[string](alice, fmt.Sprintf("document.querySelector(%q).dataset.ok", id("verify-result"))) != "true" {
		t.Error("the page finds the split unfair")
	}
	for _, w := range []*window{alice, bob} {
		w.click("close")
	}
	bob.shows("balance", "52") // 520.00 and what was won
	alice.enter("say", "See you on Sunday!\r")
	bob.until("what Alice says is there", `document.querySelector(".feed").innerText.includes("Sunday")`)
	bob.click("history")
	bob.shows("history-list", "恭喜发财")
	bob.click("history-received")
	// The year in which bob grabbed, where the browser is: the page begins with today's.
	var grabbed struct {
		Taken []struct {
			At int64 `json:"at"`
		} `json:"taken"`
	}
	u.must(http.MethodGet, "/v1/envelopes/"+strings.TrimPrefix(card, "card-"), u.token("bob", "user"), nil, &grabbed)
	year := ask[int](bob, fmt.Sprintf("new Date(%d).getFullYear()", grabbed.Taken[0].At))
	bob.choose("history-year", strconv.Itoa(year))
	bob.shows("year-totals", "1 received")
	bob.choose("history-year", strconv.Itoa(year-1))
	bob.shows("year-totals", fmt.Sprintf("%d: 0 received", year-1))
	bob.until("nothing of that year is listed", `document.querySelector("[data-testid=history-list] li") === null`)
	bob.choose("history-year", strconv.Itoa(year))
	bob.shows("year-totals", "1 received")
	bob.shows("history-list", "恭喜发财")
	bob.click("year-open")
	bob.shows("report", "fastest hand")
	bob.shows("report", "Most of all with")

	bob.offline()

	if output, exit := u.run("audit"); exit != 0 {
		t.Errorf("audit: exit %d\n%s", exit, output)
	}
	if output, exit := u.run("verify", strings.TrimPrefix(card, "card-"), "--as", "bob"); exit != 0 {
		t.Errorf("verify: exit %d\n%s", exit, output)
	}
}

// offline opens the page without a network and says so once, and finds everything when the network is back.
func (w *window) offline() {
	w.t.Helper()
	w.until("the page is kept", `navigator.serviceWorker.controller !== null`)
	setNetwork := func(offline bool) {
		w.t.Helper()
		unlimited := network.Conditions{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}
		rules := network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{&unlimited},
		}
		state := network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}
		w.do("change the network", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			if _, err := cdp.Call(ctx, t, network.EmulateNetworkConditionsByRule, rules); err != nil {
				return err
			}
			_, err := cdp.Call(ctx, t, network.OverrideNetworkState, state)
			return err
		}))
	}
	setNetwork(true)
	w.do("open again", chromedp.Reload())
	w.until("nothing is claimed that is not known",
		`document.querySelector("main")?.innerText.includes("as soon as there is a network")`)
	w.until("what is missing is said", `!navigator.onLine && document.querySelector(".bar").dataset.status !== "live"`)
	if toasts := ask[string](w, `[...document.querySelectorAll(".toast")].map((e) => e.innerText).join()`); toasts != "" {
		w.t.Errorf("that there is no network is said again: %s", toasts)
	}
	setNetwork(false)
	w.shows("balance", "52")
	w.until("the chat is there", `document.querySelector(".feed").innerText.includes("Sunday")`)
}

// screenshot puts the windows side by side into the file that HONGBAO_SCREENSHOT names, if it does.
func screenshot(t *testing.T, windows ...*window) {
	t.Helper()
	path := os.Getenv("HONGBAO_SCREENSHOT")
	if path == "" {
		return
	}
	const gap = 8
	whole := image.NewRGBA(image.Rect(0, 0, len(windows)*(windowWidth+gap)-gap, windowHeight))
	for i, w := range windows {
		w.until("the opening animation is over", "document.getAnimations().every(a => a.playState === 'finished')")
		data, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		draw.Draw(whole, picture.Bounds().Add(image.Pt(i*(windowWidth+gap), 0)), picture, image.Point{}, draw.Src)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, whole); err != nil {
		t.Fatal(err)
	}
}
