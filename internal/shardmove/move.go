package shardmove

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
)

// Tables of a move: the mark in the hidden schema of the source, and what says that a schema is a copy under way.
const (
	markTable = "move_mark"
	copyTable = "move_copy"
)

// mover moves one shard once.
type mover struct {
	cfg          Config
	installation string
	schema       string // of the shard
	hidden       string // on the source: the mark, and after the fence the tables
	at           string // the schema in which the source's tables are
	place        shards.Place
	report       Report

	zero, source, target *session
	hiders               []*session // on the source: they close the fence
	log                  *stream
	tables               map[string]*table
	mark                 int64
	looked               time.Time // at the log
	heard                time.Time // of each session, by its server
	fenced               time.Time
}

// Move moves a shard to another server, or goes on where an earlier run ended. It may be run again after any end. A
// context that ends makes it give the shard back. Errors: ErrShardZero, ErrUnfit, ErrBusy, ErrDiffers,
// shards.ErrServerUnknown, shards.ErrNotEmpty, shards.ErrUnavailable.
func Move(ctx context.Context, cfg Config) (Report, error) {
	m, err := prepare(ctx, cfg)
	if err != nil {
		return Report{}, err
	}
	defer m.close()
	if err := m.begin(ctx); err != nil {
		return Report{}, shards.Classify(err)
	}
	if m.place.Server == cfg.To {
		m.say("shard %d is on %s", cfg.Shard, cfg.To)
		return m.report, nil
	}
	if _, err := cfg.Cluster.ServerAt(cfg.To); err != nil {
		return Report{}, fmt.Errorf("%w: name it with --mysql, in every process, before", err)
	}
	err = m.run(ctx)
	if err == nil {
		return m.report, nil
	}
	// Connections may be broken, and with them the locks: this begins anew, and finds out what came of it.
	m.close()
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	after, failed := undone(undo, cfg)
	switch {
	case failed != nil:
		err = errors.Join(err, fmt.Errorf("nor could it be undone: run the same again: %w", failed))
	case after.place.Server == cfg.To: // it was switched after all
		m.report.Epoch, m.report.Kept = after.place.Epoch, after.report.Kept
		return m.report, nil
	}
	return m.report, shards.Classify(err)
}

// Undo ends a move that nobody goes on with: the shard stays where it is. It tidies up after one that was done.
func Undo(ctx context.Context, cfg Config) error {
	_, err := undone(ctx, cfg)
	return shards.Classify(err)
}

// Rescue gives a shard back whose mover died in the fence, and says whether it did. Where somebody moves it nothing is
// done: they have its lock for as long as they live. Errors: as of Undo.
func Rescue(ctx context.Context, cfg Config) (bool, error) {
	c := cfg.Cluster
	places, err := c.Places(ctx)
	if err != nil || cfg.Shard >= len(places) || !places[cfg.Shard].Fenced {
		return false, err
	}
	var free sql.NullBool
	err = c.ServerDB(c.ServerOf(0)).QueryRowContext(ctx, "SELECT IS_FREE_LOCK(?)", lockOf(c, cfg.Shard)).Scan(&free)
	if err != nil || !free.Bool {
		return false, shards.Classify(err)
	}
	err = Undo(ctx, cfg)
	return err == nil, err
}

// lockOf is the lock that whoever moves a shard has on the server of shard 0.
func lockOf(c *shards.Cluster, shard int) string { return "hongbao-move-" + c.Schema(shard) }

func undone(ctx context.Context, cfg Config) (*mover, error) {
	m, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer m.close()
	return m, m.begin(ctx)
}

