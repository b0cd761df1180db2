package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/hongbao/hongbao/handler/web"
	"github.com/hongbao/hongbao/internal/devstack"
)

const browserTimeout = 60 * time.Second

// browse opens a page in a headless Chromium of its own and returns the context to drive it with.
func browse(t *testing.T, url string) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	// The test's own context ends before its cleanups, and the browser has to be closed by one.
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits until it is gone, and its files with it
			t.Errorf("close the browser: %v", err)
		}
		cancel()
	})
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	return ctx
}

func browser(t *testing.T) string {
	t.Helper()
	devstack.SkipInShort(t)
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("this test drives the page in a browser: install one with `apt-get install chromium`")
	return ""
}

// The policy is the gateway's. Under it each page has to come up, in either language, without an error in its console.
func TestPagesComeUpUnderThePolicy(t *testing.T) {
	server := httptest.NewServer(withPolicy(web.Handler(func(*http.Request) bool { return true })))
	t.Cleanup(server.Close)
	ctx := browse(t, "about:blank")
	trouble := &lines{}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			trouble.add(e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			trouble.add(fmt.Sprintf("console.%s of %d values", e.Type, len(e.Args)))
		case *log.EventEntryAdded: // where a violation of the policy is told
			trouble.add(e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	timed, cancel := context.WithTimeout(ctx, browserTimeout)
	defer cancel()
	firstPaint(t, timed, server.URL+"/")
	do := func(action chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(timed, action); err != nil {
			t.Fatal(err)
		}
	}
	texts := func(lang, input string) string {
		t.Helper()
		do(chromedp.WaitVisible(chromedp.CSS(`html[lang="` + lang + `"] [data-testid="` + input + `"]`)))
		var found []string
		for _, tag := range []string{"h1", "h2"} {
			text, err := chromedp.Run(timed, chromedp.Text(chromedp.CSS(tag)))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, text)
		}
		return strings.Join(found, ": ")
	}
	// Not with the mouse: on a busy machine Chrome loses a press now and then.
	change := func() {
		t.Helper()
		ask[bool](t, timed, `document.querySelector('[data-testid="lang"]').click() ?? true`)
	}
	for _, page := range []struct{ path, input, en, zh string }{
		{"/", "user-input", "Hongbao: Who are you?", "红包: 你是谁？"},
		{"/c/41V0W", "user-input", "A cover for you: Who are you?", "送你一个红包封面: 你是谁？"},
		{"/merchant", "user-input", "Merchant console: Who are you?", "商家后台: 你是谁？"},
		{"/operator", "token-input", "Operator: Sign in", "运营后台: 登录"}, // no development token is an operator's
	} {
		do(chromedp.Navigate(server.URL + page.path))
		if got := texts("en", page.input); got != page.en {
			t.Errorf("%s in English: %q", page.path, got)
		}
		change()
		if got := texts("zh-CN", page.input); got != page.zh {
			t.Errorf("%s in Chinese: %q", page.path, got)
		}
		change() // the choice is kept for the next page
	}
	for _, line := range trouble.all() {
		t.Error(line)
	}
}

// lines is text that may be added to while it is read.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.text)
}
