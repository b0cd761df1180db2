package archive

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// maxLines bounds a file: so many lines make some ten megabytes.
const maxLines = 50_000

// lockName is who archives: one process of an installation at a time.
const lockName = "hongbao_archive"

// ErrRunning says that another process archives.
var ErrRunning = errors.New("archive: another process archives this installation: wait until it has ended")

// Archiver archives what is sealed of an installation.
type Archiver struct {
	cluster *shards.Cluster
	tables  []mysqlledger.Tables // by shard
	step    func(string) error   // stands between any two steps; tests end the process there
}

// New makes an archiver.
func New(c *shards.Cluster) *Archiver {
	a := &Archiver{cluster: c, step: func(string) error { return nil }}
	for _, shard := range c.All() {
		a.tables = append(a.tables, mysqlledger.TablesOf(c, shard))
	}
	return a
}

// run is one run.
type run struct {
	*Archiver
	dir      string
	manifest Manifest
	made     []File // in this run
}

// Run archives what is sealed and older than a time, by the clock of each shard's server, in a folder, which it makes
// if there is none. It returns the files that it has made, or ended for a run that died. After an error, run it again
// with the same folder: nothing is lost, and nothing is in two files. Errors: ErrRunning, shards.ErrUnavailable.
func (a *Archiver) Run(ctx context.Context, olderThan time.Duration, dir string) (files []File, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	in, err := a.cluster.Installation(ctx)
	if err != nil {
		return nil, err
	}
	r := &run{Archiver: a, dir: dir}
	if r.manifest, err = ReadManifest(dir); err != nil {
		return nil, err
	}
	if was := r.manifest.Installation; was != "" && was != in.ID {
		return nil, fmt.Errorf("archive: %s is the archive of installation %s, and this is %s: give another folder",
			dir, was, in.ID)
	}
	r.manifest.Installation = in.ID
	unlock, err := a.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for _, step := range []func(int) error{
		func(shard int) error { return r.resume(ctx, shard) },
		func(shard int) error { return r.archive(ctx, shard, olderThan, Requests, Holds, Orders) },
		// Entries stay while their holds are there, on whichever shard.
		func(shard int) error { return r.archive(ctx, shard, olderThan, Entries, Inbox) },
	} {
		for _, shard := range a.cluster.All() {
			if err := step(shard); err != nil {
				return r.made, shards.Classify(fmt.Errorf("archive shard %d: %w", shard, err))
			}
		}
	}
	if len(r.manifest.Files) == 0 { // a folder without a manifest is no archive
		return nil, Manifest{Installation: in.ID, Files: []File{}}.write(dir)
	}
	return r.made, nil
}

// lock keeps others from archiving. The server gives it up with the connection.
func (a *Archiver) lock(ctx context.Context) (unlock func(), err error) {
	conn, err := a.cluster.DB(0).Conn(ctx)
	if err != nil {
		return nil, shards.Classify(err)
	}
	name := lockName + "_" + a.cluster.Schema(0)
	var got sql.NullInt64
	if err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 0)", name).Scan(&got); err == nil && got.Int64 != 1 {
		err = ErrRunning
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		// Also when the run was cancelled. A connection on which it fails is closed, and the lock with it.
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", name)
		if err != nil {
			_ = conn.Raw(func(any) error { return err })
		}
		_ = conn.Close()
	}, nil
}

