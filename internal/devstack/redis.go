package devstack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// RedisOptions says where a Redis lives.
type RedisOptions struct {
	Dir string       // its own directory, made if needed, set to mode 0700
	Log *slog.Logger // nil for none; what the server itself prints goes to Dir/server.log

	temporary bool
}

// Redis is a private redis-server. An acknowledged write is on disk: AOF with appendfsync always.
type Redis struct{ server }

// StartRedis returns once the server has read its AOF and answers. ctx bounds the start only.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	binary, err := findBinary("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	r := new(Redis)
	if err := r.prepare(binary, o); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(err, r.socket.removeDir())
	}
	return r, nil
}

func (r *Redis) prepare(binary string, o RedisOptions) (err error) {
	if r.server, err = newServer("Redis", o.Dir, "redis.sock", o.Log); err != nil {
		return err
	}
	data := filepath.Join(r.dir, "data")
	r.argv = redisArgv(binary, data, r.socket.path)
	r.probe = r.ping
	r.temporary = o.temporary
	return os.MkdirAll(data, 0o700)
}

// Socket is the path of the server's unix socket; it stays the same over restarts.
func (r *Redis) Socket() string { return r.socket.path }

func redisArgv(binary, data, socket string) []string {
	return []string{binary,
		"--port", "0",
		"--unixsocket", socket,
		"--unixsocketperm", "700",
		"--dir", data,
		"--daemonize", "no",
		"--supervised", "no",
		"--appendonly", "yes",
		"--appendfsync", "always",
		"--save", "", // the AOF is the only persistence
		"--maxmemory-policy", "noeviction", // an evicted key would be a lost share
		"--enable-debug-command", "no",
		"--enable-module-command", "no",
	}
}

// ping succeeds when the server answers PONG; while it reads its AOF it answers LOADING.
func (r *Redis) ping(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", r.socket.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if answer = strings.TrimSpace(answer); answer != "+PONG" {
		return fmt.Errorf("PING was answered with %q", answer)
	}
	return nil
}
