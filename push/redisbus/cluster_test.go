package redisbus_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/hongbao/hongbao/internal/devstack"
)

// startCluster starts a Redis Cluster of three primaries on free loopback ports and returns their addresses.
func startCluster(t *testing.T) []string {
	t.Helper()
	devstack.SkipInShort(t)
	const slots, nodes = 16384, 3
	var addresses []string
	for i := range nodes {
		port, bus := freePort(t), freePort(t)
		dir := t.TempDir()
		server := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "",
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-config-file", filepath.Join(dir,
				"nodes.conf"))
		var output bytes.Buffer
		server.Stdout, server.Stderr = &output, &output
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = server.Process.Kill()
			_ = server.Wait()
		})
		addresses = append(addresses, net.JoinHostPort("127.0.0.1", port))
		eventually(t, func() bool { return cli(port, "ping") == "PONG" }, output.String)
		from, to := i*slots/nodes, (i+1)*slots/nodes-1
		if got := cli(port, "cluster", "addslotsrange", fmt.Sprint(from), fmt.Sprint(to)); got != "OK" {
			t.Fatal(got)
		}
		_, first, _ := net.SplitHostPort(addresses[0])
		if got := cli(first, "cluster", "meet", "127.0.0.1", port, bus); got != "OK" {
			t.Fatal(got)
		}
	}
	for _, a := range addresses {
		_, port, _ := net.SplitHostPort(a)
		eventually(t, func() bool {
			info := cli(port, "cluster", "info")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		}, func() string { return cli(port, "cluster", "info") })
	}
	return addresses
}

func cli(port string, args ...string) string {
	out, _ := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out))
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestCluster(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	// rueidis looks at the cluster's slots from time to time, and once more up to 5 s after it was closed.
	t.Cleanup(func() {
		goleak.VerifyNone(t, ignore,
			goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
			goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"))
	})
	option := rueidis.ClientOption{InitAddress: startCluster(t), DisableCache: true}
	a, client := newBus(t, option)
	b, _ := newBus(t, option)
	if client.Mode() != rueidis.ClientModeCluster {
		t.Fatalf("mode %v", client.Mode())
	}
	received := make(chan string, 1)
	stop, err := b.OnAnnounce(t.Context(), t.Name(), func(p []byte) { received <- string(p) }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := a.Announce(t.Context(), t.Name(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := within(t, received); got != "hello" {
		t.Errorf("received %q", got)
	}
	var tapes []*tape
	topic := func(i int) string { return fmt.Sprint("group:", i) } // over all three
	for i := range 30 {
		p, _ := listen(t, b, topic(i))
		tapes = append(tapes, p)
	}
	for i := range tapes {
		publish(t, a, topic(i), 1, 10)
	}
	for _, n := range client.Nodes() {
		breakSubscriptions(t, n)
	}
	for i := range tapes {
		publish(t, a, topic(i), 11, 20)
	}
	for _, p := range tapes {
		events, _ := p.waitFor(t, 20)
		expectNumbered(t, events, 1, 20)
	}
}