func prepare(ctx context.Context, cfg Config) (*mover, error) {
	c := cfg.Cluster
	if cfg.Shard < 0 || cfg.Shard >= c.Shards() {
		return nil, fmt.Errorf("there is no shard %d: give 1 to %d", cfg.Shard, c.Shards()-1)
	}
	if cfg.Shard == 0 {
		return nil, ErrShardZero
	}
	if cfg.MaxPause <= 0 {
		cfg.MaxPause = DefaultMaxPause
	}
	in, err := c.Installation(ctx)
	if err != nil {
		return nil, err
	}
	return &mover{cfg: cfg, installation: in.ID, schema: c.Schema(cfg.Shard)}, c.Pin(ctx)
}

func (m *mover) close() {
	m.log.close()
	for _, s := range m.sessions() {
		s.end()
	}
	m.log, m.hiders, m.target, m.source, m.zero = nil, nil, nil, nil, nil
}

func (m *mover) say(format string, args ...any) {
	if m.cfg.Say != nil {
		m.cfg.Say(fmt.Sprintf(format, args...))
	}
}

func (m *mover) step(s Step) {
	if m.cfg.At != nil {
		m.cfg.At(s)
	}
}

func (m *mover) placements() string { return m.cfg.Cluster.Table(0, "placements") }

// begin takes the locks, and puts in order what an earlier run left.
func (m *mover) begin(ctx context.Context) (err error) {
	c := m.cfg.Cluster
	m.zero, err = openSession(ctx, c, c.ServerOf(0), lockOf(c, m.cfg.Shard))
	if err != nil {
		return err
	}
	places, err := c.Places(ctx)
	if err != nil {
		return err
	}
	m.place = places[m.cfg.Shard]
	m.report = Report{From: m.place.Server, To: m.cfg.To, Epoch: m.place.Epoch}
	if m.place.LeftAt != "" {
		if err := m.tidy(ctx); err != nil {
			return fmt.Errorf("tidy up after the last move: %w", err)
		}
	}
	server, err := c.ServerAt(m.place.Server)
	if err != nil {
		return err
	}
	if m.source, err = openSession(ctx, c, server, "hongbao-move-from-"+m.schema); err != nil {
		return err
	}
	if err := c.LockMigrations(ctx, m.source.Conn, m.cfg.Shard); err != nil {
		return err
	}
	m.at, m.hidden = m.schema, hiddenSchema(m.schema, m.place.Epoch)
	if m.place.Target != "" || m.place.Fenced {
		m.say("an earlier move to %s ended before it was done: the shard is given back first", m.place.Target)
		return m.undo(ctx)
	}
	return nil
}

func hiddenSchema(schema string, epoch int64) string {
	return fmt.Sprintf("%s_moved_%d", schema, epoch)
}

func (m *mover) run(ctx context.Context) (err error) {
	c := m.cfg.Cluster
	m.step(StepClaim)
	if err := m.checkSource(ctx); err != nil {
		return err
	}
	server, err := c.ServerAt(m.cfg.To)
	if err != nil {
		return err
	}
	if m.target, err = openSession(ctx, c, server, "hongbao-move-to-"+m.schema); err != nil {
		return err
	}
	if err := m.claim(ctx); err != nil {
		return err
	}
	source, err := c.ServerAt(m.place.Server)
	if err != nil {
		return err
	}
	for n := range hiders {
		s, err := openSession(ctx, c, source, fmt.Sprintf("hongbao-move-hide-%d-%s", n, m.schema))
		if err != nil {
			return err
		}
		m.hiders = append(m.hiders, s)
	}
	m.step(StepCopy)
	if err := m.copy(ctx, server); err != nil {
		return err
	}
	m.step(StepFollow)
	if err := m.catchUp(ctx); err != nil {
		return err
	}
	m.step(StepVerify)
	unequal, err := m.verify(ctx)
	if err != nil {
		return err
	}
	if err := m.cutOver(ctx, unequal); err != nil {
		return err
	}
	m.report.Epoch++
	m.say("shard %d is on %s: writers waited %v at most", m.cfg.Shard, m.cfg.To, m.report.Pause.Round(time.Millisecond))
	m.place.Server, m.place.Epoch, m.place.LeftAt = m.cfg.To, m.place.Epoch+1, m.place.Server
	return m.tidy(ctx)
}

