package shardmove

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// stretch is a part of a table: the keys above a bound, up to and with another one.
type stretch struct {
	table      *table
	from, upTo row // nil: from the first, up to the last
}

func (s stretch) where() (string, []any) {
	condition, args := "WHERE 1 = 1", []any{}
	if s.from != nil {
		after, some := s.table.after(s.from)
		condition, args = condition+" AND "+after, append(args, some...)
	}
	if s.upTo != nil {
		after, some := s.table.after(s.upTo)
		condition, args = condition+" AND NOT "+after, append(args, some...)
	}
	return condition, args
}

// differences compares rows of both sides: what has to be written and deleted on the target.
func differences(t *table, want, have []row) (write, remove []row) {
	there := make(map[string]string, len(have))
	keys := make(map[string]row, len(have))
	for _, r := range have {
		key := t.keyOf(r)
		there[key.id()], keys[key.id()] = r.id(), key
	}
	for _, r := range want {
		key := t.keyOf(r).id()
		if same, ok := there[key]; !ok || same != r.id() {
			write = append(write, r)
		}
		delete(keys, key)
	}
	return write, slices.Collect(maps.Values(keys))
}

// next compares the stretch that begins after a bound, and makes the target equal. It returns the stretch, and whether
// it was equal before.
func (m *mover) next(ctx context.Context, t *table, from row) (stretch, bool, error) {
	s := stretch{table: t, from: from}
	where, args := s.where()
	want, err := t.read(ctx, m.source, m.at, where+t.order()+fmt.Sprintf(" LIMIT %d", chunkRows), args...)
	if err != nil {
		return s, false, err
	}
	if len(want) == chunkRows {
		s.upTo = t.keyOf(want[len(want)-1])
	}
	where, args = s.where()
	have, err := t.read(ctx, m.target, m.schema, where, args...)
	if err != nil {
		return s, false, err
	}
	m.report.Rows += int64(len(want))
	write, remove := differences(t, want, have)
	if len(write)+len(remove) == 0 {
		return s, true, nil
	}
	return s, false, m.apply(ctx, map[*table]*edit{t: {write: write, remove: remove}})
}

// isEqual compares a stretch as it is now.
func (m *mover) isEqual(ctx context.Context, s stretch) (bool, error) {
	where, args := s.where()
	want, err := s.table.read(ctx, m.source, m.at, where, args...)
	if err != nil {
		return false, err
	}
	have, err := s.table.read(ctx, m.target, m.schema, where, args...)
	if err != nil {
		return false, err
	}
	write, remove := differences(s.table, want, have)
	return len(write)+len(remove) == 0, nil
}

// edit is what has to change in a table of the target.
type edit struct{ write, remove []row }

// apply changes the target in one transaction.
func (m *mover) apply(ctx context.Context, edits map[*table]*edit) (err error) {
	if err := m.target.exec(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.target.exec(ctx, "ROLLBACK"))
		}
	}()
	for t, e := range edits {
		// First what is gone, for it may have a value of another unique key that a row to be written has now.
		if err := t.remove(ctx, m.target, m.schema, e.remove); err != nil {
			return err
		}
		if err := t.write(ctx, m.target, m.schema, e.write); err != nil {
			return err
		}
	}
	return m.target.exec(ctx, "COMMIT")
}

// pass compares all tables and makes the target equal. It returns the stretches that were not.
func (m *mover) pass(ctx context.Context) (unequal []stretch, err error) {
	for _, name := range slices.Sorted(maps.Keys(m.tables)) {
		var from row
		for {
			s, equal, err := m.next(ctx, m.tables[name], from)
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", name, err)
			}
			if !equal {
				unequal = append(unequal, s)
			}
			if time.Since(m.looked) > roundEvery {
				if err := m.round(ctx); err != nil {
					return nil, err
				}
			}
			if s.upTo == nil {
				break
			}
			from = s.upTo
		}
	}
	return unequal, nil
}

