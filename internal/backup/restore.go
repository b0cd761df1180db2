package backup

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
)

// check compares a file with what the manifest says. Error: ErrDamaged.
func (f File) check(ctx context.Context, dir string) error {
	file, err := os.Open(filepath.Join(dir, f.Name))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, untilDone{ctx, file})
	if err != nil {
		return err
	}
	if n != f.Bytes || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%w: %s", ErrDamaged, f.Name)
	}
	return nil
}

// untilDone stops to read when the context ends.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}

// Restore loads a backup, which Read has read, into the servers of a cluster, which have nothing of it. The placement
// and the prefix may be others than they were. The last thing it does is to make the record of the installation: one
// that failed leaves schemas to be dropped, and nothing that can be opened. Errors: shards.ErrNotEmpty,
// shards.ErrInstalledOtherwise, shards.ErrUnavailable.
func Restore(ctx context.Context, c *shards.Cluster, dir string, m Manifest) error {
	if m.Installation.Shards != c.Shards() {
		return fmt.Errorf("%w: the backup has %d shards and %d are configured", shards.ErrInstalledOtherwise,
			m.Installation.Shards, c.Shards())
	}
	// Before anything is made.
	if err := loop.FanOut(c.All(), loadWidth, func(s int) error { return c.CheckEmpty(ctx, s) }); err != nil {
		return err
	}
	err := loop.FanOut(c.All(), loadWidth, func(shard int) error {
		if err := c.MakeEmpty(ctx, shard); err != nil {
			return err
		}
		if err := load(ctx, c, shard, filepath.Join(dir, m.Shards[shard].Name)); err != nil {
			return fmt.Errorf("load shard %d: %w", shard, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.ForgetPlaces(ctx); err != nil {
		return err
	}
	return c.Adopt(ctx, m.Installation)
}

func load(ctx context.Context, c *shards.Cluster, shard int, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	// --sandbox: nothing in the file can make the client run or write anything here.
	t, err := newTool(ctx, "mariadb", c.ServerDSN(c.ServerOf(shard)), "--sandbox", "--batch",
		"--default-character-set=utf8mb4", "--database="+c.Schema(shard))
	if err != nil {
		return err
	}
	in, err := t.cmd.StdinPipe()
	if err == nil {
		err = t.cmd.Start()
	}
	if err != nil {
		t.ended()
		return err
	}
	_, err = io.Copy(in, text)
	if err != nil { // what came so far must not look whole
		_ = t.cmd.Process.Kill()
	}
	return errors.Join(err, in.Close(), t.wait())
}
