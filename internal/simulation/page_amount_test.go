package simulation

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// retype replaces what is in a field.
func (w *window) retype(name, text string) {
	w.t.Helper()
	w.focus(name)
	ask[string](w, `document.activeElement.value = ""`)
	w.do("enter "+name, chromedp.KeyEvent(text))
}

// Where a comma stands for a decimal point, as in half of Europe, no field takes it for anything else: it says what it
// understood, in the language of the page, and sends nothing. A comma that groups thousands, and the full-width
// characters of a Chinese keyboard, are read for what they are.
func TestCommasNeverMultiplyMoney(t *testing.T) {
	u := newUp(t)
	u.family()
	alice := openWindow(t, newBrowser(t), u, "alice")
	alice.shows("balance", "520.00")
	fields := []struct{ open, ready, amount, send string }{
		{"compose", "kind-lucky", "total", "send"},
		{"transfer-new", "transfer-to", "transfer-amount", "transfer-send"},
		{"collect-new", "collect-kind-even", "collect-total", "collect-send"},
		{"collect-new", "collect-kind-per_person", "collect-ask-bob", "collect-send"},
		{"topup", "topup-send", "topup-amount", "topup-send"},
	}
	for _, lang := range []struct{ meant, generic string }{
		{"Do you mean ¥12.50? Then type 12.50", "A comma groups thousands"},
		{"是 ¥12.50 吗？请输入 12.50", "逗号只用作千位分隔"},
	} {
		for _, field := range fields {
			alice.click(field.open)
			alice.see(field.ready)
			if strings.HasPrefix(field.ready, "collect-kind") {
				alice.click(field.ready)
			}
			if field.open == "compose" {
				alice.enter("count", "1")
			}
			if field.ready == "transfer-to" {
				alice.choose("transfer-to", "bob")
			}
			for text, says := range map[string]string{"12,50": lang.meant, "１２，５０": lang.meant, "1,2,3": lang.generic} {
				alice.retype(field.amount, text)
				alice.click(field.send)
				alice.until(text+" is explained in "+field.open, `[...document.querySelectorAll(".sheet .field-error")]
					.some((e) => e.checkVisibility() && e.innerText.includes("`+says+`"))`)
				alice.see(field.send)
			}
			alice.click("close")
			alice.gone("close")
		}
		alice.click("lang")
	}
	if got := u.balanceOf("alice", "CNY"); got != 52_000 {
		t.Errorf("alice has %d, want what she had", got)
	}

	alice.click("topup")
	alice.retype("topup-amount", "１，２３４。５")
	alice.click("topup-send")
	alice.shows("balance", "1,754.50")
}
