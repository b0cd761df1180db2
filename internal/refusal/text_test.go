package refusal_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
)

func TestTextThatPeopleWrite(t *testing.T) {
	for _, text := range []string{
		"", "恭喜发财", "Bonne année", "смотри", "שלום 100", "مرحبا 100", "a\u00a0b", "１０元", "e\u0301", "हिन्दी", "ไทย",
		"؀123",
		"👨‍👩‍👧‍👦", "👩🏽‍🤝‍👨🏿", "🏳️‍🌈", "🏴‍☠️", "❤️‍🔥", "👁️‍🗨️", "🧑🏻‍🚀", "⛹🏿‍♂️", "🐈‍⬛", "👍🏾", "☝️", "❤️", "▶\ufe0e",
		"1️⃣ #️⃣ *️⃣", "🇨🇳🇭🇰",
		// England, Scotland, Texas
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
		"🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
		"🏴\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f",
	} {
		if err := refusal.CheckText("note", text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTextThatMisleads(t *testing.T) {
	for name, text := range map[string]string{
		"NUL": "a\x00", "a tab": "a\tb", "an end of line": "a\nb", "C1": "a\u0085", "a line separator": "a\u2028b",
		"a paragraph separator": "a\u2029b",
		"not UTF-8":             "a\xff", "a surrogate in UTF-8": "\xed\xa0\x80",
		"right to left override": "pay \u202e001¥", "left to right embedding": "\u202ax\u202c",
		"isolate": "\u2066x\u2069",
		"mark":    "\u200f", "Arabic mark": "\u061c",
		"zero width space": "al\u200bice", "zero width non-joiner": "al\u200cice", "word joiner": "al\u2060ice",
		"byte order mark": "\ufeffalice",
		"soft hyphen":     "al\u00adice", "Hangul filler": "\u3164", "Mongolian separator": "a\u180eb",
		"invisible times": "a\u2062b", "grapheme joiner": "a\u034fb",
		"joiner between letters": "a\u200db", "joiner at the beginning": "\u200d👧", "joiner at the end": "👩\u200d",
		"two joiners":         "👩\u200d\u200d👧",
		"joiner after a flag": "🇨🇳\u200d👧", "joiner after a keycap": "1️⃣\u200d👧",
		"joiner after a skin tone alone": "a🏽\u200d👧", "joiner and a letter": "👩\u200da",
		"selector after a letter": "a\ufe0f", "selector at the beginning": "\ufe0f", "two selectors": "❤\ufe0f\ufe0f",
		"selector after a digit": "1\ufe0f2",
		"another selector":       "❤\ufe00", "ideographic selector": "葛\U000e0100",
		"tags alone": "\U000e0061\U000e007f", "tags after a letter": "a\U000e0061\U000e007f",
		"tags after a face":   "😀\U000e0061\U000e007f",
		"tags without an end": "🏴\U000e0067\U000e0062", "an end without tags": "🏴\U000e007f",
		"a tag of a space": "🏴\U000e0067\U000e0020\U000e007f",
		"a hidden message": "🏴" + strings.Repeat("\U000e0061", 40) + "\U000e007f",
		"seven tags":       "🏴" + strings.Repeat("\U000e0061", 7) + "\U000e007f",
		"a language tag":   "\U000e0001",
	} {
		err := refusal.CheckText("note", text)
		if refusal.CodeOf(err) != refusal.CodeInvalidArgument || !strings.Contains(err.Error(), "note is malformed: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzText adds something invisible between letters: no text that it stands in is accepted.
func FuzzText(f *testing.F) {
	f.Add("恭喜发财", 3, rune(0x200b))
	f.Add("👩\u200d👧", 1, rune(0x202e))
	f.Fuzz(func(t *testing.T, text string, at int, r rune) {
		runes := []rune(text)
		if at < 0 || at > len(runes) {
			return
		}
		misleads := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200b || r == 0x2060 ||
			r == 0xfeff
		changed := string(runes[:at]) + string(r) + string(runes[at:])
		if err := refusal.CheckText("note", changed); misleads && err == nil {
			t.Errorf("%q is accepted", changed)
		}
	})
}
