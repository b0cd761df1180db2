package devstack

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestStackComesBackAsItWas(t *testing.T) {
	SkipInShort(t)
	dir := t.TempDir()
	var lines []string
	options := Options{Dir: dir, Progress: func(line string) { lines = append(lines, line) }}

	stack, err := Up(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Stop(context.Background()) })
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "first start") }) {
		t.Errorf("nothing about a first start in %q", lines)
	}
	redisDo(t, stack.Redis, "SET", "share", "42")
	mustExec(t, mariaDB(t, stack.MariaDB), "CREATE DATABASE books")
	if got := mustCount(t, mariaDB(t, stack.MariaDB),
		"SELECT @@innodb_buffer_pool_size"); got != stackBufferPoolMiB<<20 {
		t.Errorf("innodb_buffer_pool_size is %d", got)
	}
	pids := []int{stack.Redis.PID(), stack.MariaDB.PID()}
	mustStop(t, stack)
	mustStop(t, stack)
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is alive after Stop", pid)
		}
	}

	lines = nil
	again, err := Up(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Stop(context.Background()) })
	if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "first start") }) {
		t.Errorf("the second start initialised again: %q", lines)
	}
	if got, _ := redisDo(t, again.Redis, "GET", "share").ToString(); got != "42" {
		t.Errorf("GET share = %q, want 42", got)
	}
	if n := mustCount(t, mariaDB(t, again.MariaDB),
		"SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'books'"); n != 1 {
		t.Error("the schema is gone")
	}
	select {
	case err := <-again.MariaDB.Lost():
		t.Errorf("lost: %v", err)
	default:
	}
	if err := syscall.Kill(again.MariaDB.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-again.MariaDB.Lost(); !strings.Contains(err.Error(), "MariaDB") {
		t.Errorf("lost: %v", err)
	}
}

func TestUpGivesUpWithItsContext(t *testing.T) {
	SkipInShort(t)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := Up(ctx, Options{Dir: dir, Progress: func(line string) {
		if strings.Contains(line, "first start") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Up = %v, want context.Canceled", err)
	}
	// Nothing runs there and nothing half-made is in the way.
	stack, err := Up(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	mustStop(t, stack)
}
