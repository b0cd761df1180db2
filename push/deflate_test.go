package push_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/push"
)

// countingConn counts the bytes that came in.
type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// dialCounting connects, with or without compression, and counts what comes in.
func (n *node) dialCounting(user string, deflate bool) (*client, *atomic.Int64) {
	n.t.Helper()
	read := new(atomic.Int64)
	dialer := websocket.Dialer{
		EnableCompression: deflate,
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return countingConn{conn, read}, err
		},
	}
	ws, _, err := dialer.DialContext(n.t.Context(), n.url+"?token="+url.QueryEscape(user), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = ws.Close() })
	return &client{t: n.t, ws: ws}, read
}

func TestCrowdsGetLargeFramesDeflated(t *testing.T) {
	n := sharedNode(t, push.Config{})
	const events, plainBytes = 1000, 20_000 // at least, of so many events
	clients := make([]*client, 32)
	bytes := make([]*atomic.Int64, len(clients))
	for i := range clients {
		clients[i], bytes[i] = n.dialCounting(fmt.Sprint("user", i), i > 0)
		clients[i].subscribe(t.Name())
	}
	n.publish(t.Name(), 1, events)
	for i, c := range clients {
		c.events(1, events)
		if read := bytes[i].Load(); (read < plainBytes/2) != (i > 0) {
			t.Errorf("client %d read %d bytes", i, read)
		}
	}
	for i, c := range clients[2:] { // what is left is no crowd
		_ = c.ws.Close()
		left := float64(len(clients) - i - 1)
		eventually(t, "one has gone", func() bool { return n.metric("hongbao_push_connections") == left })
	}
	before := bytes[1].Load()
	n.publish(t.Name(), 1, events)
	clients[1].events(events+1, 2*events)
	if read := bytes[1].Load() - before; read < plainBytes {
		t.Errorf("one of two listeners read %d bytes", read)
	}
}

// A message that is deflated counts as what it inflates to, and one that is not what it says is refused by name.
func TestDeflatedMessages(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c, _ := n.dialCounting("ann", true)
	c.send(`{"op":"ping"}`)
	c.expect("pong")
	c.send(`{"op":"ping","x":"%01000d"}`, 1)
	c.expect("pong")
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for range 1024 {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name    string
		payload []byte
		code    int
	}{
		{"64 MB in a few KB", bomb.Bytes(), websocket.CloseMessageTooBig},
		{"no deflate", []byte("\xff\xff\xff"), push.CloseMalformed},
		{"half a block", []byte("\xaa"), push.CloseMalformed},
	} {
		c, _ := n.dialCounting("ann", true)
		if _, err := c.ws.NetConn().Write(maskedFrame(0xc1, bad.payload)); err != nil {
			t.Fatal(err)
		}
		if reason := c.closed(bad.code); reason == "" {
			t.Errorf("%s: without a reason", bad.name)
		}
	}
}

// maskedFrame is a frame of a client, of less than 2^32 bytes, with a mask of zeros.
func maskedFrame(first byte, payload []byte) []byte {
	frame := binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(len(payload)))
	return append(append(frame, 0, 0, 0, 0), payload...)
}
