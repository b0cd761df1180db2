// Package etcdtest gives a test an etcd of its own, which it may kill.
package etcdtest

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	etcd "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/hongbao/hongbao/internal/devstack"
)

// startTimeout bounds the start of a server.
const startTimeout = time.Minute

// Server is an etcd of one member, on ports of its own.
type Server struct {
	t            testing.TB
	binary, dir  string
	client, peer string // host:port
	running      *exec.Cmd
	ended        chan struct{} // closed when it has ended
}

// Start starts an etcd, until the test ends. Where none is installed the test is skipped, and in short mode.
func Start(t testing.TB) *Server {
	t.Helper()
	devstack.SkipInShort(t)
	binary, err := exec.LookPath("etcd")
	if err != nil {
		t.Skip("etcd is not installed: deploy/install-deps.sh --etcd")
	}
	s := &Server{t: t, binary: binary, dir: t.TempDir(), client: free(t), peer: free(t)}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Endpoint is its address; it stays the same.
func (s *Server) Endpoint() string { return "http://" + s.client }

// Restart starts the server after Kill, and returns once it serves.
func (s *Server) Restart() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	peers := "http://" + s.peer
	command := exec.Command(s.binary, "--name", "test", "--data-dir", s.data(),
		"--listen-client-urls", s.Endpoint(), "--advertise-client-urls", s.Endpoint(), "--listen-peer-urls", peers,
		"--initial-advertise-peer-urls", peers, "--initial-cluster", "test="+peers,
		"--heartbeat-interval", "20", "--election-timeout", "200")
	command.Stdout, command.Stderr, command.SysProcAttr = log, log, withParent()
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // what dies with its parent dies with the thread that started it
		err := command.Start()
		if started <- err; err == nil {
			_ = command.Wait() // it was killed
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.running, s.ended = command, ended
	for deadline := time.Now().Add(startTimeout); ; {
		answer, err := http.Get(s.Endpoint() + "/health")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			s.t.Fatalf("etcd does not serve: %v\n%s", err, text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Kill ends the server as a crash would. Killing one that does not run does nothing.
func (s *Server) Kill() {
	if s.running == nil {
		return
	}
	_ = s.running.Process.Kill()
	<-s.ended
	s.running = nil
}

// Wipe loses its data; the server does not run.
func (s *Server) Wipe() {
	s.t.Helper()
	if err := os.RemoveAll(s.data()); err != nil {
		s.t.Fatal(err)
	}
}

// Put writes a key as somebody else would.
func (s *Server) Put(ctx context.Context, key, value string) error {
	c, err := etcd.New(etcd.Config{Endpoints: []string{s.Endpoint()}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Put(ctx, key, value)
	return err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// free is an address that nobody listens at.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
