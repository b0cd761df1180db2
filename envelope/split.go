package envelope

import (
	"fmt"
	"math/rand/v2"
)

// Split divides total minor units into count shares, each at least 1, in the order in which they will be taken. It is a
// pure function of its arguments: whoever knows the seed can redo it. Callers keep 1 ≤ count ≤ total ≤ ledger.MaxMinor.
//
// Lucky shares are drawn by the double mean: with k shares and rest units left, the next share is uniform in
//
//	1 … min(⌊2·rest/k⌋, rest−(k−1))
//
// and the last share is what is left. Without more, late shares would vary more than early ones and win the best luck
// too often, so the shares are then shuffled (Fisher–Yates, from the last down to the second). Equal shares hand the
// remainder out one unit at a time, to the first shares. An exclusive envelope is one share.
//
// All draws come from one ChaCha8 stream (C2SP chacha8rand) seeded with seed, see draw.
func Split(seed Seed, kind Kind, total int64, count int) ([]int64, error) {
	if count < 1 || total < int64(count) {
		return nil, fmt.Errorf("split %d into %d shares: every share needs at least 1", total, count)
	}
	switch kind {
	case Exclusive:
		if count != 1 {
			return nil, fmt.Errorf("split: an exclusive envelope has 1 share, not %d", count)
		}
		return []int64{total}, nil
	case Equal:
		return splitEqually(total, count), nil
	case Lucky:
		return splitLuckily(seed, total, count), nil
	}
	return nil, fmt.Errorf("split: unknown kind %q", kind)
}

func splitEqually(total int64, count int) []int64 {
	shares := make([]int64, count)
	each, over := total/int64(count), total%int64(count)
	for i := range shares {
		shares[i] = each
		if int64(i) < over {
			shares[i]++
		}
	}
	return shares
}

func splitLuckily(seed Seed, total int64, count int) []int64 {
	source := rand.NewChaCha8(seed)
	shares := make([]int64, count)
	rest := total
	for i := range count - 1 {
		k := int64(count - i)
		most := max(1, min(2*rest/k, rest-(k-1)))
		shares[i] = 1 + draw(source, most)
		rest -= shares[i]
	}
	shares[count-1] = rest
	for i := count - 1; i > 0; i-- {
		j := draw(source, int64(i)+1)
		shares[i], shares[j] = shares[j], shares[i]
	}
	return shares
}

// draw is uniform in 0 … n−1, for n ≥ 1: the first 64-bit output of the source below the largest multiple of n that
// fits 2^64, modulo n. The method is our own, not math/rand's, so that it can be redone in any language.
func draw(source *rand.ChaCha8, n int64) int64 {
	un := uint64(n)
	excess := -un % un // 2^64 mod n
	for {
		u := source.Uint64()
		if excess == 0 || u < -excess { // −excess = 2^64 − excess
			return int64(u % un)
		}
	}
}
