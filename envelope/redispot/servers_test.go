package redispot

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope/pottest"
	"github.com/hongbao/hongbao/internal/devstack"
)

const installation = "01890a5d-ac96-774b-bcce-b302099a8057"

// rig is a Redis, of one server or several, with pots on it.
type rig struct {
	*Pots
	client rueidis.Client
	open   func(t testing.TB) rueidis.Client // another client of the same Redis
	flush  func(t testing.TB)
	epochs *sync.Map // bucket → epoch
}

func testConfig() Config {
	return Config{Buckets: pottest.Buckets(), ShardOf: pottest.ShardOf, Installation: installation}
}

// pots returns new pots, with nothing remembered, on the rig's Redis.
func (r *rig) pots(t testing.TB, client rueidis.Client, change func(*Config)) *Pots {
	t.Helper()
	c := testConfig()
	c.Epoch = func(_ context.Context, bucket int) (string, error) {
		if r.epochs == nil {
			return "", nil
		}
		epoch, _ := r.epochs.Load(bucket)
		name, _ := epoch.(string)
		return name, nil
	}
	if change != nil {
		change(&c)
	}
	p, err := New(client, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reset empties Redis, installs and returns the rig with new pots.
func (r *rig) reset(t testing.TB) *rig {
	t.Helper()
	r.flush(t)
	next := *r
	next.epochs = &sync.Map{}
	next.Pots = next.pots(t, r.client, nil)
	next.Install(t)
	return &next
}

func openSocket(t testing.TB, path string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{path}, ForceSingleClient: true, AlwaysPipelining: true, DisableCache: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func singleRig(t testing.TB) *rig {
	t.Helper()
	socket := devstack.TestRedis(t).Socket()
	r := &rig{open: func(t testing.TB) rueidis.Client { return openSocket(t, socket) }}
	r.client = r.open(t)
	r.flush = func(t testing.TB) { do(t, r.client, "FLUSHALL") }
	return r.reset(t)
}

// clusterRig starts three masters. It needs TCP: a cluster's nodes find one another by port.
func clusterRig(t testing.TB) *rig {
	t.Helper()
	const nodes, slots = 3, 16384
	var addresses []string
	var each []rueidis.Client
	for range nodes {
		port := freePort(t)
		startNode(t, port, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)))
		address := fmt.Sprintf("127.0.0.1:%d", port)
		addresses = append(addresses, address)
		each = append(each, openTCP(t, true, address))
	}
	for i, c := range each {
		do(t, c, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/nodes), strconv.Itoa((i+1)*slots/nodes-1))
	}
	first := strings.Split(addresses[0], ":")
	bus := busPort(t, each[0])
	for i, c := range each {
		do(t, c, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			do(t, c, "CLUSTER", "MEET", first[0], first[1], bus)
		}
	}
	pottest.Eventually(t, "the cluster agrees", func() bool {
		for _, c := range each {
			info, err := c.Do(t.Context(), c.B().ClusterInfo().Build()).ToString()
			if err != nil || !strings.Contains(info, "cluster_state:ok") ||
				!strings.Contains(info, "cluster_known_nodes:3") || !strings.Contains(info, "cluster_size:3") {
				return false
			}
		}
		return true
	})
	r := &rig{open: func(t testing.TB) rueidis.Client { return openTCP(t, false, addresses...) }}
	r.client = r.open(t)
	r.flush = func(t testing.TB) {
		for _, c := range each {
			do(t, c, "FLUSHALL")
		}
	}
	return r.reset(t)
}

func busPort(t testing.TB, c rueidis.Client) string {
	t.Helper()
	config, err := c.Do(t.Context(), c.B().ConfigGet().Parameter("cluster-port").Build()).AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	return config["cluster-port"]
}

func openTCP(t testing.TB, single bool, addresses ...string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addresses, ForceSingleClient: single,
		AlwaysPipelining: true, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// startNode runs a redis-server on a loopback port until the test ends, or this process does: the shell kills the
// server when its standard input ends. The test is skipped with -short.
func startNode(t testing.TB, port int, options ...string) {
	t.Helper()
	devstack.SkipInShort(t)
	const guard = `"$@" </dev/null & server=$!; read -r _; kill -KILL $server; wait $server 2>/dev/null`
	dir := t.TempDir()
	args := append([]string{
		"-c", guard, "guard", "redis-server", "--port", strconv.Itoa(
			port), "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(dir,
			"log"), "--repl-diskless-sync-delay", "0",
	}, options...)
	cmd := exec.Command("/bin/sh", args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // the shell's status says only that its server was killed
	})
	pottest.Eventually(t, "redis-server answers", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// do sends a command that must succeed.
func do(t testing.TB, c rueidis.Client, words ...string) rueidis.RedisMessage {
	t.Helper()
	command := c.B().Arbitrary(words[0])
	if len(words) > 1 {
		command = command.Keys(words[1]).Args(words[2:]...)
	}
	m, err := c.Do(context.Background(), command.Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	return m
}
