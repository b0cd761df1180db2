package shardmove

import (
	"context"
	"fmt"
	"strings"

	"github.com/hongbao/hongbao/internal/shards"
)

func isMariaDB(version string) bool { return strings.Contains(strings.ToLower(version), "mariadb") }

// turn is the switch: one UPDATE of the row that every process believes. After an error the server may still carry it
// out: the lock goes with the connection, so whoever has it next reads what came of it.
func (m *mover) turn(ctx context.Context) error {
	return m.set(ctx, "server = ?, epoch = epoch + 1, target = '', fenced = 0, left_at = ?", m.cfg.To, m.place.Server)
}

// undo gives the shard back: its tables get their names, and then the row says so.
func (m *mover) undo(ctx context.Context) error {
	// A mover that stands still may yet rename: who has its locks knows that it cannot.
	source, err := m.cfg.Cluster.ServerAt(m.place.Server)
	if err != nil {
		return err
	}
	for n := range hiders {
		s, err := openSession(ctx, m.cfg.Cluster, source, fmt.Sprintf("hongbao-move-hide-%d-%s", n, m.schema))
		if err != nil {
			return err
		}
		defer s.end()
	}
	if err := m.show(ctx); err != nil {
		return err
	}
	m.at = m.schema
	if err := m.set(ctx, "fenced = 0, target = ''"); err != nil {
		return err
	}
	m.place.Target, m.place.Fenced = "", false
	m.say("shard %d stays on %s", m.cfg.Shard, m.place.Server)
	return m.source.exec(ctx, "DROP DATABASE IF EXISTS "+quote(m.hidden))
}

// tidy removes what a move that was done left on both servers, and with Drop the old copy.
func (m *mover) tidy(ctx context.Context) error {
	m.step(StepTidy)
	c := m.cfg.Cluster
	if err := m.zero.live(ctx, tidyLife); err != nil {
		return err
	}
	hidden := hiddenSchema(m.schema, m.place.Epoch-1)
	if from, err := c.ServerAt(m.place.LeftAt); err == nil {
		old, err := openSession(ctx, c, from, "hongbao-move-tidy-"+m.schema)
		if err != nil {
			return err
		}
		defer old.end()
		if err := m.tidySource(ctx, old, hidden); err != nil {
			return err
		}
	} else {
		m.say("%s is not configured any more: drop %s and %s there", m.place.LeftAt, m.schema, hidden)
	}
	now, err := c.ServerAt(m.place.Server)
	if err != nil {
		return err
	}
	db := c.ServerDB(now)
	if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+quote(m.schema, copyTable)); err != nil {
		return err
	}
	m.step(StepTidied)
	return m.set(ctx, "left_at = ''")
}

func (m *mover) tidySource(ctx context.Context, old *session, hidden string) error {
	left, err := old.tablesOf(ctx, m.schema)
	if err != nil {
		return err
	}
	if len(left) > 0 { // nobody reads it, and it was not there when the tables were renamed
		return fmt.Errorf("%w: %s on %s, which the shard has left: %v", shards.ErrNotEmpty, m.schema, m.place.LeftAt,
			left)
	}
	if err := old.exec(ctx, "DROP DATABASE IF EXISTS "+quote(m.schema)); err != nil {
		return err
	}
	if m.cfg.Drop {
		return old.exec(ctx, "DROP DATABASE IF EXISTS "+quote(hidden))
	}
	m.report.Kept = hidden
	m.say("%s on %s has the old copy: drop it when you have a backup of the new one", hidden, m.place.LeftAt)
	return old.exec(ctx, "DROP TABLE IF EXISTS "+quote(hidden, markTable))
}
