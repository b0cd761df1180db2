// Package nodes lends each process a number that no other process has at the time, to make ids with.
//
// A number is good for the shards of one home, and the lease is kept in the schema of that shard. Those are the shards
// that were on one server when the installation was made, so a server that is away stops those alone who could not
// write to it anyway; a shard that is moved keeps its home, and a home that is moved takes its leases along. A lease is
// taken when the first id is made, and kept up by a heartbeat; a process that makes no ids has none.
//
// Two things keep a number with one process. The lease ends by the database's clock, and its process stops some time
// before, by its own monotonic clock; afterwards nobody takes the number for as long. And whoever has it makes only ids
// of times that lie within the lease: so a process that stood still, or whose clock is off, makes none that another one
// can make.
package nodes

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	// callTimeout bounds each look at the leases.
	callTimeout = 4 * time.Second
	// failedFor is how long a failure is the answer to everybody who needs a number.
	failedFor = time.Second
	// attempts bounds how often somebody else may be quicker.
	attempts = 100
	// ownConns is how many connections a home has for leases alone: they wait for nobody.
	ownConns   = 2
	maxProcess = 80
)

// ErrAllTaken says that as many processes make ids as there are numbers.
var ErrAllTaken = errors.New("nodes: all numbers are taken")

// errClosed says that the process ends.
var errClosed = errors.New("nodes: the leases have been given back")

// Terms are the times of leases. For is more than Beat and Margin together.
type Terms struct {
	For    time.Duration // from a heartbeat to the end, if no other comes
	Beat   time.Duration // between heartbeats
	Margin time.Duration // before the end, in which nothing is made, and after it, in which nobody takes the number
}

// DefaultTerms let a process miss several heartbeats, and a server lose ten seconds of them in a failover.
func DefaultTerms() Terms {
	return Terms{For: 30 * time.Second, Beat: 5 * time.Second, Margin: 10 * time.Second}
}

// Config is what Leases need. Cluster and Log are required.
type Config struct {
	Cluster *shards.Cluster
	Terms   Terms  // the default ones where For is 0
	Process string // where the process runs, for people; at most 80 ASCII characters are kept
	Log     *slog.Logger
}

// Leases are the numbers that a process has. They implement shards.Nodes and are safe for concurrent use.
type Leases struct {
	cfg    Config
	holder string
	homes  map[int]*home // by shard
	closed atomic.Bool
	ctx    context.Context // of heartbeats
	stop   context.CancelFunc
	beats  sync.WaitGroup
}

var _ shards.Nodes = (*Leases)(nil)

// home is the lease of a number for the shards of one home.
type home struct {
	leases *Leases
	shard  int // where the lease is
	held   atomic.Pointer[held]

	mu       sync.Mutex // held while a number is taken
	db       *shards.DB // nil until the first is taken
	failed   time.Time
	failedOf error
}

// held is a lease. It never changes.
type held struct {
	node   shards.Node
	usable time.Time // until then by the monotonic clock of this process
}

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "nodes_version"})
}

