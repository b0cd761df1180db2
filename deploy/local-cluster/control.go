package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// listen opens the socket at which the running cluster is told what to do. Who may reach its folder may. A second
// cluster on the folder is refused.
func listen(path string) (net.Listener, error) {
	if conn, err := new(net.Dialer).DialContext(context.Background(), "unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("a cluster runs already: %s answers", path)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return net.Listen("unix", path)
}

// moveShard moves a shard to a MariaDB, by its name, and returns what the command says.
func (c *topology) moveShard(ctx context.Context, shard, to string) (string, error) {
	n := slices.IndexFunc(c.stores[redisNodes:], func(p *process) bool { return p.name == to })
	if n < 0 {
		return "", fmt.Errorf("there is no MariaDB %q", to)
	}
	c.mu.Lock()
	binary := c.hongbao
	c.mu.Unlock()
	return output(ctx, binary, c.settings("shard move", "--shard="+shard, "--to", c.address(mysqlPort+n))...)
}

// upgrade migrates with another version and replaces all parts by it, one after the other.
func (c *topology) upgrade(ctx context.Context, binary string) (string, error) {
	said, err := output(ctx, binary, c.settings("migrate")...)
	if err != nil {
		return said, err
	}
	for _, kind := range []string{"work", "rpc", "gateway"} {
		for _, p := range c.parts {
			if !strings.HasPrefix(p.name, kind) {
				continue
			}
			if err := p.replace(ctx, binary); err != nil {
				return said, err
			}
			said += p.status()
		}
	}
	c.mu.Lock()
	c.hongbao = binary
	c.mu.Unlock()
	return said, nil
}

// answer is how a command over the socket ends.
func answer(w http.ResponseWriter, said string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	_, _ = io.WriteString(w, said)
}

// control answers status, kill, stop, start, move and upgrade.
func (c *topology) control() http.Handler {
	all := c.all()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		for _, p := range all {
			_, _ = io.WriteString(w, p.status())
		}
	})
	mux.HandleFunc("POST /move", func(w http.ResponseWriter, r *http.Request) {
		said, err := c.moveShard(r.Context(), r.FormValue("shard"), r.FormValue("to"))
		answer(w, said, err)
	})
	mux.HandleFunc("POST /upgrade", func(w http.ResponseWriter, r *http.Request) {
		said, err := c.upgrade(r.Context(), r.FormValue("binary"))
		answer(w, said, err)
	})
	mux.HandleFunc("POST /{action}/{part}", func(w http.ResponseWriter, r *http.Request) {
		n := slices.IndexFunc(all, func(p *process) bool { return p.name == r.PathValue("part") })
		actions := map[string]func(*process, context.Context) error{
			"kill": (*process).kill, "stop": (*process).stop, "start": (*process).start,
		}
		do := actions[r.PathValue("action")]
		if n < 0 || do == nil {
			http.Error(w, "there is no such part: see status", http.StatusNotFound)
			return
		}
		if err := do(all[n], r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		_, _ = io.WriteString(w, all[n].status())
	})
	return mux
}
