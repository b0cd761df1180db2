package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
)

// A Redis Cluster that serves all slots is in order; one that lacks some is not, and the finding says how many.
func TestExamineARedisCluster(t *testing.T) {
	s := apptest.New(t, nil)
	cfg := s.Config()
	port, cli := clusterNode(t)
	cfg.Redis = []string{net.JoinHostPort("127.0.0.1", port)}
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	expect := func(state, want string) {
		t.Helper()
		apptest.Until(t, "the node says "+state, func() bool { return strings.Contains(cli("cluster", "info"), state) })
		found, err := app.Examine(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for _, f := range found {
			if f.Name == app.FindingRedisCluster {
				got += f.What
			}
		}
		if got != want {
			t.Errorf("the node says %s, and the finding is %q, expected %q", state, got, want)
		}
	}
	cli("cluster", "addslotsrange", "0", "16383")
	expect("cluster_state:ok", "")
	cli("cluster", "delslotsrange", "0", "9")
	expect("cluster_state:fail", "its state is fail, and 16374 of 16384 slots are served")
	if log.Len() > 0 { // it is volatile, which is a finding, and no flag accepts it
		t.Errorf("the examination logs: %s", &log)
	}
}

// clusterNode starts a Redis that is a cluster of its own, without slots, and returns its port and how to call it.
func clusterNode(t *testing.T) (port string, cli func(args ...string) string) {
	t.Helper()
	port, dir := freePort(t), t.TempDir()
	server := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--cluster-enabled", "yes", "--cluster-port", freePort(t))
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	cli = func(args ...string) string {
		out, _ := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	apptest.Until(t, "the node answers", func() bool { return cli("ping") == "PONG" })
	return port, cli
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
