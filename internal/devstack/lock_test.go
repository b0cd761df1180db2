package devstack

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockHasOneHolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	parent, _ := startParent(t, "lock", dir)
	_, err := Lock(dir)
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("Lock = %v, want ErrInUse", err)
	}
	for _, want := range []string{dir, fmt.Sprintf("pid %d", parent.Process.Pid)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}

	kill9(parent)
	release, err := Lock(dir)
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrInUse) {
		t.Fatalf("Lock = %v, want ErrInUse", err)
	}
	release()
	release, err = Lock(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	release()
}

func TestTwoServersNeverShareADirectory(t *testing.T) {
	r := NewTestRedis(t)
	lock, err := tryLock(filepath.Join(r.dir, "server.lock"))
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("the lock of a running server = %v, %v; want ErrInUse", lock, err)
	}
	mustStop(t, r)
	lock, err = tryLock(filepath.Join(r.dir, "server.lock"))
	if err != nil {
		t.Fatalf("the lock of a stopped server: %v", err)
	}
	lock.Close()
}
