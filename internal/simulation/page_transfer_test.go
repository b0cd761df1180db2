package simulation

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// choose picks an option of a select.
func (w *window) choose(name, value string) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s offers %s", name, value), fmt.Sprintf(`(() => {
		const select = document.querySelector(%q);
		if (![...(select?.options ?? [])].some((option) => option.value === %[2]q)) return false;
		select.value = %[2]q;
		for (const type of ["input", "change"]) select.dispatchEvent(new Event(type, { bubbles: true }));
		return true;
	})()`, id(name), value))
}

// newest is the number of the last card of a kind in the chat, such as transfer-123.
func (w *window) newest(kind string) string {
	w.t.Helper()
	found := w.read("a "+kind, fmt.Sprintf(
		`[...document.querySelectorAll("[data-testid]")].map(e => e.dataset.testid).filter(id => /^%s-\d+$/.test(id)).at(-1)`, kind))
	return strings.TrimPrefix(found, kind+"-")
}

// stands waits until a card is in a state.
func (w *window) stands(card, state string) {
	w.t.Helper()
	w.until(card+" is "+state, fmt.Sprintf("document.querySelector(%q)?.dataset.standing === %q", id(card), state))
}

// gone waits until nothing of that name can be seen.
func (w *window) gone(name string) {
	w.t.Helper()
	w.until(name+" is gone", fmt.Sprintf("[...document.querySelectorAll(%q)].every(e => !e.checkVisibility())",
		id(name)))
}

// offer transfers money from the chat that is shown, and returns the transfer's number.
func (w *window) offer(to, amount, note, arrives string) string {
	w.t.Helper()
	before := ask[int](w, `document.querySelectorAll(".item").length`)
	w.click("transfer-new")
	if to != "" {
		w.choose("transfer-to", to)
	} else {
		before++ // in the conversation already: the new card is one more
	}
	w.enter("transfer-amount", amount)
	w.enter("transfer-note", note)
	w.click("transfer-arrives-" + arrives)
	w.click("transfer-send")
	w.gone("transfer-send")
	if to == "" {
		w.until("the card", fmt.Sprintf(`document.querySelectorAll(".item").length >= %d`, before))
	}
	return w.newest("transfer")
}

// heed follows the first message whose test id begins with something as soon as it is there, and keeps what it said: on
// a busy machine, messages go before a test looks.
func (w *window) heed(beginning string) {
	w.t.Helper()
	ask[bool](w, fmt.Sprintf(`(() => {
		window.heeded = { name: "", text: "" };
		new MutationObserver((_, observer) => {
			const message = document.querySelector('.toast[data-testid^=%q]');
			if (!message) return;
			observer.disconnect();
			window.heeded = { name: message.dataset.testid, text: message.innerText };
			message.querySelector(".toast-action").click();
		}).observe(document.body, { childList: true, subtree: true });
		return true;
	})()`, beginning))
}

// balanceOf is what somebody can spend now.
func (u *up) balanceOf(user, currency string) int64 {
	u.t.Helper()
	var answer struct {
		Balances []struct {
			Currency string
			Amount   int64
		}
	}
	u.must(http.MethodGet, "/v1/wallet", u.token(user, "user"), nil, &answer)
	for _, b := range answer.Balances {
		if b.Currency == currency {
			return b.Amount
		}
	}
	return 0
}

// family is three people in a group with 520.00 each.
func (u *up) family() {
	u.t.Helper()
	names := []string{"alice", "bob", "carol"}
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"),
		map[string]any{"group_id": "family", "members": names}, nil)
	for _, name := range names {
		u.must(http.MethodPost, "/v1/wallet/topups", u.token(name, "user"),
			map[string]any{"request_id": "fund", "amount": 52_000, "currency": "CNY"}, nil)
	}
}

func (u *up) audit() {
	u.t.Helper()
	if output, exit := u.run("audit"); exit != 0 {
		u.t.Errorf("audit: exit %d\n%s", exit, output)
	}
}

// Both sides of a transfer see each of its steps, whoever takes it.
func TestTransferInTwoWindows(t *testing.T) {
	u := newUp(t)
	u.family()
	browser := newBrowser(t)
	alice, bob := openWindow(t, browser, u, "alice"), openWindow(t, browser, u, "bob")
	alice.shows("balance", "520.00")

	// Bob is looking at the group: a message leads him to the transfer.
	bob.heed("see-transfer-")
	first := alice.offer("bob", "25.5", "Movie tickets", "now")
	alice.shows("transfer-"+first, "Movie tickets")
	alice.stands("transfer-"+first, "offered")
	alice.see("recall-" + first)
	bob.until("the message", fmt.Sprintf(`heeded.name === "see-transfer-%s" && heeded.text.includes("25.50")`, first))
	bob.shows("transfer-"+first, "Movie tickets")
	bob.click("accept-" + first)
	for _, w := range []*window{alice, bob} {
		w.stands("transfer-"+first, "arrived")
		w.gone("accept-" + first)
		w.gone("recall-" + first)
	}
	alice.shows("balance", "494.50")
	bob.shows("balance", "545.50")

	second := alice.offer("", "8.88", "for luck", "now")
	bob.click("decline-" + second)
	for _, w := range []*window{alice, bob} {
		w.stands("transfer-"+second, "declined")
	}
	alice.shows("balance", "494.50")

	// One that arrives later can be called back after it was accepted.
	third := alice.offer("", "5", "lunch", "2h")
	alice.shows("balance", "489.50")
	bob.click("accept-" + third)
	for _, w := range []*window{alice, bob} {
		w.stands("transfer-"+third, "accepted")
	}
	screenshot(t, alice, bob)
	alice.click("recall-" + third)
	for _, w := range []*window{alice, bob} {
		w.stands("transfer-"+third, "recalled")
	}
	alice.shows("balance", "494.50")

	// The list of chats has the conversation, and a reload keeps it.
	bob.click("back")
	bob.click("person-chat-alice")
	bob.do("reload", chromedp.Reload())
	for card, state := range map[string]string{first: "arrived", second: "declined", third: "recalled"} {
		bob.stands("transfer-"+card, state)
	}

	// More than one has cannot be sent, and the form leads to more.
	bob.click("transfer-new")
	bob.enter("transfer-amount", "10000")
	bob.until("the form cannot be sent", fmt.Sprintf("document.querySelector(%q).disabled", id("transfer-send")))
	bob.click("form-topup")
	bob.see("topup-send")
	if got := u.balanceOf("bob", "CNY"); got != 54_550 {
		t.Errorf("bob has %d", got)
	}
	u.audit()
}

// A bill is shared, paid by two in windows of their own, and everybody sees how far it is.
func TestCollectionInThreeWindows(t *testing.T) {
	u := newUp(t)
	u.family()
	browser := newBrowser(t)
	alice, bob, carol := openWindow(t, browser, u, "alice"), openWindow(t, browser, u, "bob"), openWindow(t, browser, u,
		"carol")
	all := []*window{alice, bob, carol}

	alice.click("collect-new")
	alice.enter("collect-total", "100.01")
	alice.enter("collect-note", "Dinner")
	alice.shows("collect-part-alice", "33.34")
	alice.shows("collect-part-carol", "33.33")
	alice.click("collect-remainder-collector")
	alice.shows("collect-part-alice", "33.35")
	alice.shows("collect-part-bob", "33.33")
	alice.click("collect-send")
	bill := alice.newest("collection")
	for _, w := range all {
		w.shows("collection-"+bill, "Dinner")
		w.shows("collection-"+bill, "0 of 2 paid")
	}
	alice.gone("pay-" + bill)
	bob.click("pay-" + bill)
	for _, w := range all {
		w.shows("collection-"+bill, "1 of 2 paid")
	}
	bob.stands("collection-"+bill, "paid")
	bob.shows("balance", "486.67")
	carol.shows("pay-"+bill, "33.33")

	// Who has paid, live.
	alice.clickOn(id("collection-"+bill) + " .ticket-main")
	alice.shows("part-bob", "paid")
	alice.shows("part-carol", "not yet")
	carol.click("pay-" + bill)
	alice.shows("part-carol", "33.33")
	alice.until("carol has paid", fmt.Sprintf("document.querySelector(%q).classList.contains('part-paid')",
		id("part-carol")))
	alice.click("close")
	for _, w := range all {
		w.shows("collection-"+bill, "2 of 2 paid")
	}
	alice.stands("collection-"+bill, "complete")
	alice.gone("close-" + bill)
	alice.shows("balance", "586.66")

	// Another, per person, ends before everybody has paid.
	bob.click("collect-new")
	bob.click("collect-kind-per_person")
	bob.enter("collect-ask-alice", "20")
	bob.enter("collect-ask-carol", "12.34")
	bob.enter("collect-note", "Present")
	bob.click("collect-send")
	bob.gone("collect-send")
	alice.until("the second bill", `document.querySelectorAll(".collection").length === 2`)
	present := alice.newest("collection")
	alice.click("pay-" + present)
	bob.shows("collection-"+present, "1 of 2 paid")
	carol.see("pay-" + present)
	bob.click("close-" + present)
	for _, w := range all {
		w.shows("collection-"+present, "1 of 2 paid")
		w.gone("pay-" + present)
	}
	carol.stands("collection-"+present, "closed")
	alice.shows("balance", "566.66")

	// The statement says what the money was for, and with whom.
	alice.click("history")
	for _, text := range []string{"paid to Bob", "Present", "paid by Bob", "paid by Carol", "Dinner", "Topped up"} {
		alice.shows("history-list", text)
	}
	alice.click(alice.first("see-collection-"))
	alice.see("part-alice")
	alice.shows("part-carol", "12.34")
	alice.back()
	alice.gone("part-alice")
	file := alice.download("CNY")
	head, _, _ := strings.Cut(file, "\r\n")
	if !strings.HasPrefix(head, "\ufeff") || !strings.Contains(head, "Balance") {
		t.Errorf("a spreadsheet reads the head %q", head)
	}
	for _, text := range []string{"collection", "bob", "carol", "Dinner", "Present"} {
		if !strings.Contains(file, text) {
			t.Errorf("the file has no %s:\n%s", text, file)
		}
	}
	if lines := strings.Count(strings.TrimSpace(file), "\n"); lines != 4 { // under the head
		t.Errorf("the file has %d entries, want 4:\n%s", lines, file)
	}
	bob.shows("balance", "506.67") // what was paid has arrived
	for user, want := range map[string]int64{"alice": 56_666, "bob": 50_667, "carol": 48_667} {
		if got := u.balanceOf(user, "CNY"); got != want {
			t.Errorf("%s has %s, want %s", user, strconv.FormatInt(got, 10), strconv.FormatInt(want, 10))
		}
	}
	u.audit()
}

// download saves the statement that is shown and returns the file.
func (w *window) download(currency string) string {
	w.t.Helper()
	dir := w.t.TempDir()
	w.do("allow downloads", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
			BrowserContextID: chromedp.FromContext(w.ctx).BrowserContextID,
		})
		return err
	}))
	w.click("export")
	w.click("export-csv")
	deadline := time.Now().Add(pageTimeout)
	for {
		// it has another name until it is whole
		files, err := filepath.Glob(filepath.Join(dir, "statement-"+currency+"-*.csv"))
		if err != nil {
			w.t.Fatal(err)
		}
		if len(files) == 1 {
			text, err := os.ReadFile(files[0])
			if err != nil {
				w.t.Fatal(err)
			}
			return string(text)
		}
		if time.Now().After(deadline) {
			w.t.Fatal("nothing was saved")
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}
