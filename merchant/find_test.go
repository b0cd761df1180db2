package merchant_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

func TestOperatorsFindMerchants(t *testing.T) {
	r := newRig(t, nil)
	ids := make(map[string]int64)
	for user, a := range map[string]merchant.Application{
		"ann": {Name: "Noodle House", LegalID: "91A"}, "bob": {Name: "老王面馆", LegalID: "92B_1"},
		"cem": {Name: "100% noodles", LegalID: "93C"}, "dan": {Name: "Tea", LegalID: "92BX1"},
	} {
		full := application(r.RequestID())
		full.Name, full.LegalID = a.Name, a.LegalID
		m, err := r.Merchants.Apply(r.ctx(), user, full)
		r.must(err)
		ids[user] = m.ID
	}
	r.must(r.decide(ids["cem"], "approve"))
	found := func(text, state string) []string {
		t.Helper()
		merchants, err := r.Merchants.Find(r.ctx(), merchant.Search{Text: text, State: merchant.State(state), Limit: 9})
		r.must(err)
		if !slices.IsSortedFunc(merchants, func(a, b merchant.Merchant) int { return int((b.ID - a.ID) >> 1) }) {
			t.Errorf("%q: not the newest first", text)
		}
		users := []string{}
		for _, m := range merchants {
			users = append(users, m.Applicant)
		}
		slices.Sort(users)
		return users
	}
	for _, c := range []struct {
		text, state string
		want        []string
	}{
		{"nOODle", "", []string{"ann", "cem"}},
		{"noodle", "active", []string{"cem"}},
		{"面", "", []string{"bob"}},
		{"92b", "", []string{"bob", "dan"}},
		{"b_1", "", []string{"bob"}}, // _ and % stand for themselves
		{"0%", "", []string{"cem"}},
		{`\`, "", []string{}},
		{strconv.FormatInt(ids["dan"], 10), "", []string{"dan"}},
		{strconv.FormatInt(ids["dan"], 10), "closed", []string{}},
		{"' OR 1=1 --", "", []string{}},
	} {
		if got := found(c.text, c.state); !slices.Equal(got, c.want) {
			t.Errorf("%q in state %q: %v, want %v", c.text, c.state, got, c.want)
		}
	}
	first, err := r.Merchants.Find(r.ctx(), merchant.Search{Text: "9", Limit: 1})
	r.must(err)
	rest, err := r.Merchants.Find(r.ctx(), merchant.Search{Text: "9", Limit: 9, Before: first[0].ID})
	if err != nil || len(rest) != 3 || slices.ContainsFunc(rest, func(m merchant.Merchant) bool {
		return m.ID >= first[0].ID
	}) {
		t.Errorf("after %d: %+v, %v", first[0].ID, rest, err)
	}
	for _, q := range []merchant.Search{{Text: ""}, {Text: " tea"}, {Text: "tea", State: "burnt"}} {
		_, err := r.Merchants.Find(r.ctx(), q)
		apptest.WantCode(t, "a malformed search", err, refusal.CodeInvalidArgument)
	}
}

func TestUsageCountsWhatIsGood(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	r.must(r.setMember("ann", m.ID, "bob", "viewer"))
	live, _ := r.key(m.ID, "live", nil)
	first, _ := r.key(m.ID, "test", nil)
	second, _ := r.key(m.ID, "test", nil)
	r.must(r.revoke(m.ID, first.ID))
	for mode, key := range map[string]int64{"live": live.ID, "test": second.ID} {
		u, err := r.Merchants.Usage(r.ctx(), "bob", m.ID, mode)
		if err != nil || u.Members != 2 || u.Keys != 2 || len(u.Good) != 1 || u.Good[0].ID != key {
			t.Errorf("%s: %+v, %v", mode, u, err)
		}
	}
	_, err := r.Merchants.Usage(r.ctx(), "cem", m.ID, "live")
	apptest.WantCode(t, "of a stranger", err, merchant.CodeNotFound)
	_, err = r.Merchants.Usage(r.ctx(), "ann", m.ID, "dead")
	apptest.WantCode(t, "of no side", err, refusal.CodeInvalidArgument)
}
