package simulation

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// viewsWorld is a family in which something of everything has happened.
func viewsWorld(u *up) (door string, envelope string) {
	u.t.Helper()
	u.family()
	shop := newCoverShop(u)
	door = shop.link("door", nil)
	for _, user := range []string{"alice", "bob"} {
		u.post(user, "/v1/covers/claim", map[string]any{"code": door}, nil)
	}
	u.post("bob", "/v1/messages", map[string]any{"request_id": "m1", "group_id": "family", "text": "新年快乐 🎉"}, nil)
	u.post("alice", "/v1/messages", map[string]any{
		"request_id": "m2", "group_id": "family", "text": "Happy new year! Dinner is at seven.",
	}, nil)
	u.post("bob", "/v1/collections", map[string]any{
		"request_id": "bill", "group_id": "family", "kind": "even", "total": 10_002, "currency": "CNY",
		"note": "Dinner", "participants": []string{"alice", "bob", "carol"}, "remainder": "members",
	}, nil)
	u.post("bob", "/v1/transfers", map[string]any{
		"request_id": "taxi", "to": "alice", "amount": 2550, "currency": "CNY", "note": "for the taxi",
		"arrives_in": "now",
	}, nil)
	send := func(user, greeting, cover string, total, count int) string {
		body := map[string]any{
			"request_id": fmt.Sprint("envelope", total), "group_id": "family", "kind": "equal", "total": total,
			"count": count, "currency": "CNY", "greeting": greeting,
		}
		if cover != "" {
			body["cover_id"] = cover
		}
		var made struct{ ID string }
		u.post(user, "/v1/envelopes", body, &made)
		return made.ID
	}
	first := send("bob", "恭喜发财", shop.cover, 888, 3)
	u.post("alice", "/v1/envelopes/"+first+"/grab", nil, nil)
	mine := send("alice", "", "", 600, 2)
	u.post("bob", "/v1/envelopes/"+mine+"/grab", nil, nil)
	u.post("bob", "/v1/messages", map[string]any{
		"request_id": "m3", "group_id": "family", "text": "Thank you!", "about": mine,
	}, nil)
	return door, send("bob", "万事如意", "", 1776, 2)
}

// Every view of the chat page and of a code's page fits phones and desktops, and breaks no rule of axe-core: on a phone
// by night in English, on a desktop by day in Chinese. The gallery has each view in both, the suite in one of them. The
// smallest phones with the longest names are another test.
func TestEveryView(t *testing.T) {
	rules, err := os.ReadFile(axePath)
	if err != nil {
		t.Fatalf("axe-core is not installed: make page-modules (%v)", err)
	}
	u := newUp(t)
	door, envelope := viewsWorld(u)
	openWindow(t, newBrowser(t), u, "bob") // so that somebody else is here
	card := "card-" + envelope
	opens := func(names ...string) func(*window) {
		return func(w *window) {
			for _, name := range names {
				w.click(name)
			}
		}
	}
	within := func(name string, then ...string) func(*window) {
		return func(w *window) {
			for _, step := range then {
				w.click(step)
			}
			w.see(name)
		}
	}
	// What was there before has to come in first.
	list := func(names ...string) func(*window) {
		return func(w *window) {
			w.see(card)
			w.click("back")
			for i, name := range names {
				w.see(name)
				if i < len(names)-1 {
					w.click(name)
				}
			}
		}
	}
	const me, family = "/?user=alice", "/?user=alice&group=family"
	// Those that TestLongestNamesFitTheSmallestScreens asks the rules about are only for the gallery.
	views := []struct {
		name, address string
		open          func(*window)
		elsewhere     bool
	}{
		{"login", "/", within("user-input"), false},
		{"welcome", "/?user=dave", within("tour"), false},
		{"chats", family, list("group-family"), false},
		{"chat", family, within("here"), false},
		{"person", me + "&with=bob", within("transfer-new"), true},
		{"group", family, opens("group-about"), false},
		{"new group", family, list("group-new", "group-create"), false},
		{"me", family, opens("me"), true},
		{"send", family, opens("compose"), true},
		{"transfer", family, opens("transfer-new"), true},
		{"bill form", family, opens("collect-new"), true},
		{"top-up", family, opens("topup"), true},
		{"coin", family, within("open", card), true},
		{"packet", family, within("taken-summary", card, "see"), true},
		{"bill", family, func(w *window) {
			w.clickOn(".collection .ticket-main")
			w.see("part-bob")
		}, false},
		{"statement", family, opens("history"), true},
		{"sent", family, func(w *window) {
			within("year-totals", "history", "history-sent")(w)
			w.until("the total", `document.querySelector("[data-testid=year-totals]").innerText !== ""`)
		}, false},
		{"received", family, func(w *window) {
			within("year-totals", "history", "history-received")(w)
			w.until("the total", `document.querySelector("[data-testid=year-totals]").innerText !== ""`)
		}, false},
		{"year", family, func(w *window) {
			within("report", "history", "year-open")(w)
			w.until("the cards", `document.querySelectorAll(".report-card").length > 3`)
		}, false},
		{"year most", family, func(w *window) {
			within("report", "history", "year-open")(w)
			w.until("the last card", `(() => {
				const cards = document.querySelectorAll(".report-card");
				if (cards.length < 4) return false;
				document.querySelector(".report").scrollTo({ left: 1e6, behavior: "instant" });
				return true;
			})()`)
		}, true},
		{"covers", family, within("covers-list", "history", "my-covers"), false},
		{"code", "/c/" + door + "?user=carol", within("claim-go"), false},
	}
	g := newGallery(t)
	halves := []struct {
		lang, look string
		width      int64
	}{{"en", "dark", 390}, {"zh", "light", consoleWidth}}
	for half, screen := range halves {
		t.Run(screen.lang, func(t *testing.T) {
			w := u.open(newBrowser(t), "/", 390, windowHeight)
			w.t, g.t = t, t
			g.freeze(w)
			ask[bool](w, fmt.Sprintf(`localStorage.setItem("hongbao.lang", %q) ?? true`, screen.lang))
			for i, v := range views {
				if g.folder == "" && (v.elsewhere || i%len(halves) != half) {
					continue
				}
				w.do("a phone", chromedp.EmulateViewport(390, windowHeight))
				ask[bool](w, `sessionStorage.clear() ?? true`)
				w.do("open "+v.name, chromedp.Navigate(u.address()+v.address))
				v.open(w)
				w.until("the animations of "+v.name+" end", settled)
				if strings.HasPrefix(v.address, "/c/") {
					w.until("the cover is there", `[...document.images].every((i) => i.complete)`)
				}
				ask[string](w, fmt.Sprintf("document.documentElement.dataset.look = %q", screen.look))
				for _, width := range galleryWidths {
					w.do("resize", chromedp.EmulateViewport(width, windowHeight))
					if wide := ask[int64](w, "document.documentElement.scrollWidth"); wide > width {
						t.Errorf("%s at %d is %d wide", v.name, width, wide)
					}
				}
				w.do("resize", chromedp.EmulateViewport(screen.width, windowHeight))
				w.until("the animations of "+v.name+" end", settled)
				ask[bool](w, string(rules)+"; true")
				for _, wrong := range ask[[]string](w, axe, chromedp.EvalAwaitPromise) {
					t.Errorf("%s: %s", v.name, wrong)
				}
				g.take(w, v.name)
			}
		})
	}
	g.t = t
	g.save("")
}
