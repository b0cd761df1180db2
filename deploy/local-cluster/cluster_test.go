package main

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/devstack"
)

// Each part dies once while people grab, and comes again: workers, an rpc, a gateway, a primary of Redis, whose replica
// takes its place, and a MariaDB. Every win is a credit, and the books balance; also after everything was stopped in
// order and started again.
func TestEachPartDiesUnderLoad(t *testing.T) {
	devstack.SkipInShort(t)
	binary := filepath.Join(t.TempDir(), "hongbao")
	if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir, base := t.TempDir(), freePorts(t)
	c, stop := start(t, dir, binary, base)
	bench := exec.Command(binary, "bench", "grab", "--target", c.address(rpcPort), "--token-key",
		filepath.Join(dir, "secrets", "token.key"), "--for", "30s", "--rate", "50", "--users", "60", "--group", "30")
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
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		for lines.Scan() {
			report.WriteString(lines.Text() + "\n")
		}
	}()
	for _, p := range c.stores[redisNodes:] { // a primary's place is decided when the cluster is made
		dies(t, p)
	}
	for _, p := range append(c.parts, c.stores[0]) {
		dies(t, p)
	}
	<-reported
	if err := bench.Wait(); err != nil || !strings.Contains(report.String(), "balance") {
		t.Errorf("bench: %v\n%s", err, report.String())
	}
	if _, err := listen(socketOf(dir)); err == nil {
		t.Error("a second cluster may run on the folder")
	}
	stop()

	c, stop = start(t, dir, binary, base)
	if out, err := exec.Command(binary, c.settings("audit")...).CombinedOutput(); err != nil {
		t.Errorf("audit: %v\n%s", err, out)
	}
	stop()
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

// dies kills a process and waits until it serves again.
func dies(t *testing.T, p *process) {
	t.Helper()
	if err := p.kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := p.await(t.Context(), func(ctx context.Context) error {
		if s := p.status(); !strings.Contains(s, "pid ") || !strings.Contains(s, " 1 times") {
			return io.ErrNoProgress
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
