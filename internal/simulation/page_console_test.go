package simulation

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	consoleWidth  = 1280
	consoleHeight = 860
)

// operatorToken signs in to the operators' console: no development token has that scope.
func (u *up) operatorToken() string {
	u.t.Helper()
	output, exit := u.run("token", "ops", "--scope", "operator")
	if exit != 0 {
		u.t.Fatalf("a token for an operator: exit %d\n%s", exit, output)
	}
	return strings.TrimSpace(output)
}

// consoleWindow opens a console in a browser window of its own.
func (u *up) consoleWindow(browser context.Context, address string) *window {
	u.t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	u.t.Cleanup(cancel)
	// The first action makes the tab, which would go with a context that ends.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(consoleWidth, consoleHeight)); err != nil {
		u.t.Fatal(err)
	}
	w := &window{t: u.t, ctx: ctx}
	w.do("open "+address, chromedp.Navigate(u.address()+address))
	return w
}

// operatorWindow is the operators' console, signed in.
func (u *up) operatorWindow(browser context.Context) *window {
	u.t.Helper()
	w := u.consoleWindow(browser, "/operator")
	w.enter("token-input", u.operatorToken())
	w.click("login")
	w.see("title")
	return w
}

// first is the test id of the first element whose test id begins with something.
func (w *window) first(beginning string) string {
	w.t.Helper()
	return w.read("something called "+beginning,
		fmt.Sprintf(`document.querySelector('[data-testid^=%q]')?.dataset.testid`, beginning))
}

// state waits until an element has a state.
func (w *window) state(name, state string) {
	w.t.Helper()
	w.until(name+" is "+state, fmt.Sprintf(`document.querySelector('[data-testid=%q][data-state=%q]') !== null`, name,
		state))
}

// shop is a merchant's server: it answers as it is told to and keeps what it was sent.
type shop struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	posts  []post
}

type post struct {
	header http.Header
	body   []byte
}

func newShop(t *testing.T, status int) *shop {
	t.Helper()
	s := &shop{status: status}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a delivery: %v", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.posts = append(s.posts, post{r.Header.Clone(), body})
		w.WriteHeader(s.status)
		fmt.Fprintf(w, "answer no. %d", len(s.posts))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shop) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *shop) got() []post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]post(nil), s.posts...)
}

