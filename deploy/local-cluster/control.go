package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
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

// control answers status, kill, stop and start.
func (c *topology) control() http.Handler {
	all := c.all()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		for _, p := range all {
			_, _ = io.WriteString(w, p.status())
		}
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
