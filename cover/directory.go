package cover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Bounds of a Directory.
const (
	// freshFor is how long what was read is believed, counted from before it was read: a freeze is known on every node
	// within this time and the time of a read.
	freshFor    = 500 * time.Millisecond
	renewAfter  = freshFor / 2 // when it is read again, if anybody asks, so that nobody has to wait
	maxCached   = 20_000       // covers, about 1 KB each
	loadTimeout = 800 * time.Millisecond
)

// Entry is what others need of a cover.
type Entry struct {
	ID       int64
	Merchant int64 // 0: one of ours, which everybody may use
	Mode     merchant.Mode
	Design
	State        State     // expired also where its time is over and nobody has written that down yet
	UsableUntil  time.Time // zero before it was approved, and for ours
	MerchantName string
	Active       bool          // its merchant may act on the cover's side
	Ahead        time.Duration // of the clock of the cover's side: see merchant.Merchant.Ahead
}

// Usable refuses a cover that may not be sent or claimed now. Refusals: cover_not_found (it was taken down),
// cover_frozen, cover_not_approved, merchant_not_active.
func (e Entry) Usable() error {
	switch {
	case e.State == StateTakenDown:
		return errNotFound
	case e.State == StateFrozen:
		return refusal.New(CodeFrozen, "the cover is frozen: its merchant knows why")
	case e.State != StateApproved:
		return refusal.New(CodeNotApproved, "the cover is %s: only approved ones can be used", e.State)
	case !e.Active:
		return refusal.New(merchant.CodeNotActive, "the merchant of the cover is not active")
	}
	return nil
}

// Directory answers from memory what covers there are. It is at most half a second old, bounded in size, and asks once
// for all who ask at the same time. What does not exist is remembered for as long. It is safe for concurrent use.
type Directory struct {
	store     Store
	merchants Merchants
	now       func() time.Time
	own       *own
	cache     *otter.Cache[int64, remembered]
	shown     *otter.Cache[string, shownImage]

	entries loads[int64, remembered]
	images  loads[string, shownImage]
}

// remembered is what was read. exists is false for what is not there.
type remembered struct {
	entry  Entry
	exists bool
	renew  time.Time
	until  time.Time
}

// NewDirectory makes an empty directory. now is the clock by which it forgets.
func NewDirectory(store Store, m Merchants, now func() time.Time) (*Directory, error) {
	cache, err := otter.New(&otter.Options[int64, remembered]{MaximumSize: maxCached})
	if err != nil {
		return nil, fmt.Errorf("cover directory: %w", err)
	}
	shown, err := otter.New(&otter.Options[string, shownImage]{MaximumSize: maxCached})
	if err != nil {
		return nil, fmt.Errorf("cover directory: %w", err)
	}
	ours, err := loadOwn()
	if err != nil {
		return nil, err
	}
	return &Directory{
		store: store, merchants: m, now: now, own: ours, cache: cache, shown: shown,
	}, nil
}

// Get returns what others need of a cover, whatever its state: ask Usable before it is used, and State.Shown before it
// is shown. Refusals: cover_not_found, unavailable.
func (d *Directory) Get(ctx context.Context, id int64) (Entry, error) {
	if e, ok := d.own.cover(id); ok {
		return e, nil
	}
	now := d.now()
	r, ok := d.cache.GetIfPresent(id)
	switch {
	case ok && now.Before(r.renew):
	case ok && now.Before(r.until):
		d.load(ctx, id)
	default:
		var err error
		if r, err = d.load(ctx, id).wait(ctx); err != nil {
			return Entry{}, err
		}
	}
	if !r.exists {
		return Entry{}, errNotFound
	}
	return r.entry, nil
}

// load joins the question that is under way, or asks.
func (d *Directory) load(ctx context.Context, id int64) *load[remembered] {
	return d.entries.ask(ctx, id, func(ctx context.Context) (remembered, error) {
		began := d.now()
		what, err := d.read(ctx, id)
		if err == nil {
			what.renew, what.until = began.Add(renewAfter), began.Add(freshFor)
			d.cache.Set(id, what)
		}
		return what, err
	})
}

func (d *Directory) read(ctx context.Context, id int64) (remembered, error) {
	c, now, err := d.store.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return remembered{}, nil
	}
	if err != nil {
		return remembered{}, err
	}
	of, err := d.merchants.Standing(ctx, c.Merchant, c.Mode)
	if err != nil {
		return remembered{}, err
	}
	e := Entry{
		ID: c.ID, Merchant: c.Merchant, Mode: c.Mode, Design: c.Design, State: c.State, UsableUntil: c.UsableUntil,
		MerchantName: of.Name, Active: of.Works, Ahead: of.Ahead,
	}
	if e.State == StateApproved && !now.Add(of.Ahead).Before(e.UsableUntil) {
		e.State = StateExpired
	}
	return remembered{entry: e, exists: true}, nil
}
