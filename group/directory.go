package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	maxCached   = 1 << 20 // members of all groups in memory, about 100 bytes each
	groupWeight = 4       // what a group costs beside its members, in members
	// a group in memory is believed; the backstop for announcements that went missing
	freshFor        = 10 * time.Second
	usableFor       = time.Hour // and is used while the store does not answer
	loadTimeout     = 2 * time.Second
	loadAgain       = 5 * time.Second // after the store did not answer
	announceTimeout = time.Second
)

// Announcer tells every node that a group has changed. Each then calls Invalidate.
type Announcer interface {
	Announce(ctx context.Context, group string) error
}

// Directory answers from memory who is in a group, and changes groups. Its methods are safe for concurrent use.
//
// A group in memory is dropped at once when a change is announced, and read again after 10 s in any case. While the
// store does not answer, the group in memory is used for up to an hour: nobody can change it meanwhile, and an
// announcement of a change that this node could not read drops it.
type Directory struct {
	store     Store
	announcer Announcer
	log       *slog.Logger
	now       func() time.Time
	cache     *otter.Cache[string, *snapshot]

	mu    sync.Mutex
	loads map[string]*load // under way, and not outdated by a change since they began
}

// snapshot is a group as the store had it.
type snapshot struct {
	exists  bool
	members map[string]struct{}
	ordered []string
	loaded  time.Time
	fresh   atomic.Int64 // Unix nanoseconds until which it is used without asking
}

// load is one question to the store that all who need the answer wait for.
type load struct {
	done     chan struct{} // closed once group and err are set
	group    *snapshot
	err      error
	outdated bool // guarded by Directory.mu: the group changed meanwhile, so the answer is not kept
}

// NewDirectory returns an empty directory in front of a store.
func NewDirectory(store Store, announcer Announcer, log *slog.Logger, now func() time.Time) (*Directory, error) {
	cache, err := otter.New(&otter.Options[string, *snapshot]{
		MaximumWeight: maxCached,
		Weigher:       func(_ string, g *snapshot) uint32 { return uint32(groupWeight + len(g.ordered)) },
	})
	if err != nil {
		return nil, fmt.Errorf("group directory: %w", err)
	}
	return &Directory{
		store: store, announcer: announcer, log: log, now: now, cache: cache, loads: make(map[string]*load),
	}, nil
}

// IsMember says whether the user is a member of the group. A group that does not exist has no members.
func (d *Directory) IsMember(ctx context.Context, group, user string) (bool, error) {
	g, err := d.get(ctx, group)
	if err != nil {
		return false, err
	}
	_, is := g.members[user]
	return is, nil
}

// Size is the number of members.
func (d *Directory) Size(ctx context.Context, group string) (int, error) {
	g, err := d.get(ctx, group)
	if err != nil {
		return 0, err
	}
	return len(g.ordered), nil
}

// Members returns the members ordered by id. Refusals: invalid_argument, group_not_found.
func (d *Directory) Members(ctx context.Context, group string) ([]string, error) {
	if err := refusal.CheckID("group_id", group); err != nil {
		return nil, err
	}
	g, err := d.get(ctx, group)
	if err != nil {
		return nil, err
	}
	if !g.exists {
		return nil, ErrNotFound
	}
	return slices.Clone(g.ordered), nil
}

// GroupsOf returns the groups that a user is a member of, ordered. It asks the store. Refusal: invalid_argument.
func (d *Directory) GroupsOf(ctx context.Context, user string) ([]string, error) {
	if err := refusal.CheckID("user_id", user); err != nil {
		return nil, err
	}
	return d.store.GroupsOf(ctx, user)
}

// Create makes a group; again with the same members it changes nothing. Refusals: invalid_argument (a malformed id, the
// same member twice), group_too_large, group_exists.
func (d *Directory) Create(ctx context.Context, group string, members []string) error {
	if err := refusal.CheckID("group_id", group); err != nil {
		return err
	}
	if len(members) > MaxMembers {
		return refusal.New(CodeTooLarge, "a group may have %d members, not %d", MaxMembers, len(members))
	}
	distinct := make(map[string]struct{}, len(members))
	for _, user := range members {
		if err := refusal.CheckID("member", user); err != nil {
			return err
		}
		if _, twice := distinct[user]; twice {
			return refusal.New(refusal.CodeInvalidArgument, "member %q appears twice: give each member once", user)
		}
		distinct[user] = struct{}{}
	}
	return d.changed(ctx, group, d.store.Create(ctx, group, members))
}

