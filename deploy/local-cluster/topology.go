package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	redisNodes  = 6
	mysqlNodes  = 2
	hongbaoEach = 2
	busDistance = 10_000 // from a Redis' port to that of its bus, by Redis' own rule
)

// Ports, from topology.base.
const (
	redisPort = 0
	mysqlPort = 10
	rpcPort   = 20
	managed   = 30 // the management ports of rpc, work and gateway
)

// topology is what runs and where: the same as in deploy/compose/compose.yaml.
type topology struct {
	dir, hongbao, config string
	base, http           int
	mu                   sync.Mutex // of hongbao, once all runs

	stores, parts []*process // parts in the order in which they start
	watcher       *process   // Prometheus; nil where it is not installed
}

func (c *topology) address(port int) string { return "127.0.0.1:" + strconv.Itoa(c.base+port) }

// run starts everything, says where it is, and stops it in order when the context ends.
func (c *topology) run(ctx context.Context, out io.Writer) error {
	began := time.Now()
	if err := c.prepare(); err != nil {
		return err
	}
	control, err := listen(socketOf(c.dir))
	if err != nil {
		return err
	}
	defer control.Close()
	err = c.start(ctx, out)
	if err == nil {
		fmt.Fprintf(out, "ready in %.0f s: http://127.0.0.1:%d and :%d, RPC %s and %s\n", time.Since(began).Seconds(),
			c.http, c.http+1, c.address(rpcPort), c.address(rpcPort+1))
		key := filepath.Join(c.dir, "secrets", "token.key")
		fmt.Fprintf(out, "a token: %s token alice --key %s\n", c.hongbao, key)
		if c.watcher != nil {
			fmt.Fprintf(out, "Prometheus: http://%s\n", c.address(prometheusPort))
		} else {
			fmt.Fprintln(out, "no Prometheus is installed: deploy/install-deps.sh --prometheus")
		}
		server := &http.Server{Handler: c.control(), ReadHeaderTimeout: time.Second}
		go func() { _ = server.Serve(control) }() // it ends with the process
		<-ctx.Done()
		_ = server.Close()
	}
	fmt.Fprintln(out, "stopping")
	return errors.Join(err, c.stop())
}

func (c *topology) prepare() (err error) {
	for _, path := range []*string{&c.dir, &c.hongbao, &c.config} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if err := makeSecrets(filepath.Join(c.dir, "secrets"), c.address(mysqlPort), c.address(mysqlPort+1)); err != nil {
		return err
	}
	for i := range redisNodes {
		c.stores = append(c.stores, c.redis(i))
	}
	for i := range mysqlNodes {
		c.stores = append(c.stores, c.mysql(i))
	}
	for i := range hongbaoEach {
		c.parts = append(c.parts, c.part("rpc", i, i, "--rpc", c.address(rpcPort+i),
			"--trusted-gateway", "127.0.0.0/8"))
	}
	for i := range hongbaoEach {
		c.parts = append(c.parts, c.part("work", i, hongbaoEach+i))
	}
	for i := range hongbaoEach {
		c.parts = append(c.parts, c.part("gateway", i, 2*hongbaoEach+i, "--rpc", c.address(rpcPort), "--rpc",
			c.address(rpcPort+1), "--http", "127.0.0.1:"+strconv.Itoa(c.http+i)))
	}
	c.watcher, err = c.prometheus()
	return err
}

// all are all processes.
func (c *topology) all() []*process {
	all := slices.Concat(c.stores, c.parts)
	if c.watcher != nil {
		all = append(all, c.watcher)
	}
	return all
}

// start starts the stores, makes the tables, and starts the parts.
func (c *topology) start(ctx context.Context, out io.Writer) error {
	fmt.Fprintln(out, "starting six Redis and two MariaDB")
	if err := together(ctx, c.stores, (*process).start); err != nil {
		return err
	}
	if err := c.joinRedis(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "migrating")
	if err := command(ctx, c.hongbao, c.settings("migrate")...); err != nil {
		return err
	}
	fmt.Fprintln(out, "starting two rpc, two work and two gateways")
	return together(ctx, c.all()[len(c.stores):], (*process).start)
}

// stop stops the parts, then the stores.
func (c *topology) stop() error {
	ctx := context.Background()
	return errors.Join(together(ctx, c.all()[len(c.stores):], (*process).stop),
		together(ctx, c.stores, (*process).stop))
}

// together does something with all of some processes at once.
func together(ctx context.Context, all []*process, do func(*process, context.Context) error) (err error) {
	done := make(chan error)
	for _, p := range all {
		go func() { done <- do(p, ctx) }()
	}
	for range all {
		err = errors.Join(err, <-done)
	}
	return err
}