// checkSource finds out whether the shard can be moved. Error: ErrUnfit.
func (m *mover) checkSource(ctx context.Context) (err error) {
	if err := checkLog(ctx, m.source); err != nil {
		return err
	}
	if m.tables, err = readTables(ctx, m.source, m.schema); err != nil {
		return err
	}
	delete(m.tables, copyTable) // of a move to here, which a later run tidies up
	if len(m.tables) == 0 {
		return fmt.Errorf("%w: %s has no tables", shards.ErrShardMissing, m.schema)
	}
	special, err := m.source.names(ctx, "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = "+
		"? UNION SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = ?",
		m.schema, m.schema)
	if err == nil && len(special) > 0 {
		err = fmt.Errorf("%w: %s has triggers or foreign keys: %v", ErrUnfit, m.schema, special)
	}
	return err
}

// claim says that the shard is being moved.
func (m *mover) claim(ctx context.Context) error {
	for _, statement := range []string{
		"CREATE DATABASE IF NOT EXISTS " + quote(m.hidden) + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		"CREATE TABLE IF NOT EXISTS " + quote(m.hidden, markTable) +
			" (one INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
		"INSERT INTO " + quote(m.hidden, markTable) + " VALUES (1, 0) ON DUPLICATE KEY UPDATE n = 0",
	} {
		if err := m.source.exec(ctx, statement); err != nil {
			return err
		}
	}
	return m.set(ctx, "target = ?", m.cfg.To)
}

// set changes the shard's row, as long as it is as it was. Error: ErrBusy.
func (m *mover) set(ctx context.Context, what string, args ...any) error {
	ok, err := m.zero.changed(ctx, "UPDATE "+m.placements()+" SET "+what+" WHERE shard = ? AND epoch = ?",
		append(args, m.cfg.Shard, m.place.Epoch)...)
	if err == nil && !ok {
		err = fmt.Errorf("%w: somebody else moved the shard", ErrBusy)
	}
	return err
}

// isOurs says whether the tables of the target's schema are a copy that this move made. Error: shards.ErrNotEmpty where
// they are no copy at all.
func (m *mover) isOurs(ctx context.Context, there []string) (bool, error) {
	if !slices.Contains(there, copyTable) {
		return false, fmt.Errorf("%w: %s on %s, and no move made it", shards.ErrNotEmpty, m.schema, m.cfg.To)
	}
	var installation string
	var shard int
	var epoch int64
	err := m.target.QueryRowContext(ctx, "SELECT COALESCE(MAX(installation), ''), COALESCE(MAX(shard), -1), "+
		"COALESCE(MAX(epoch), 0) FROM "+quote(m.schema, copyTable)).Scan(&installation, &shard, &epoch)
	if err != nil {
		return false, err
	}
	if installation != "" && (installation != m.installation || shard != m.cfg.Shard) {
		return false, fmt.Errorf("%w: %s on %s is of another installation", shards.ErrNotEmpty, m.schema, m.cfg.To)
	}
	return installation != "" && epoch == m.place.Epoch, nil
}

// copy copies all tables, and begins to follow the log.
func (m *mover) copy(ctx context.Context, target int) error {
	at, err := position(ctx, m.source)
	if err != nil {
		return err
	}
	source, err := m.cfg.Cluster.ServerAt(m.place.Server)
	if err != nil {
		return err
	}
	flavor := "mysql"
	if version, err := m.source.names(ctx, "SELECT VERSION()"); err != nil {
		return err
	} else if isMariaDB(version[0]) {
		flavor = "mariadb"
	}
	m.log, err = openStream(m.cfg.Cluster.ServerDSN(source), flavor, at, m.schema, m.hidden, m.tables)
	if err != nil {
		return err
	}
	if err := m.makeTables(ctx); err != nil {
		return err
	}
	// What stands before the position is visible once this mark is committed: only now may rows be read.
	if err := m.round(ctx); err != nil {
		return err
	}
	m.say("copying %d tables of shard %d from %s to %s", len(m.tables), m.cfg.Shard, m.place.Server, m.cfg.To)
	began := time.Now()
	if _, err = m.pass(ctx); err == nil {
		m.say("copied %d rows in %v", m.report.Rows, time.Since(began).Round(time.Millisecond))
	}
	return err
}

