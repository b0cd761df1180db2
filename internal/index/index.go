// Package index finds records by whom they concern. A record lies on the shard of whoever made it; an index entry,
// which travels through the outbox, makes it be found from the shard of somebody else. Entries are never deleted.
package index

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// kind is that of messages that carry entries.
const kind outbox.Kind = "index"

// Entry lists a record under who it concerns. The JSON is that of a message.
type Entry struct {
	Who       string `json:"w"` // at most 80 bytes of ASCII
	Subject   string `json:"s"` // the kind of the record, at most 16 bytes
	Reference int64  `json:"r"` // the record's id
}

// Entries are the content of a message.
type Entries struct {
	All []Entry `json:"mentions"`
}

// Size implements outbox.Content.
func (e Entries) Size() int { return len(e.All) }

// Index is the entries on all shards. It is safe for concurrent use.
type Index struct{ cluster *shards.Cluster }

// New makes an Index. It makes no connection.
func New(c *shards.Cluster) *Index { return &Index{cluster: c} }

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "index_version"})
}

func (x *Index) table(shard int) string { return x.cluster.Table(shard, "index_entries") }

// Messages are those that bring entries to their shards, one for each shard; home says which that is.
func Messages(entries []Entry, home func(who string) int) ([]outbox.Message, error) {
	byDest := map[int]Entries{}
	for _, e := range entries {
		dest := home(e.Who)
		of := byDest[dest]
		of.All = append(of.All, e)
		byDest[dest] = of
	}
	messages := make([]outbox.Message, 0, len(byDest))
	for dest, of := range byDest {
		payload, err := json.Marshal(of)
		if err != nil {
			return nil, fmt.Errorf("encode index entries: %w", err)
		}
		messages = append(messages, outbox.Message{Dest: dest, Kind: kind, Payload: payload})
	}
	return messages, nil
}

// References returns the records of a subject that concern somebody whose entries are on a shard, the highest first,
// below before (0: from the highest). Error: shards.ErrUnavailable.
func (x *Index) References(ctx context.Context, shard int, who, subject string, before int64,
	limit int) ([]int64, error) {
	ids, err := rows.Select(ctx, x.cluster.DB(shard), rows.Scalar[int64],
		"SELECT reference FROM "+x.table(
			shard)+" WHERE who = ? AND subject = ? AND reference < ? ORDER BY reference DESC LIMIT ?",
		who, subject, rows.Below(before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("index of shard %d: %w", shard, err))
	}
	return ids, nil
}

// Find returns those of the entries that are on a shard.
func (x *Index) Find(ctx context.Context, q rows.Querier, shard int, entries []Entry) (map[Entry]bool, error) {
	found := map[Entry]bool{}
	if len(entries) == 0 {
		return found, nil
	}
	args := make([]any, 0, 3*len(entries))
	for _, e := range entries {
		args = append(args, e.Who, e.Subject, e.Reference)
	}
	err := rows.Collect(ctx, q, func(row *sql.Rows) error {
		var e Entry
		err := row.Scan(&e.Who, &e.Subject, &e.Reference)
		found[e] = true
		return err
	}, "SELECT who, subject, reference FROM "+x.table(shard)+" WHERE "+
		rows.AnyOf("who = ? AND subject = ? AND reference = ?", len(entries)), args...)
	return found, err
}

// Patient implements outbox.Patient: whoever did something has the answer, others read of it later.
func (x *Index) Patient() {}

// Kind implements outbox.Consumer.
func (x *Index) Kind() outbox.Kind { return kind }

// Decode implements outbox.Consumer.
func (x *Index) Decode(payload []byte) (outbox.Content, error) {
	var e Entries
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("index entries: %w", err)
	}
	return e, nil
}

// Consume implements outbox.Consumer.
func (x *Index) Consume(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) error {
	var args []any
	for _, m := range messages {
		for _, e := range m.Content().(Entries).All {
			args = append(args, e.Who, e.Subject, e.Reference)
		}
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+x.table(shard)+" (who, subject, reference)", 3, args,
		" ON DUPLICATE KEY UPDATE reference = VALUES(reference)")
}

// Arrived implements outbox.Consumer. The entries of a message commit together, so checking the first suffices.
func (x *Index) Arrived(ctx context.Context, q rows.Querier, shard int, m outbox.Message) (bool, error) {
	all := m.Content().(Entries).All
	first := all[:min(1, len(all))]
	found, err := x.Find(ctx, q, shard, first)
	return len(found) == len(first), err
}

// Renamed implements outbox.Consumer: nothing names the message that carried an entry.
func (x *Index) Renamed(context.Context, *sql.Tx, int, outbox.Message, int64) error { return nil }