func (c *topology) redis(i int) *process {
	port := c.base + redisPort + i
	address := "127.0.0.1:" + strconv.Itoa(port)
	return &process{
		name: "redis-" + strconv.Itoa(i), dir: filepath.Join(c.dir, "redis-"+strconv.Itoa(i)),
		argv: []string{"redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--cluster-enabled", "yes",
			"--cluster-port", strconv.Itoa(port + busDistance), "--cluster-node-timeout", "5000", "--appendonly", "yes",
			"--appendfsync", "always", "--maxmemory-policy", "noeviction", "--save", ""},
		ready: func(ctx context.Context) error { return answers(ctx, address, "PING\r\n", "+PONG") },
	}
}

// joinRedis makes the six a cluster of three with a replica each, once, and waits until each knows that all slots are
// served.
func (c *topology) joinRedis(ctx context.Context) error {
	joined := filepath.Join(c.dir, "redis.joined")
	if _, err := os.Stat(joined); errors.Is(err, os.ErrNotExist) {
		args := []string{"--cluster", "create"}
		for i := range redisNodes {
			args = append(args, c.address(redisPort+i))
		}
		if err := command(ctx, "redis-cli", append(args, "--cluster-replicas", "1", "--cluster-yes")...); err != nil {
			return err
		}
		if err := os.WriteFile(joined, nil, 0o600); err != nil {
			return err
		}
	}
	for i := range redisNodes {
		err := c.stores[i].await(ctx, func(ctx context.Context) error {
			return answers(ctx, c.address(redisPort+i), "CLUSTER INFO\r\n", "cluster_state:ok")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *topology) mysql(i int) *process {
	name := "mysql-" + strconv.Itoa(i)
	dir := filepath.Join(c.dir, name)
	port := c.base + mysqlPort + i
	argv := []string{"sh", "-euc", `[ -d data ] || {
  rm -rf fresh
  mariadb-install-db --no-defaults --datadir="$PWD/fresh" --auth-root-authentication-method=normal \
    --skip-test-db --skip-name-resolve --force "$@"
  mv fresh data
}
exec mariadbd --no-defaults --datadir="$PWD/data" --socket=mysql.sock --port="$0" --bind-address=127.0.0.1 \
  --skip-name-resolve --init-file="$PWD/../secrets/user.sql" --innodb-flush-log-at-trx-commit=1 \
  --log-bin=binlog --binlog-format=ROW --sync-binlog=1 --expire-logs-days=1 --server-id="$0" \
  --transaction-isolation=READ-COMMITTED --max-connections=400 "$@"`, strconv.Itoa(port)}
	if os.Geteuid() == 0 {
		argv = append(argv, "--user=root") // it refuses to run as root by accident
	}
	return &process{name: name, dir: dir, argv: argv, ready: func(ctx context.Context) error {
		return answers(ctx, c.address(mysqlPort+i), "", "MariaDB") // its greeting names it
	}}
}

// part is a process of Hongbao. Its management port says whether it is ready.
func (c *topology) part(kind string, i, port int, flags ...string) *process {
	name := kind + "-" + strconv.Itoa(i)
	management := c.address(managed + port)
	return &process{
		name: name, dir: filepath.Join(c.dir, name),
		argv:  append([]string{c.hongbao}, c.settings(kind, append(flags, "--metrics", management)...)...),
		ready: func(ctx context.Context) error { return isReady(ctx, "http://"+management+"/readyz") },
	}
}

// settings are the arguments of a command: the file of compose.yaml, and what is at another place here.
func (c *topology) settings(command string, flags ...string) []string {
	args := append([]string{"--config", c.config}, strings.Fields(command)...)
	args = append(args, "--mysql", "file:"+filepath.Join(c.dir, "secrets", "mysql"), "--art-dir",
		filepath.Join(c.dir, "art"))
	for i := range redisNodes {
		args = append(args, "--redis", c.address(redisPort+i))
	}
	switch command {
	case "rpc", "gateway":
		args = append(args, "--token-key", filepath.Join(c.dir, "secrets", "token.pub"))
	}
	return append(args, flags...)
}

// command runs a program to its end.
func command(ctx context.Context, name string, args ...string) error {
	_, err := output(ctx, name, args...)
	return err
}

// output runs a program to its end, and returns what it says. It is interrupted when the context ends.
func output(ctx context.Context, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = stopTimeout
	said, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, bytes.TrimSpace(said))
	}
	return string(said), nil
}

// answers asks a server something and looks for a text at the beginning of its answer.
func answers(ctx context.Context, address, question, want string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, question); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err == nil && !strings.Contains(string(answer[:n]), want) {
		err = fmt.Errorf("%s answers %q", address, answer[:n])
	}
	return err
}

func isReady(ctx context.Context, url string) error {
	_, err := get(ctx, url)
	return err
}

// get is the text at an address, up to 16 MiB.
func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, bytes.TrimSpace(text))
	}
	return string(text), err
}
