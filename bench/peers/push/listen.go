package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	quietFor   = 2 * time.Second // after which no more events are waited for
	awaitPoll  = 10 * time.Millisecond
	readBuffer = 64 << 10
	maxDialers = 32
)

// listeners are connections that count what they are told, and read nothing else of it.
type listeners struct {
	delivered atomic.Int64
	conns     []*websocket.Conn
	running   sync.WaitGroup
}

// listen opens the connections and returns once all are subscribed.
func listen(name, address string, s settings) (*listeners, error) {
	l := &listeners{conns: make([]*websocket.Conn, s.listeners)}
	errs := make(chan error, s.listeners)
	turns := make(chan int)
	var dialers sync.WaitGroup
	for range maxDialers {
		dialers.Go(func() {
			for i := range turns {
				conn, err := subscribe(name, address, i, topicName(i%s.topics))
				l.conns[i] = conn
				errs <- err
			}
		})
	}
	for i := range s.listeners {
		turns <- i
	}
	close(turns)
	dialers.Wait()
	for range s.listeners {
		if err := <-errs; err != nil {
			l.close()
			return nil, err
		}
	}
	for _, conn := range l.conns {
		l.running.Go(func() { l.count(conn) })
	}
	return l, nil
}

// subscribe connects, and returns when the answer says that the topic is listened to.
func subscribe(name, address string, n int, topic string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{ReadBufferSize: readBuffer}
	conn, _, err := dialer.Dial(fmt.Sprintf("ws://%s/ws?user=member-%d", address, n), nil)
	if err != nil {
		return nil, err
	}
	var asks []string
	want := `"op":"subscribed"`
	switch name {
	case "hongbao":
		asks = []string{fmt.Sprintf(`{"op":"subscribe","topic":%q}`, topic)}
	default:
		asks = []string{`{"id":1,"connect":{}}`, fmt.Sprintf(`{"id":2,"subscribe":{"channel":%q}}`, topic)}
		want = `"id":2`
	}
	for _, ask := range asks {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(ask)); err != nil {
			return conn, err
		}
	}
	for {
		_, told, err := conn.ReadMessage()
		if err != nil {
			return conn, err
		}
		if bytes.Contains(told, []byte(`"error"`)) {
			return conn, fmt.Errorf("it answers %s", told)
		}
		if bytes.Contains(told, []byte(want)) {
			return conn, nil
		}
	}
}

// count counts events until the connection ends.
func (l *listeners) count(conn *websocket.Conn) {
	var message bytes.Buffer
	for {
		_, reader, err := conn.NextReader()
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(reader); err != nil {
			return
		}
		if n := bytes.Count(message.Bytes(), []byte(marker)); n > 0 {
			l.delivered.Add(int64(n))
		}
	}
}

// await waits until so many events were delivered, or no more come.
func (l *listeners) await(expected int64) {
	seen, last := int64(-1), time.Now()
	for seen < expected && time.Since(last) < quietFor {
		if n := l.delivered.Load(); n != seen {
			seen, last = n, time.Now()
		}
		time.Sleep(awaitPoll)
	}
}

func (l *listeners) close() {
	for _, conn := range l.conns {
		if conn != nil {
			_ = conn.Close() // the process may be gone already
		}
	}
	l.running.Wait()
}

// get asks a serving process.
func get[T any](address, path string) (answer T, err error) {
	response, err := http.Get("http://" + address + path)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, data)
	}
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	return answer, err
}
