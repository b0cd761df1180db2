package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A slow network: it takes 400 ms until an answer begins, and 50 KB come in a second.
const (
	slowLatency    = 400       // ms
	slowThroughput = 50 * 1000 // bytes/s
)

// splashBytes is what a page's first paint may take on the wire: at 50 KB/s, 0.1 s.
const splashBytes = 5000

// setNetwork slows down the network of a browser; 0 and -1 stand for as fast as it is.
func setNetwork(t *testing.T, ctx context.Context, latency, throughput float64) {
	t.Helper()
	conditions := network.Conditions{Latency: latency, DownloadThroughput: throughput, UploadThroughput: throughput}
	rules := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&conditions}}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, rules); err != nil {
		t.Fatal(err)
	}
}

// firstPaint opens the chat page for the first time on a slow network, and says when it shows something and when it can
// be used. The first paint may wait for nothing but the page itself.
func firstPaint(t *testing.T, ctx context.Context, address string) {
	t.Helper()
	setNetwork(t, ctx, slowLatency, slowThroughput)
	defer setNetwork(t, ctx, 0, -1)
	signIn := chromedp.CSS(`[data-testid="user-input"]`)
	err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitVisible(signIn))
	if err != nil {
		t.Fatal(err)
	}
	// What can be seen may not have been painted yet.
	wait(t, ctx, `performance.getEntriesByName("first-contentful-paint").length > 0`)
	type fetched struct {
		Name     string
		Bytes    int
		Blocking bool // the first paint
	}
	found := ask[struct {
		Painted, Usable float64 // ms
		Fetched         []fetched
	}](t, ctx, `({
		painted: performance.getEntriesByName("first-contentful-paint")[0].startTime,
		usable: performance.now(),
		fetched: ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type)).map((e) => ({
			name: new URL(e.name).pathname, bytes: e.encodedBodySize, blocking: e.renderBlockingStatus === "blocking",
		})),
	})`)
	weight := 0
	for i, one := range found.Fetched {
		weight += one.Bytes
		if one.Blocking {
			t.Errorf("the first paint waits for %s", one.Name)
		}
		if i == 0 && one.Bytes > splashBytes {
			t.Errorf("the page itself has %d bytes", one.Bytes)
		}
	}
	t.Logf("at %d ms latency and %d KB/s: first paint after %.0f ms, sign-in after %.0f ms; %d requests, %d bytes",
		slowLatency, slowThroughput/1000, found.Painted, found.Usable, len(found.Fetched), weight)
}
