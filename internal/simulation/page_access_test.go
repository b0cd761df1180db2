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

// axePath is where npm puts axe-core, the rules of which stand for WCAG 2.2: see handler/web/package.json.
var axePath = filepath.Join("..", "..", "handler", "web", "node_modules", "axe-core", "axe.min.js")

// axe names what the rules of axe-core find wrong with what a window shows.
const axe = `axe.run({ resultTypes: ["violations"] }).then((found) => found.violations.map((v) =>
	v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")))`

// sideways names what is wider than a console's window: the page, its views, panels and sheets, and what in them
// reaches furthest. Sections scroll on a phone, on purpose.
const sideways = `[...document.querySelectorAll("html, .console-main, .panel, .sheet, .sheet-body, .login")]
	.filter((e) => e.scrollWidth > e.clientWidth + 1)
	.map((e) => {
		const right = (of) => of.getBoundingClientRect().right;
		const furthest = [...e.querySelectorAll("*")].sort((a, b) => right(b) - right(a))[0];
		const named = (furthest?.dataset.testid ?? "") + "." + furthest?.className;
		return (e.className || e.tagName) + ": " + e.scrollWidth + " in " + e.clientWidth + ", for " + named;
	})`

// consoles is an installation with a merchant that has some of everything, and a browser.
type consoles struct {
	*up
	merchant, hook, cover string
	rules                 string
}

func newConsoles(t *testing.T) *consoles {
	t.Helper()
	rules, err := os.ReadFile(axePath)
	if err != nil {
		t.Fatalf("axe-core is not installed: make page-modules (%v)", err)
	}
	u := newUp(t, "--webhook-allow-private", "--risk-rules", reviewsEnvelopes(t))
	c := &consoles{up: u, rules: string(rules)}
	server := newShop(t, http.StatusInternalServerError)
	token := c.token("alice", "user")
	made := func(path string, body map[string]any) string {
		t.Helper()
		var answer struct{ ID string }
		body["request_id"] = strings.ReplaceAll(path, "/", "-")[max(0, len(path)-40):]
		c.must(http.MethodPost, path, token, body, &answer)
		return answer.ID
	}
	application := map[string]any{
		"name": strings.Repeat("王", 60), "legal_id": strings.Repeat("9", 40), "country": "CN", "mcc": "5812",
		"contact": strings.Repeat("a", 108) + "@example.org", "currencies": []string{"CNY", "JPY", "USD"},
	}
	c.merchant = made("/v1/merchants", application)
	of := "/v1/merchants/" + c.merchant
	c.must(http.MethodPost, "/v1/operator/merchants/"+c.merchant+"/decide", c.operatorToken(), map[string]any{
		"request_id": "decide", "decision": "approve", "reason": strings.Repeat("W", 300),
	}, nil)
	made(of+"/keys", map[string]any{
		"mode": "test", "name": strings.Repeat("k", 40), "permissions": []string{"wallet_read", "webhook_manage"},
		"allowed": []string{"203.0.113.0/24", "2001:db8::/32"}, "expires_at": 4_000_000_000_000,
	})
	made(of+"/topups", map[string]any{"mode": "test", "wallet": "available", "amount": 1 << 40, "currency": "CNY"})
	made(of+"/members", map[string]any{"user_id": strings.Repeat("m", 64), "role": "viewer"})
	c.hook = made(of+"/webhooks", map[string]any{
		"mode": "test", "url": server.URL + "/" + strings.Repeat("h", 200), "types": []string{"*"}, "asymmetric": true,
	})
	made(of+"/webhooks/"+c.hook+"/test", map[string]any{"mode": "test"})
	c.cover = made(of+"/covers", map[string]any{"mode": "test", "design": map[string]any{
		"name": strings.Repeat("马", 16), "face": c.upload(token, c.merchant, "test", face(t)), "opened": "",
		"pendant": "",
		"story":   []map[string]any{{"image": "", "text": strings.Repeat("W", 200)}},
		"colour":  "#c8432e", "accent": "#fbd97f", "greeting": strings.Repeat("W", 30),
	}})
	made(of+"/covers/"+c.cover+"/submit", map[string]any{})
	c.must(http.MethodPost, "/v1/operator/covers/"+c.cover+"/decide", c.operatorToken(), map[string]any{
		"request_id": "cover", "decision": "approve", "reason": "Good.",
	}, nil)
	made(of+"/covers/"+c.cover+"/stock", map[string]any{"pieces": 1000, "wallet": "available", "currency": "CNY"})
	made(of+"/covers/"+c.cover+"/channels", map[string]any{"kind": "link", "name": strings.Repeat("W", 40)})
	c.stopped(strings.Repeat("w", 64), 1<<40)
	return c
}

