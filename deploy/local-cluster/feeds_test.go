package main

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	feedsOfUser = 50 // what a gateway allows unless configured otherwise
	feedsDial   = 32 // dials at a time
	feedsWait   = 2 * time.Minute
)

// feeds are people who listen to the live feed, each over one connection, and who go to the other gateway when theirs
// ends.
type feeds struct {
	urls  []string
	dials chan struct{}
	end   func() // all go away

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	on      map[string]int
	told    int // connections that were closed with the word to come again elsewhere
	lost    int // that ended otherwise
}

// listen connects n people to the first gateway of a cluster, until end.
func (c *topology) listen(t *testing.T, n int) *feeds {
	t.Helper()
	f := &feeds{dials: make(chan struct{}, feedsDial), changed: make(chan struct{}), on: map[string]int{}}
	for i := range hongbaoEach {
		f.urls = append(f.urls, "ws://127.0.0.1:"+strconv.Itoa(c.http+i)+"/ws")
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	f.end = func() { cancel(); all.Wait() }
	t.Cleanup(f.end)
	var token string
	for i := range n {
		if i%feedsOfUser == 0 {
			out, err := exec.Command(c.hongbao, "token", "listener-"+strconv.Itoa(i), "--key",
				filepath.Join(c.dir, "secrets", "token.key")).Output()
			if err != nil {
				t.Fatal(err)
			}
			token = strings.TrimSpace(string(out))
		}
		mine := http.Header{"Authorization": {"Bearer " + token}}
		all.Go(func() { f.follow(ctx, mine) })
	}
	f.await(t, "all listen at the first gateway", func() bool { return f.on[f.urls[0]] == n })
	return f
}

// follow is one person: connected to a gateway until the connection ends, then to the other one.
func (f *feeds) follow(ctx context.Context, token http.Header) {
	for at := 0; ctx.Err() == nil; at = (at + 1) % len(f.urls) {
		conn := f.dial(ctx, f.urls[at], token)
		if conn == nil {
			continue
		}
		f.change(func() { f.on[f.urls[at]]++ })
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		var err error
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
		stop()
		_ = conn.Close()
		var closed *websocket.CloseError
		told := errors.As(err, &closed) && closed.Code == websocket.CloseGoingAway &&
			strings.HasPrefix(closed.Text, "reconnect_ms=")
		f.change(func() {
			f.on[f.urls[at]]--
			if told {
				f.told++
			} else {
				f.lost++
			}
		})
	}
}

// dial connects and waits for an answer over the connection; nil where there is none.
func (f *feeds) dial(ctx context.Context, url string, token http.Header) *websocket.Conn {
	f.dials <- struct{}{}
	defer func() { <-f.dials }()
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, url, token)
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		return nil
	}
	if err = conn.WriteMessage(websocket.TextMessage, []byte(`{"op":"ping"}`)); err == nil {
		_, _, err = conn.ReadMessage()
	}
	if err != nil {
		_ = conn.Close()
		return nil
	}
	return conn
}

func (f *feeds) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	close(f.changed)
	f.changed = make(chan struct{})
}

// await waits until something is so.
func (f *feeds) await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(feedsWait)
	for {
		f.mu.Lock()
		done, changed := is(), f.changed
		state := []any{f.on, f.told, f.lost}
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: no: connected, told to go, lost: %v", what, state)
		}
	}
}

// connected is how many have a connection; it needs mu.
func (f *feeds) connected() (n int) {
	for _, some := range f.on {
		n += some
	}
	return n
}
