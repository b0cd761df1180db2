package envelope

import (
	"errors"
	"fmt"
)

// Verify redoes the split of a closed envelope from its revealed seed: the commitment that was published at send binds
// the seed, and every share that was taken is the one that the seed makes. The error says what does not fit.
func Verify(v View) error {
	if !v.Revealed {
		return errors.New("the envelope is still open: its seed is revealed when it closes")
	}
	if got := v.Seed.Commitment(v.ID); got != v.Commitment {
		return fmt.Errorf("the seed does not fit the commitment %s: it makes %s", v.Commitment, got)
	}
	shares, err := Split(v.Seed, v.Kind, v.Total.Minor, v.Count)
	if err != nil {
		return err
	}
	seen := make(map[int]bool)
	for _, t := range v.Taken {
		switch {
		case t.Share < 0 || t.Share >= len(shares) || seen[t.Share]:
			return fmt.Errorf("%s took share %d, which does not exist or is already taken", t.User, t.Share)
		case shares[t.Share] != t.Minor:
			return fmt.Errorf("share %d of %s is %d, and the seed makes %d", t.Share, t.User, t.Minor, shares[t.Share])
		}
		seen[t.Share] = true
	}
	return nil
}