// Every view of the consoles fits phones and desktops, and breaks no rule of axe-core, in either language, by day and
// by night.
func TestConsolesFitAndAreAccessible(t *testing.T) {
	c := newConsoles(t)
	browser := newBrowser(t)
	merchant := func(view, more string) string {
		return fmt.Sprintf("/merchant?user=alice&merchant=%s&mode=test&view=%s%s", c.merchant, view, more)
	}
	operator := func(view, more string) string { return "/operator?view=" + view + more }
	attempts := func(w *window) { w.click(w.first("delivery-")); w.see("attempt-1") }
	opens := func(name string) func(*window) { return func(w *window) { w.click(name); w.see("close") } }
	views := []struct {
		name, address string
		open          func(*window)
	}{
		{"home", "/merchant?user=alice", nil},
		{"apply", "/merchant?user=alice&view=apply", nil},
		{"overview", merchant("overview", ""), nil},
		{"members", merchant("members", ""), nil},
		{"keys", merchant("keys", ""), nil},
		{"key form", merchant("keys", ""), opens("key-new")},
		{"wallets", merchant("wallets", ""), nil},
		{"top-up", merchant("wallets", ""), opens("topup")},
		{"webhooks", merchant("webhooks", ""), nil},
		{"webhook form", merchant("webhooks", ""), opens("webhook-new")},
		{"webhook", merchant("webhook", "&item="+c.hook), nil},
		{"attempts", merchant("webhook", "&item="+c.hook), attempts},
		{"covers", merchant("covers", ""), nil},
		{"cover", merchant("cover", "&item="+c.cover), nil},
		{"channel form", merchant("cover", "&item="+c.cover), opens("channel-new")},
		{"qr", merchant("cover", "&item="+c.cover), func(w *window) { w.click(w.first("qr-")); w.see("close") }},
		{"cover editor", merchant("cover-editor", ""), nil},
		{"events", merchant("events", ""), nil},
		{"limits", merchant("limits", ""), nil},
		{"queue", operator("queue", ""), nil},
		{"merchants", operator("merchants", ""), nil},
		{"merchant", operator("merchant", "&item="+c.merchant), nil},
		{"review", operator("covers", ""), nil},
		{"review of a cover", operator("cover", "&merchant="+c.merchant+"&item="+c.cover), nil},
		{"reports", operator("reports", ""), nil},
		{"stopped calls", operator("reviews", ""), nil},
		{"books", operator("books", ""), nil},
	}
	g := newGallery(t)
	// The rules are slow, so they are asked on a desktop by day in one language, on a phone by night in the other.
	for _, screen := range []struct {
		lang, look string
		width      int64
	}{{"en", "light", consoleWidth}, {"zh", "dark", 390}} {
		lang := screen.lang
		t.Run(lang, func(t *testing.T) {
			g.t = t
			alice, ops := c.consoleWindow(browser, "/merchant?user=alice"), c.operatorWindow(browser)
			for _, w := range []*window{alice, ops} {
				g.freeze(w)
				w.see("title")
				if !strings.HasPrefix(ask[string](w, "document.documentElement.lang"), lang) {
					w.click("lang")
				}
			}
			for _, v := range views {
				w := alice
				if strings.HasPrefix(v.address, "/operator") {
					w = ops
				}
				w.do("open "+v.name, chromedp.Navigate(c.address()+v.address))
				w.see("title")
				w.until(v.name+" is there", `document.querySelector(".console-main[aria-busy]") === null`)
				ask[string](w, fmt.Sprintf("document.documentElement.dataset.look = %q", screen.look))
				if v.open != nil {
					v.open(w)
				}
				w.until("the animations of "+v.name+" end", settled)
				for _, width := range []int64{consoleWidth, 390, 320} {
					w.do("resize", chromedp.EmulateViewport(width, consoleHeight))
					w.save(fmt.Sprintf("console-%s-%s-%d", v.name, lang, width))
					for _, wrong := range ask[[]string](w, sideways) {
						t.Errorf("%s at %d: %s", v.name, width, wrong)
					}
				}
				w.do("resize", chromedp.EmulateViewport(screen.width, consoleHeight))
				w.until("the animations of "+v.name+" end", settled)
				ask[bool](w, c.rules+"; true")
				for _, wrong := range ask[[]string](w, axe, chromedp.EvalAwaitPromise) {
					t.Errorf("%s at %d: %s", v.name, screen.width, wrong)
				}
				g.take(w, v.name)
				w.do("resize", chromedp.EmulateViewport(consoleWidth, consoleHeight))
			}
		})
	}
	g.t = t
	g.save("console-")
}
