package app

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/push/redisbus"
)

// groupsChannel carries the ids of groups whose members changed, from node to node.
const groupsChannel = "groups"

// announcer tells every node, this one included, that a group has changed.
type announcer struct{ bus *redisbus.Bus }

func (a announcer) Announce(ctx context.Context, group string) error {
	return a.bus.Announce(ctx, groupsChannel, []byte(group))
}

// groupWidth is how many groups a listener is called about at a time.
const groupWidth = 8

// groupChanges calls whoever in this process wants to know that a group has changed.
type groupChanges struct {
	mu        sync.Mutex
	listeners []*groupListener
	ended     bool
	running   sync.WaitGroup
}

// groupListener is called by a goroutine of its own, once for all changes of a group that come while it is called about
// others: what hears announcements must not block, and a burst of them must not become as many calls.
type groupListener struct {
	call    func(group string)
	wake    chan struct{}   // has room for one; closed at the end
	changed map[string]bool // since it was called; guarded by groupChanges.mu
}

func (c *groupChanges) changed(group string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	for _, l := range c.listeners {
		l.changed[group] = true
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (c *groupChanges) add(call func(group string)) {
	l := &groupListener{call: call, wake: make(chan struct{}, 1), changed: map[string]bool{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.listeners = append(c.listeners, l)
	c.running.Go(func() { c.run(l) })
}

func (c *groupChanges) run(l *groupListener) {
	for range l.wake {
		c.mu.Lock()
		groups := slices.Collect(maps.Keys(l.changed))
		clear(l.changed)
		c.mu.Unlock()
		_ = loop.FanOut(groups, groupWidth, func(group string) error { l.call(group); return nil })
	}
}

// end returns once nobody is called any more.
func (c *groupChanges) end() {
	c.mu.Lock()
	if !c.ended {
		c.ended = true
		for _, l := range c.listeners {
			close(l.wake)
		}
	}
	c.mu.Unlock()
	c.running.Wait()
}

// OnGroupChange calls f after a group's members may have changed: "" means any group, when announcements were missed.
// It is called about several groups at a time, never twice at a time about one, and not after Close.
func (a *App) OnGroupChange(f func(group string)) { a.changes.add(f) }

func (a *App) openGroups(ctx context.Context) (err error) {
	a.Groups, err = group.NewDirectory(mysqlgroup.New(a.Cluster), announcer{a.Bus}, a.cfg.Log, a.cfg.Now)
	if err != nil {
		return err
	}
	stop, err := a.Bus.OnAnnounce(ctx, groupsChannel, func(payload []byte) {
		a.Groups.Invalidate(string(payload))
		a.changes.changed(string(payload))
	}, func() {
		a.Groups.Flush()
		a.changes.changed("")
	})
	if err != nil {
		return err
	}
	a.onClose(func() { stop(); a.changes.end() })
	return nil
}
