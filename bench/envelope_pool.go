package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// meanShare is the mean of a share, in minor units.
const meanShare = 100

// spread is how far apart, among their group's members, those begin who grab from two envelopes of the group. It has no
// divisor in common with the size of a group, so all who grab at the same time are different people.
const spread = 7

// opened is an open envelope.
type opened struct {
	id     int64
	sender int
	group  int
	first  int // of the group's members, who begins
}

// envelopePool is open envelopes, and who has not grabbed from them yet. Each pair of an envelope and a user is given
// out once.
type envelopePool struct {
	target  *Target
	users   *users
	books   *books
	prefix  string
	shares  int // of an envelope
	takers  int // of each group that grab: as many as shares where everybody wins
	width   int // envelopes that are grabbed from at the same time
	sent    int
	batches []batch
	next    atomic.Int64
	numbers atomic.Int64 // of envelopes that are sent one by one
}

// batch is a part of the pool that was filled at once.
type batch struct {
	before    int64 // pairs in the batches before it
	envelopes []opened
}

// newEnvelopePool makes an empty pool. Its envelopes are noted in the books.
func newEnvelopePool(b *books, prefix string, shares, takers, width int) *envelopePool {
	return &envelopePool{target: b.target, users: b.users, books: b, prefix: prefix, shares: shares, takers: takers,
		width: width}
}

// fill sends so many envelopes that there are at least so many pairs to give out. It must not run together with take.
func (p *envelopePool) fill(ctx context.Context, pairs int64) error {
	missing := pairs - p.left()
	if missing <= 0 {
		return nil
	}
	n := int((missing + int64(p.takers) - 1) / int64(p.takers))
	n = (n + p.width - 1) / p.width * p.width // whole rows
	r := batch{before: p.total(), envelopes: make([]opened, n)}
	err := inParallel(ctx, n, func(i int) (err error) {
		r.envelopes[i], err = p.sendBy(p.target.sure, p.sent+i)
		return explainAt(err, "send an envelope")
	})
	if err != nil {
		return err
	}
	p.books.sent(r.envelopes...)
	p.sent += n
	p.batches = append(p.batches, r)
	return nil
}

// send sends the envelope with a number, and is measured.
func (p *envelopePool) send(n int) (opened, error) {
	return p.sendBy(p.target.raw, n)
}

// sendFromOne is send, from the first group's first sender.
func (p *envelopePool) sendFromOne(n int) (opened, error) {
	return p.sendFrom(p.target.raw, p.users.sender(0, 0), n, 0, 0)
}

func (p *envelopePool) sendBy(services client.Services, n int) (opened, error) {
	g := n % len(p.users.groups)
	round := n / len(p.users.groups)
	return p.sendFrom(services, p.users.sender(g, round), n, g, round)
}

func (p *envelopePool) sendFrom(services client.Services, sender, n, g, round int) (opened, error) {
	e, err := services.Envelopes.Send(p.users.as[sender], p.request(n, g))
	if err != nil {
		return opened{}, err
	}
	return opened{id: e.Id, sender: sender, group: g, first: round * spread}, nil
}

func (p *envelopePool) request(n, g int) *envelopeapi.SendRequest {
	return &envelopeapi.SendRequest{
		RequestId: fmt.Sprintf("%s-%d", p.prefix, n), GroupId: p.users.groups[g], Kind: "lucky",
		Total: int64(p.shares) * meanShare, Count: int32(p.shares), Currency: currency,
	}
}

func (p *envelopePool) total() int64 {
	if len(p.batches) == 0 {
		return 0
	}
	last := p.batches[len(p.batches)-1]
	return last.before + int64(len(last.envelopes)*p.takers)
}

// left is how many pairs have not been given out.
func (p *envelopePool) left() int64 { return max(p.total()-p.next.Load(), 0) }

// take gives out the next pair; ok is false when there is none left. Pairs of the envelopes of a row take turns.
func (p *envelopePool) take() (e opened, user int, ok bool) {
	n := p.next.Add(1) - 1
	for i := len(p.batches) - 1; i >= 0; i-- {
		r := &p.batches[i]
		if n < r.before {
			continue
		}
		n -= r.before
		row := p.width * p.takers
		at := int(n) / row * p.width
		if at >= len(r.envelopes) {
			break
		}
		within := int(n) % row
		e = r.envelopes[at+within%p.width]
		return e, p.users.member(e.group, e.first+within/p.width), true
	}
	return opened{}, 0, false
}