// catchUp follows the log until the target is hardly behind.
func (m *mover) catchUp(ctx context.Context) error {
	for range closeRounds {
		began := time.Now()
		if err := m.round(ctx); err != nil {
			return err
		}
		if time.Since(began) < closeLag {
			return nil
		}
	}
	return fmt.Errorf("%w: the target cannot follow: its log is written faster than it is read", ErrBusy)
}

// verify compares everything and returns what was not found equal, for it changes all the time. Error: ErrDiffers.
func (m *mover) verify(ctx context.Context) ([]stretch, error) {
	unequal, err := m.pass(ctx)
	if err != nil {
		return nil, err
	}
	for range recheckMost {
		if err := m.catchUp(ctx); err != nil {
			return nil, err
		}
		var still []stretch
		for _, s := range unequal {
			equal, err := m.isEqual(ctx, s)
			if err != nil {
				return nil, err
			}
			if !equal {
				still = append(still, s)
			}
		}
		if unequal = still; len(unequal) <= suspectMost {
			m.say("compared: all is equal but %d stretches that change all the time", len(unequal))
			return unequal, nil
		}
	}
	return nil, fmt.Errorf("%w in %d stretches, of %v", ErrDiffers, len(unequal), tablesOf(unequal))
}

func tablesOf(some []stretch) []string {
	names := map[string]bool{}
	for _, s := range some {
		names[s.table.name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// errLate says that a fence would keep writers waiting for longer than they may.
var errLate = errors.New("writers would wait for too long")

// cutOver fences the shard and switches. Where that takes too long, the shard is given back, serves where it was, and
// is fenced again after a while.
func (m *mover) cutOver(ctx context.Context, unequal []stretch) (err error) {
	for try := range fenceTries {
		if try > 0 {
			m.say("shard %d is given back, and fenced again in %v: %v", m.cfg.Shard, fencePause, err)
			loop.Wait(ctx, fencePause, nil)
		}
		if err := m.catchUp(ctx); err != nil {
			return err
		}
		if err := m.awaitOld(ctx); err != nil {
			return err
		}
		late := m.fence(ctx, unequal)
		if err = late; errors.Is(late, errLate) {
			err = m.giveBack(ctx)
		}
		m.report.Pause = max(m.report.Pause, time.Since(m.fenced))
		if err != nil || late == nil {
			return err
		}
		err = late
	}
	return fmt.Errorf("%w: %w", ErrBusy, err)
}

// fence takes the tables away, once no transaction uses them, brings the target up to date and switches. Half of the
// time that writers may wait is for the transactions that have begun, and a quarter for what follows: in the last one
// the switch or the giving back is carried out. Error: errLate, with the fence as it is then.
func (m *mover) fence(ctx context.Context, unequal []stretch) error {
	m.step(StepFence)
	if err := m.live(ctx, fencedLife); err != nil {
		return err
	}
	if err := m.set(ctx, "fenced = 1"); err != nil {
		return err
	}
	m.step(StepRename)
	m.fenced = time.Now()
	if err := m.hide(ctx); err != nil {
		if isNumber(err, 1205, 1213, 1317) { // it waited for too long, or was interrupted
			err = fmt.Errorf("%w for transactions that use its tables: %w", errLate, err)
		}
		return err
	}
	m.at = m.hidden
	m.step(StepHidden)
	m.step(StepDrain)
	if err := m.inTime(); err != nil {
		return err
	}
	if err := m.round(ctx); err != nil {
		return err
	}
	m.step(StepCheck)
	for _, s := range unequal {
		if err := m.inTime(); err != nil {
			return err
		}
		if equal, err := m.isEqual(ctx, s); err != nil || !equal {
			return errors.Join(fmt.Errorf("%w: table %s", ErrDiffers, s.table.name), err)
		}
	}
	m.step(StepSwitch)
	if err := m.inTime(); err != nil {
		return err
	}
	return m.turn(ctx)
}

// inTime says whether the switch can be carried out before writers have waited for too long. Error: errLate.
func (m *mover) inTime() error {
	if time.Since(m.fenced) > m.cfg.MaxPause*3/4 {
		return fmt.Errorf("%w for the servers", errLate)
	}
	return nil
}

// giveBack ends a fence without a switch.
func (m *mover) giveBack(ctx context.Context) error {
	if err := m.show(ctx); err != nil {
		return err
	}
	m.at = m.schema
	if err := m.set(ctx, "fenced = 0"); err != nil {
		return err
	}
	return m.live(ctx, sessionLife)
}

// live says how long the servers keep the mover's locks when they hear nothing of it.
func (m *mover) live(ctx context.Context, life time.Duration) error {
	for _, s := range m.sessions() {
		if err := s.live(ctx, life); err != nil {
			return err
		}
	}
	m.heard = time.Now()
	return nil
}

// sessions are all of them; those that have not begun are nil.
func (m *mover) sessions() []*session {
	return append(slices.Clip(m.hiders), m.target, m.source, m.zero)
}

// awaitOld waits until no transaction is old: writers would wait with the fence for its end.
func (m *mover) awaitOld(ctx context.Context) error {
	for range fenceTries {
		var old int
		err := m.source.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_started < "+
			"NOW() - INTERVAL 2 SECOND").Scan(&old)
		if isNumber(err, 1227) { // without PROCESS nobody says: the fence finds out
			return nil
		}
		if err != nil || old == 0 {
			return err
		}
		loop.Wait(ctx, fencePause, nil)
		if err := m.round(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: a transaction on %s does not end", ErrBusy, m.place.Server)
}

// hide renames the tables away, some at a time: each waits for the disk. What is committed before the last is gone from
// here is in the log before the mark that follows. Statements that wait for transactions for too long are interrupted
// (error 1317).
func (m *mover) hide(ctx context.Context) error {
	interrupt := time.AfterFunc(m.cfg.MaxPause/2, func() {
		for _, s := range m.hiders { // where this fails, tableWait ends the statement
			_, _ = m.source.pool.ExecContext(ctx, fmt.Sprintf("KILL QUERY %d", s.id))
		}
	})
	defer interrupt.Stop()
	names := slices.Sorted(maps.Keys(m.tables))
	groups := make([]int, min(len(m.hiders), len(names)))
	for g := range groups {
		groups[g] = g
	}
	return loop.FanOut(groups, len(groups), func(g int) error {
		var some []string
		for i := g; i < len(names); i += len(groups) {
			some = append(some, names[i])
		}
		return rename(ctx, m.hiders[g], some, m.schema, m.hidden)
	})
}

// show gives hidden tables their names back.
func (m *mover) show(ctx context.Context) error {
	names, err := m.source.tablesOf(ctx, m.hidden)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == markTable })
	return rename(ctx, m.source, names, m.hidden, m.schema)
}

// rename moves tables between two schemas of the source.
func rename(ctx context.Context, on *session, names []string, from, to string) error {
	if len(names) == 0 {
		return nil
	}
	statement := "RENAME TABLE "
	for i, name := range names {
		if i > 0 {
			statement += ", "
		}
		statement += quote(from, name) + " TO " + quote(to, name)
	}
	return on.exec(ctx, statement)
}
