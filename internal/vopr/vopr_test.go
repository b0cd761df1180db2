package vopr_test

import (
	"testing"

	"github.com/hongbao/hongbao/internal/vopr"
)

func TestSeeds(t *testing.T) {
	const seeds, steps = 200, 2_000
	var all vopr.Report
	for seed := range uint64(seeds) {
		r, err := vopr.Run(seed, steps)
		if err != nil {
			t.Fatal(err)
		}
		all.Add(r)
	}
	t.Logf("%d wins, %d crashes, %d times back, %d rebuilt, %d shards back", all.Won, all.Crashes, all.WentBack,
		all.Rebuilt, all.ShardsBack)
	if all.Won < seeds*10 || all.Crashes < seeds || all.Late < seeds || all.WentBack < seeds || all.Rebuilt < seeds/4 ||
		all.ShardsBack < seeds {
		t.Errorf("too little happened: %+v", all)
	}
}

func TestASeedGoesTheSameWay(t *testing.T) {
	first, err := vopr.Run(7, 3_000)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := vopr.Run(7, 3_000); again != first || err != nil {
		t.Errorf("first %+v, then %+v, %v", first, again, err)
	}
}

// TestFlawsAreFound gives worlds a flaw each, which one of the first 200 finds.
func TestFlawsAreFound(t *testing.T) {
	const seeds, steps = 200, 2_000
	for _, flaw := range []vopr.Flaw{vopr.RebuiltFull, vopr.PotsForget} {
		t.Run(string(flaw), func(t *testing.T) {
			for seed := range uint64(seeds) {
				if _, err := vopr.RunWith(seed, steps, flaw); err != nil {
					t.Log(err)
					return
				}
			}
			t.Errorf("%d worlds have not found it", seeds)
		})
	}
}
