package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// drawn is art: a sun over hills, in two colours.
func drawn(t *testing.T, width, height int, sky, sun color.NRGBA) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	mix := func(a, b color.NRGBA, part float64) color.NRGBA {
		one := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*part) }
		return color.NRGBA{one(a.R, b.R), one(a.G, b.G), one(a.B, b.B), 255}
	}
	for y := range height {
		for x := range width {
			fx, fy := float64(x)/float64(width), float64(y)/float64(height)
			at := mix(sky, sun, fy*fy*0.7)
			if math.Hypot(fx-0.5, (fy-0.42)*float64(height)/float64(width)) < 0.2 {
				at = sun
			}
			for hill := range 3 {
				if fy > 0.62+0.1*float64(hill)+0.05*math.Sin(fx*(5+2*float64(hill))+2*float64(hill)) {
					at = mix(sky, color.NRGBA{0, 0, 0, 255}, 0.15+0.2*float64(hill))
				}
			}
			picture.SetNRGBA(x, y, at)
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// coverShop is a merchant with an approved cover of which there are pieces.
type coverShop struct {
	*up
	owner, merchant, cover, operator string
}

func newCoverShop(u *up) *coverShop {
	u.t.Helper()
	s := &coverShop{up: u, owner: u.token("wang", "user"), operator: u.operatorToken()}
	var made struct{ ID string }
	u.must(http.MethodPost, "/v1/merchants", s.owner, map[string]any{
		"request_id": "apply", "name": "老王面馆 <b>&", "legal_id": "91310000MA1", "country": "CN", "mcc": "5812",
		"contact": "wang@example.org", "currencies": []string{"CNY"},
	}, &made)
	s.merchant = made.ID
	u.must(http.MethodPost, "/v1/operator/merchants/"+s.merchant+"/decide", s.operator,
		map[string]any{"request_id": "approve", "decision": "approve", "reason": "looked at"}, nil)
	night, gold := color.NRGBA{22, 54, 92, 255}, color.NRGBA{244, 198, 96, 255}
	hash := func(width, height int, sky, sun color.NRGBA) string {
		return s.upload(drawn(u.t, width, height, sky, sun))
	}
	design := map[string]any{
		"name": "山月 <i>", "face": hash(480, 640, night, gold), "opened": hash(480, 320, gold, night),
		"pendant": hash(96, 120, color.NRGBA{170, 40, 40, 255}, gold), "colour": "#16365c", "accent": "#f4c660",
		"greeting": "山高月明", "story": []map[string]any{
			{"image": hash(480, 300, night, gold), "text": "Noodles since 1912, by hand."},
			{"image": "", "text": "每一碗面，都有山月相伴。"},
		},
	}
	covers := "/v1/merchants/" + s.merchant + "/covers"
	u.must(http.MethodPost, covers, s.owner, map[string]any{"request_id": "cover", "mode": "live", "design": design},
		&made)
	s.cover = made.ID
	s.post("/submit", map[string]any{"request_id": "submit"}, nil)
	s.decide("approve")
	u.must(http.MethodPost, "/v1/merchants/"+s.merchant+"/topups", s.owner, map[string]any{
		"request_id": "fund", "mode": "live", "wallet": "marketing", "amount": 50_000, "currency": "CNY",
	}, nil)
	s.post("/stock", map[string]any{"request_id": "stock", "pieces": 3, "wallet": "marketing", "currency": "CNY"}, nil)
	return s
}

// post does something with the cover, as the merchant's owner.
func (s *coverShop) post(path string, body map[string]any, answer any) {
	s.t.Helper()
	s.must(http.MethodPost, "/v1/merchants/"+s.merchant+"/covers/"+s.cover+path, s.owner, body, answer)
}

// decide decides about the cover, as an operator.
func (s *coverShop) decide(decision string) {
	s.t.Helper()
	s.must(http.MethodPost, "/v1/operator/covers/"+s.cover+"/decide", s.operator,
		map[string]any{"request_id": decision, "decision": decision, "reason": "looked at"}, nil)
}

// link opens a channel and returns its code.
func (s *coverShop) link(name string, more map[string]any) string {
	s.t.Helper()
	body := map[string]any{"request_id": name, "kind": "link", "name": name}
	for key, value := range more {
		body[key] = value
	}
	var channel struct{ Code string }
	s.post("/channels", body, &channel)
	return channel.Code
}

func (s *coverShop) upload(file []byte) (hash string) {
	s.t.Helper()
	address := s.address() + "/v1/merchant/images?mode=live&merchant_id=" + s.merchant
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(file))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.owner)
	response, err := s.http.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var kept struct{ Hash string }
	if err := json.NewDecoder(response.Body).Decode(&kept); err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("upload: %d, %v", response.StatusCode, err)
	}
	return kept.Hash
}

