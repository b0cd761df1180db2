package collection

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hongbao/hongbao/internal/refusal"
)

func even(total int64, remainder string, users ...string) Bill {
	return Bill{Kind: string(Even), Total: total, Remainder: remainder, Participants: users}
}

// Each line is a bill of carol's.
func TestSharesOfABill(t *testing.T) {
	for _, line := range []struct {
		name string
		bill Bill
		want string // id amount[*], * for the collector's own
		due  int64
	}{
		{"without remainder", even(300, "", "alice", "bob", "dave"), "alice 100 bob 100 dave 100", 300},
		{"one unit over", even(301, "", "dave", "bob", "alice"), "alice 101 bob 100 dave 100", 301},
		{"two units over", even(302, RemainderMembers, "dave", "alice", "bob"), "alice 101 bob 101 dave 100", 302},
		{"with the collector", even(302, "", "carol", "alice", "bob"), "alice 101 bob 101 carol 100*", 202},
		{"the remainder to the collector, who shares", even(302, RemainderCollector, "carol", "alice", "bob"),
			"alice 100 bob 100 carol 102*", 200},
		{"the remainder to the collector, who does not", even(302, RemainderCollector, "alice", "bob", "dave"),
			"alice 100 bob 100 dave 100", 300},
		{"one unit each", even(3, "", "alice", "bob", "dave"), "alice 1 bob 1 dave 1", 3},
		{"one person", even(7, "", "bob"), "bob 7", 7},
		{"per person", Bill{Kind: string(PerPerson), Asks: []Ask{{"dave", 5}, {"alice", 7}}}, "alice 7 dave 5", 12},
	} {
		t.Run(line.name, func(t *testing.T) {
			parts, err := line.bill.parts("carol", line.bill.users("carol", nil))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range parts {
				own := ""
				if p.State == PartOwn {
					own = "*"
				}
				got = append(got, fmt.Sprintf("%s %d%s", p.Member, p.Minor, own))
			}
			total, due := line.bill.sums(parts)
			if strings.Join(got, " ") != line.want || due != line.due || line.bill.Total > 0 &&
				total != line.bill.Total {
				t.Errorf("%v, %d of %d due; want %s, %d", got, due, total, line.want, line.due)
			}
		})
	}
	for name, line := range map[string]struct {
		bill Bill
		code string
	}{
		"nobody":                {even(100, ""), CodeParticipantsRequired},
		"only the collector":    {even(100, "", "carol"), CodeParticipantsRequired},
		"less than a unit each": {even(2, "", "alice", "bob", "dave"), refusal.CodeAmountOutOfRange},
		"less than a unit, collector": {even(2, RemainderCollector, "alice", "bob", "dave"),
			refusal.CodeAmountOutOfRange},
	} {
		if _, err := line.bill.parts("carol", line.bill.users("carol", []string{"carol"})); refusal.CodeOf(
			err) != line.code {
			t.Errorf("%s: %v, want %s", name, err, line.code)
		}
	}
	if got := even(1, "").users("carol", []string{"alice", "carol", "dave"}); !slices.Equal(got,
		[]string{"alice", "dave"}) {
		t.Errorf("without participants: %v", got)
	}
}

// However a bill is shared evenly, the parts sum to it, or fall short by what the collector bears, and differ by a
// unit.
func TestEvenSharesSumUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-d]{1,6}`), 1, 40, rapid.ID).Draw(t, "users")
		total := rapid.Int64Range(int64(len(users)), 1<<40).Draw(t, "total")
		collector := rapid.SampledFrom(append(users, "zoe")).Draw(t, "collector")
		b := even(total, rapid.SampledFrom([]string{"", RemainderMembers, RemainderCollector}).Draw(t, "remainder"),
			users...)
		parts, err := b.parts(collector, users)
		if err != nil {
			if len(users) == 1 && users[0] == collector {
				return
			}
			t.Fatal(err)
		}
		sum, low, high, own := int64(0), int64(1<<62), int64(0), int64(0)
		for _, p := range parts {
			sum += p.Minor
			if p.State == PartOwn {
				own = p.Minor
				continue
			}
			low, high = min(low, p.Minor), max(high, p.Minor)
		}
		over := int64(0)
		if b.Remainder == RemainderCollector {
			over = total % int64(len(users))
			if own > 0 && own != low+over {
				t.Fatalf("the collector's own part is %d, others %d, %d over", own, low, over)
			}
			if own > 0 {
				over = 0
			}
			if high != low {
				t.Fatalf("parts from %d to %d", low, high)
			}
		}
		if sum+over != total || low < 1 || high-low > 1 {
			t.Fatalf("parts from %d to %d sum to %d of %d", low, high, sum, total)
		}
		if gotTotal, due := b.sums(parts); gotTotal != total || due != sum-own {
			t.Fatalf("%d of %d due, want %d of %d", due, gotTotal, sum-own, total)
		}
	})
}
