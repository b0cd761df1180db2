package push

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// BenchmarkDeflate writes a frame of events to one listener after the other: as it is, deflated, and encoded and
// deflated anew for each, which a crowd pays once. It reports the bytes that a listener gets.
func BenchmarkDeflate(b *testing.B) {
	for _, events := range []int{1, 10, 50, 250} {
		batch := Batch{Epoch: "Zk3vGx1pQmWc", First: 4711}
		for i := range events {
			batch.Events = append(batch.Events, json.RawMessage(fmt.Sprintf(`{"type":"envelope.grabbed",`+
				`"envelope_id":"571423901264543744","user_id":"user%d","share":%d,"amount":%d,"currency":"CNY",`+
				`"left":%d,"at":%d}`, i*7919%10_007, i, 100+i*37%900, events-i, 1795968282123+i*31)))
		}
		shared := func(deflate bool) func() *frame {
			f := encode("group:family", batch, 1)[0]
			f.deflate = deflate
			return func() *frame { return f }
		}
		anew := func() *frame {
			f := encode("group:family", batch, 1)[0]
			f.deflate = true
			return f
		}
		for _, way := range []struct {
			name string
			next func() *frame
		}{{"plain", shared(false)}, {"deflated", shared(true)}, {"deflated-anew", anew}} {
			b.Run(fmt.Sprintf("events=%d/%s", events, way.name), func(b *testing.B) {
				server, read := listener(b)
				for b.Loop() {
					if err := way.next().write(server); err != nil {
						b.Fatal(err)
					}
				}
				_ = server.Close()
				b.ReportMetric(float64(<-read)/float64(b.N), "B/frame")
			})
		}
	}
}

// listener is the server's end of a connection whose client agrees to deflating, and tells how many bytes it has read
// once it ends.
func listener(b *testing.B) (server *websocket.Conn, read <-chan int64) {
	b.Helper()
	upgraded, total := make(chan *websocket.Conn, 1), make(chan int64, 1)
	upgrader := websocket.Upgrader{EnableCompression: true, WriteBufferSize: writeBuffer}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			b.Error(err)
		}
		upgraded <- ws
	}))
	b.Cleanup(s.Close)
	dialer := websocket.Dialer{EnableCompression: true}
	client, _, err := dialer.DialContext(b.Context(), "ws"+strings.TrimPrefix(s.URL, "http"), nil)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		defer client.Close()
		n, _ := io.Copy(io.Discard, client.NetConn())
		total <- n
	}()
	return <-upgraded, total
}
