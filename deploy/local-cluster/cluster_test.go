package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
)

const listeners = 1000

// Each part dies once while people grab, and comes again: workers, an rpc, a gateway, a primary of Redis, whose replica
// takes its place, and a MariaDB. Then each part of Hongbao is replaced by another version, in order. Those who listen
// at a gateway that dies come to the other one; those at one that is replaced are told to, each of them. Every win is a
// credit, and the books balance; also after everything was stopped in order and started again, as the new version.
func TestEachPartDiesUnderLoad(t *testing.T) {
	devstack.SkipInShort(t)
	phase := phases(t)
	binary := os.Getenv("HONGBAO_TEST_PREVIOUS") // an earlier version; without one, this one under another name
	if binary == "" {
		binary = build(t, "old")
	}
	next := build(t, "new")
	phase("built")
	dir, base := t.TempDir(), freePorts(t)
	c, stop := start(t, dir, binary, base)
	phase("started")
	f := c.listen(t, listeners) // before the bench: what befalls the first rpc has to come early in it
	phase("listened")
	reported := c.bench(t, binary, "45s")
	// The bench asks the first rpc for everything, the books at its end included, so what befalls that comes first. The
	// rest of the old version then lives beside one of the new.
	dies(t, c.parts[0])
	if err := command(t.Context(), next, c.settings("migrate")...); err != nil {
		t.Fatal(err)
	}
	c.replace(t, 0, next)
	for _, p := range c.stores[redisNodes:] { // a primary's place is decided when the cluster is made
		dies(t, p)
	}
	for _, p := range append(slices.Clone(c.parts[1:]), c.stores[0]) {
		dies(t, p)
	}
	phase("killed")
	f.await(t, "who listened at a gateway that died comes to the other", func() bool {
		return f.connected() == listeners && f.lost >= listeners
	})
	c.upgraded(t, next, f)
	phase("upgraded")
	c.observed(t)
	f.end()
	phase("observed")
	reported()
	phase("reported")
	if _, err := listen(socketOf(dir)); err == nil {
		t.Error("a second cluster may run on the folder")
	}
	stop()

	c, stop = start(t, dir, next, base)
	c.movesShards(t, next)
	phase("moved shards")
	for _, what := range []string{"audit", "doctor"} {
		if out, err := exec.Command(next, c.settings(what)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
	stop()
	phase("restarted")
}

// movesShards moves a shard to the other server and back, and the first of a server, while people grab.
func (c *topology) movesShards(t *testing.T, binary string) {
	t.Helper()
	reported := c.bench(t, binary, "8s")
	for _, move := range []struct{ shard, server int }{{3, 0}, {1, 0}, {3, 1}} {
		said, err := c.moveShard(t.Context(), strconv.Itoa(move.shard), c.stores[redisNodes+move.server].name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(said), "\n")
		t.Log(lines[len(lines)-1])
	}
	reported()
	list, err := exec.Command(binary, c.settings("shard list")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, list)
	}
	for shard, server := range []int{0, 0, 0, 1, 0} {
		if line := strings.Split(string(list), "\n")[shard]; !strings.HasSuffix(line, c.address(mysqlPort+server)) {
			t.Errorf("shard %d is on another server than mysql-%d: %s", shard, server, line)
		}
	}
}

// bench begins to grab for a time, and returns how to wait for its end: every win is a credit, and the books balance.
func (c *topology) bench(t *testing.T, binary, lasts string) (reported func()) {
	t.Helper()
	bench := exec.Command(binary, "bench", "grab", "--target", c.address(rpcPort), "--token-key",
		filepath.Join(c.dir, "secrets", "token.key"), "--for", lasts, "--rate", "50", "--users", "60", "--group", "30")
	said, err := bench.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	bench.Stderr = bench.Stdout
	if err := bench.Start(); err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "requests a second, for") {
		report.WriteString(lines.Text() + "\n")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			report.WriteString(lines.Text() + "\n")
		}
	}()
	return func() {
		t.Helper()
		<-ended
		if err := bench.Wait(); err != nil || !strings.Contains(report.String(), "balance") {
			t.Errorf("bench: %v\n%s", err, report.String())
		}
	}
}

// phases logs how long each phase took.
func phases(t *testing.T) func(name string) {
	last := time.Now()
	return func(name string) {
		t.Logf("%s: %.1f s", name, time.Since(last).Seconds())
		last = time.Now()
	}
}

// build builds a binary that calls itself by a version.
func build(t *testing.T, version string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "hongbao")
	out, err := exec.Command("go", "build", "-ldflags", "-X github.com/hongbao/hongbao/cmd.release="+version, "-o",
		binary, "../..").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// replace replaces a part by another version as an operator does.
func (c *topology) replace(t *testing.T, part int, next string) {
	t.Helper()
	p := c.parts[part]
	if err := p.replace(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	shown, err := get(t.Context(), "http://"+c.address(managed+part)+"/metrics")
	if err != nil || !strings.Contains(shown, `version="new"`) {
		t.Errorf("%s is no other version: %v", p.name, err)
	}
}

// upgraded replaces the parts but the first, one after the other.
func (c *topology) upgraded(t *testing.T, next string, f *feeds) {
	t.Helper()
	f.mu.Lock()
	lost := f.lost
	f.mu.Unlock()
	for _, kind := range []string{"work", "rpc", "gateway"} {
		for i, p := range c.parts {
			if i > 0 && strings.HasPrefix(p.name, kind) {
				c.replace(t, i, next)
			}
		}
	}
	// All were at one of the gateways, so each was told once at least.
	f.await(t, "who listened at a gateway that is replaced was told to go, and went", func() bool {
		return f.connected() == listeners && f.told >= listeners
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost > lost {
		t.Errorf("%d connections broke where they were to be told", f.lost-lost)
	}
}

// start runs a cluster and returns once all of it serves. stop stops it in order.
func start(t *testing.T, dir, binary string, base int) (c *topology, stop func()) {
	t.Helper()
	c = &topology{dir: dir, hongbao: binary, config: "../compose/hongbao.yaml", base: base, http: base + managed + 8}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- c.run(ctx, out); _ = out.Close() }()
	for lines := bufio.NewScanner(said); ; {
		if !lines.Scan() {
			t.Fatal(<-ended)
		}
		if strings.HasPrefix(lines.Text(), "ready") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	return c, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// dies kills a process and waits until it was started again and serves.
func dies(t *testing.T, p *process) {
	t.Helper()
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if err := p.kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-ended
	err := p.await(t.Context(), func(ctx context.Context) error {
		p.mu.Lock()
		runs := p.command != nil
		p.mu.Unlock()
		if !runs {
			return errors.New("it does not run")
		}
		return p.ready(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// freePorts is the first of 40 ports of which none is in use, nor those of Redis' bus.
func freePorts(t *testing.T) int {
	t.Helper()
	for range 100 {
		base := 11_000 + 40*rand.IntN(200)
		free := true
		for i := 0; i < 40 && free; i++ {
			for _, port := range []int{base + i, base + busDistance + i} {
				l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
				if err != nil {
					free = false
					break
				}
				_ = l.Close()
			}
		}
		if free {
			return base
		}
	}
	t.Fatal("no 40 ports in a row are free")
	return 0
}
