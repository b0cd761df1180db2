package handler

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/cloudwego/gopkg/bufiox"
)

// handshakeTimeout bounds a TLS handshake.
const handshakeTimeout = 5 * time.Second

// tlsListener makes connections that speak TLS. Kitex serves them through package net: its own poller cannot.
type tlsListener struct {
	net.Listener
	config *tls.Config

	mu     sync.Mutex
	open   map[*tlsConn]struct{}
	closed bool
}

func newTLSListener(l net.Listener, config *tls.Config) *tlsListener {
	return &tlsListener{Listener: l, config: config, open: map[*tlsConn]struct{}{}}
}

// Accept implements net.Listener. The handshake is for whoever reads first, so that it keeps nobody from connecting.
func (l *tlsListener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &tlsConn{Conn: tls.Server(raw, l.config), listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = raw.Close()
		return nil, net.ErrClosed
	}
	l.open[c] = struct{}{}
	return c, nil
}

// Close implements net.Listener, and lets no connection read any more: a call under way still gets its answer, and an
// idle connection ends. Kitex would wait until each client closes its own.
func (l *tlsListener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.open {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return err
}

// tlsConn shakes hands before the first byte is read.
type tlsConn struct {
	*tls.Conn
	listener *tlsListener
	once     sync.Once
	failed   error
}

// SetReadDeadline implements net.Conn. It changes nothing once the listener has closed.
func (c *tlsConn) SetReadDeadline(t time.Time) error {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.listener.closed {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *tlsConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// Read implements net.Conn. Error: *badFrame where the handshake failed.
func (c *tlsConn) Read(b []byte) (int, error) {
	c.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
		defer cancel()
		if err := c.HandshakeContext(ctx); err != nil {
			c.failed = &badFrame{reasonTLS, err.Error()}
		}
	})
	if c.failed != nil {
		return 0, c.failed
	}
	return c.Conn.Read(b)
}

// buffered is a connection of Kitex's over package net.
type buffered interface {
	Reader() *bufiox.DefaultReader
	SetReadDeadline(time.Time) error
}

// bufferedReader is what awaitFrame needs of one.
type bufferedReader struct{ *bufiox.DefaultReader }

// Len is how many bytes can be read without waiting.
func (r bufferedReader) Len() int { return r.Buffered() }

// ended says whether a connection over package net ended as connections do, or stood idle for too long.
func ended(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || ok && timeout.Timeout()
}
