package mempot

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// contents is everything that a bucket can lose.
type contents struct {
	pots    map[int64]*pot
	entries []entry
	newest  position // of all entries ever
	read    map[pots.Reader]acknowledged
	epoch   string
	fenced  bool                 // nothing is done until Unfence
	old     map[string]*contents // of epochs before
}

func newContents() *contents {
	return &contents{pots: map[int64]*pot{}, read: map[pots.Reader]acknowledged{},
		old: map[string]*contents{}}
}

// pot returns a pot, nil if there is none. The time of a retired pot is over RetiredFor after its retirement.
func (c *contents) pot(id int64, now time.Time) *pot {
	p := c.pots[id]
	if p != nil && p.retired && !now.Before(p.forget) {
		delete(c.pots, id)
		return nil
	}
	return p
}

// clone returns a copy that shares nothing that changes.
func (c *contents) clone() *contents {
	other := &contents{
		pots: make(map[int64]*pot, len(c.pots)), entries: slices.Clone(c.entries), newest: c.newest,
		read: maps.Clone(c.read), epoch: c.epoch, fenced: c.fenced,
		old: maps.Clone(c.old), // which never change
	}
	for id, p := range c.pots {
		copied := *p
		copied.taken, copied.by = slices.Clone(p.taken), maps.Clone(p.by)
		other.pots[id] = &copied
	}
	return other
}

// pot is the shares of an envelope. It is open until it is closed or its time is over.
type pot struct {
	shares   []int64         // minor units; never changes
	left     []int           // shares to take, in order; its elements never change
	taken    []envelope.Take // in the order of taking
	by       map[string]int  // user → index into taken
	expires  time.Time
	closed   bool
	refunded bool
	retired  bool
	forget   time.Time // if retired
}

// newPot fails as envelope.Untaken does.
func newPot(e envelope.Envelope, taken []envelope.Take) (*pot, error) {
	left, err := envelope.Untaken(e, taken)
	if err != nil {
		return nil, err
	}
	p := &pot{
		shares: slices.Clone(e.Shares), left: left, taken: slices.Clone(taken),
		by: make(map[string]int, len(taken)), expires: milliseconds(e.ExpiresAt),
	}
	for i := range p.taken {
		p.taken[i].At = milliseconds(p.taken[i].At)
	}
	slices.SortFunc(p.taken, func(a, b envelope.Take) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Share, b.Share))
	})
	for i, t := range p.taken {
		p.by[t.User] = i
	}
	return p, nil
}

// expire closes the pot when its time is over. It stays closed if the clock then goes back.
func (p *pot) expire(now time.Time) { p.closed = p.closed || !now.Before(p.expires) }

func (p *pot) take(user string, now time.Time) (envelope.Take, envelope.Outcome) {
	p.expire(now)
	if i, ok := p.by[user]; ok {
		return p.taken[i], envelope.AlreadyWon
	}
	if len(p.left) == 0 {
		return envelope.Take{}, envelope.Empty
	}
	if p.closed {
		return envelope.Take{}, envelope.Expired
	}
	share := p.left[0]
	p.left = p.left[1:]
	t := envelope.Take{User: user, Share: share, Minor: p.shares[share], At: now}
	p.by[user] = len(p.taken)
	p.taken = append(p.taken, t)
	return t, envelope.Won
}

func (p *pot) state(now time.Time) envelope.PotState {
	p.expire(now)
	return envelope.PotState{Taken: slices.Clone(p.taken), Left: len(p.left), Closed: p.closed || len(p.left) == 0}
}

// retire closes the pot and says whether the refund is news.
func (p *pot) retire(refunded int64, now time.Time) (news bool) {
	p.closed = true
	if !p.retired {
		p.retired, p.forget = true, now.Add(envelope.RetiredFor)
	}
	news = refunded > 0 && !p.refunded
	p.refunded = p.refunded || news
	return news
}
