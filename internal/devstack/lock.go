package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// lockTimeout is how long a start waits for the server of a predecessor to die. The predecessor's guard kills it at
	// once; the time is for an operating system that is busy closing its files.
	lockTimeout = 30 * time.Second
	// lockInterval is how often it looks.
	lockInterval = 10 * time.Millisecond
)

// ErrInUse says that another process uses the directory.
var ErrInUse = errors.New("in use by another hongbao")

// Lock makes this process the only user of dir, which is created if needed, until release is called or the process ends
// in whatever way. It does not wait: the error when somebody else has it wraps ErrInUse and names the process.
func Lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := tryLock(filepath.Join(dir, "hongbao.lock"))
	if err != nil {
		if errors.Is(err, ErrInUse) {
			return nil, fmt.Errorf("%s is %w; stop that one or choose another directory", dir, err)
		}
		return nil, err
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

func writePID(f *os.File) error {
	_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
	return err
}

// awaitLock is for the lock that a server's guard inherits: it is free again when the server is dead.
func awaitLock(ctx context.Context, path string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	tick := time.NewTicker(lockInterval)
	defer tick.Stop()
	for {
		f, err := tryLock(path)
		if !errors.Is(err, ErrInUse) {
			return f, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s is %w", filepath.Dir(path), err)
		}
	}
}

// tryLock returns the file with an exclusive flock on it, or an error that wraps ErrInUse.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	holder, _ := io.ReadAll(io.LimitReader(f, 32))
	f.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	if pid := strings.TrimSpace(string(holder)); pid != "" {
		return nil, fmt.Errorf("%w (pid %s)", ErrInUse, pid)
	}
	return nil, ErrInUse
}

func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
