package merchant_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

const day = 24 * time.Hour

func TestATestClockOnlyGrows(t *testing.T) {
	devstack.SkipInShort(t)
	r := newRig(t, nil)
	m := r.active()
	r.must(r.setMember("ann", m.ID, "bob", "finance"))
	r.must(r.setMember("ann", m.ID, "cem", "developer"))
	advance := func(user, request string, by time.Duration) (merchant.Merchant, error) {
		return r.Merchants.AdvanceBy(r.ctx(), user, m.ID, merchant.Advance{RequestID: request, By: by})
	}
	server := func(mode merchant.Mode, p ...merchant.Permission) error {
		_, err := r.Merchants.AdvanceIn(r.ctx(), merchant.Session{Merchant: m.ID, Key: 7, Mode: mode, Permissions: p},
			m.ID, merchant.Advance{RequestID: "server", By: day})
		return err
	}
	wantAhead := func(want time.Duration) {
		t.Helper()
		test := apptest.Must(r.Merchants.Ahead(r.ctx(), m.ID, merchant.Test))
		live := apptest.Must(r.Merchants.Ahead(r.ctx(), m.ID, merchant.Live))
		if test != want || live != 0 {
			t.Errorf("the test side is %v ahead, the live side %v; want %v and 0", test, live, want)
		}
	}
	wantAhead(0)
	for range 2 { // a repetition advances nothing more
		if got := apptest.Must(advance("cem", "once", 10*day)); got.TestAhead != 10*day {
			t.Errorf("the clock is %v ahead", got.TestAhead)
		}
	}
	r.must(server(merchant.Test, merchant.ClockAdvance))
	wantAhead(11 * day)
	for _, c := range []struct {
		what string
		err  error
		code string
	}{
		{"by finance", second(advance("bob", "a", day)), merchant.CodeRoleMissing},
		{"by a stranger", second(advance("dan", "b", day)), merchant.CodeNotFound},
		{"by a live key", server(merchant.Live, merchant.ClockAdvance), merchant.CodeModeMismatch},
		{"by a key without the permission", server(merchant.Test, merchant.CoverEdit), merchant.CodePermissionMissing},
		{"back", second(advance("ann", "c", -day)), refusal.CodeInvalidArgument},
		{"by nothing", second(advance("ann", "d", 0)), refusal.CodeInvalidArgument},
		{"too far at once", second(advance("ann", "e", merchant.MaxAdvance+1)), refusal.CodeInvalidArgument},
		{"the same request by more", second(advance("cem", "once", 11*day)), refusal.CodeRequestConflict},
	} {
		apptest.WantCode(t, c.what, c.err, c.code)
	}
	wantAhead(11 * day)
	for i, left := 0, merchant.MaxAhead-11*day; left > 0; i++ {
		by := min(left, merchant.MaxAdvance)
		apptest.Must(advance("ann", r.RequestID(), by))
		left -= by
	}
	apptest.WantCode(t, "beyond ten years", second(advance("ann", "f", time.Millisecond)), refusal.CodeInvalidArgument)
	wantAhead(merchant.MaxAhead)

	shard, _ := r.Cluster.ShardOf(m.ID)
	clocks := apptest.Must(r.Merchants.TestClocks(r.ctx(), shard, m.ID-1, 1))
	if len(clocks) != 1 || clocks[0] != (merchant.TestClock{Merchant: m.ID, Ahead: merchant.MaxAhead}) {
		t.Errorf("the clocks of the shard are %+v", clocks)
	}
	r.must(r.decide(m.ID, "suspend"))
	apptest.WantCode(t, "of a merchant that is suspended", second(advance("ann", "g", day)), merchant.CodeNotActive)
	r.MustBalance()
}

func second[T any](_ T, err error) error { return err }
