package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// face is an image for a cover.
func face(t *testing.T) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 96, 128))
	for y := range 128 {
		for x := range 96 {
			picture.Set(x, y, color.RGBA{R: 200, G: uint8(y), B: uint8(x), A: 255})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// upload sends an image for a side of a merchant and returns its hash.
func (u *up) upload(token, merchant, mode string, file []byte) string {
	u.t.Helper()
	address := fmt.Sprintf("%s/v1/merchant/images?merchant_id=%s&mode=%s", u.address(), merchant, mode)
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(file))
	if err != nil {
		u.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := u.http.Do(request)
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	var kept struct{ Hash string }
	if err := json.NewDecoder(response.Body).Decode(&kept); err != nil || kept.Hash == "" {
		u.t.Fatalf("upload: %d, %v", response.StatusCode, err)
	}
	return kept.Hash
}

// A cover's way through the consoles: designed with an image, sent back and corrected, approved, bought, given away by
// a link whose page a friend claims it on, counted, reported and frozen.
func TestCoversWayThroughTheConsole(t *testing.T) {
	u := newUp(t)
	alice := u.token("alice", "user")
	var made struct{ ID string }
	u.must(http.MethodPost, "/v1/merchants", alice, map[string]any{
		"request_id": "apply", "name": "Noodles", "legal_id": "91A", "country": "CN", "mcc": "5812", "contact": "ann",
		"currencies": []string{"CNY"},
	}, &made)
	u.must(http.MethodPost, "/v1/operator/merchants/"+made.ID+"/decide", u.operatorToken(),
		map[string]any{"request_id": "approve", "decision": "approve", "reason": "seen"}, nil)
	u.must(http.MethodPost, "/v1/merchants/"+made.ID+"/topups", alice, map[string]any{
		"request_id": "fund", "mode": "live", "wallet": "available", "amount": 100_00, "currency": "CNY",
	}, nil)
	picture := filepath.Join(t.TempDir(), "face.png")
	if err := os.WriteFile(picture, face(t), 0o600); err != nil {
		t.Fatal(err)
	}

	browser := newBrowser(t)
	ann := u.consoleWindow(browser, "/merchant?user=alice&view=covers&merchant="+made.ID)
	ann.click("cover-new")
	ann.enter("cover-name", "马年大吉")
	ann.enter("cover-greeting", "马到成功")
	ann.do("choose an image", chromedp.SetUploadFiles(element("image-face"), []string{picture}))
	ann.until("the preview shows the image and the words", `(() => {
		const preview = document.querySelector('[data-testid="preview"]');
		const image = preview.querySelector(".pv-envelope img");
		return image?.naturalWidth > 0 && preview.querySelector(".pv-card").innerText.includes("马到成功");
	})()`)
	ann.click("cover-save")
	ann.click("cover-submit")
	ann.click("confirm")
	cover := ask[string](ann, `new URLSearchParams(location.search).get("item")`)

	ops := u.operatorWindow(browser)
	ops.click("nav-covers")
	ops.click("cover-" + cover)
	ops.enter("decision-reason", "One word is missing.")
	ops.click("findings")
	ops.enter("finding-greeting", "Say whose it is.")
	ops.click("decide-reject")
	ann.shows("history", "Say whose it is.") // told live
	ann.click("cover-edit")
	ann.until("the editor has read the cover", `document.querySelector('[data-testid="cover-name"]').value !== ""`)
	ann.enter("cover-greeting", " 老王")
	ann.click("cover-save")
	ann.click("cover-submit")
	ann.click("confirm")
	ops.see("decide-approve")
	ops.enter("decision-reason", "Good.")
	ops.click("decide-approve")

	ann.click("buy")
	ann.enter("buy-pieces", "10")
	ann.click("buy-send")
	ann.shows("stock-left", "10")
	ann.click("channel-new")
	ann.enter("channel-name", "at the door")
	ann.click("channel-send")
	ann.click(ann.first("qr-"))
	address := ask[string](ann, fmt.Sprintf("document.querySelector(%q).innerText", id("qr")+" code"))
	ann.click("close")
	ann.gone("qr")

	_, code, ok := strings.Cut(address, "/c/")
	if !ok || !strings.HasPrefix(address, u.address()) {
		t.Fatalf("the QR code leads to %q", address)
	}
	ask[bool](ann, "window.loadedOnce = true")
	bob := u.consoleWindow(browser, "/c/"+code+"?user=bob")
	bob.click("claim-go")
	bob.shows("claim-said", "It is yours!")
	ann.shows("stock-claimed", "1") // told live
	ann.until("the chart counts it", `document.querySelector('[data-testid="chart"] [role="img"]')?.ariaLabel
		.includes("1 claims")`)
	if !ask[bool](ann, "window.loadedOnce === true") {
		t.Error("the page was loaded again before its numbers moved")
	}

	given := u.givenAway(ann, made.ID, cover)
	carol := u.consoleWindow(browser, "/c/"+given.code+"?user=carol")
	carol.click("claim-go")
	carol.shows("claim-said", "It is yours!")
	dave := u.consoleWindow(browser, "/c/"+given.code+"?user=dave")
	dave.shows("claim-said", "used")
	dave.save("walk-code-used")
	ann.shows("stock-claimed", "4") // by a link, a code, a grant and a payment

	ann.click("withdraw")
	ann.enter("withdraw-pieces", "6")
	ann.save("walk-withdraw")
	ann.click("withdraw-send")
	ann.shows("stock-withdrawn", "6")
	ann.shows("stock-left", "0")
	ann.save("walk-withdrawn")
	ann.click("nav-wallets")
	ann.shows("wallet-available-CNY", "96.00") // of 100, for the four that were given away
	ann.save("walk-wallets")
	ann.do("go back", chromedp.NavigateBack())

	u.must(http.MethodPost, "/v1/covers/"+cover+"/report", u.token("bob", "user"),
		map[string]any{"reason": "copied", "note": "our logo"}, nil)
	ops.click("nav-reports")
	ops.click(ops.first("see-"))
	ops.enter("decision-reason", "To be looked into.")
	ops.click("decide-freeze")
	ann.see("cover-appeal")
	ann.click("cover-appeal")
	ann.enter("reason", "It is our own logo.")
	ann.click("confirm")
	ops.see("decide-keep")
	ops.enter("decision-reason", "It is.")
	ops.click("decide-restore")
	ann.see("buy")
	ops.enter("decision-reason", "Another complaint.")
	ops.click("decide-freeze")
	ops.see("decide-take_down")
	ops.enter("decision-reason", "It is not their logo, after all.")
	ops.click("decide-take_down")
	ops.save("walk-take-down")
	ops.click("confirm")
	ann.state("state", "taken_down")
	ann.save("walk-taken-down")
	u.audit()
}

// givenAway opens a channel for codes in the console and makes as many as it proposes; a code is in the file that the
// merchant saves, and nowhere else. A channel for grants and one for payments give to erin and frank by the API.
func (u *up) givenAway(ann *window, merchant, cover string) (given struct{ code string }) {
	u.t.Helper()
	open := func(kind string, more func()) (id string) {
		u.t.Helper()
		ann.click("channel-new")
		ann.click("kind-" + kind)
		ann.enter("channel-name", "by "+kind)
		more()
		ann.click("channel-send")
		ann.gone("channel-send")
		ann.shows("channels", "by "+kind)
		return strings.TrimPrefix(ask[string](ann, fmt.Sprintf(`[...document.querySelectorAll('[data-testid^="channel-"]')]
			.find((e) => e.tagName === "LI" && e.innerText.includes(%q)).dataset.testid`, "by "+kind)), "channel-")
	}
	codes := open("codes", func() { ann.enter("channel-quota", "3") })
	ask[bool](ann, `(() => {
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => {
			blob.text().then((text) => window.saved = text);
			return make(blob);
		};
		return true;
	})()`)
	ann.click("codes-" + codes)
	ann.save("walk-codes")
	ann.click("codes-send")
	ann.until("the codes are saved", "window.saved !== undefined")
	lines := strings.Split(strings.TrimSpace(ask[string](ann, "window.saved")), "\r\n")
	if len(lines) != 1+3 {
		u.t.Fatalf("the file has %d lines", len(lines))
	}
	given.code, _, _ = strings.Cut(lines[1], ",")
	ann.save("walk-channels")

	of := "/v1/merchants/" + merchant + "/covers/" + cover + "/channels/"
	alice := u.token("alice", "user")
	grant, payment := open("grant", func() {}), open("payment", func() {})
	u.must(http.MethodPost, of+grant+"/grants", alice, map[string]any{"users": []string{"erin"}}, nil)
	paid := []map[string]any{{"payment_id": "bill-1", "user_id": "frank"}}
	u.must(http.MethodPost, of+payment+"/payments", alice, map[string]any{"payments": paid}, nil)
	return given
}
