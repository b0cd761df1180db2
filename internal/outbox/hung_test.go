package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// proxy stands before a server. While it hangs it accepts connections and passes nothing on.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	hangs chan struct{} // closed: it does not
}

func newProxy(t *testing.T, socket string) *proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: socket}
	p.hang(false)
	t.Cleanup(func() { _ = l.Close(); p.hang(false) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *proxy) hang(hangs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hangs != nil {
		select {
		case <-p.hangs:
		default:
			close(p.hangs)
		}
	}
	if p.hangs = make(chan struct{}); !hangs {
		close(p.hangs)
	}
}

// wait returns when the proxy does not hang.
func (p *proxy) wait() {
	p.mu.Lock()
	hangs := p.hangs
	p.mu.Unlock()
	<-hangs
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.wait()
	server, err := new(net.Dialer).DialContext(context.Background(), "unix", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	pass := func(to, from net.Conn) {
		defer to.Close()
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			p.wait()
			if _, sent := to.Write(buffer[:n]); err != nil || sent != nil {
				return
			}
		}
	}
	go pass(server, client)
	pass(client, server)
	_, _ = io.Copy(io.Discard, server)
}

// One of two servers accepts connections and does not answer. What is for the other one arrives, batch after batch,
// while a delivery to the first is still under way; then all of the first is left alone until it answers a ping.
func TestAServerThatHangs(t *testing.T) {
	mariadb := devstack.TestMariaDB(t)
	hung := newProxy(t, mariadb.Socket())
	// The odd ones are behind the proxy. 1 and 3 share transactions, as 0 and 2 do.
	c := shardstest.New(t, 16, mariadb.DSN(), fmt.Sprintf("root@tcp(%s)/", hung.Addr()))
	if err := outbox.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p := openWith(t, c, 0, time.Hour)
	p.makeNotes()
	const each = 300 // several batches
	for i := range each {
		for dest := range 4 {
			p.send(0, letter("letter", dest, fmt.Sprint("w", i)))
		}
	}
	hung.hang(true)
	ctx, giveUp := context.WithCancel(t.Context())
	stuck := make(chan error, 1)
	go func() {
		_, err := p.DeliverTo(ctx, 0, 1)
		stuck <- err
	}()
	for n := 1; n > 0; {
		var err error
		if n, err = p.DeliverTo(t.Context(), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, dest := range []int{0, 2} {
		p.wantNotes(dest, "letter", "w", each, 1)
	}
	select {
	case err := <-stuck:
		t.Errorf("the server that hangs answered: %v", err)
	default:
	}
	giveUp()
	<-stuck

	impatient := openWith(t, c, 1, time.Second)
	if n, err := impatient.DeliverTo(t.Context(), 0, 1); n != 0 || err == nil {
		t.Errorf("to a server that hangs: %d, %v", n, err)
	}
	if n, err := impatient.DeliverTo(t.Context(), 0, 1); n != 0 || !errors.Is(err, loop.ErrWaiting) {
		t.Errorf("to a server that is left alone: %d, %v", n, err)
	}
	// Each further try is counted as well: a server that is down for long goes on raising the metric.
	for range 3 {
		impatient.skip(time.Minute)
		before := impatient.suspended()
		_, err := impatient.DeliverTo(t.Context(), 0, 1)
		if err == nil || !strings.Contains(err.Error(), "ping server 1") {
			t.Errorf("the next try of a server that hangs is a ping, not %v", err)
		}
		if more := impatient.suspended() - before; more != 1 {
			t.Errorf("a ping without an answer counts as %d suspensions, not as one", more)
		}
	}
	hung.hang(false)
	impatient.skip(time.Minute)
	for n, all := 1, 0; n > 0 || all < 2*each; all += n {
		var err error
		if n, err = impatient.DeliverTo(t.Context(), 0, 1); err != nil {
			t.Fatalf("to a server that answers again, after %d: %v", all, err)
		}
	}
	for _, dest := range []int{1, 3} {
		p.wantNotes(dest, "letter", "w", each, 1)
	}

	// A few messages, which go together: a server that does not answer is not asked again for each destination.
	impatient.send(0, letter("letter", 1, "late"), letter("letter", 3, "late"))
	hung.hang(true)
	if n, err := impatient.DeliverTo(t.Context(), 0, 1); n != 0 || err == nil ||
		!strings.Contains(err.Error(), "deliver from shard 0 to 1 3:") {
		t.Errorf("to two shards of a server that hangs: %d, %v", n, err)
	}
	hung.hang(false)
	impatient.skip(time.Minute)
	for all := 0; all < 2; {
		n, err := impatient.DeliverTo(t.Context(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		all += n
	}
	for _, dest := range []int{1, 3} {
		p.wantNotes(dest, "letter", "late", 1, 1)
	}
}
