package ledger_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const malformed = "malformed" // an error that is no refusal

func codeOf(err error) string {
	if code := refusal.CodeOf(err); code != "" || err == nil {
		return code
	}
	return malformed
}

func good() ledger.Hold {
	return ledger.Hold{ID: 1 << 10, Subject: "gift", Owner: "alice", Amount: ledger.Amount{Minor: 100, Currency: "CNY"},
		Parts: []int64{60, 40}, Note: "新年快乐", Open: true}
}

// staged is a hold whose money moves with its stage.
func staged() ledger.Hold {
	h := good()
	h.Parts, h.Counterparty, h.Stage = []int64{100}, "bob", "offered"
	return h
}

func TestHoldCheck(t *testing.T) {
	long := strings.Repeat("x", 17)
	for what, line := range map[string]struct {
		change func(*ledger.Hold)
		code   string
	}{
		"good":                       {func(*ledger.Hold) {}, ""},
		"with a counterparty":        {func(h *ledger.Hold) { h.Counterparty = "bob" }, ""},
		"staged":                     {func(h *ledger.Hold) { *h = staged() }, ""},
		"the longest note":           {func(h *ledger.Hold) { h.Note = strings.Repeat("福", ledger.MaxNote) }, ""},
		"the longest stage":          {func(h *ledger.Hold) { *h = staged(); h.Stage = ledger.Stage(long[1:]) }, ""},
		"the most parts":             {func(h *ledger.Hold) { spread(h, ledger.MaxParts) }, ""},
		"the largest detail":         {func(h *ledger.Hold) { h.Detail = make([]byte, ledger.MaxDetail) }, ""},
		"no owner":                   {func(h *ledger.Hold) { h.Owner = "" }, refusal.CodeInvalidArgument},
		"a system account":           {func(h *ledger.Hold) { h.Owner = "#clearing" }, refusal.CodeInvalidArgument},
		"a counterparty who is none": {func(h *ledger.Hold) { h.Counterparty = "张三" }, refusal.CodeInvalidArgument},
		"nothing":                    {func(h *ledger.Hold) { h.Amount.Minor = 0 }, refusal.CodeAmountOutOfRange},
		"too much": {func(h *ledger.Hold) { h.Amount.Minor = ledger.MaxMinor + 1 },
			refusal.CodeAmountOutOfRange},
		"no currency":          {func(h *ledger.Hold) { h.Amount.Currency = "XYZ" }, refusal.CodeUnknownCurrency},
		"no parts":             {func(h *ledger.Hold) { h.Parts = nil }, malformed},
		"a part of nothing":    {func(h *ledger.Hold) { h.Parts = []int64{100, 0} }, malformed},
		"a part below zero":    {func(h *ledger.Hold) { h.Parts = []int64{101, -1} }, malformed},
		"parts that are short": {func(h *ledger.Hold) { h.Parts = []int64{60, 39} }, malformed},
		"parts that are more":  {func(h *ledger.Hold) { h.Parts = []int64{60, 41} }, malformed},
		"parts that overflow": {func(h *ledger.Hold) { h.Parts = []int64{1 << 62, 1 << 62, 1 << 62, 1<<62 + 100} },
			malformed},
		"too many parts":            {func(h *ledger.Hold) { spread(h, ledger.MaxParts+1) }, malformed},
		"no subject":                {func(h *ledger.Hold) { h.Subject = "" }, malformed},
		"a long subject":            {func(h *ledger.Hold) { h.Subject = ledger.Subject(long) }, malformed},
		"a subject that is no text": {func(h *ledger.Hold) { h.Subject = "\xff" }, malformed},
		"a long stage": {func(h *ledger.Hold) { *h = staged(); h.Stage = ledger.Stage(long) },
			malformed},
		"a stage and two parts":       {func(h *ledger.Hold) { *h = staged(); h.Parts = []int64{60, 40} }, malformed},
		"a stage and no counterparty": {func(h *ledger.Hold) { *h = staged(); h.Counterparty = "" }, malformed},
		"a long note": {func(h *ledger.Hold) { h.Note = strings.Repeat("福", ledger.MaxNote+1) },
			malformed},
		"a note that is no text": {func(h *ledger.Hold) { h.Note = "\xff" }, malformed},
		"a large detail": {func(h *ledger.Hold) { h.Detail = make([]byte, ledger.MaxDetail+1) },
			malformed},
	} {
		h := good()
		line.change(&h)
		if err := h.Check(); codeOf(err) != line.code {
			t.Errorf("%s: %v, want %q", what, err, line.code)
		}
	}
}

// spread gives a hold n parts of 1.
func spread(h *ledger.Hold, n int) {
	h.Parts, h.Amount.Minor = slices.Repeat([]int64{1}, n), int64(n)
}

