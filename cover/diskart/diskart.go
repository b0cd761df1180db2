// Package diskart keeps the files of images in a folder: <folder>/ab/cd/<hash>/<size>, where ab and cd are the hash's
// first digits. A file is whole and durable before it has its name. An image is hidden by a file beside its own.
package diskart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hongbao/hongbao/cover"
)

// Store is a cover.Art in a folder. Processes may share it, also over a network file system that renames atomically.
type Store struct{ folder string }

var _ cover.Art = (*Store)(nil)

// New keeps files in a folder, which is made with the first of them.
func New(folder string) *Store { return &Store{filepath.Clean(folder)} }

// path is where an image's files are. The names are checked again: they become a path.
func (s *Store) path(hash string) (string, error) {
	if !cover.IsHash(hash) {
		return "", fmt.Errorf("diskart: %q is no hash", hash)
	}
	return filepath.Join(s.folder, hash[:2], hash[2:4], hash), nil
}

func checkSize(size string) error {
	for _, w := range cover.Widths() {
		if w.Name == size {
			return nil
		}
	}
	return fmt.Errorf("diskart: %q is no size", size)
}

// Put implements cover.Art.
func (s *Store) Put(ctx context.Context, hash, size string, data []byte) error {
	folder, err := s.path(hash)
	if err = errors.Join(err, checkSize(size), ctx.Err()); err != nil {
		return err
	}
	return s.write(folder, size, data)
}

// write gives a folder a whole file.
func (s *Store) write(folder, name string, data []byte) (err error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("diskart: %w", err)
	}
	temporary, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return fmt.Errorf("diskart: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name()) // the first error is the one to tell
		}
	}()
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("diskart: %w", err)
	}
	if err = os.Rename(temporary.Name(), filepath.Join(folder, name)); err != nil {
		return fmt.Errorf("diskart: %w", err)
	}
	// The names of the file and of each new folder above it.
	for at := folder; ; at = filepath.Dir(at) {
		if err = syncFolder(at); err != nil || at == s.folder {
			return err
		}
	}
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("diskart: %w", err)
	}
	return nil
}

// Get implements cover.Art.
func (s *Store) Get(ctx context.Context, hash, size string) ([]byte, error) {
	folder, err := s.path(hash)
	if err = errors.Join(err, checkSize(size), ctx.Err()); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(folder, goneFile)); err == nil {
		return nil, cover.ErrGone
	}
	data, err := os.ReadFile(filepath.Join(folder, size))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cover.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("diskart: %w", err)
	}
	return data, nil
}

// goneFile is beside the files of an image that is hidden. No size has its name.
const goneFile = "gone"

// Hide implements cover.Art.
func (s *Store) Hide(ctx context.Context, hash string) error {
	folder, err := s.path(hash)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	return s.write(folder, goneFile, nil)
}

// Show implements cover.Art.
func (s *Store) Show(ctx context.Context, hash string) error { return s.remove(ctx, hash, goneFile) }

// Delete implements cover.Art.
func (s *Store) Delete(ctx context.Context, hash string) error {
	for _, w := range cover.Widths() {
		if err := s.remove(ctx, hash, w.Name); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a file of an image, which need not be there.
func (s *Store) remove(ctx context.Context, hash, name string) error {
	folder, err := s.path(hash)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	err = os.Remove(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("diskart: %w", err)
	}
	return syncFolder(folder)
}
