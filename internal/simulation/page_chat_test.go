package simulation

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// atEnd is true where the newest item of the chat is on the screen.
const atEnd = `(() => {
	const feed = document.querySelector(".feed");
	return feed.scrollHeight - feed.scrollTop - feed.clientHeight < 4;
})()`

// post calls the API as a user.
func (u *up) post(user, path string, body, answer any) {
	u.t.Helper()
	u.must(http.MethodPost, path, u.token(user, "user"), body, answer)
}

// What a reader of a chat may count on, in windows of both languages.
func TestChat(t *testing.T) {
	u := newUp(t)
	u.family()
	browser := newBrowser(t)
	alice, bob := openWindow(t, browser, u, "alice"), openWindow(t, browser, u, "bob")
	bob.click("lang")
	bob.until("the page is Chinese", `document.documentElement.lang === "zh-CN"`)

	t.Run("both see how many are here", func(t *testing.T) {
		alice.shows("here", "2 here")
		bob.shows("here", "2 人在线")
	})

	t.Run("each reads the usual greeting in the own language", func(t *testing.T) {
		alice.send("lucky", "1", "3", "")
		card := bob.card()
		alice.shows(card, "Best wishes!")
		bob.shows(card, "恭喜发财")
	})

	t.Run("what one says others read, and answer", func(t *testing.T) {
		alice.enter("say", "Hello <b>all</b>\r")
		hello := bob.first("message-")
		bob.shows(hello, "Hello <b>all</b>")
		const reply = `(document.querySelector(%q).parentElement.querySelector(".bubble-reply").click(), true)`
		ask[bool](bob, fmt.Sprintf(reply, id(hello)))
		bob.enter("say", "新年快乐\r")
		alice.until("the answer is there, with what it answers", `[...document.querySelectorAll(".bubble")].some((e) =>
			e.innerText.includes("新年快乐") && e.querySelector(".bubble-quote")?.innerText.includes("Hello"))`)
		alice.save("talk")
		bob.save("talk-zh")
	})

	t.Run("a name that one gives the group is read by all", func(t *testing.T) {
		bob.click("group-about")
		bob.enter("group-rename", "相亲相爱")
		bob.click("group-save")
		alice.until("the name is there", `document.querySelector(".chat-head h1").innerText === "相亲相爱"`)
	})

	t.Run("what was not read is counted in the title", func(t *testing.T) {
		u.post("carol", "/v1/messages", map[string]any{"request_id": "c", "to": "alice", "text": "在吗"}, nil)
		alice.until("one waits", `document.title.startsWith("(1) ")`)
		alice.click("toast-action")
		alice.shows(alice.first("message-"), "在吗")
		alice.until("nothing waits", `!document.title.startsWith("(")`)
		ask[bool](alice, `(history.back(), true)`)
		alice.see("group-about")
	})

	t.Run("signs need no font", func(t *testing.T) {
		bob.click(bob.card())
		bob.see("open")
		for _, name := range []string{"open", "lang"} {
			if text := ask[string](bob, fmt.Sprintf("document.querySelector(%q).innerText", id(name))); text != "" {
				t.Errorf("%s has the text %q", name, text)
			}
			bob.until(name+" is drawn", fmt.Sprintf("document.querySelector(%q).getBBox().width > 8", id(name)+" svg"))
		}
		bob.save("coin")
		bob.click("close")
		bob.gone("close")
	})

	t.Run("a cover without a coin shows what was in it", func(t *testing.T) {
		second := openWindow(t, browser, u, "bob")
		card := second.card()
		second.click(card)
		second.see("open")
		bob.click(card)
		bob.click("open")
		bob.see("my-amount")
		second.until("the cover is gone", `document.querySelector(".packet").dataset.stage === "result"`)
		second.see("my-amount")
		bob.click("thanks-boss")
		second.shows("thanks", "谢谢老板")
		alice.until("thanks are in the chat", `[...document.querySelectorAll(".bubble")].some((e) =>
			e.innerText.includes("谢谢老板"))`)
		bob.click("close")
	})

	t.Run("who reads the newest follows a burst", func(t *testing.T) {
		const burst = 25
		for i := range burst {
			u.post("bob", "/v1/envelopes", map[string]any{
				"request_id": fmt.Sprint("burst", i), "group_id": "family", "kind": "equal", "total": 3, "count": 3,
				"currency": "CNY", "greeting": fmt.Sprint("burst ", i),
			}, nil)
		}
		alice.until("all are there", fmt.Sprintf(`document.querySelectorAll(".card").length > %d`, burst))
		alice.until("the newest is on the screen", atEnd)
		hidden := `document.querySelector(".newer").checkVisibility() === false`
		alice.until("nothing newer is announced", hidden)

		// A smooth scroll that is still on its way may move the feed once more.
		alice.until("the feed rests at its beginning", `(() => {
			const feed = document.querySelector(".feed");
			const isThere = feed.scrollTop === 0;
			feed.scrollTo(0, 0);
			window.rested = isThere ? (window.rested ?? 0) + 1 : 0;
			return window.rested > 10;
		})()`)
		const endOfFirst = `document.querySelector(".feed .item").getBoundingClientRect().bottom`
		before := ask[float64](alice, endOfFirst)
		u.post("bob", "/v1/envelopes", map[string]any{
			"request_id": "one-more", "group_id": "family", "kind": "equal", "total": 3, "count": 3, "currency": "CNY",
		}, nil)
		alice.until("the newer one is announced beside the feed, in one line", `(() => {
			const newer = document.querySelector(".newer"), feed = document.querySelector(".feed");
			const box = newer.getBoundingClientRect();
			return newer.checkVisibility() && box.height < 50 && box.top >= feed.getBoundingClientRect().bottom;
		})()`)
		if moved := ask[float64](alice, endOfFirst) - before; math.Abs(moved) > 4 {
			t.Errorf("the feed left the place where it was read, by %v px", moved)
		}
		ask[bool](alice, `(document.querySelector(".newer").click(), true)`)
		alice.until("the newest is on the screen", atEnd)
	})

	t.Run("more than one has cannot be sent, and there is a way to get more", func(t *testing.T) {
		for _, form := range []struct{ open, amount, send, short string }{
			{"compose", "total", "send", "9999"}, {"transfer-new", "transfer-amount", "transfer-send", "19999"},
		} {
			disabled := fmt.Sprintf("document.querySelector(%q).disabled", id(form.send))
			bob.click(form.open)
			bob.enter(form.amount, form.short)
			bob.until(form.send+" cannot be pressed", disabled)
			bob.save("short-" + form.open)
			bob.click("form-topup")
			bob.retype("topup-amount", "10000")
			bob.click("topup-send")
			bob.gone("topup-send")
			bob.until(form.send+" can be pressed", "!"+disabled)
			bob.retype(form.amount, "99999")
			bob.until(form.send+" cannot be pressed", disabled)
			bob.click("close")
			bob.gone("close")
		}
	})

	t.Run("refusals are in the language of the page", func(t *testing.T) {
		var bill struct {
			ID string `json:"id"`
		}
		u.post("alice", "/v1/collections", map[string]any{
			"request_id": "bill", "group_id": "family", "kind": "per_person", "currency": "USD", "note": "…",
			"asks": []map[string]any{{"user_id": "bob", "amount": 5}},
		}, &bill)
		bob.click("pay-" + bill.ID)
		bob.until("the refusal", fmt.Sprintf(`(() => {
			const text = [...document.querySelectorAll(%q)].map((e) => e.innerText).find((t) => t.includes("余额不足"));
			window.refusal = text; // read now: a message goes by itself
			return text !== undefined;
		})()`, id("toast")))
		text := ask[string](bob, "refusal")
		if strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz") {
			t.Errorf("the Chinese page says %q", text)
		}
	})
	// Whoever is one of the tour's people has two others there; the next tour takes him along.
	for _, user := range []string{"xiaoming", "zed"} {
		people := map[string]int{"xiaoming": 3, "zed": 4}[user]
		t.Run("the tour shows everything in one window, to "+user, func(t *testing.T) {
			ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
			t.Cleanup(cancel)
			w := &window{t: t, ctx: ctx}
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(windowWidth, windowHeight)); err != nil {
				t.Fatal(err)
			}
			w.do("open as somebody new", chromedp.Navigate(u.address()+"/?user="+user))
			w.click("tour")
			w.click(w.card())
			w.click("open")
			w.see("my-amount")
			w.until("the others open it too",
				fmt.Sprintf("document.querySelectorAll('.taken > li').length === %d", people))
		})
	}
	t.Run("a new user needs no mouse", func(t *testing.T) { keyboardAlone(t, u) })
	u.audit()
}
