package envelope

import (
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func seedOf(n uint64) (s Seed) {
	binary.LittleEndian.PutUint64(s[:], n)
	return s
}

func sum(shares []int64) (total int64) {
	for _, s := range shares {
		total += s
	}
	return total
}

func TestSplitByHand(t *testing.T) {
	for _, test := range []struct {
		name  string
		kind  Kind
		total int64
		count int
		want  []int64
	}{
		{"equal without remainder", Equal, 100, 4, []int64{25, 25, 25, 25}},
		{"equal hands the remainder to the first", Equal, 100, 18,
			[]int64{6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 5, 5, 5, 5, 5, 5, 5, 5}},
		{"exclusive is one share", Exclusive, 520, 1, []int64{520}},
		{"lucky with one share", Lucky, 7, 1, []int64{7}},
		{"lucky with one unit each", Lucky, 5, 5, []int64{1, 1, 1, 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Split(seedOf(1), test.kind, test.total, test.count)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %v", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Fatalf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	for name, split := range map[string]func() ([]int64, error){
		"no shares":               func() ([]int64, error) { return Split(Seed{}, Lucky, 10, 0) },
		"fewer units than shares": func() ([]int64, error) { return Split(Seed{}, Equal, 9, 10) },
		"two exclusive shares":    func() ([]int64, error) { return Split(Seed{}, Exclusive, 10, 2) },
		"unknown kind":            func() ([]int64, error) { return Split(Seed{}, "free", 10, 2) },
	} {
		if shares, err := split(); err == nil {
			t.Errorf("%s: got %v, want an error", name, shares)
		}
	}
}

func checkSplit(t interface{ Fatalf(string, ...any) }, kind Kind, seed Seed, total int64, count int) {
	shares, err := Split(seed, kind, total, count)
	if err != nil {
		t.Fatalf("%s %d/%d: %v", kind, total, count, err)
	}
	if len(shares) != count || sum(shares) != total {
		t.Fatalf("%s %d/%d: %d shares sum to %d", kind, total, count, len(shares), sum(shares))
	}
	low, high := int64(math.MaxInt64), int64(0)
	for _, s := range shares {
		low, high = min(low, s), max(high, s)
	}
	if low < 1 {
		t.Fatalf("%s %d/%d: a share of %d", kind, total, count, low)
	}
	if kind == Equal && high-low > 1 {
		t.Fatalf("equal %d/%d: shares from %d to %d", total, count, low, high)
	}
}

func TestSplitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 2000).Draw(t, "count")
		total := rapid.Int64Range(int64(count), 1<<40).Draw(t, "total")
		kind := rapid.SampledFrom([]Kind{Lucky, Equal}).Draw(t, "kind")
		checkSplit(t, kind, seedOf(rapid.Uint64().Draw(t, "seed")), total, count)
	})
}

func FuzzSplit(f *testing.F) {
	f.Add(uint64(1), int64(100), 10)
	f.Add(uint64(2), int64(1<<40), 100)
	f.Add(uint64(3), int64(3), 3)
	f.Fuzz(func(t *testing.T, seed uint64, total int64, count int) {
		if count < 1 || count > 10_000 || total < int64(count) || total > 1<<40 {
			if total < int64(count) || count < 1 {
				if _, err := Split(seedOf(seed), Lucky, total, count); err == nil {
					t.Fatalf("%d/%d was split", total, count)
				}
			}
			return
		}
		checkSplit(t, Lucky, seedOf(seed), total, count)
		checkSplit(t, Equal, seedOf(seed), total, count)
	})
}

func TestLuckyIsNotBiasedByPosition(t *testing.T) {
	const total, count, rounds = 20_000, 10, 20_000
	var sums, best [count]float64
	for round := range rounds {
		shares, err := Split(seedOf(uint64(round)), Lucky, total, count)
		if err != nil {
			t.Fatal(err)
		}
		luckiest := 0
		for i, s := range shares {
			sums[i] += float64(s)
			if s > shares[luckiest] {
				luckiest = i
			}
		}
		best[luckiest]++
	}
	// The mean of a position has a standard error of about sd/√rounds with sd < 1.3·mean: 5 of them is under 5 %.
	for i := range count {
		if mean := sums[i] / rounds; math.Abs(mean-total/count) > 0.05*total/count {
			t.Errorf("position %d gets %.1f on average, want about %d", i, mean, total/count)
		}
		// Binomial: expected rounds/count = 2,000, sd = 42; 5 sd = 212.
		if math.Abs(best[i]-rounds/count) > 212 {
			t.Errorf("position %d has the best luck %.0f times, want about %d", i, best[i], rounds/count)
		}
	}
}

func TestLuckyIsSpreadOut(t *testing.T) {
	// The first share that the double mean draws is uniform in 1 … 2·mean. Over a shuffled split of two shares that is
	// the whole distribution: a share of two is uniform in 1 … total−1.
	const total, rounds, cells = 1001, 40_000, 10
	var seen [cells]int
	for round := range rounds {
		shares, err := Split(seedOf(uint64(round)), Lucky, total, 2)
		if err != nil {
			t.Fatal(err)
		}
		seen[(shares[0]-1)*cells/(total-1)]++
	}
	chi2 := 0.0
	for _, n := range seen {
		d := float64(n) - rounds/cells
		chi2 += d * d / (rounds / cells)
	}
	if chi2 > 33.7 { // 9 degrees of freedom, p = 0.0001
		t.Errorf("χ² = %.1f for %v", chi2, seen)
	}
}

func TestCommitmentBindsSeedAndID(t *testing.T) {
	// head -c 32 /dev/zero | cat - <(printf 1) | sha256sum
	const want = "4e77cf06eac5cff3fad8d5e81138dd93eb1be514cd3abbd9e378efa909a7873b"
	if got := (Seed{}).Commitment(1); got != want {
		t.Fatalf("commitment %s, want %s", got, want)
	}
	if seedOf(1).Commitment(1) == seedOf(1).Commitment(2) || seedOf(1).Commitment(1) == seedOf(2).Commitment(1) {
		t.Fatal("another seed or id has the same commitment")
	}
}
