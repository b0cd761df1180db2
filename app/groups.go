package app

import (
	"context"
	"sync"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/push/redisbus"
)

// groupsChannel carries the ids of groups whose members changed, from node to node.
const groupsChannel = "groups"

// announcer tells every node, this one included, that a group has changed.
type announcer struct{ bus *redisbus.Bus }

func (a announcer) Announce(ctx context.Context, group string) error {
	return a.bus.Announce(ctx, groupsChannel, []byte(group))
}

// groupChanges calls whoever in this process wants to know that a group has changed.
type groupChanges struct {
	mu        sync.Mutex
	listeners []func(group string)
}

func (c *groupChanges) changed(group string) {
	c.mu.Lock()
	listeners := c.listeners
	c.mu.Unlock()
	for _, listener := range listeners {
		go listener(group) // what hears announcements must not block
	}
}

// OnGroupChange calls f, in a goroutine of its own, after a group's members may have changed: "" means any group, when
// announcements were missed.
func (a *App) OnGroupChange(f func(group string)) {
	a.changes.mu.Lock()
	defer a.changes.mu.Unlock()
	a.changes.listeners = append(a.changes.listeners, f)
}

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
	a.onClose(stop)
	return nil
}
