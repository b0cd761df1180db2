package system

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
func (s *System) OnGroupChange(f func(group string)) {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	s.changes.listeners = append(s.changes.listeners, f)
}

func (s *System) openGroups(ctx context.Context) (err error) {
	s.Groups, err = group.NewDirectory(mysqlgroup.New(s.Cluster), announcer{s.Bus}, s.cfg.Log, s.cfg.Now)
	if err != nil {
		return err
	}
	stop, err := s.Bus.OnAnnounce(ctx, groupsChannel, func(payload []byte) {
		s.Groups.Invalidate(string(payload))
		s.changes.changed(string(payload))
	}, func() {
		s.Groups.Flush()
		s.changes.changed("")
	})
	if err != nil {
		return err
	}
	s.onClose(stop)
	return nil
}
