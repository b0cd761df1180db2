package web_test

import (
	"strings"
	"testing"
)

func TestAmountsAreReadAsTyped(t *testing.T) {
	type typed struct {
		Text     string `json:"text"`
		Currency string `json:"currency"`
		want     string // minor units, or what is wrong
	}
	cases := []typed{
		{"8.88", "CNY", "888"}, {"8", "CNY", "800"}, {"0.01", "CNY", "1"}, {".5", "CNY", "50"}, {"5.", "CNY", "500"},
		{"1,234.5", "CNY", "123450"}, {"¥ 20", "CNY", "2000"}, {"８。８８", "CNY", "888"}, {"0", "CNY", "0"},
		{"0.29", "CNY", "29"}, {"4.35", "CNY", "435"}, // 0.29*100 and 4.35*100 are not whole in binary fractions
		{"500", "JPY", "500"}, {"500.5", "JPY", "decimals"}, {"1.234", "KWD", "1234"},
		{"1.234", "CNY", "decimals"}, {"", "CNY", "empty"}, {"  ", "CNY", "empty"}, {".", "CNY", "malformed"},
		{"-5", "CNY", "malformed"}, {"1e3", "CNY", "malformed"}, {"5 yuan", "CNY", "malformed"}, {"1.2.3", "CNY", "malformed"},
		{"12,50", "CNY", "comma 1250"}, {"8，88", "CNY", "comma 888"}, {"１２，５０", "CNY", "comma 1250"}, {"1,5", "CNY", "comma 150"},
		{",5", "CNY", "comma 50"}, {"5,", "CNY", "comma 500"}, {"0,500", "KWD", "comma 500"}, {"0,5", "CNY", "comma 50"},
		{"1.234,50", "CNY", "comma 123450"}, {"1.234.567,8", "CNY", "comma 123456780"}, {"1234,5", "CNY", "comma 123450"},
		{"1,2,3", "CNY", "comma"}, {"1234,567", "CNY", "comma"}, {"1.2,5", "CNY", "comma"}, {"12,50", "JPY", "comma"},
		{"1,234.5,6", "CNY", "comma"}, {"12,5.0", "CNY", "comma"}, {",", "CNY", "malformed"}, {"1,x", "CNY", "malformed"},
		{"1,234", "CNY", "123400"}, {"1,234", "KWD", "1234000"}, {"１，２３４。５", "CNY", "123450"}, {"￥１２．５", "CNY", "1250"},
		{"12,345,678.9", "CNY", "1234567890"}, {"1,234,56", "CNY", "comma"}, {"01,234", "CNY", "comma"},
		{"10995116277.76", "CNY", "1099511627776"}, {"10995116277.77", "CNY", "too_large"}, {"99999999999999999999", "CNY", "too_large"},
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async (cases) => {
		const { parse } = await import("/money.js");
		return cases.map(({ text, currency }) => {
			const read = parse(text, currency);
			return [read.problem, read.minor, read.meant].filter((part) => part !== undefined).join(" ");
		});
	}`, cases)
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%q in %s is read as %s, want %s", c.Text, c.Currency, got[i], c.want)
		}
	}
}

func TestComposerStatesTheRules(t *testing.T) {
	type draft struct {
		Kind     string         `json:"kind"`
		Amount   map[string]any `json:"amount"`
		Count    int            `json:"count"`
		Currency string         `json:"currency"`
		Greeting string         `json:"greeting"`
		To       string         `json:"to"`
	}
	cny := func(kind string, minor, count int, to string) draft {
		return draft{kind, map[string]any{"minor": minor}, count, "CNY", "", to}
	}
	cases := []struct {
		name  string
		draft draft
		want  string // field and rule, or nothing
	}{
		{"smallest", cny("lucky", 3, 3, ""), ""},
		{"less than one unit a share", cny("lucky", 2, 3, ""), "total rule.total_min"},
		{"largest", cny("equal", 60_000, 3, ""), ""},
		{"over the mean", cny("equal", 60_001, 3, ""), "total rule.total_mean"},
		{"no mean is known", draft{"equal", map[string]any{"minor": 60_001}, 3, "USD", "", ""}, ""},
		{"no shares", cny("lucky", 100, 0, ""), "count rule.count"},
		{"more shares than members", cny("lucky", 100, 4, ""), "count rule.count_members"},
		{"more shares than an envelope has", cny("lucky", 100, 101, ""), "count rule.count_max"},
		{"for one", cny("exclusive", 20_000, 0, "bob"), ""},
		{"for one, over the mean", cny("exclusive", 20_001, 0, "bob"), "total rule.total_mean"},
		{"for nobody", cny("exclusive", 100, 0, ""), "to rule.recipient"},
		{"for oneself", cny("exclusive", 100, 0, "alice"), "to rule.recipient_other"},
		{"for a stranger", cny("exclusive", 100, 0, "mallory"), "to rule.recipient_other"},
		{"nothing typed", draft{"lucky", map[string]any{"problem": "empty"}, 1, "CNY", "", ""}, "total rule.total_empty"},
		{"greeting of 100", draft{"lucky", map[string]any{"minor": 100}, 1, "CNY", strings.Repeat("福", 100), ""}, ""},
		{"greeting of 101", draft{"lucky", map[string]any{"minor": 100}, 1, "CNY", strings.Repeat("🧧", 101), ""}, "greeting rule.greeting"},
	}
	drafts := make([]draft, len(cases))
	for i, c := range cases {
		drafts[i] = c.draft
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async (drafts) => {
		const { check } = await import("/rules.js");
		return drafts.map((d) =>
			Object.entries(check(d, ["alice", "bob", "carol"], "alice")).map(([field, rule]) => field + " " + rule.key).join(", "));
	}`, drafts)
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%s: %q, want %q", c.name, got[i], c.want)
		}
	}
}