// Add adds a member; again it changes nothing. Refusals: invalid_argument, group_not_found, group_too_large.
func (d *Directory) Add(ctx context.Context, group, user string) error {
	if err := checkBoth(group, user); err != nil {
		return err
	}
	return d.changed(ctx, group, d.store.Add(ctx, group, user))
}

// Remove removes a member; again it changes nothing. Refusals: invalid_argument, group_not_found.
func (d *Directory) Remove(ctx context.Context, group, user string) error {
	if err := checkBoth(group, user); err != nil {
		return err
	}
	return d.changed(ctx, group, d.store.Remove(ctx, group, user))
}

func checkBoth(group, user string) error {
	if err := refusal.CheckID("group_id", group); err != nil {
		return err
	}
	return refusal.CheckID("user_id", user)
}

// changed makes a change known everywhere, also where the caller has gone or its outcome is uncertain. An announcement
// that fails does not fail the change: it is durable, and every node reads it within freshFor.
func (d *Directory) changed(ctx context.Context, group string, err error) error {
	if refusal.CodeOf(err) != "" {
		return err
	}
	d.Invalidate(group)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTimeout)
	defer cancel()
	if announced := d.announcer.Announce(ctx, group); announced != nil {
		d.log.Warn("a group's change could not be announced; other nodes see it within 10 s", "group", group, "error",
			announced)
	}
	return err
}

// Invalidate forgets a group. Answers to questions asked before are not kept.
func (d *Directory) Invalidate(group string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cache.Invalidate(group)
	if l := d.loads[group]; l != nil {
		l.outdated = true
		delete(d.loads, group)
	}
}

// Flush forgets everything, for when announcements may have been missed.
func (d *Directory) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cache.InvalidateAll()
	for group, l := range d.loads {
		l.outdated = true
		delete(d.loads, group)
	}
}

// get allocates nothing where the group is in memory and fresh.
func (d *Directory) get(ctx context.Context, group string) (*snapshot, error) {
	if g, ok := d.cache.GetIfPresent(group); ok && d.now().UnixNano() < g.fresh.Load() {
		return g, nil
	}
	l := d.load(ctx, group)
	select {
	case <-l.done:
		return l.group, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// load joins the question to the store that is under way, or asks. The question outlives a caller that goes.
func (d *Directory) load(ctx context.Context, group string) *load {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.loads[group]
	if l == nil {
		l = &load{done: make(chan struct{})}
		d.loads[group] = l
		go d.ask(context.WithoutCancel(ctx), group, l)
	}
	return l
}

func (d *Directory) ask(ctx context.Context, group string, l *load) {
	defer close(l.done)
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	loaded := d.now()
	members, err := d.store.Members(ctx, group)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !l.outdated {
		delete(d.loads, group)
	}
	switch {
	case err == nil, errors.Is(err, ErrNotFound):
		l.group = newSnapshot(members, err == nil, loaded)
		if !l.outdated {
			d.cache.Set(group, l.group)
		}
	default:
		if g, ok := d.cache.GetIfPresent(group); ok && loaded.Sub(g.loaded) < usableFor {
			g.fresh.Store(d.now().Add(loadAgain).UnixNano())
			l.group = g
			return
		}
		l.err = fmt.Errorf("members of %s: %w", group, err)
	}
}

func newSnapshot(members []string, exists bool, loaded time.Time) *snapshot {
	g := &snapshot{exists: exists, ordered: members, loaded: loaded, members: make(map[string]struct{}, len(members))}
	for _, user := range members {
		g.members[user] = struct{}{}
	}
	g.fresh.Store(loaded.Add(freshFor).UnixNano())
	return g
}
