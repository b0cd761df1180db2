package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Bounds of what a dump may begin with, and of how much of it is read at a time, in bytes.
const (
	maxHeader = 64 << 10
	dumpRead  = 256 << 10
)

// dump copies the shards of one server.
type dump struct {
	dir   string
	files map[string]string // by schema
	begun chan struct{}     // closed once the snapshot is taken

	header bytes.Buffer // what stands before the first schema: settings of the session, which each file needs
	made   map[string]File
	open   *shardFile // nil until the first schema
}

// run dumps the schemas of a server. Those of unfilled, as `schema.table`, are copied without their rows.
func (d *dump) run(ctx context.Context, dsn string, schemas, unfilled []string) error {
	args := []string{
		"--single-transaction", "--quick", "--skip-lock-tables", "--skip-add-locks", "--skip-add-drop-table",
		"--no-create-db", "--no-tablespaces", "--skip-triggers", "--hex-blob", "--default-character-set=utf8mb4",
	}
	for _, table := range unfilled {
		args = append(args, "--ignore-table-data="+table)
	}
	t, err := newTool(ctx, "mariadb-dump", dsn, append(append(args, "--databases", "--"), schemas...)...)
	if err != nil {
		return err
	}
	out, err := t.cmd.StdoutPipe()
	if err == nil {
		err = t.cmd.Start()
	}
	if err != nil {
		t.ended()
		return err
	}
	err = d.split(out)
	if err != nil {
		_ = t.cmd.Process.Kill()
	}
	if err = errors.Join(err, t.wait()); err != nil {
		return err
	}
	if len(d.made) != len(schemas) {
		return fmt.Errorf("mariadb-dump wrote %d schemas of %d", len(d.made), len(schemas))
	}
	return nil
}

// split writes the dump of several schemas into a file for each. A line that begins with USE is the tool's own: within
// values line breaks are escaped.
func (d *dump) split(from io.Reader) error {
	lines, atStart := bufio.NewReaderSize(from, dumpRead), true
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return errors.Join(err, d.end())
		}
		if schema, ok := used(line); ok && atStart {
			if err := d.next(schema); err != nil {
				return err
			}
		} else if err := d.write(line); err != nil {
			return errors.Join(err, d.end())
		}
		atStart = err == nil
	}
	return d.end()
}

// used is the schema of a line that says USE.
func used(line []byte) (schema string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("USE `"))
	if !ok {
		return "", false
	}
	name, ok := bytes.CutSuffix(rest, []byte("`;\n"))
	return string(name), ok
}

func (d *dump) next(schema string) error {
	if err := d.end(); err != nil {
		return err
	}
	name, ok := d.files[schema]
	if !ok {
		return fmt.Errorf("mariadb-dump wrote a schema %q that it was not asked for", schema)
	}
	delete(d.files, schema)
	if d.begun != nil { // it asks the server what is in a schema once its transaction has begun
		close(d.begun)
		d.begun = nil
	}
	var err error
	if d.open, err = newShardFile(d.dir, name); err != nil {
		return err
	}
	return d.write(d.header.Bytes())
}

func (d *dump) write(p []byte) error {
	if d.open != nil {
		_, err := d.open.Write(p)
		return err
	}
	if d.header.Len()+len(p) > maxHeader {
		return errors.New("mariadb-dump wrote no schema")
	}
	d.header.Write(p)
	return nil
}

// end closes the file that is being written.
func (d *dump) end() error {
	if d.open == nil {
		return nil
	}
	f, err := d.open.close()
	d.open = nil
	if err == nil {
		d.made[f.Name] = f
	}
	return err
}

// shardFile is a compressed file that is being written.
type shardFile struct {
	*gzip.Writer
	name string
	file *os.File
	sum  hash.Hash
	size int64
}

func newShardFile(dir, name string) (*shardFile, error) {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	f := &shardFile{name: name, file: file, sum: sha256.New()}
	f.Writer, err = gzip.NewWriterLevel(io.MultiWriter(file, f.sum, (*counter)(&f.size)), gzip.BestSpeed)
	return f, err
}

// close makes sure that the file is on the disk.
func (f *shardFile) close() (File, error) {
	err := errors.Join(f.Close(), f.file.Sync(), f.file.Close())
	return File{Name: f.name, Bytes: f.size, SHA256: hex.EncodeToString(f.sum.Sum(nil))}, err
}

type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
