package envelope_test

import (
	"fmt"

	"github.com/hongbao/hongbao/envelope"
)

// Whoever knows the seed can redo the split: ¥8.88 in five random shares, in the order in which they are taken.
func ExampleSplit() {
	seed := envelope.Seed([]byte("a seed has exactly 32 bytes, yes"))
	shares, err := envelope.Split(seed, envelope.Lucky, 888, 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	var sum int64
	for _, share := range shares {
		sum += share
	}
	fmt.Println(shares, "make", sum)

	shares, err = envelope.Split(seed, envelope.Equal, 100, 3)
	fmt.Println(shares, err)

	_, err = envelope.Split(seed, envelope.Lucky, 2, 3)
	fmt.Println(err)
	// Output:
	// [148 347 93 143 157] make 888
	// [34 33 33] <nil>
	// split 2 into 3 shares: every share needs at least 1
}
