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
	t.Logf("%d wins, %d crashes, %d times back, %d rebuilt", all.Won, all.Crashes, all.WentBack, all.Rebuilt)
	if all.Won < seeds*10 || all.Crashes < seeds || all.Late < seeds || all.WentBack < seeds || all.Rebuilt < seeds/4 {
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
