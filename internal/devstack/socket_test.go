package devstack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketOfADeepDirectory(t *testing.T) {
	SkipInShort(t)
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	r, err := StartRedis(t.Context(), RedisOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	if len(r.Socket()) > maxSocketPath {
		t.Errorf("%s is %d bytes long", r.Socket(), len(r.Socket()))
	}
	temporary := filepath.Dir(r.Socket())
	if info, err := os.Stat(temporary); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v; want mode 0700", temporary, info.Mode(), err)
	}
	before := r.Socket()
	redisDo(t, r, "SET", "share", "42")

	mustStop(t, r)
	if _, err := os.Stat(temporary); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", temporary, err)
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Socket() != before {
		t.Errorf("another socket after a restart: %s, was %s", r.Socket(), before)
	}
	redisDo(t, r, "GET", "share")
	mustStop(t, r)

	// A directory of that name that others may enter is not ours to listen in.
	if err := os.Mkdir(temporary, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temporary) })
	if err := r.Restart(t.Context()); err == nil {
		t.Error("started in a directory that is open to others")
	}
}

func TestFindBinaryNamesThePackage(t *testing.T) {
	if _, err := findBinary("redis-server", "redis-server"); err != nil {
		t.Fatal(err)
	}
	_, err := findBinary("no-such-server", "redis-server")
	if err == nil || !strings.Contains(err.Error(), "package redis-server") ||
		!strings.Contains(err.Error(), "make run") {
		t.Errorf("findBinary = %v", err)
	}
	t.Setenv("PATH", "")
	if path, err := findBinary("redis-server", "redis-server"); err != nil || !filepath.IsAbs(path) {
		t.Errorf("without PATH: %q, %v", path, err)
	}
}
