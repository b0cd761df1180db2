package memledger

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// below is the bound of a page that goes down from a cursor; the cursor 0 means from the highest.
func below(cursor int64) int64 {
	if cursor == 0 {
		return math.MaxInt64
	}
	return cursor
}

// listHolds returns the first limit of the holds of a shard that match, in an order. It looks at all of the shard's.
func (l *Ledger) listHolds(
	ctx context.Context, n, limit int, match func(ledger.Hold) bool, order func(a, b ledger.Hold) int,
) (holds []ledger.Hold, err error) {
	err = l.read(ctx, n, func(s *state) {
		for _, h := range s.holds {
			if match(h) {
				holds = append(holds, h)
			}
		}
		slices.SortFunc(holds, order)
		holds = holds[:min(limit, len(holds))]
		for i := range holds {
			holds[i] = copyOf(holds[i])
		}
	})
	return holds, err
}

func byID(a, b ledger.Hold) int { return cmp.Compare(a.ID, b.ID) }

func byExpiry(a, b ledger.Hold) int { return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), byID(a, b)) }

// GetHold returns a hold as it is now. Error: ledger.ErrHoldNotFound.
func (l *Ledger) GetHold(ctx context.Context, id int64) (h ledger.Hold, err error) {
	n, ok := l.ShardOf(id)
	if !ok {
		return ledger.Hold{}, ledger.ErrHoldNotFound
	}
	if err := l.read(ctx, n, func(s *state) { h, ok = s.holds[id] }); err != nil {
		return ledger.Hold{}, err
	}
	if !ok {
		return ledger.Hold{}, ledger.ErrHoldNotFound
	}
	return copyOf(h), nil
}

// GetHolds returns those of the holds that exist, in the order of ids given.
func (l *Ledger) GetHolds(ctx context.Context, ids []int64) ([]ledger.Hold, error) {
	holds := make([]ledger.Hold, 0, len(ids))
	for _, id := range ids {
		h, err := l.GetHold(ctx, id)
		switch err {
		case nil:
			holds = append(holds, h)
		case ledger.ErrHoldNotFound:
		default:
			return nil, err
		}
	}
	return holds, nil
}

// OpenHolds returns open holds of a subject on a shard with an id above after, in the order of ids.
func (l *Ledger) OpenHolds(
	ctx context.Context, n int, s ledger.Subject, after int64, limit int,
) ([]ledger.Hold, error) {
	return l.listHolds(ctx, n, limit, func(h ledger.Hold) bool { return h.Subject == s && h.Open && h.ID > after },
		byID)
}

// DueHolds returns open holds of a subject on a shard that are expired by the ledger's clock, the oldest first, from
// the one behind after (the zero Hold: from the oldest).
func (l *Ledger) DueHolds(
	ctx context.Context, n int, s ledger.Subject, after ledger.Hold, limit int,
) ([]ledger.Hold, error) {
	now := l.now()
	return l.listHolds(ctx, n, limit, func(h ledger.Hold) bool {
		behind := after.ID == 0 || byExpiry(h, after) > 0
		return h.Subject == s && h.Open && h.ExpiresAt.UnixMilli() <= now.UnixMilli() && behind
	}, byExpiry)
}

// HoldsOf returns an owner's holds of a subject, newest first, with an id below before (0: from the newest).
func (l *Ledger) HoldsOf(
	ctx context.Context, owner string, s ledger.Subject, before int64, limit int,
) ([]ledger.Hold, error) {
	if err := ledger.CheckAccount("owner", owner); err != nil {
		return nil, err
	}
	return l.listHolds(ctx, l.forUser(owner), limit, func(h ledger.Hold) bool {
		return h.Owner == owner && h.Subject == s && h.ID < below(before)
	}, func(a, b ledger.Hold) int { return byID(b, a) })
}

// Posts returns the posts of a hold, in the order of At. A hold that does not exist has none.
func (l *Ledger) Posts(ctx context.Context, id int64) (posts []ledger.Post, err error) {
	n, ok := l.ShardOf(id)
	if !ok {
		return nil, nil
	}
	err = l.read(ctx, n, func(s *state) {
		for _, part := range s.postsOf[id] {
			posts = append(posts, s.posts[partKey{id, part}])
		}
	})
	slices.SortFunc(posts, func(a, b ledger.Post) int {
		return cmp.Or(a.At.Compare(b.At),
			cmp.Compare(a.Part, b.Part))
	})
	return posts, err
}

// Indexed returns the references of a subject that concern somebody, the highest first, below before (0: from the
// highest).
func (l *Ledger) Indexed(
	ctx context.Context, of string, s ledger.Subject, before int64, limit int,
) (ids []int64, err error) {
	if err := ledger.CheckIndex([]ledger.IndexEntry{{Of: of}}); err != nil {
		return nil, err
	}
	err = l.read(ctx, l.forUser(ledger.IndexOwner(of)), func(st *state) {
		for _, id := range slices.Backward(st.index[indexKey{of, s}]) {
			if id < below(before) && len(ids) < limit {
				ids = append(ids, id)
			}
		}
	})
	return ids, err
}
