// Package trail keeps what must be provable later: who did what, in an order that nobody can change unseen. Each record
// carries the SHA-256 of itself and of the record before, so that a change, a removal or an insertion breaks the chain
// from there on. Whoever can write the table can still cut off its end: export it regularly, and compare the last hash.
//
// Records are on the first shard, one transaction each, which waits for the one before. It is made for what people do,
// not for traffic.
package trail

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"github.com/hongbao/hongbao/internal/personal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Shard is where the records are.
const Shard = 0

// Bounds of a record, in bytes.
const (
	maxName   = 64
	maxDetail = 4096
)

// Record is one line of the trail.
type Record struct {
	Seq     int64     // 1, 2, 3 …
	At      time.Time // in milliseconds
	Actor   string    // who: at most 64 bytes of ASCII
	Action  string    // what: as Actor
	Outcome string    // what became of it: as Actor
	Detail  string    // JSON, at most 4,096 bytes
	Hash    [sha256.Size]byte
}

// sum is the hash of a record after another one: the lengths keep two records from looking alike.
func (r Record) sum(before [sha256.Size]byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(before[:])
	var number [8]byte
	for _, n := range []int64{r.Seq, r.At.UnixMilli()} {
		binary.BigEndian.PutUint64(number[:], uint64(n))
		h.Write(number[:])
	}
	for _, text := range []string{r.Actor, r.Action, r.Outcome, r.Detail} {
		binary.BigEndian.PutUint64(number[:], uint64(len(text)))
		h.Write(number[:])
		h.Write([]byte(text))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Trail is the trail of an installation. It is safe for concurrent use.
type Trail struct {
	cluster *shards.Cluster
	now     func() time.Time
}

// New makes a Trail. It makes no connection.
func New(c *shards.Cluster, now func() time.Time) *Trail { return &Trail{cluster: c, now: now} }

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "trail_version"})
}

func (t *Trail) table() string { return t.cluster.Table(Shard, "trail") }

// Append writes a record after all others; its Seq, At and Hash are set here. Error: shards.ErrUnavailable, or one for
// a record that is out of bounds.
func (t *Trail) Append(ctx context.Context, r Record) error {
	if len(r.Actor) > maxName || len(r.Action) > maxName || len(r.Outcome) > maxName || len(r.Detail) > maxDetail {
		return fmt.Errorf("trail: a record of %s is too long", r.Action)
	}
	err := t.append(ctx, r)
	if shards.IsDuplicate(err) { // of two that wrote the first record at once
		err = t.append(ctx, r)
	}
	return err
}

func (t *Trail) append(ctx context.Context, r Record) error {
	return t.cluster.Tx(ctx, Shard, func(tx *sql.Tx) error {
		last, err := lastOf(ctx, tx, t.table())
		if err != nil {
			return err
		}
		r.Seq, r.At = last.Seq+1, time.UnixMilli(t.now().UnixMilli())
		r.Hash = r.sum(last.Hash)
		_, err = tx.ExecContext(ctx, "INSERT INTO "+t.table()+
			" (seq, at, actor, action, outcome, detail, hash) VALUES (?,?,?,?,?,?,?)",
			r.Seq, r.At.UnixMilli(), r.Actor, r.Action, r.Outcome, r.Detail, r.Hash[:])
		return err
	})
}

// lastOf locks the end of the trail.
func lastOf(ctx context.Context, tx *sql.Tx, table string) (r Record, err error) {
	// The first row is the lock, for the last one changes. It is there after the first transaction.
	var first int64
	err = tx.QueryRowContext(ctx, "SELECT seq FROM "+table+" WHERE seq = 1 FOR UPDATE").Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, nil
	}
	if err != nil {
		return r, err
	}
	var hash []byte
	err = tx.QueryRowContext(ctx, "SELECT seq, hash FROM "+table+" ORDER BY seq DESC LIMIT 1").Scan(&r.Seq, &hash)
	if err == nil && copy(r.Hash[:], hash) != sha256.Size {
		err = errors.New("trail: a hash is cut off")
	}
	return r, err
}

// page is how many records are read at a time.
const page = 500

// Records are all records, as a database or a snapshot of it has them, in order.
func (t *Trail) Records(ctx context.Context, q rows.Querier) iter.Seq2[Record, error] {
	return rows.Pages(page, func(after *Record) ([]Record, error) {
		var seq int64
		if after != nil {
			seq = after.Seq
		}
		found, err := q.QueryContext(ctx, "SELECT seq, at, actor, action, outcome, detail, hash FROM "+t.table()+
			" WHERE seq > ? ORDER BY seq LIMIT ?", seq, page)
		if err != nil {
			return nil, err
		}
		defer found.Close()
		var all []Record
		for found.Next() {
			var r Record
			var at int64
			var hash []byte
			if err := found.Scan(&r.Seq, &at, &r.Actor, &r.Action, &r.Outcome, &r.Detail, &hash); err != nil {
				return nil, err
			}
			r.At = time.UnixMilli(at)
			copy(r.Hash[:], hash)
			all = append(all, r)
		}
		return all, found.Err()
	})
}

// All are all records, in order.
func (t *Trail) All(ctx context.Context) iter.Seq2[Record, error] {
	return t.Records(ctx, t.cluster.DB(Shard))
}

// Check walks the chain and calls broken for each record that does not follow from the one before.
func (t *Trail) Check(ctx context.Context, q rows.Querier, broken func(r Record, why string)) error {
	var before Record
	for r, err := range t.Records(ctx, q) {
		if err != nil {
			return err
		}
		switch {
		case r.Seq != before.Seq+1:
			broken(r, fmt.Sprintf("it follows record %d: those between are missing", before.Seq))
		case r.Hash != r.sum(before.Hash):
			broken(r, "its hash is not that of its text and the record before: one of them was changed")
		}
		before = r
	}
	return nil
}

// Personal are the tables of the trail with rows of users: what they did, and what was done about them.
func Personal() []personal.Table {
	return []personal.Table{{Name: "trail", Users: []string{"actor"}, Mentions: []string{"detail"}}}
}