// New makes leases. It makes no connection, and takes no number before one is needed.
func New(cfg Config) *Leases {
	if cfg.Terms.For == 0 {
		cfg.Terms = DefaultTerms()
	}
	holder := make([]byte, 16)
	_, _ = rand.Read(holder) // never fails
	l := &Leases{cfg: cfg, holder: hex.EncodeToString(holder), homes: map[int]*home{}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	for _, shard := range cfg.Cluster.All() {
		at := cfg.Cluster.IDHome(shard)
		l.homes[at] = &home{leases: l, shard: at}
	}
	return l
}

// all are the homes.
func (l *Leases) all() []*home { return slices.Collect(maps.Values(l.homes)) }

// Take takes a number in every home whose server answers, so that a process which cannot have one ends at its start.
// Error: ErrAllTaken.
func (l *Leases) Take(ctx context.Context) error {
	return loop.FanOut(l.all(), len(l.homes), func(s *home) error {
		_, err := l.Node(s.shard)
		if errors.Is(err, ErrAllTaken) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		return nil
	})
}

// Node implements shards.Nodes. It asks the server only where this process has no number there. Errors: ErrAllTaken,
// shards.ErrUnavailable.
func (l *Leases) Node(at int) (shards.Node, error) {
	s := l.homes[at]
	if h := s.usable(); h != nil {
		return h.node, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.usable(); h != nil {
		return h.node, nil
	}
	switch {
	case l.closed.Load():
		return shards.Node{}, errClosed
	case s.failedOf != nil && time.Since(s.failed) < failedFor:
		return shards.Node{}, s.failedOf
	}
	h, err := s.take()
	if s.failed, s.failedOf = time.Now(), err; err != nil {
		return shards.Node{}, err
	}
	return h.node, nil
}

// usable is the lease if ids may be made with it now.
func (s *home) usable() *held {
	if h := s.held.Load(); h != nil && time.Now().Before(h.usable) && !s.leases.closed.Load() {
		return h
	}
	return nil
}

// nowMillis is the database's clock.
const nowMillis = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"

func (s *home) table() string { return s.leases.cfg.Cluster.Table(s.shard, "node_leases") }

// take takes a number that is free. The caller has locked s.mu.
func (s *home) take() (*held, error) {
	ctx, cancel := context.WithTimeout(s.leases.ctx, callTimeout)
	defer cancel()
	first := s.db == nil
	if first {
		s.db = s.leases.cfg.Cluster.OpenShard(s.shard, ownConns)
		s.leases.beats.Go(s.beat)
	}
	for range attempts {
		number, from, err := s.free(ctx)
		if err != nil {
			return nil, shards.Classify(err)
		}
		h, err := s.claim(ctx, number, from)
		if err != nil {
			return nil, shards.Classify(fmt.Errorf("nodes: take number %d: %w", number, err))
		}
		if h != nil {
			s.held.Store(h)
			return h, nil
		} // else somebody else was quicker
	}
	return nil, fmt.Errorf("%w: others were quicker %d times", ErrAllTaken, attempts)
}

// never stands for the end of a number's last lease where it had none.
const never = -1

// free is a number that nobody has, at random, so that of two that a failover lets choose again hardly ever both have
// the same; and when its last lease ended.
func (s *home) free(ctx context.Context) (number int, ended int64, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT number, until_at, until_at <= "+nowMillis+" - ? FROM "+s.table(),
		s.leases.cfg.Terms.Margin.Milliseconds())
	if err != nil {
		return 0, 0, fmt.Errorf("nodes: free numbers: %w", err)
	}
	defer rows.Close()
	ends := map[int]int64{}
	for n := range shards.MaxNode + 1 {
		ends[n] = never
	}
	for rows.Next() {
		var over bool
		if err := rows.Scan(&number, &ended, &over); err != nil {
			return 0, 0, fmt.Errorf("nodes: free numbers: %w", err)
		}
		if ends[number] = ended; !over {
			delete(ends, number)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, 0, fmt.Errorf("nodes: free numbers: %w", err)
	}
	if len(ends) == 0 {
		after := s.leases.cfg.Terms.For + s.leases.cfg.Terms.Margin
		return 0, 0, errors.Join(fmt.Errorf("%w: %d processes make ids for shard %d and those of its home. End one, "+
			"or wait: those of a process that crashed are free after %v", ErrAllTaken, shards.MaxNode+1, s.shard,
			after), refusal.New(refusal.CodeUnavailable, "there are too many servers: try again later"))
	}
	some := make([]int, 0, len(ends))
	for n := range ends {
		some = append(some, n)
	}
	number = some[mathrand.IntN(len(some))]
	return number, ends[number], nil
}

// claim makes a number ours that was free; h is nil where it is somebody else's by now.
func (s *home) claim(ctx context.Context, number int, ended int64) (h *held, err error) {
	asked := time.Now()
	cfg := s.leases.cfg
	lasts, process := cfg.Terms.For.Milliseconds(), cfg.Process[:min(len(cfg.Process), maxProcess)]
	var done sql.Result
	if ended == never {
		done, err = s.db.ExecContext(ctx, "INSERT INTO "+s.table()+
			" (number, holder, process, until_at) VALUES (?, ?, ?, "+nowMillis+" + ?)", number, s.leases.holder,
			process, lasts)
		if shards.IsDuplicate(err) {
			return nil, nil
		}
	} else {
		done, err = s.db.ExecContext(ctx, "UPDATE "+s.table()+" SET holder = ?, process = ?, until_at = "+nowMillis+
			" + ? WHERE number = ? AND until_at = ?", s.leases.holder, process, lasts, number, ended)
	}
	if err != nil {
		return nil, err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return nil, err
	}
	var from time.Time
	if ended != never {
		from = time.UnixMilli(ended)
	}
	return s.read(ctx, number, from, asked)
}

// read is the lease of a number that was ours when it was asked for.
func (s *home) read(ctx context.Context, number int, from, asked time.Time) (*held, error) {
	var until int64
	err := s.db.QueryRowContext(ctx, "SELECT until_at FROM "+s.table()+" WHERE number = ? AND holder = ?", number,
		s.leases.holder).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := s.leases.cfg.Terms
	return &held{node: shards.Node{Number: number, From: from, Until: time.UnixMilli(until).Add(-t.Margin)},
		usable: asked.Add(t.For - t.Margin)}, nil
}

// beat keeps the lease up until the leases are given back.
func (s *home) beat() {
	job := loop.Job{Name: "keep the node number", Interval: s.leases.cfg.Terms.Beat,
		Log: s.leases.cfg.Log.With("home", s.shard)}
	loop.Wait(s.leases.ctx, job.Interval, nil)
	job.Run(s.leases.ctx, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return false, s.renew(ctx)
	})
}

// renew lets the lease last longer, or finds that it is over.
func (s *home) renew(ctx context.Context) error {
	h := s.held.Load()
	if h == nil {
		return nil
	}
	asked := time.Now()
	done, err := s.db.ExecContext(ctx, "UPDATE "+s.table()+" SET until_at = GREATEST(until_at, "+nowMillis+" + ?) "+
		"WHERE number = ? AND holder = ? AND until_at > "+nowMillis, s.leases.cfg.Terms.For.Milliseconds(),
		h.node.Number, s.leases.holder)
	if err != nil {
		return shards.Classify(err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		return err
	}
	var longer *held
	if n == 1 {
		if longer, err = s.read(ctx, h.node.Number, h.node.From, asked); err != nil {
			return shards.Classify(err)
		}
	}
	if longer == nil {
		s.held.CompareAndSwap(h, nil)
		s.leases.cfg.Log.Warn("the node number was not kept up in time: another one is taken", "number", h.node.Number,
			"home", s.shard)
		return nil
	}
	s.held.CompareAndSwap(h, longer)
	return nil
}

// awaitTaking returns once nobody takes a number any more who began before the leases were closed.
func (s *home) awaitTaking() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

// Close gives the numbers back, so that others may have them at once. end says for each home from when on no ids were
// made; it is asked after the last one was.
func (l *Leases) Close(ctx context.Context, end func(home int) time.Time) {
	l.closed.Store(true)
	l.stop()
	for _, s := range l.homes {
		s.awaitTaking()
	}
	l.beats.Wait()
	_ = loop.FanOut(l.all(), len(l.homes), func(s *home) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.db == nil {
			return nil
		}
		if h := s.held.Load(); h != nil {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			_, err := s.db.ExecContext(ctx, "UPDATE "+s.table()+" SET until_at = LEAST(until_at, GREATEST(?, ?, "+
				nowMillis+" - ?)) WHERE number = ? AND holder = ?", end(s.shard).UnixMilli(), h.node.From.UnixMilli(),
				l.cfg.Terms.Margin.Milliseconds(), h.node.Number, l.holder)
			if err != nil {
				l.cfg.Log.Debug("a node number was not given back, and ends by itself", "error", err)
			}
		}
		return s.db.Close()
	})
}
