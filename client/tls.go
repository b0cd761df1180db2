package client

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/cloudwego/gopkg/bufiox"
	kitex "github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/remote/trans/gonet"
)

// TLSOptions are what a bare Kitex client needs after KitexOptions to reach services over TLS. addresses are the same,
// and may be left out where all are IP addresses. get is asked for each new connection; where its configuration has no
// ServerName, the host of the address is verified.
func TLSOptions(get func() *tls.Config, addresses ...string) []kitex.Option {
	if len(addresses) > 0 { // of which some may be names
		return TLSOptionsAt(get, fixed(addresses))
	}
	return tlsOptions(get, newResolver(nil))
}

// TLSOptionsAt is TLSOptions for the addresses of KitexOptionsAt.
func TLSOptionsAt(get func() *tls.Config, addresses Addresses) []kitex.Option {
	servers := newResolver(addresses)
	return append(tlsOptions(get, servers), kitex.WithResolver(servers))
}

func tlsOptions(get func() *tls.Config, servers *resolver) []kitex.Option {
	return []kitex.Option{
		kitex.WithDialer(tlsDialer{get, servers}),
		kitex.WithTransHandlerFactory(gonet.NewCliTransHandlerFactory()),
	}
}

type tlsDialer struct {
	get     func() *tls.Config
	servers *resolver
}

// DialTimeout implements remote.Dialer. The timeout bounds the handshake, too.
func (d tlsDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	config := d.get()
	if name, ok := d.servers.names.Load(address); ok && config.ServerName == "" {
		config = config.Clone()
		config.ServerName = name.(string)
	}
	dialer := &tls.Dialer{Config: config}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &tlsConn{Conn: c, reader: bufiox.NewDefaultReader(c), writer: bufiox.NewDefaultWriter(c)}, nil
}

// tlsConn is a connection as Kitex reads and writes it over package net.
type tlsConn struct {
	net.Conn
	reader *bufiox.DefaultReader
	writer *bufiox.DefaultWriter
}

// Reader is where Kitex reads.
func (c *tlsConn) Reader() *bufiox.DefaultReader { return c.reader }

// Writer is where Kitex writes.
func (c *tlsConn) Writer() *bufiox.DefaultWriter { return c.writer }

// Read implements net.Conn.
func (c *tlsConn) Read(b []byte) (int, error) { return c.reader.Read(b) }

// IsActive implements remote.IsActive: an idle connection on which something has come is one that the other side ends.
func (c *tlsConn) IsActive() bool { return c.reader.Buffered() == 0 && quiet(c.Conn) }
