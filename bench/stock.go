package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// meanShare is the mean of a share, in minor units.
const meanShare = 100

// opened is an open envelope.
type opened struct {
	id     int64
	sender int
	group  int
	first  int // of the group's members, who begins
}

// stock is open envelopes, and who has not grabbed from them yet. Each pair of an envelope and a user is given out once.
type stock struct {
	target *Target
	crowd  *crowd
	books  *books
	prefix string
	shares int // of an envelope
	users  int // of each group that grab: as many as shares where everybody wins
	width  int // envelopes that are grabbed from at the same time
	sent   int
	racks  []rack
	next   atomic.Int64
}

// rack is a part of the stock that was filled at once.
type rack struct {
	before    int64 // pairs in the racks before it
	envelopes []opened
}

// newStock makes an empty stock. Its envelopes are noted in the books.
func newStock(b *books, prefix string, shares, users, width int) *stock {
	return &stock{target: b.target, crowd: b.crowd, books: b, prefix: prefix, shares: shares, users: users, width: width}
}

// fill sends so many envelopes that there are at least so many pairs to give out. It must not run together with take.
func (s *stock) fill(ctx context.Context, pairs int64) error {
	missing := pairs - s.left()
	if missing <= 0 {
		return nil
	}
	n := int((missing + int64(s.users) - 1) / int64(s.users))
	n = (n + s.width - 1) / s.width * s.width // whole rows
	r := rack{before: s.total(), envelopes: make([]opened, n)}
	err := inParallel(ctx, n, func(i int) (err error) {
		r.envelopes[i], err = s.send(s.sent + i)
		return explainAt(err, "send an envelope")
	})
	if err != nil {
		return err
	}
	s.books.sent(r.envelopes...)
	s.sent += n
	s.racks = append(s.racks, r)
	return nil
}

// send sends the envelope with a number.
func (s *stock) send(n int) (opened, error) {
	g := n % len(s.crowd.groups)
	round := n / len(s.crowd.groups)
	sender := s.crowd.sender(g, round)
	e, err := s.target.raw.Envelopes.Send(s.crowd.as[sender], s.request(n, g))
	if err != nil {
		return opened{}, err
	}
	return opened{id: e.Id, sender: sender, group: g, first: round * s.shares}, nil
}

func (s *stock) request(n, g int) *envelopeapi.SendRequest {
	return &envelopeapi.SendRequest{
		RequestId: fmt.Sprintf("%s-%d", s.prefix, n), GroupId: s.crowd.groups[g], Kind: "lucky",
		Total: int64(s.shares) * meanShare, Count: int32(s.shares), Currency: currency,
	}
}

func (s *stock) total() int64 {
	if len(s.racks) == 0 {
		return 0
	}
	last := s.racks[len(s.racks)-1]
	return last.before + int64(len(last.envelopes)*s.users)
}

// left is how many pairs have not been given out.
func (s *stock) left() int64 { return max(s.total()-s.next.Load(), 0) }

// take gives out the next pair; ok is false when there is none left. Pairs of the envelopes of a row take turns.
func (s *stock) take() (e opened, user int, ok bool) {
	n := s.next.Add(1) - 1
	for i := len(s.racks) - 1; i >= 0; i-- {
		r := &s.racks[i]
		if n < r.before {
			continue
		}
		n -= r.before
		row := s.width * s.users
		at := int(n) / row * s.width
		if at >= len(r.envelopes) {
			break
		}
		within := int(n) % row
		e = r.envelopes[at+within%s.width]
		return e, s.crowd.member(e.group, e.first+within/s.width), true
	}
	return opened{}, 0, false
}
