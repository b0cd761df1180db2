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
}

// Accept implements net.Listener. The handshake is for whoever reads first, so that it keeps nobody from connecting.
func (l tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsConn{Conn: tls.Server(c, l.config)}, nil
}

// tlsConn shakes hands before the first byte is read.
type tlsConn struct {
	*tls.Conn
	once   sync.Once
	failed error
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
