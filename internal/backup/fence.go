package backup

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
)

// errNoPrivilege is what MySQL and MariaDB answer to a user who lacks a privilege on the whole server.
const errNoPrivilege = 1227

// fence is a connection to each server. While it is shut, nothing commits anywhere; until it is removed, nobody
// migrates a shard.
type fence struct {
	cluster *shards.Cluster
	conns   []*sql.Conn // by server
	shut    time.Time
}

// openFence connects to every server and keeps migrations away.
func openFence(ctx context.Context, c *shards.Cluster) (*fence, error) {
	f := &fence{cluster: c, conns: make([]*sql.Conn, c.Servers())}
	for server := range f.conns {
		var err error
		if f.conns[server], err = c.ServerDB(server).Conn(ctx); err != nil {
			f.remove()
			return nil, shards.Classify(fmt.Errorf("server %d: %w", server, err))
		}
		// The locks are held for as long as the dumps run, without a word on the connection.
		_, err = f.conns[server].ExecContext(ctx, "SET SESSION lock_wait_timeout = ?, SESSION wait_timeout = 2000000",
			int(fenceWait/time.Second))
		if err != nil {
			f.remove()
			return nil, shards.Classify(fmt.Errorf("server %d: %w", server, err))
		}
	}
	for _, shard := range c.All() {
		if err := c.LockMigrations(ctx, f.of(shard), shard); err != nil {
			f.remove()
			return nil, shards.Classify(fmt.Errorf("shard %d: %w", shard, err))
		}
	}
	if err := f.checkPlaces(ctx); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// checkPlaces returns an error where the locks are not on the servers of the shards: one was moved meanwhile. From then
// on none is, for whoever moves a shard has its lock.
func (f *fence) checkPlaces(ctx context.Context) error {
	places, err := f.cluster.Places(ctx)
	if err != nil {
		return err
	}
	for shard, p := range places {
		if p.Fenced || shard > 0 && p.Server != f.cluster.ServerAddress(f.cluster.ServerOf(shard)) {
			return fmt.Errorf("shard %d is being moved: try again when that is over", shard)
		}
	}
	return nil
}

func (f *fence) of(shard int) *sql.Conn { return f.conns[f.cluster.ServerOf(shard)] }

// close stops the writers of all servers. Where one does not agree in time, all go on, and it is tried again.
func (f *fence) close(ctx context.Context) (err error) {
	for try := range fenceTries {
		if try > 0 {
			loop.Wait(ctx, fenceInterval, nil)
		}
		f.shut = time.Now()
		err = loop.FanOut(f.servers(), len(f.conns), func(server int) error {
			_, err := f.conns[server].ExecContext(ctx, "FLUSH TABLES WITH READ LOCK")
			if err != nil {
				return fmt.Errorf("server %d: %w", server, err)
			}
			return nil
		})
		if err == nil {
			return nil
		}
		if opened := f.open(ctx); opened != nil {
			return errors.Join(err, opened)
		}
		if e, ok := errors.AsType[*mysql.MySQLError](err); ok && e.Number == errNoPrivilege {
			return fmt.Errorf("the MySQL user may not stop the writers: grant it RELOAD: %w", err)
		}
	}
	return shards.Classify(fmt.Errorf("the writers did not stop within %v: %w", fenceWait, err))
}

// open lets the writers go on. An error says that the fence may have been open before, on some server.
func (f *fence) open(ctx context.Context) error {
	return loop.FanOut(f.servers(), len(f.conns), func(server int) error {
		if _, err := f.conns[server].ExecContext(ctx, "UNLOCK TABLES"); err != nil {
			return fmt.Errorf("server %d was not fenced to the end: %w", server, err)
		}
		return nil
	})
}

func (f *fence) servers() []int {
	all := make([]int, len(f.conns))
	for server := range all {
		all[server] = server
	}
	return all
}

// time is now, by the clock of shard 0's server.
func (f *fence) time(ctx context.Context) (time.Time, error) {
	var ms int64
	err := f.of(0).QueryRowContext(ctx, "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)").Scan(&ms)
	return time.UnixMilli(ms).UTC(), err
}

// checkMigrations returns an error where a shard could have been migrated since openFence.
func (f *fence) checkMigrations(ctx context.Context) error {
	for _, shard := range f.cluster.All() {
		if has, err := f.cluster.HasLockedMigrations(ctx, f.of(shard), shard); err != nil || !has {
			return errors.Join(fmt.Errorf("shard %d may have been migrated meanwhile", shard), err)
		}
	}
	return nil
}

// remove ends the connections, and with them every lock.
func (f *fence) remove() {
	for _, conn := range f.conns {
		if conn != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // so that it is not used again
			_ = conn.Close()
		}
	}
}
