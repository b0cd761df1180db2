package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/client"
)

const (
	// handshakeTimeout bounds how long a connection takes until it is subscribed.
	handshakeTimeout = 15 * time.Second
	// arriveTimeout bounds how long events may be under way after the last grab, and quietFor how long none may come
	// before the rest counts as lost.
	arriveTimeout = time.Minute
	quietFor      = 3 * time.Second
	// arrivePoll is how often it is looked at whether they have arrived.
	arrivePoll = 10 * time.Millisecond
)

// taken names a share that somebody took.
type taken struct {
	envelope int64
	share    int32
}

// heard is what a frame told a listener.
type heard struct {
	taken []taken // shared with those who were told the same
	at    time.Time
}

// listener is a connection that is told of one group.
type listener struct {
	group  int
	frames *frames
	conn   *client.Conn
	heard  []heard
	reload bool  // it was told that it missed something
	err    error // why the connection ended, where we did not end it
}

// listeners are connections, spread over the groups.
type listeners struct {
	all     []*listener
	byGroup []int64 // how many there are of each group
	arrived atomic.Int64
	ending  atomic.Bool
	running sync.WaitGroup
}

// listen opens connections; each belongs to a member of a group and is subscribed to that group.
func listen(ctx context.Context, t *Target, c *users, n int) (*listeners, error) {
	l := &listeners{all: make([]*listener, n), byGroup: make([]int64, len(c.groups))}
	for i := range n {
		l.byGroup[i%len(c.groups)]++
	}
	told := make([]frames, len(c.groups))
	err := inParallel(ctx, n, func(i int) (err error) {
		g := i % len(c.groups)
		l.all[i], err = t.subscribe(ctx, c, &told[g], g, c.member(g, i/len(c.groups)))
		return err
	})
	if err != nil {
		l.close()
		return nil, err
	}
	for _, one := range l.all {
		l.running.Go(func() { l.receive(one) })
	}
	return l, nil
}

func (t *Target) subscribe(ctx context.Context, c *users, told *frames, group, user int) (*listener, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := t.client.As(client.StaticToken(c.tokens[user])).Dial(ctx, client.GroupTopic(c.groups[group]))
	if err != nil {
		return nil, fmt.Errorf("could not listen at %s: %w", t.access.HTTP, err)
	}
	l := &listener{group: group, frames: told, conn: conn}
	var answer message
	data, err := conn.Next()
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	if err == nil && answer.Op != "subscribed" {
		err = fmt.Errorf("%s %s %s", answer.Op, answer.Code, answer.Detail)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("could not subscribe at %s: %w", t.access.HTTP, err), conn.Close())
	}
	return l, nil
}

// receive keeps what a listener is told until its connection ends.
func (l *listeners) receive(one *listener) {
	for {
		data, err := one.conn.Next()
		if err != nil {
			if !l.ending.Load() {
				one.err = err
			}
			return
		}
		at := time.Now()
		f := one.frames.read(data)
		if f.err != nil {
			one.err = f.err
			return
		}
		one.reload = one.reload || f.reload
		one.heard = append(one.heard, heard{f.taken, at})
		l.arrived.Add(int64(len(f.taken)))
	}
}

// await waits until so many events have arrived, as long as more keep coming.
func (l *listeners) await(ctx context.Context, expected int64) {
	began, last, seen := time.Now(), time.Now(), int64(-1)
	for seen < expected && time.Since(began) < arriveTimeout && time.Since(last) < quietFor && ctx.Err() == nil {
		if n := l.arrived.Load(); n != seen {
			last, seen = time.Now(), n
		}
		select {
		case <-time.After(arrivePoll):
		case <-ctx.Done():
		}
	}
}

// close ends all connections and waits for them.
func (l *listeners) close() {
	l.ending.Store(true)
	for _, one := range l.all {
		if one != nil {
			_ = one.conn.Close() // the server may have been faster
		}
	}
	l.running.Wait()
}
