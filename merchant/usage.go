package merchant

import "context"

// Usage is how much of what a merchant may have it has.
type Usage struct {
	Members int   // of MaxMembers
	Keys    int   // of MaxKeys: those of both sides that are good
	Good    []Key // the keys of one side that are good, the oldest first
}

// Usage returns how much a merchant has, with the keys of a side, for its members. Refusals: merchant_not_found,
// invalid_argument.
func (s *Service) Usage(ctx context.Context, user string, id int64, mode string) (Usage, error) {
	m, err := ParseMode(mode)
	if err != nil {
		return Usage{}, err
	}
	r, err := s.see(ctx, Caller{User: user}, id, SeeMerchant)
	if err != nil {
		return Usage{}, err
	}
	now := s.clock()
	u := Usage{Members: len(r.Members), Keys: valid(r.Keys, now)}
	for _, k := range r.Keys {
		if k.Mode == m && k.ValidAt(now) {
			u.Good = append(u.Good, k)
		}
	}
	return u, nil
}
