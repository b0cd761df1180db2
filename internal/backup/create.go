package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
)

// Create copies all shards as of one moment into a folder, which it makes, or which is empty. notes is asked for what
// else is to be kept, after that moment. Readers and writers are not disturbed but for the fence; see the package.
// Error: shards.ErrUnavailable. What is left in the folder after an error is no backup.
func Create(ctx context.Context, c *shards.Cluster, dir string, notes func(context.Context) (any, error)) (Manifest,
	error) {
	m := Manifest{Format: format}
	if err := makeFolder(dir); err != nil {
		return m, err
	}
	var err error
	if m.Installation, err = c.Installation(ctx); err != nil {
		return m, err
	}
	f, err := openFence(ctx, c)
	if err != nil {
		return m, err
	}
	defer f.remove()
	if err := f.close(ctx); err != nil {
		return m, err
	}
	all, err := startDumps(ctx, c, dir)
	if err == nil {
		m.At, err = f.time(ctx)
	}
	// Only a fence that every connection still had at the end was one.
	err = errors.Join(err, f.open(ctx))
	m.FenceMillis = time.Since(f.shut).Milliseconds()
	if err = errors.Join(err, all.wait(err != nil)); err != nil {
		return m, err
	}
	if err := f.checkMigrations(ctx); err != nil {
		return m, err
	}
	if err := m.note(ctx, notes); err != nil {
		return m, err
	}
	for _, shard := range c.All() {
		m.Shards = append(m.Shards, all.file(fileName(shard)))
	}
	return m, m.write(dir)
}

func fileName(shard int) string { return fmt.Sprintf("shard-%04d.sql.gz", shard) }

// makeFolder makes a folder for this user only.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: give a new folder", dir)
	}
	return nil
}

// dumps are those of all servers, under way.
type dumps struct {
	all    []*dump
	ended  chan error // one from each
	cancel context.CancelFunc
}

// startDumps returns once each dump has its snapshot. After an error some may run.
func startDumps(ctx context.Context, c *shards.Cluster, dir string) (*dumps, error) {
	ctx, cancel := context.WithCancel(ctx)
	d := &dumps{ended: make(chan error, c.Servers()), cancel: cancel}
	var begun []chan struct{}
	for server := range c.Servers() {
		one := &dump{dir: dir, files: map[string]string{}, made: map[string]File{}, begun: make(chan struct{})}
		var schemas, unfilled []string
		for _, shard := range c.All() {
			if c.ServerOf(shard) != server {
				continue
			}
			schemas = append(schemas, c.Schema(shard))
			one.files[c.Schema(shard)] = fileName(shard)
			if shard == 0 {
				unfilled = append(unfilled, c.Schema(0)+".installation")
			}
		}
		if len(schemas) == 0 {
			continue
		}
		d.all, begun = append(d.all, one), append(begun, one.begun)
		go func() {
			err := one.run(ctx, c.ServerDSN(server), schemas, unfilled)
			if err != nil {
				err = fmt.Errorf("server %d: %w", server, err)
				cancel() // the others are of no use
			}
			d.ended <- err
		}()
	}
	timeout := time.NewTimer(fenceMost)
	defer timeout.Stop()
	for _, one := range begun {
		select {
		case <-one:
		case <-timeout.C:
			return d, fmt.Errorf("mariadb-dump took no snapshot within %v", fenceMost)
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
	return d, nil
}

// wait returns when all dumps have ended. abort ends them.
func (d *dumps) wait(abort bool) error {
	defer d.cancel()
	if abort {
		d.cancel()
	}
	var errs []error
	for range d.all {
		errs = append(errs, <-d.ended)
	}
	return errors.Join(errs...)
}

func (d *dumps) file(name string) File {
	for _, one := range d.all {
		if f, ok := one.made[name]; ok {
			return f
		}
	}
	return File{} // no dump ends without an error that lacks a schema
}

func (m *Manifest) note(ctx context.Context, notes func(context.Context) (any, error)) error {
	if notes == nil {
		return nil
	}
	kept, err := notes(ctx)
	if err == nil {
		m.Notes, err = json.Marshal(kept)
	}
	return err
}

// write makes the folder a backup.
func (m Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, manifestName)
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Read reads what a backup says, and compares every file with it. Errors: ErrNone, ErrDamaged.
func Read(ctx context.Context, dir string) (m Manifest, err error) {
	path := filepath.Join(dir, manifestName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() > maxManifest {
		return m, fmt.Errorf("%w: %s has no %s, which is written last", ErrNone, dir, manifestName)
	}
	if err != nil {
		return m, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil || m.Format != format || m.Installation.ID == "" {
		return m, fmt.Errorf("%w: this version does not understand %s", ErrNone, path)
	}
	if len(m.Shards) != m.Installation.Shards {
		return m, fmt.Errorf("%w: %s names %d shards of %d", ErrDamaged, path, len(m.Shards), m.Installation.Shards)
	}
	for shard, f := range m.Shards { // the names are made here, so that none can lead elsewhere
		if f.Name != fileName(shard) {
			return m, fmt.Errorf("%w: %s names the file of shard %d otherwise", ErrDamaged, path, shard)
		}
	}
	return m, loop.FanOut(m.Shards, loadWidth, func(f File) error { return f.check(ctx, dir) })
}
