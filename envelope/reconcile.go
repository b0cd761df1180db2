package envelope

import (
	"context"
	"errors"
	"slices"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// reconcileBatch is how many open holds are looked at at a time.
const reconcileBatch = 500

// reconcile mends a ledger that went back in time: it has lost commits whose records were acknowledged, and so may be
// gone from the log. The pots know who took what, so every take of an open hold that the ledger lacks is posted, apart
// from those that the log still has: they are settled in their turn, with the position by which a bucket is known that
// goes back itself. Then the log is settled up to what was acknowledged.
func (s *Settler) reconcile(ctx context.Context, shard, bucket int, from ledger.SourceLog,
	acknowledged pots.Position) error {
	s.logger.Error("the ledger went back in time: it has settled a log less far than was acknowledged, and the pots "+
		"say who is to be paid", "bucket", bucket, "settled", from.UpTo, "acknowledged", acknowledged)
	missing, err := s.missing(ctx, shard, bucket, s.pot.Look)
	if err != nil {
		return err
	}
	if missing, err = s.beforeIn(ctx, bucket, acknowledged, missing); err != nil {
		return err
	}
	for some := range slices.Chunk(missing, settleBatch) {
		if err := s.settle(ctx, shard, some, from, pots.Position(from.UpTo)); err != nil {
			return err
		}
	}
	_, err = s.ledger.Settle(ctx, shard, nil, from, string(acknowledged))
	return err
}

// looker tells what was taken from a pot.
type looker func(ctx context.Context, id int64) (PotState, error)

// missing are the posts of what was taken from the pots of a bucket's open holds and the ledger lacks.
func (s *Settler) missing(ctx context.Context, shard, bucket int, look looker) (all []ledger.Post, err error) {
	for after := int64(0); ; {
		holds, err := s.ledger.OpenHolds(ctx, shard, Subject, after, reconcileBatch)
		if err != nil || len(holds) == 0 {
			return all, err
		}
		after = holds[len(holds)-1].ID
		for _, h := range holds {
			if s.buckets.Of(shard, h.ID) != bucket {
				continue
			}
			some, err := s.missingOf(ctx, h.ID, look)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
}

func (s *Settler) missingOf(ctx context.Context, hold int64, look looker) ([]ledger.Post, error) {
	state, err := look(ctx, hold)
	if errors.Is(err, ErrNoPot) || err == nil && len(state.Taken) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	posted, err := s.ledger.Posts(ctx, hold)
	return lacking(hold, state.Taken, posted), err
}

// beforeIn are those of the posts that a bucket's log does not have behind a position. What was taken before the log is
// read is in it.
func (s *Settler) beforeIn(ctx context.Context, bucket int, after pots.Position,
	posts []ledger.Post) ([]ledger.Post, error) {
	for len(posts) > 0 {
		records, upTo, err := s.log.Read(ctx, bucket, after, settleBatch, 0)
		if err != nil {
			return nil, err
		}
		if len(records) == 0 {
			break
		}
		ahead := map[ShareOf]bool{}
		for _, p := range postsOf(records) {
			ahead[ShareOf{p.Hold, p.Part}] = true
		}
		posts = slices.DeleteFunc(posts, func(p ledger.Post) bool { return ahead[ShareOf{p.Hold, p.Part}] })
		after = upTo
	}
	return posts, nil
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