// A merchant's way through the consoles: the application, an operator's decision, which the merchant hears of live, a
// key that works, a webhook whose failed attempt one looks at and delivers again.
func TestMerchantsWayThroughTheConsole(t *testing.T) {
	u := newUp(t, "--webhook-allow-private")
	browser := newBrowser(t)
	ann := u.consoleWindow(browser, "/merchant?user=alice")
	ann.click("apply")
	ann.click("apply-send") // nothing is typed: the form says so and sends nothing
	ann.until("what is missing is said", `document.activeElement.dataset.testid === "apply-name" &&
		document.activeElement.getAttribute("aria-invalid") === "true"`)
	ann.enter("apply-name", "老王面馆 <b>&")
	ann.enter("apply-legal", "91310000MA1")
	ann.enter("apply-contact", "ann@example.org")
	ann.click("apply-send")
	ann.state("banner", "applied")
	ann.shows("title", "老王面馆 <b>&")
	merchant := ask[string](ann, `new URLSearchParams(location.search).get("merchant")`)

	ops := u.operatorWindow(browser)
	ops.click("merchant-" + merchant)
	ops.click("decide-approve") // without a reason
	ops.until("a reason is asked for", `document.activeElement.dataset.testid === "decision-reason"`)
	ops.enter("decision-reason", "The register was looked at.")
	ops.click("decide-approve")
	ops.see("decide-suspend")
	ann.state("banner", "active") // told live
	ann.shows("history", "The register was looked at.")

	ann.click("nav-keys")
	ann.click("mode-test")
	ann.click("key-new")
	ann.enter("key-name", "shop server")
	ann.click("key-make")
	ann.see("secret")
	secret := ask[string](ann, fmt.Sprintf("document.querySelector(%q).textContent", id("secret")))
	ann.click("secret-done")
	ann.gone("secret")
	var session struct{ Token string }
	u.must(http.MethodPost, "/v1/merchant/token", "", map[string]any{"secret": secret}, &session)
	var self struct{ ID string }
	u.must(http.MethodGet, "/v1/merchant", session.Token, nil, &self)
	if self.ID != merchant {
		t.Errorf("the key is of merchant %q, want %q", self.ID, merchant)
	}
	if left := ask[string](ann, "document.body.innerHTML"); strings.Contains(left, secret) {
		t.Error("the secret stays in the page")
	}

	server := newShop(t, http.StatusInternalServerError)
	ann.click("nav-webhooks")
	ann.click("webhook-new")
	ann.enter("hook-url", server.URL+"/hook")
	ann.click("hook-save")
	ann.see("secret")
	signing := ask[string](ann, fmt.Sprintf("document.querySelector(%q).textContent", id("secret")))
	ann.click("secret-done")
	ann.click("hook-test")
	delivery := ann.first("delivery-")
	ann.shows(delivery, "500")
	ann.click(delivery)
	ann.shows("answer-1", "answer no. 1")
	signed := ask[string](ann, fmt.Sprintf("document.querySelector(%q).textContent", id("signed-1")))
	server.answer(http.StatusOK)
	ann.click("replay")
	ann.gone("replay") // the page knows that it is to be delivered again
	ann.until("it is delivered", fmt.Sprintf(`document.querySelector('%s [data-state="delivered"]') !== null`,
		id(delivery)))
	// At least the two: on a busy machine, 5 s have gone by meanwhile, and it was tried again by itself.
	attempts := ask[int](ann, fmt.Sprintf(`parseInt(document.querySelector('%s small').innerText)`, id(delivery)))
	if attempts < 2 {
		t.Errorf("it is delivered after %d attempts", attempts)
	}
	attempt := func() string { return fmt.Sprint("attempt-", attempts) }
	ann.click(delivery)
	ann.see(attempt())
	ann.click("close")
	ann.gone(attempt())
	ann.click("hook-range")
	ann.save("walk-range")
	ann.click("range-send")
	ann.gone("range-send")
	attempts++
	ann.shows(delivery, fmt.Sprint(attempts, " attempts"))
	ann.click(delivery)
	ann.see(attempt())
	ann.save("walk-attempts")
	ann.click("close")
	ann.gone(attempt())

	posts := server.got()
	if len(posts) < 2 {
		t.Fatalf("%d posts", len(posts))
	}
	verifier, err := standardwebhooks.NewWebhook(signing)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i, p := range posts {
		if err := verifier.Verify(p.body, p.header); err != nil {
			t.Errorf("post %d: %v", i+1, err)
		}
		if p.header.Get("webhook-id") == posts[0].header.Get("webhook-id") {
			same++
		}
	}
	if same != attempts {
		t.Errorf("the test event came %d times with its id, want %d", same, attempts)
	}
	first := posts[0]
	want := first.header.Get("webhook-id") + "." + first.header.Get("webhook-timestamp") + "." + string(first.body)
	if signed != want {
		t.Errorf("the console shows that\n%s was signed, and it was\n%s", signed, want)
	}

	ann.click("nav-events")
	ann.shows("events", "webhook.test")
	ann.click("nav-overview")
	ann.click("clock-advance")
	ann.enter("clock-days", "31")
	ann.save("walk-clock")
	ann.click("clock-send")
	ann.shows("clock", "31")
	ann.save("walk-clock-after")
	ann.click("nav-wallets")
	ann.click("topup")
	ann.enter("topup-amount", "88.80")
	ann.click("topup-send")
	ann.gone("topup-send")
	ann.until("the focus is back", `document.activeElement.dataset.testid === "topup"`)
	ann.click("move")
	ann.enter("move-amount", "8.80")
	ann.click("move-send")
	ann.shows("wallet-available-CNY", "80.00")
	ann.shows("wallet-marketing-CNY", "8.80")
	ann.click("nav-members")
	ann.enter("member-user", "bob")
	ann.choose("member-role", "viewer")
	ann.click("member-add")
	ann.see("member-bob")

	bob := u.consoleWindow(browser, "/merchant?user=bob")
	bob.click("merchant-" + merchant)
	bob.see("nav-keys")
	if ask[bool](bob, fmt.Sprintf("document.querySelector(%q) !== null", id("nav-webhooks"))) {
		t.Error("a viewer is offered webhooks")
	}

	ops.enter("decision-reason", "A complaint.")
	ops.click("decide-suspend")
	ops.see("decide-resume")
	bob.state("banner", "suspended")
	ops.click("nav-merchants")
	ops.enter("search", "王面")
	ops.see("merchant-" + merchant)
	ops.click("nav-books")
	ops.click("audit")
	ops.see("audit-result")
	if ask[string](ops, fmt.Sprintf("document.querySelector(%q).dataset.balanced", id("audit-result"))) != "true" {
		t.Error("the console finds the books unbalanced")
	}
}