// round brings the target up to date with everything that was committed on the source before.
func (m *mover) round(ctx context.Context) error {
	m.looked = time.Now()
	if time.Since(m.heard) > sessionLife/4 { // most of them have nothing to say for long
		if err := m.live(ctx, sessionLife); err != nil {
			return err
		}
	}
	m.mark++
	err := m.source.exec(ctx, "UPDATE "+quote(m.hidden, markTable)+" SET n = ? WHERE one = 1", m.mark)
	if err != nil {
		return fmt.Errorf("write a mark: %w", err)
	}
	changed := map[string]change{}
	for {
		c, err := m.log.next(ctx)
		if err != nil {
			return err
		}
		if c.table != nil {
			changed[c.table.name+"."+c.key.id()] = c
		}
		if c.mark == m.mark || len(changed) >= batchKeys {
			if err := m.bring(ctx, changed); err != nil {
				return err
			}
			clear(changed)
		}
		if c.mark == m.mark {
			return nil
		}
	}
}

// bring makes rows of the target be what they are on the source now.
func (m *mover) bring(ctx context.Context, changed map[string]change) error {
	if len(changed) == 0 {
		return nil
	}
	keys := map[*table][]row{}
	for _, c := range changed {
		keys[c.table] = append(keys[c.table], c.key)
	}
	edits := map[*table]*edit{}
	for t, some := range keys {
		e := &edit{}
		gone := map[string]row{}
		for chunk := range slices.Chunk(some, keysOfQuery) {
			found, err := t.read(ctx, m.source, m.at, "WHERE "+t.is(len(chunk)), flat(chunk)...)
			if err != nil {
				return err
			}
			e.write = append(e.write, found...)
		}
		for _, key := range some {
			gone[key.id()] = key
		}
		for _, r := range e.write {
			delete(gone, t.keyOf(r).id())
		}
		e.remove = slices.Collect(maps.Values(gone))
		edits[t] = e
	}
	m.report.Followed += int64(len(changed))
	return m.apply(ctx, edits)
}

// makeTables makes the tables of the source on the target, with a mark that says that it is a copy under way. One that
// an earlier run of the same move left is gone on with; one of another move is dropped. Error: shards.ErrNotEmpty.
func (m *mover) makeTables(ctx context.Context) error {
	there, err := m.target.tablesOf(ctx, m.schema)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		same, err := m.isOurs(ctx, there)
		if err != nil {
			return err
		}
		if !same {
			if err := m.target.exec(ctx, "DROP DATABASE "+quote(m.schema)); err != nil {
				return err
			}
			there = nil
		}
	}
	statements := []string{
		"CREATE DATABASE IF NOT EXISTS " + quote(m.schema) + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		"CREATE TABLE IF NOT EXISTS " + quote(m.schema, copyTable) + " (installation CHAR(32) NOT NULL PRIMARY KEY, " +
			"shard INT NOT NULL, epoch BIGINT NOT NULL)",
		fmt.Sprintf("INSERT IGNORE INTO %s VALUES ('%s', %d, %d)", quote(m.schema, copyTable), m.installation,
			m.cfg.Shard, m.place.Epoch),
	}
	for _, name := range slices.Sorted(maps.Keys(m.tables)) {
		if slices.Contains(there, name) {
			continue
		}
		var of, made string
		err := m.source.QueryRowContext(ctx, "SHOW CREATE TABLE "+quote(m.schema, name)).Scan(&of, &made)
		if err != nil {
			return err
		}
		rest, ok := strings.CutPrefix(made, "CREATE TABLE "+quote(name))
		if !ok {
			return fmt.Errorf("%w: %s is made by another statement", ErrUnfit, name)
		}
		statements = append(statements, "CREATE TABLE "+quote(m.schema, name)+rest)
	}
	for _, statement := range statements {
		if err := m.target.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
