package yardstick

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Connections of the yardsticks that speak HTTP and WebSocket.
const Connections = 256

// Messages as long as those of a grab over HTTP and over the WebSocket.
const (
	webAnswer    = `{"outcome":"won","amount":314,"currency":"CNY","share":7}`
	socketCall   = `{"op":"grab","envelope":"4735634567890123456"}`
	socketAnswer = `{"op":"grab","envelope":"4735634567890123456","code":"ok","outcome":"won","amount":314,` +
		`"currency":"CNY","share":7}`
	// maxWeb bounds a request's body, in bytes.
	maxWeb = 64 << 10
)

// ServeWebEcho answers over HTTP and WebSocket on a listener until the context ends.
func ServeWebEcho(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxWeb)); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, webAnswer)
	})
	mux.HandleFunc("GET /ws", serveSocketEcho)
	server := &http.Server{Handler: mux, ReadTimeout: readWriteTimeout, WriteTimeout: readWriteTimeout,
		IdleTimeout: connectionIdle}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func serveSocketEcho(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
		if err := conn.WriteMessage(websocket.TextMessage, []byte(socketAnswer)); err != nil {
			return
		}
	}
}

// HTTPEcho is a request to net/http that is answered at once.
type HTTPEcho struct {
	Address string // of ServeWebEcho
	Token   int    // bytes that the token of a grab has
}

// Name of the yardstick.
func (HTTPEcho) Name() string { return "http_echo" }

// What it is.
func (HTTPEcho) What() string {
	return fmt.Sprintf("a request of a grab's size to a bare net/http server, %d connections", Connections)
}

// Measure returns requests a second.
func (e HTTPEcho) Measure(ctx context.Context, span time.Duration) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: Connections}
	defer transport.CloseIdleConnections()
	base, address, token := context.WithoutCancel(ctx), "http://"+e.Address+"/echo", strings.Repeat("x", e.Token)
	return closed(ctx, Connections, span, func(int, int64) error {
		r, err := http.NewRequestWithContext(base, http.MethodPost, address, strings.NewReader("{}"))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && string(text) != webAnswer {
			err = fmt.Errorf("answered %d %q", answer.StatusCode, text)
		}
		return err
	})
}

// SocketEcho is a message over a WebSocket that is answered at once.
type SocketEcho struct {
	Address string // of ServeWebEcho
}

// Name of the yardstick.
func (SocketEcho) Name() string { return "ws_echo" }

// What it is.
func (SocketEcho) What() string {
	return fmt.Sprintf("a message of a grab's size over a WebSocket, answered at once, %d connections", Connections)
}

// Measure returns messages a second.
func (e SocketEcho) Measure(ctx context.Context, span time.Duration) (float64, error) {
	conns := make([]*websocket.Conn, Connections)
	for i := range conns {
		conn, response, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+e.Address+"/ws", nil)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		conns[i] = conn
		_ = response.Body.Close()
	}
	return closed(ctx, Connections, span, func(worker int, _ int64) error {
		if err := conns[worker].WriteMessage(websocket.TextMessage, []byte(socketCall)); err != nil {
			return err
		}
		_, text, err := conns[worker].ReadMessage()
		if err == nil && !bytes.Equal(text, []byte(socketAnswer)) {
			err = fmt.Errorf("answered %q", text)
		}
		return err
	})
}