// open opens an address in a window of its own, on a screen of a size.
func (u *up) open(browser context.Context, address string, width, height int64) *window {
	u.t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	u.t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		u.t.Fatal(err)
	}
	w := &window{t: u.t, ctx: ctx}
	w.do("open "+address, chromedp.Navigate(u.address()+address))
	return w
}

// accessible fails where the page does not fit its window or breaks a rule of axe-core.
func (w *window) accessible(view string) {
	w.t.Helper()
	w.fits(view)
	rules, err := os.ReadFile(axePath)
	if err != nil {
		w.t.Fatalf("axe-core is not installed: make page-modules (%v)", err)
	}
	ask[bool](w, string(rules)+"; true")
	for _, wrong := range ask[[]string](w, axe, chromedp.EvalAwaitPromise) {
		w.t.Errorf("%s: %s", view, wrong)
	}
}

// fits fails where the page is wider than its window, and keeps a picture of it.
func (w *window) fits(view string) {
	w.t.Helper()
	w.until("the animations of "+view+" end", settled)
	w.save("cover-" + view)
	const wide = `[document.documentElement, document.body].some((e) => e.scrollWidth > innerWidth)`
	if ask[bool](w, wide) {
		w.t.Errorf("%s: the page scrolls sideways", view)
	}
}

// painted waits until images of the server's art are drawn within an element.
func (w *window) painted(selector string) {
	w.t.Helper()
	w.until(selector+" shows art", fmt.Sprintf(`(() => {
		const images = [...document.querySelectorAll(%q)];
		return images.length > 0 && images.every((i) => i.complete && i.naturalWidth > 0 &&
			new URL(i.src).pathname.startsWith("/v1/art/"));
	})()`, selector))
}

