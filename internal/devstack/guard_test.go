package devstack

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestServersDieWithTheirParent(t *testing.T) {
	SkipInShort(t)
	dir := t.TempDir()
	parent, first := startParent(t, "stack", dir)
	kill9(parent)

	// At once, while the old servers may still be there.
	stack, err := Up(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatalf("the start after the crash: %v", err)
	}
	t.Cleanup(func() { stack.Stop(context.Background()) })
	for _, pid := range []int{first.RedisPID, first.MariaDBPID} {
		if alive(pid) {
			t.Errorf("process %d is alive next to its successor", pid)
		}
	}
	mustExec(t, mariaDB(t, stack.MariaDB), "CREATE DATABASE books")
	redisDo(t, stack.Redis, "SET", "share", "42")
}

func TestServersDieWithTheirParentAlone(t *testing.T) {
	parent, report := startParent(t, "stack", t.TempDir())
	kill9(parent)
	eventually(t, "Redis is dead", func() bool { return !alive(report.RedisPID) })
	eventually(t, "MariaDB is dead", func() bool { return !alive(report.MariaDBPID) })
}

func TestSharedServersLeaveNothing(t *testing.T) {
	parent, report := startParent(t, "shared", "")
	kill9(parent)
	eventually(t, "Redis is dead", func() bool { return !alive(report.RedisPID) })
	eventually(t, "MariaDB is dead", func() bool { return !alive(report.MariaDBPID) })
	for _, dir := range []string{report.RedisDir, report.MariaDBDir} {
		eventually(t, dir+" is gone", func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) })
	}
}

func TestServerIsOutOfReachOfTheTerminal(t *testing.T) {
	group, err := syscall.Getpgid(TestRedis(t).PID())
	if err != nil {
		t.Fatal(err)
	}
	if ours := syscall.Getpgrp(); group == ours {
		t.Errorf("the server is in our process group %d: Ctrl-C would end it before us", ours)
	}
}

func TestServerDiesWithItsGuard(t *testing.T) {
	r := NewTestRedis(t)
	pid := r.PID()
	if err := syscall.Kill(r.proc.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-r.Lost(); !strings.Contains(err.Error(), "guard died") {
		t.Errorf("lost: %v", err)
	}
	eventually(t, "the server is dead", func() bool { return !alive(pid) })
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLostSaysWhichServerAndWhy(t *testing.T) {
	r := NewTestRedis(t)
	if err := syscall.Kill(r.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := <-r.Lost()
	for _, want := range []string{"Redis", "ended by itself", "server.log"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lost: %v\nwant %q in it", err, want)
		}
	}

	// What we do ourselves is no loss. Each Restart waits for the one before, so a report would have been sent.
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustStop(t, r)
	select {
	case err := <-r.Lost():
		t.Errorf("lost: %v", err)
	default:
	}
}

func TestStartReportsWhatTheServerSaid(t *testing.T) {
	SkipInShort(t)
	dir := t.TempDir()
	// A file where Redis keeps its AOF.
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "appendonlydir"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := StartRedis(t.Context(), RedisOptions{Dir: dir})
	if err == nil {
		r.Kill()
		t.Fatal("started on a broken directory")
	}
	if !strings.Contains(err.Error(), "it ended") || !strings.Contains(err.Error(), "appendonlydir") {
		t.Errorf("the error does not quote the server's log: %v", err)
	}
}
