package shards

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrServerUnknown says that a shard is on a server that no DSN names.
var ErrServerUnknown = errors.New("shards: a shard is on a server that is not configured")

// errFenced says that a shard is in the last moment of a move, or that whoever moved it died in it.
var errFenced = errors.New("shards: the shard is being moved")

const (
	// fenceMost is how long calls wait for the end of a move's last moment, from when this process first saw it. Then
	// they fail at once, for whoever waits has a place among the writers of the server, which other shards need.
	fenceMost = 3 * time.Second
	// fencePoll is the least time between two looks of a process at the placements.
	fencePoll = 10 * time.Millisecond
)

// Place is where a shard is, as shard 0 has it.
type Place struct {
	Shard  int
	Server string // address of the server, as ServerAddress gives it
	Epoch  int64  // one more with each move
	Target string // address of the server that it is being moved to; "" for none
	Fenced bool   // its tables may be out of reach: the last moment of a move
	LeftAt string // address of the server that the last move came from, until that is tidied up; "" for none
	IDHome int    // the shard that has the leases of node numbers for ids of this one
}

// layout is what a process knows of the places. It never changes.
type layout struct {
	places  []placed
	pinned  bool // read from shard 0, not from the configuration
	unknown error
}

type placed struct {
	server int
	epoch  int64
	fenced bool
	since  time.Time // when this process first saw it fenced
	err    error     // ErrServerUnknown
}

// placements is what follows the table of places.
type placements struct {
	mu     sync.Mutex // held while the table is read
	readAt time.Time
}

// isGone says whether a table or a schema was not there: it may have been moved.
func isGone(err error) bool {
	const noSuchSchema, noSuchTable = 1049, 1146
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (e.Number == noSuchSchema || e.Number == noSuchTable)
}

// ServerAddress is the address of a server, by which shard 0 remembers where a shard is.
func (c *Cluster) ServerAddress(server int) string { return c.servers[server].address }

