package client_test

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between a client and a server and does what networks do: it breaks.
type proxy struct {
	address string // host:port
	target  string

	mu      sync.Mutex
	conns   map[net.Conn]bool
	refuses bool          // new connections are closed at once
	lost    chan struct{} // closed when an answer was lost; nil where none is to be
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String(), target: target, conns: make(map[net.Conn]bool)}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut(true)
		running.Wait()
	})
	return p
}

func (p *proxy) serve(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer far.Close()
	p.mu.Lock()
	refuses := p.refuses
	p.conns[near], p.conns[far] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, near)
		delete(p.conns, far)
		p.mu.Unlock()
	}()
	if refuses {
		return
	}
	var request sync.WaitGroup
	request.Go(func() { copyUntil(far, near, func([]byte) bool { return true }); _ = far.Close() })
	copyUntil(near, far, p.forwards)
	_ = near.Close()
	request.Wait()
}

// forwards says whether an answer goes on to the client; where not, the connection ends.
func (p *proxy) forwards([]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost == nil {
		return true
	}
	close(p.lost)
	p.lost = nil
	return false
}

func copyUntil(to, from net.Conn, forwards func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || !forwards(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// loseAnswer breaks the connection on which the next answer comes. The channel is closed once that has happened.
func (p *proxy) loseAnswer() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = make(chan struct{})
	return p.lost
}

// cut breaks all connections; refuse says whether new ones break as well, until cut(false).
func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = refuse
	for conn := range p.conns {
		_ = conn.Close()
	}
}
