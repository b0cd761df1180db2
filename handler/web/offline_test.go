package web_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hongbao/hongbao/handler/web"
)

const (
	keptPaths = `caches.open("shell").then((c) => c.keys()).then((all) => all.map((r) => new URL(r.url).pathname).sort())`
	inCharge  = `navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)`
)

// The chat page comes up without a network once it was seen, keeps no answer of the API, and is new as soon as the
// server's is.
func TestPageOpensWithoutANetwork(t *testing.T) {
	ctx, cancel := context.WithTimeout(browse(t, "about:blank"), browserTimeout)
	defer cancel()
	page := web.Handler(func(*http.Request) bool { return true })
	server := httptest.NewServer(withPolicy(withAPI(page)))
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	comesUp := func() {
		t.Helper()
		do(chromedp.WaitVisible(chromedp.CSS(`[data-testid="user-input"]`)))
	}
	do(chromedp.Navigate(server.URL + "/"))
	comesUp()
	wait(t, ctx, inCharge)
	ask[string](t, ctx, `fetch("/v1/wallet", { headers: { Authorization: "Bearer me" } }).then((r) => r.text())`)
	do(chromedp.Navigate(server.URL + "/?user=alice&group=family")) // development gives her no token here
	comesUp()
	kept := ask[[]string](t, ctx, keptPaths)
	if len(kept) != 6 || !slices.Contains(kept, "/") || !slices.Contains(kept, "/config.json") {
		t.Errorf("kept are %v", kept)
	}
	old := slices.DeleteFunc(kept, func(path string) bool { return !strings.HasPrefix(path, "/b/") })
	if len(old) != 2 {
		t.Fatalf("the parts that are kept are %v", old)
	}

	address := server.Listener.Addr().String()
	server.CloseClientConnections()
	server.Close()
	do(chromedp.Navigate("http://" + address + "/?user=alice&group=family"))
	comesUp()
	if ask[int](t, ctx, `document.querySelectorAll('[data-testid="toast"]').length`) > 1 {
		t.Error("the page says more than once that it has no network")
	}

	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: withPolicy(newer(page))}}
	server.Start()
	t.Cleanup(server.Close)
	do(chromedp.Navigate(server.URL + "/"))
	comesUp()
	if title := ask[string](t, ctx, `document.querySelector('meta[name="version"]')?.content ?? ""`); title != "newer" {
		t.Errorf("after the server is a newer one, the page is %q", title)
	}
	wait(t, ctx, `caches.open("shell").then((c) => c.match("/")).then((r) => r.text())
		.then((text) => text.includes("newer"))`)
	if now := ask[[]string](t, ctx, keptPaths); len(now) != 6 {
		t.Errorf("of the newer page are kept %v", now)
	}
}

// withAPI answers at addresses of the API too: to who reads, as if all were well; to who wants a token, that there is
// none.
func withAPI(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			page.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"balances":[]}`))
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
}

// newer is the page of a version that says so in its head.
func newer(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			page.ServeHTTP(w, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		r.Header.Del("If-None-Match")
		answer := httptest.NewRecorder()
		page.ServeHTTP(answer, r)
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		_, _ = w.Write(bytes.Replace(answer.Body.Bytes(), []byte("<title>"),
			[]byte(`<meta name="version" content="newer" /><title>`), 1))
	})
}

// ask evaluates an expression in the page, and what it promises.
func ask[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return answer
}

// wait waits until what an expression promises is true.
func wait(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for !ask[bool](t, ctx, expression) {
		if err := ctx.Err(); err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
	}
}