// ServerAt is the index of the server with an address. Error: ErrServerUnknown.
func (c *Cluster) ServerAt(address string) (int, error) {
	for i, s := range c.servers {
		if s.address == address {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrServerUnknown, address)
}

// Places reads where each shard is; nil where that was never written down, so that all are where the configuration
// says. Errors: ErrNotInstalled, ErrUnavailable.
func (c *Cluster) Places(ctx context.Context) ([]Place, error) {
	found, err := c.servers[c.ServerOf(0)].db.QueryContext(ctx, "SELECT shard, server, epoch, id_home, target, "+
		"fenced, left_at FROM "+c.Table(0, "placements")+" ORDER BY shard")
	if isGone(err) {
		return nil, nil // the tables are of an earlier version, or there are none
	}
	if err != nil {
		return nil, Classify(fmt.Errorf("read the placements: %w", err))
	}
	defer found.Close()
	var places []Place
	for found.Next() {
		var p Place
		if err := found.Scan(&p.Shard, &p.Server, &p.Epoch, &p.IDHome, &p.Target, &p.Fenced,
			&p.LeftAt); err != nil {
			return nil, Classify(err)
		}
		if p.Shard != len(places) {
			return nil, fmt.Errorf("shards: the placements lack shard %d", len(places))
		}
		places = append(places, p)
	}
	if err := found.Err(); err != nil {
		return nil, Classify(fmt.Errorf("read the placements: %w", err))
	}
	if len(places) > 0 && len(places) != len(c.schemas) {
		return nil, fmt.Errorf("%w: %d shards are placed and %d are configured", ErrInstalledOtherwise, len(places),
			len(c.schemas))
	}
	return places, nil
}

// Fenced are the shards that were in the last moment of a move when this process last read where they are.
func (c *Cluster) Fenced() (fenced []int) {
	for shard, at := range c.layout.Load().places {
		if at.fenced {
			fenced = append(fenced, shard)
		}
	}
	return fenced
}

// Refresh reads where each shard is. A shard on a server that no DSN names is out of reach from then on, and that is
// the error: ErrServerUnknown. Others: ErrInstalledOtherwise, ErrUnavailable.
func (c *Cluster) Refresh(ctx context.Context) error {
	c.followed.mu.Lock()
	defer c.followed.mu.Unlock()
	return c.refresh(ctx)
}

func (c *Cluster) refresh(ctx context.Context) error {
	places, err := c.Places(ctx)
	if err != nil {
		return err
	}
	c.followed.readAt = time.Now()
	if len(places) == 0 {
		return nil
	}
	now := c.layout.Load()
	next := &layout{pinned: true, places: make([]placed, len(places))}
	for shard, p := range places {
		was := now.places[shard]
		at := placed{server: was.server, epoch: p.Epoch, fenced: p.Fenced}
		switch {
		case p.Fenced && was.fenced && was.epoch == p.Epoch:
			at.since = was.since
		case p.Fenced:
			at.since = time.Now()
		}
		// Shard 0 says where the others are, so where it is itself only the configuration can say.
		if shard > 0 && p.Server != c.servers[at.server].address {
			if at.server, err = c.ServerAt(p.Server); err != nil {
				at = placed{server: was.server, epoch: p.Epoch, err: fmt.Errorf(
					"shard %d: %w: name it with --mysql, in every process", shard, err)}
				next.unknown = errors.Join(next.unknown, at.err)
			}
		}
		next.places[shard] = at
	}
	if !now.pinned && !c.homesAsked.Load() {
		homes := make([]int, len(places))
		for shard, p := range places {
			homes[shard] = min(max(p.IDHome, 0), len(places)-1)
		}
		c.homes.Store(&homes)
	}
	c.layout.Store(next)
	return next.unknown
}

// IDHome is the shard in whose schema the leases lie of numbers with which ids of a shard are made. It never changes,
// so neither does what keeps ids unique when a shard is moved: the leases move with their schema.
func (c *Cluster) IDHome(shard int) int {
	c.homesAsked.Store(true)
	return (*c.homes.Load())[shard]
}

// configuredHomes are the first shards on each server.
func configuredHomes(places []placed) []int {
	homes, first := make([]int, len(places)), map[int]int{}
	for shard, at := range places {
		if _, ok := first[at.server]; !ok {
			first[at.server] = shard
		}
		homes[shard] = first[at.server]
	}
	return homes
}

// follow calls do for the server of a shard. Where a table was not there, nothing has been done, and the shard may have
// been moved: then do is called again, for its new server, once the move is over. Errors: ErrUnavailable, and whatever
// do returns.
func (c *Cluster) follow(ctx context.Context, shard int, do func(server int) error) error {
	again := true
	for {
		at := c.layout.Load().places[shard]
		if at.err != nil {
			return unavailable{at.err}
		}
		err := do(at.server)
		if err == nil || shard == 0 || !isGone(err) {
			return err
		}
		now, read := c.look(ctx, shard)
		switch {
		case read != nil:
			return errors.Join(err, read)
		case now.err == nil && now.server == at.server && now.epoch == at.epoch && !now.fenced:
			if !again {
				return err // there is no such table
			}
			again = false // it may have been there again a moment ago
		case now.fenced:
			if time.Since(now.since) > fenceMost {
				return unavailable{errors.Join(errFenced, err)}
			}
			if waited := wait(ctx, fencePoll); waited != nil {
				return unavailable{errors.Join(errFenced, waited)}
			}
		}
	}
}

// look reads where a shard is, unless somebody has just done so.
func (c *Cluster) look(ctx context.Context, shard int) (placed, error) {
	asked := time.Now()
	c.followed.mu.Lock()
	defer c.followed.mu.Unlock()
	if c.followed.readAt.Before(asked) {
		if err := c.refresh(ctx); err != nil && !errors.Is(err, ErrServerUnknown) {
			return placed{}, err
		}
	}
	return c.layout.Load().places[shard], nil
}

// Pin writes down where each shard is now, if that was not done before. From then on servers may be appended to the
// configuration, and shards be moved. Errors: ErrShardMissing, ErrNotInstalled, ErrUnavailable.
func (c *Cluster) Pin(ctx context.Context) error {
	if _, err := c.Installation(ctx); err != nil {
		return err
	}
	if c.layout.Load().pinned {
		return nil
	}
	for _, shard := range c.All() {
		there, err := c.exists(ctx, shard)
		if err != nil {
			return Classify(fmt.Errorf("look for shard %d: %w", shard, err))
		}
		if !there {
			return fmt.Errorf("%w: %s is not on server %d (counted from 0)", ErrShardMissing, c.schemas[shard],
				c.ServerOf(shard))
		}
	}
	homes := configuredHomes(c.layout.Load().places)
	values, args := make([]string, 0, c.Shards()), make([]any, 0, 3*c.Shards())
	for _, shard := range c.All() {
		values = append(values, "(?, ?, 1, ?)")
		args = append(args, shard, c.ServerAddress(c.ServerOf(shard)), homes[shard])
	}
	_, err := c.DB(0).ExecContext(ctx, "INSERT INTO "+c.Table(0, "placements")+
		" (shard, server, epoch, id_home) VALUES "+strings.Join(values, ", "), args...)
	if err != nil && !IsDuplicate(err) { // somebody else has just done it
		return Classify(fmt.Errorf("write the placements: %w", err))
	}
	return c.Refresh(ctx)
}
