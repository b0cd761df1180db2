package envelope

import (
	"context"
	"errors"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// reconcileBatch is how many open holds are looked at at a time.
const reconcileBatch = 500

// reconcile mends a ledger that went back in time: it has lost commits whose records were acknowledged, and so may be
// gone from the log. The pots know who took what, so every take of an open hold that the ledger lacks is posted; then
// the log is settled up to what was acknowledged.
func (s *Settler) reconcile(ctx context.Context, shard, bucket int, from ledger.SourceLog,
	acknowledged pots.Position) error {
	s.logger.Error("the ledger went back in time: it has settled a log less far than was acknowledged, and the pots "+
		"say who is to be paid", "bucket", bucket, "settled", from.UpTo, "acknowledged", acknowledged)
	for after := int64(0); ; {
		holds, err := s.ledger.OpenHolds(ctx, shard, Subject, after, reconcileBatch)
		if err != nil {
			return err
		}
		if len(holds) == 0 {
			break
		}
		after = holds[len(holds)-1].ID
		for _, h := range holds {
			if s.buckets.Of(shard, h.ID) != bucket {
				continue
			}
			if err := s.postMissing(ctx, shard, h, from); err != nil {
				return err
			}
		}
	}
	_, err := s.ledger.Settle(ctx, shard, nil, from, string(acknowledged))
	return err
}

// postMissing posts what was taken from the pot of a hold and the ledger lacks.
func (s *Settler) postMissing(ctx context.Context, shard int, h ledger.Hold, from ledger.SourceLog) error {
	state, err := s.pot.Look(ctx, h.ID)
	if errors.Is(err, ErrNoPot) {
		return nil
	}
	if err != nil {
		return err
	}
	posted, err := s.ledger.Posts(ctx, h.ID)
	if err != nil {
		return err
	}
	missing := lacking(h.ID, state.Taken, posted)
	if len(missing) == 0 {
		return nil
	}
	return s.settle(ctx, shard, missing, from, pots.Position(from.UpTo))
}

// lacking are the posts of the takes that are not among those posted.
func lacking(hold int64, taken []Take, posted []ledger.Post) []ledger.Post {
	type share struct {
		user string
		part int
	}
	known := make(map[share]bool, len(posted))
	for _, p := range posted {
		known[share{p.Payee, p.Part}] = true
	}
	var missing []ledger.Post
	for _, t := range taken {
		if !known[share{t.User, t.Share}] {
			missing = append(missing, postOf(hold, t))
		}
	}
	return missing
}

func postOf(hold int64, t Take) ledger.Post {
	return ledger.Post{Hold: hold, Part: t.Share, Payee: t.User, Minor: t.Minor, At: t.At}
}
