package yardstick

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// lpopConnections is how many unpipelined clients there are.
	lpopConnections = 50
	// lpopGuess is how many a second may be popped at most.
	lpopGuess = 250_000
	// pushed is how many elements one RPUSH has.
	pushed = 1000
	// share is what a share looks like in a pot.
	share = "123:4567"
	// lpopKey is where the list is; no key of the engine begins like this.
	lpopKey = "yardstick:lpop"
	// lpopTimeout bounds a single call.
	lpopTimeout = 10 * time.Second
)

// fillList makes the list so long that it lasts, and returns how to remove it.
func fillList(ctx context.Context, client rueidis.Client, span time.Duration) (func(), error) {
	elements := make([]string, pushed)
	for i := range elements {
		elements[i] = share
	}
	remove := func() {
		// the next one overwrites it
		_ = client.Do(context.WithoutCancel(ctx), client.B().Unlink().Key(lpopKey).Build()).Error()
	}
	for left := int(lpopGuess * span.Seconds()); left > 0; left -= pushed {
		if err := client.Do(ctx, client.B().Rpush().Key(lpopKey).Element(elements...).Build()).Error(); err != nil {
			remove()
			return nil, err
		}
	}
	return remove, nil
}

// LPop is a bare LPOP, one at a time on each connection.
type LPop struct {
	Client rueidis.Client       // fills the list
	Option rueidis.ClientOption // how to connect
}

// Name of the yardstick.
func (LPop) Name() string { return "lpop" }

// What it is.
func (LPop) What() string {
	return fmt.Sprintf("bare LPOP on the same Redis, unpipelined, %d connections", lpopConnections)
}

// Measure returns LPOPs a second.
func (l LPop) Measure(ctx context.Context, span time.Duration) (float64, error) {
	remove, err := fillList(ctx, l.Client, span)
	if err != nil {
		return 0, fmt.Errorf("lpop: %w", err)
	}
	defer remove()
	connections := make([]*lpopConnection, lpopConnections)
	defer func() {
		for _, c := range connections {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	for i := range connections {
		if connections[i], err = l.connect(ctx); err != nil {
			return 0, fmt.Errorf("lpop: %w", err)
		}
	}
	return closed(ctx, lpopConnections, span, func(worker int, _ int64) error { return connections[worker].pop() })
}

// lpopConnection speaks just as much of Redis's protocol as it has to.
type lpopConnection struct {
	net.Conn
	reader *bufio.Reader
}

func (l LPop) connect(ctx context.Context) (*lpopConnection, error) {
	o := l.Option
	if o.TLSConfig != nil || o.Password != "" || o.SelectDB != 0 || len(o.InitAddress) != 1 {
		return nil, errors.New("bare connections are made to a single Redis without TLS and password only")
	}
	var conn net.Conn
	var err error
	if o.DialCtxFn != nil { // a unix socket
		conn, err = o.DialCtxFn(ctx, o.InitAddress[0], &o.Dialer, nil)
	} else {
		conn, err = o.Dialer.DialContext(ctx, "tcp", o.InitAddress[0])
	}
	if err != nil {
		return nil, err
	}
	return &lpopConnection{Conn: conn, reader: bufio.NewReader(conn)}, nil
}

var errListEmpty = errors.New("the list ran empty")

func (c *lpopConnection) pop() error {
	if err := c.SetDeadline(time.Now().Add(lpopTimeout)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("*2\r\n$4\r\nLPOP\r\n$14\r\n" + lpopKey + "\r\n")); err != nil {
		return err
	}
	head, err := c.reader.ReadSlice('\n')
	switch {
	case err != nil:
		return err
	case head[0] != '$':
		return errors.New(strings.TrimSpace(string(head)))
	case string(head) == "$-1\r\n":
		return errListEmpty
	}
	_, err = c.reader.ReadSlice('\n')
	return err
}

// RueidisLPop is an LPOP through the client that the engine uses, which puts what comes together into one pipeline.
type RueidisLPop struct{ Client rueidis.Client }

// Name of the yardstick.
func (RueidisLPop) Name() string { return "rueidis_lpop" }

// What it is.
func (RueidisLPop) What() string {
	return fmt.Sprintf("LPOP on the same Redis through rueidis, pipelined, %d callers", Callers)
}

// Measure returns LPOPs a second.
func (l RueidisLPop) Measure(ctx context.Context, span time.Duration) (float64, error) {
	remove, err := fillList(ctx, l.Client, 2*span)
	if err != nil {
		return 0, fmt.Errorf("rueidis lpop: %w", err)
	}
	defer remove()
	base := context.WithoutCancel(ctx)
	var once sync.Once
	var empty error
	perSecond, err := closed(ctx, Callers, span, func(int, int64) error {
		err := l.Client.Do(base, l.Client.B().Lpop().Key(lpopKey).Build()).Error()
		if rueidis.IsRedisNil(err) {
			once.Do(func() { empty = errListEmpty })
		}
		return err
	})
	return perSecond, errors.Join(err, empty)
}
