package push

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// emptyBus has topics in which nothing happens.
type emptyBus struct{}

func (emptyBus) Publish(context.Context, string, [][]byte) error { return nil }

func (emptyBus) Listen(_ context.Context, topic string, receive func(Batch)) (stop func(), err error) {
	receive(Batch{Topic: topic, Epoch: "e", First: 1})
	return func() {}, nil
}

func (emptyBus) History(_ context.Context, topic, _ string, _ uint64) (Batch, bool, error) {
	return Batch{Topic: topic, Epoch: "e", First: 1}, false, nil
}

func (emptyBus) Attend(_ context.Context, _ string, here Attendance, _ time.Duration) (int, error) {
	return here.Count, nil
}

func (emptyBus) Head(context.Context, string) (string, uint64, error) { return "e", 0, nil }

// openDoor lets everybody in, and listen to topics that begin with a g.
type openDoor struct{}

func (openDoor) Authenticate(*http.Request) (Session, error) { return Session{Subject: "ann"}, nil }

func (openDoor) Renew(_ context.Context, s Session, _ string) (Session, error) { return s, nil }

func (openDoor) MayListen(_ context.Context, _, topic string) error {
	if strings.HasPrefix(topic, "g") {
		return nil
	}
	return &Denial{Code: "no", Detail: "not this one"}
}

func (openDoor) GoOn(string) bool { return true }

const handshake = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

// masked is a frame of a client with a mask of zeros.
func masked(first byte, payload string) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// FuzzFrames holds that whatever bytes follow a handshake, the connection ends when they do, and what it answers are
// whole frames of a server.
func FuzzFrames(f *testing.F) {
	log := slog.New(slog.DiscardHandler)
	hub := New(emptyBus{}, openDoor{}, func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusBadRequest)
	}, Config{}, log, prometheus.NewRegistry())
	server := httptest.NewServer(hub)
	f.Cleanup(func() {
		_ = hub.Shutdown(context.Background())
		server.Close()
	})
	for _, seed := range [][]byte{
		nil, {0x81}, masked(0x81, `{"op":"ping"}`), masked(0x81, `{"op":"subscribe","topic":"g"}`),
		masked(0x81, `{"op":"subscribe","topic":"g","presence":true}`),
		masked(0x81, `{"op":"subscribe","topic":"x"}`), masked(0x01, `{"op":`), masked(0x80, `"ping"}`),
		masked(0x88, "\x03\xe8"), masked(0x88, "x"), masked(0x89, "hi"), masked(0x8a, ""), masked(0xc1, "{}"),
		masked(0x83, "{}"), {0x81, 2, '{', '}'}, {0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		append(masked(0x01, "{"), masked(0x89, "")...), masked(0x82, "{}"), masked(0x81, "\xff"),
		masked(0xc1, "\x00\r\x00\xf2\xff{\"op\":\"ping\"}\x00"), masked(0xc1, "\xff\xff"), masked(0x41, "\xaaV"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, handshake); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(c)
		if head, err := http.ReadResponse(reader, nil); err != nil || head.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%+v, %v", head, err)
		}
		_, _ = c.Write(sent) // the server may have closed already
		_ = c.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(reader)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Fatalf("%x keeps a connection open", sent)
		}
		if err == nil {
			checkFrames(t, string(answer))
		}
	})
}

// checkFrames walks over what a server sent: frames of text, close, ping and pong, whole and without a mask.
func checkFrames(t *testing.T, frames string) {
	t.Helper()
	for frames != "" {
		if len(frames) < 2 || strings.IndexByte("\x81\x88\x89\x8a", frames[0]) < 0 || frames[1] > 126 {
			t.Fatalf("a server sends %.40x", frames)
		}
		length, header := int(frames[1]), 2
		if length == 126 && len(frames) >= 4 {
			length, header = int(frames[2])<<8|int(frames[3]), 4
		}
		if len(frames) < header+length {
			t.Fatalf("a server sends half a frame: %.40x", frames)
		}
		frames = frames[header+length:]
	}
}