// A cover's way through two windows: Bob claims it with a code and sends with it, Alice sees it on the card, on the
// packet and in the result. When it is taken down, it disappears from her window, and the money is untouched.
func TestACoverIsClaimedSentSeenAndTakenDown(t *testing.T) {
	u := newUp(t)
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"),
		map[string]any{"group_id": "family", "members": []string{"alice", "bob", "carol"}}, nil)
	u.must(http.MethodPost, "/v1/wallet/topups", u.token("bob", "user"),
		map[string]any{"request_id": "fund", "amount": 52_000, "currency": "CNY"}, nil)
	shop := newCoverShop(u)
	door := shop.link("door", nil)
	browser := newBrowser(t)

	bob := u.open(browser, "/c/"+door, 390, 844)
	bob.accessible("login")
	bob.click("person-bob")
	bob.see("claim-go")
	bob.shows("cover-name", "山月 <i>")
	bob.shows("cover-shown", "老王面馆 <b>&")
	bob.painted(".whole-front img")
	bob.accessible("offer")
	bob.click("story-2")
	bob.until("the second page of the story", fmt.Sprintf(`document.querySelector('%s[aria-current]') !== null`,
		id("story-2")))
	bob.click("lang")
	bob.shows("claim-go", "立即领取")
	bob.click("lang")
	bob.click("claim-go")
	bob.shows("claim-said", "It is yours!")
	bob.until("the envelope turns", `document.querySelector(".whole.turned") !== null`)
	bob.accessible("claimed")

	bob.do("a desktop", chromedp.EmulateViewport(consoleWidth, consoleHeight))
	bob.save("cover-claimed-wide")
	bob.do("the phone again", chromedp.EmulateViewport(390, 844))
	bob.click("claim-send")
	bob.see("cover-" + shop.cover)
	bob.until("the cover is chosen", fmt.Sprintf(`document.querySelector('%s input').checked`, id("cover-"+shop.cover)))
	bob.until("its greeting is suggested", fmt.Sprintf(`document.querySelector(%q).value === "山高月明"`, id("greeting")))
	bob.click("cover-none")
	bob.until("without a cover, without its greeting", fmt.Sprintf(`document.querySelector(%q).value === ""`,
		id("greeting")))
	bob.enter("greeting", "吃面啦")
	bob.click("cover-" + shop.cover)
	bob.until("what was typed stays", fmt.Sprintf(`document.querySelector(%q).value === "吃面啦"`, id("greeting")))
	bob.enter("total", "8.88")
	bob.enter("count", "2")
	bob.painted(".picker img")
	bob.fits("compose")
	bob.click("send")

	card := bob.card()
	onCard := fmt.Sprintf(`%s .card-art, %s .thumb img`, id(card), id(card))
	bob.painted(onCard)
	bob.fits("chat")
	alice := openWindow(t, browser, u, "alice")
	alice.shows(card, "吃面啦")
	alice.painted(onCard)
	alice.painted(id(card) + " .card-pendant")
	alice.save("cover-chat-wide")
	alice.click(card)
	alice.see("open")
	alice.painted(".packet .cover .packet-art")
	colour := ask[string](alice, `getComputedStyle(document.querySelector(".packet")).backgroundColor`)
	if colour != "rgb(22, 54, 92)" {
		t.Errorf("the packet is %s", colour)
	}
	alice.save("cover-packet")
	alice.click("open")
	alice.shows("my-amount", ".")
	alice.painted(".packet .result-top .packet-art")
	alice.shows("credit", "山月 <i> · 老王面馆 <b>&")
	alice.until("the opening is over", settled)
	alice.save("cover-result")
	alice.click("credit-look")
	alice.shows("cover-shown", "山月 <i>")
	step := ask[int](alice, "navigation.currentEntry.index")
	alice.click("cover-report")
	alice.choose("report-reason", "copied")
	alice.enter("report-note", "<b>our</b> logo")
	alice.accessible("report")
	alice.save("cover-report")
	alice.click("report-send")
	alice.gone("report-send")
	alice.until("the step of the report is over", fmt.Sprintf("navigation.currentEntry.index === %d", step))
	var reports struct {
		Reports []struct{ Reason, Note string }
	}
	u.must(http.MethodGet, "/v1/operator/cover/reports", u.operatorToken(), nil, &reports)
	if fmt.Sprint(reports.Reports) != "[{copied <b>our</b> logo}]" {
		t.Errorf("the operators have %+v", reports.Reports)
	}
	alice.back()
	alice.gone("cover-shown")

	again := u.open(browser, "/c/"+strings.ToLower(door)+"?user=bob", 390, 844)
	again.click("claim-go")
	again.shows("claim-said", "You have it already")
	refused := func(code, user, sentence string) {
		t.Helper()
		w := u.open(browser, "/c/"+code+"?user="+user, 390, 844)
		w.click("claim-go")
		w.shows("claim-said", sentence)
		w.accessible("refused-" + user)
	}
	refused(shop.link("later", map[string]any{"starts_at": 4_000_000_000_000}), "carol", "Not yet")
	unknown := u.open(browser, "/c/NO-SUCH-CODE?user=alice", 390, 844)
	unknown.shows("claim-said", "This code is not genuine")
	unknown.accessible("unknown")
	for _, user := range []string{"dave", "erin"} {
		u.must(http.MethodPost, "/v1/covers/claim", u.token(user, "user"), map[string]any{"code": door}, nil)
	}
	refused(door, "frank", "All gone")

	bob.click("history")
	bob.click("my-covers")
	bob.shows("held-"+shop.cover, "Can be used until")
	bob.accessible("mine")
	bob.click("look-" + shop.cover)
	bob.painted(".sheet .whole-front img")
	bob.accessible("look")

	shop.decide("freeze")
	frozen := u.open(browser, "/c/"+door+"?user=grace", 390, 844)
	frozen.click("claim-go")
	frozen.shows("claim-said", "This cover is frozen")
	shop.decide("take_down")
	alice.until("the plain design is back", fmt.Sprintf(`document.querySelector(%q) === null &&
		!document.querySelector(%q).hasAttribute("data-cover") && document.querySelector(".packet-art") === null`,
		onCard, id(card)))
	alice.gone("credit")
	alice.click("close")
	alice.save("cover-taken-down")
	bob.until("it is no longer one's own", fmt.Sprintf(`document.querySelector(%q) === null`, id("held-"+shop.cover)))
	u.must(http.MethodPost, "/v1/envelopes/"+strings.TrimPrefix(card, "card-")+"/grab", u.token("carol", "user"), nil,
		nil)
	alice.shows(card, "2/2")
	if output, exit := u.run("audit"); exit != 0 {
		t.Errorf("audit: exit %d\n%s", exit, output)
	}
}
