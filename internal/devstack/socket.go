package devstack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSocketPath is how long a unix socket's path may be, in bytes: sun_path holds 104 on macOS and the BSDs, 108 on
// Linux, with a final NUL.
const maxSocketPath = 103

// socket is where a server listens.
type socket struct {
	path      string
	temporary string // the directory made for it because the server's own is too deep, else empty
}

// newSocket puts the socket into dir, which is of mode 0700, or, when that path is too long, into a temporary directory
// of that mode.
func newSocket(dir, name string) (socket, error) {
	if path := filepath.Join(dir, name); len(path) <= maxSocketPath {
		return socket{path: path}, nil
	}
	temporary, err := os.MkdirTemp("/tmp", "hongbao-") // not TMPDIR, which can be as deep
	if err != nil {
		return socket{}, err
	}
	return socket{path: filepath.Join(temporary, name), temporary: temporary}, nil
}

// makeDir restores a temporary directory that removeDir took away. One that somebody else has made there meanwhile is
// an error, because its owner could stand in for the server.
func (s socket) makeDir() error {
	if s.temporary == "" {
		return nil
	}
	err := os.Mkdir(s.temporary, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(s.temporary)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ownedByUs(info) {
		return &fs.PathError{Op: "use", Path: s.temporary, Err: fs.ErrPermission}
	}
	return nil
}

func (s socket) removeDir() error {
	if s.temporary == "" {
		return nil
	}
	return os.RemoveAll(s.temporary)
}