func TestHoldOptionsCheck(t *testing.T) {
	counted, direct := good(), good()
	counted.CountsDaily = true
	direct.Parts, direct.Counterparty = []int64{100}, "bob"
	nobody := direct
	nobody.Counterparty = ""
	for what, line := range map[string]struct {
		hold    ledger.Hold
		options ledger.HoldOptions
		good    bool
	}{
		"none":                           {good(), ledger.HoldOptions{}, true},
		"none of a staged hold":          {staged(), ledger.HoldOptions{}, true},
		"a limit":                        {counted, ledger.HoldOptions{DailyLimit: 1}, true},
		"a limit of what does not count": {good(), ledger.HoldOptions{DailyLimit: 1}, false},
		"a limit below zero":             {counted, ledger.HoldOptions{DailyLimit: -1}, false},
		"paid now":                       {direct, ledger.HoldOptions{PayNow: true}, true},
		"two parts paid now":             {good(), ledger.HoldOptions{PayNow: true}, false},
		"a staged hold paid now":         {staged(), ledger.HoldOptions{PayNow: true}, false},
		"paid now to nobody":             {nobody, ledger.HoldOptions{PayNow: true}, false},
	} {
		if err := line.options.Check(line.hold); (err == nil) != line.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestObjection(t *testing.T) {
	direct := good()
	direct.Counterparty = "bob"
	post := func(part int, payee string, minor int64) ledger.Post {
		return ledger.Post{Hold: 1 << 10, Part: part, Payee: payee, Minor: minor}
	}
	for _, line := range []struct {
		hold ledger.Hold
		post ledger.Post
		want string
	}{
		{good(), post(0, "bob", 60), ""},
		{good(), post(1, "alice", 40), ""},
		{direct, post(0, "bob", 60), ""},
		{direct, post(0, "carol", 60), "the hold pays bob alone"},
		{staged(), post(0, "bob", 100), "the hold is paid by its stage alone"},
		{good(), post(-1, "bob", 60), "the hold has parts 0 to 1"},
		{good(), post(2, "bob", 60), "the hold has parts 0 to 1"},
		{good(), post(0, "bob", 40), "the part's amount is 60"},
		{good(), post(0, "", 60), "the payee is not an account"},
		{good(), post(0, "#clearing", 60), "the payee is not an account"},
	} {
		if got := line.hold.Objection(line.post); got != line.want {
			t.Errorf("%+v: %q, want %q", line.post, got, line.want)
		}
	}
}

func TestPending(t *testing.T) {
	h := good()
	h.Posted, h.Voided = 30, 20
	if h.Pending() != 50 || h.Staged() || !staged().Staged() {
		t.Errorf("pending %d, staged %v and %v", h.Pending(), h.Staged(), staged().Staged())
	}
}

func TestStepCheck(t *testing.T) {
	for what, line := range map[string]struct {
		step ledger.Step
		good bool
	}{
		"pending":      {ledger.Step{From: "a", To: "b", Funds: ledger.FundsPending}, true},
		"posted":       {ledger.Step{From: "a", To: "b", Funds: ledger.FundsPosted}, true},
		"voided":       {ledger.Step{From: "a", To: "b", Funds: ledger.FundsVoided}, true},
		"nowhere":      {ledger.Step{From: "a", To: "", Funds: ledger.FundsPosted}, false},
		"from nowhere": {ledger.Step{To: "b", Funds: ledger.FundsPosted}, false},
		"to itself":    {ledger.Step{From: "a", To: "a", Funds: ledger.FundsPosted}, false},
		"too long": {ledger.Step{From: "a", To: ledger.Stage(strings.Repeat("b", 17)), Funds: ledger.FundsPosted},
			false},
		"no funds":    {ledger.Step{From: "a", To: "b"}, false},
		"other funds": {ledger.Step{From: "a", To: "b", Funds: ledger.FundsVoided + 1}, false},
	} {
		if err := line.step.Check(); (err == nil) != line.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestDailyLimits(t *testing.T) {
	limits := ledger.DailyLimits{Default: 5, In: map[ledger.Currency]int64{"JPY": 500, "EUR": 0}}
	for c, want := range map[ledger.Currency]int64{"CNY": 5, "JPY": 500, "EUR": 0} {
		if got := limits.Of(c); got != want {
			t.Errorf("limit in %s: %d, want %d", c, got, want)
		}
	}
}

func TestIndexNames(t *testing.T) {
	if of := ledger.IndexGroup("team"); ledger.IndexOwner(of) != "team" || of == "team" ||
		ledger.IndexOwner("team") != "team" {
		t.Errorf("group team is indexed under %q of %q", of, ledger.IndexOwner(of))
	}
	if refusal.CheckID("user", ledger.IndexGroup("team")) == nil {
		t.Error("a user can have the name under which a group is indexed")
	}
	entry := func(of string) []ledger.IndexEntry {
		return []ledger.IndexEntry{{Of: of, Subject: "gift", Reference: 1}}
	}
	for of, code := range map[string]string{
		"bob": "", ledger.IndexGroup(
			"team"): "", "": refusal.CodeInvalidArgument, "#clearing": refusal.CodeInvalidArgument,
		ledger.IndexGroup(""): refusal.CodeInvalidArgument,
	} {
		if err := ledger.CheckIndex(entry(of)); codeOf(err) != code {
			t.Errorf("an entry of %q: %v, want %q", of, err, code)
		}
	}
	if err := ledger.CheckIndex(slices.Repeat(entry("bob"), ledger.MaxIndexEntries)); err != nil {
		t.Error(err)
	}
	if err := ledger.CheckIndex(slices.Repeat(entry("bob"), ledger.MaxIndexEntries+1)); codeOf(err) != malformed {
		t.Errorf("too many entries: %v", err)
	}
}

func TestCheckEvents(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", ledger.MaxEvent-8) + `"}`
	for what, line := range map[string]struct {
		topic, body string
		good        bool
	}{
		"good":            {ledger.UserTopic("bob"), `{"type":"x"}`, true},
		"the longest":     {ledger.GroupTopic("team"), long, true},
		"longer":          {"x", long + " ", false},
		"no topic":        {"", "{}", false},
		"a long topic":    {strings.Repeat("x", 81), "{}", false},
		"no body":         {"x", "", false},
		"a list":          {"x", "[]", false},
		"a torn one":      {"x", `{"a":`, false},
		"two":             {"x", "{}{}", false},
		"space before it": {"x", " {}", false},
	} {
		err := ledger.CheckEvents([]ledger.Event{{Topic: "fine", Body: []byte("{}")}, {Topic: line.topic,
			Body: []byte(line.body)}})
		if (err == nil) != line.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}