// archive archives what can be of a shard.
func (r *run) archive(ctx context.Context, shard int, olderThan time.Duration, kinds ...Kind) error {
	var now int64
	if err := r.cluster.DB(shard).QueryRowContext(ctx,
		"SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)").Scan(&now); err != nil {
		return err
	}
	bound := rows.Millis(now).Add(-olderThan)
	c := &choice{Archiver: r.Archiver, ctx: ctx, shard: shard, bound: bound, below: shards.FirstAt(bound)}
	for _, k := range kinds {
		if err := r.files(ctx, shard, k, c.lines(k)); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return nil
}

// files writes lines into files, each of which is ended before the next begins.
func (r *run) files(ctx context.Context, shard int, k Kind, lines iter.Seq2[Line, error]) error {
	next, stop := iter.Pull2(lines)
	defer stop()
	line, err, more := next()
	for more {
		if err != nil {
			return err
		}
		number := 0
		if err := r.cluster.DB(shard).QueryRowContext(ctx, "SELECT COUNT(*) FROM "+r.tables[shard].Archives).Scan(
			&number); err != nil {
			return err
		}
		w, err := create(r.dir, File{Name: fmt.Sprintf("%04d-%06d-%s.jsonl.gz", shard, number+1, k), Shard: shard,
			Kind: k, MadeAt: time.Now().UTC().Truncate(time.Millisecond)})
		if err != nil {
			return err
		}
		for n := 0; more && n < maxLines; n++ {
			if err == nil {
				err = w.add(line)
			}
			if err == nil {
				line, err, more = next()
			}
			if err != nil {
				return errors.Join(err, w.file.Close())
			}
		}
		if err := r.end(ctx, w); err != nil {
			return err
		}
	}
	return err
}

// end makes a file count, and deletes its rows.
func (r *run) end(ctx context.Context, w *writer) error {
	if err := r.step("close"); err != nil {
		return errors.Join(err, w.file.Close())
	}
	f, err := w.close()
	if err == nil {
		err = r.step("place")
	}
	if err == nil {
		err = place(filepath.Join(r.dir, f.Name))
	}
	if err == nil {
		err = r.step("record")
	}
	if err == nil {
		err = r.record(ctx, f)
	}
	if err != nil {
		return err
	}
	return r.drop(ctx, f)
}

// record makes a file count.
func (r *run) record(ctx context.Context, f File) error {
	summary, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return r.cluster.Tx(ctx, f.Shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+r.tables[f.Shard].Archives+
			" (file, sha256, summary, made_at, dropped_at) VALUES (?, ?, ?, ?, 0)", f.Name, f.SHA256[:], summary,
			f.MadeAt.UnixMilli())
		return err
	})
}

// note says in the manifest what is known of a file.
func (r *run) note(f File) error {
	if err := r.step("manifest"); err != nil {
		return err
	}
	r.manifest.put(f)
	return r.manifest.write(r.dir)
}

// drop deletes the rows of a file that counts, as far as they are there, and notes that.
func (r *run) drop(ctx context.Context, f File) error {
	if err := r.note(f); err != nil {
		return err
	}
	d := &dropping{run: r, ctx: ctx, of: f}
	if err := read(filepath.Join(r.dir, f.Name), f, d.add); err != nil {
		return err
	}
	if err := d.flush(); err != nil {
		return err
	}
	if err := r.step("dropped"); err != nil {
		return err
	}
	f.DroppedAt = time.Now().UTC().Truncate(time.Millisecond)
	err := r.cluster.Tx(ctx, f.Shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+r.tables[f.Shard].Archives+" SET dropped_at = ? WHERE file = ?",
			f.DroppedAt.UnixMilli(), f.Name)
		return err
	})
	if err != nil {
		return err
	}
	r.made = append(r.made, f)
	return r.note(f)
}

// resume ends the files of a run that died.
func (r *run) resume(ctx context.Context, shard int) error {
	type pending struct {
		name    string
		summary []byte
	}
	left, err := rows.Select(ctx, r.cluster.DB(shard), func(row *sql.Rows) (p pending, err error) {
		err = row.Scan(&p.name, &p.summary)
		return p, err
	}, "SELECT file, summary FROM "+r.tables[shard].Archives+" WHERE dropped_at = 0 ORDER BY file")
	if err != nil {
		return err
	}
	for _, p := range left {
		var f File
		if err := json.Unmarshal(p.summary, &f); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if _, err := os.Stat(filepath.Join(r.dir, f.Name)); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s was written into another folder by a run that has not ended: give that folder",
				f.Name)
		}
		if err := r.drop(ctx, f); err != nil {
			return err
		}
	}
	return r.catchUp(ctx, shard)
}

// catchUp notes what a run that died has deleted, and not noted.
func (r *run) catchUp(ctx context.Context, shard int) error {
	for _, f := range r.manifest.Files {
		if f.Shard != shard || !f.DroppedAt.IsZero() {
			continue
		}
		var at int64
		err := r.cluster.DB(shard).QueryRowContext(ctx, "SELECT dropped_at FROM "+r.tables[shard].Archives+
			" WHERE file = ?", f.Name).Scan(&at)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		f.DroppedAt = rows.Millis(at)
		if err := r.note(f); err != nil {
			return err
		}
	}
	return nil
}
