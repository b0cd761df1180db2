package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/loop"
)

var (
	// ErrTablesOlder says that the tables lack migrations that this binary has.
	ErrTablesOlder = errors.New("shards: the tables are older than this binary")
	// ErrTablesNewer says that the tables have migrations that this binary does not know, so that it may not
	// understand what they hold.
	ErrTablesNewer = errors.New("shards: the tables are newer than this binary")
)

// baseVersions is the version table of this package, which is in shard 0 only. Every package's ends with versionSuffix.
const (
	baseVersions  = "shards_version"
	versionSuffix = "_version"
)

// versionWidth is how many servers CheckVersions asks at a time.
const versionWidth = 8

// newest is the highest version of the files.
func (m Migrations) newest() (int64, error) {
	files, err := fs.Glob(m.FS, "*.sql")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", file, err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// CheckVersions compares the tables of every shard that can be reached with what this binary's packages would make of
// them. migrate are the functions that migrate all packages by MigrateAll; none of them touches the servers here.
// Errors: ErrTablesOlder, ErrTablesNewer, ErrServerUnknown, and ErrUnavailable if shard 0 cannot be reached.
func (c *Cluster) CheckVersions(ctx context.Context, migrate ...func(context.Context, *Cluster) error) error {
	want, err := c.versions(ctx, migrate)
	if err != nil {
		return err
	}
	if err := c.Refresh(ctx); err != nil {
		return err
	}
	byServer := make([][]int, len(c.servers))
	for _, shard := range c.All() {
		server := c.ServerOf(shard)
		byServer[server] = append(byServer[server], shard)
	}
	servers := make([]int, len(byServer))
	for server := range servers {
		servers[server] = server
	}
	return loop.FanOut(servers, versionWidth, func(server int) error {
		for _, shard := range byServer[server] {
			err := c.checkVersions(ctx, shard, want)
			if errors.Is(err, ErrUnavailable) && shard != 0 {
				return nil // and so are its other shards
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// versions are the newest ones by version table, this package's own included.
func (c *Cluster) versions(ctx context.Context, migrate []func(context.Context, *Cluster) error) (
	map[string]int64, error,
) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	// A cluster that only notes what it is asked to migrate, so that no package has to say it twice.
	recorder := &Cluster{recorded: &[]Migrations{{FS: files, Table: baseVersions}}}
	for _, f := range migrate {
		if err := f(ctx, recorder); err != nil {
			return nil, err
		}
	}
	want := make(map[string]int64)
	for _, m := range *recorder.recorded {
		if want[m.Table], err = m.newest(); err != nil {
			return nil, err
		}
	}
	return want, nil
}

func (c *Cluster) checkVersions(ctx context.Context, shard int, want map[string]int64) error {
	tables, err := c.versionTables(ctx, shard)
	if err != nil {
		return err
	}
	if len(tables) == 0 && shard != 0 { // as behind the fence of a move, when nobody can look; or it has just moved
		at := c.ServerOf(shard)
		if err := c.Refresh(ctx); err != nil {
			return err
		}
		if c.layout.Load().places[shard].fenced {
			return nil
		}
		if c.ServerOf(shard) != at {
			return c.checkVersions(ctx, shard, want)
		}
	}
	for _, table := range tables {
		if _, known := want[table]; !known {
			return fmt.Errorf("%w: shard %d has %s, which this binary does not know: run the version that migrated "+
				"them, or a later one", ErrTablesNewer, shard, table)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(want)) {
		if table == baseVersions && shard != 0 {
			continue
		}
		var have int64
		if slices.Contains(tables, table) {
			err := c.DB(shard).QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+c.Table(shard, table)+
				" WHERE is_applied = 1").Scan(&have)
			if err != nil {
				return Classify(fmt.Errorf("read the version of shard %d: %w", shard, err))
			}
		}
		switch {
		case have < want[table]:
			return fmt.Errorf("%w: %s of shard %d is %d and has to be %d: run `hongbao migrate` of this version",
				ErrTablesOlder, table, shard, have, want[table])
		case have > want[table]:
			return fmt.Errorf("%w: %s of shard %d is %d and this binary knows %d: run the version that migrated "+
				"them, or a later one", ErrTablesNewer, table, shard, have, want[table])
		}
	}
	return nil
}

// versionTables are the tables of a shard in which packages keep their versions.
func (c *Cluster) versionTables(ctx context.Context, shard int) (tables []string, err error) {
	rows, err := c.DB(shard).QueryContext(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = "+
		"? AND RIGHT(table_name, ?) = ?", c.schemas[shard], len(versionSuffix), versionSuffix)
	if err != nil {
		return nil, Classify(fmt.Errorf("read the version of shard %d: %w", shard, err))
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return nil, Classify(err)
		}
		tables = append(tables, table)
	}
	return tables, Classify(rows.Err())
}
