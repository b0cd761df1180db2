package push

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxMessage = 4 << 10  // bytes of a message from a client
	maxTopic   = 256      // bytes of a topic's name
	maxFrame   = 64 << 10 // bytes of an events frame, unless a single event is larger
)

// Codes of error frames, beside those of the Authorizer's denials.
const (
	codeUnavailable   = "unavailable"
	codeTooManyTopics = "too_many_topics"
	codeSubscribed    = "already_subscribed"
)

// position is a place in a topic: everything up to seq has been.
type position struct {
	epoch string
	seq   uint64
}

// request is what a client sends.
type request struct {
	Op       string  `json:"op"`
	Topic    string  `json:"topic"`
	Epoch    string  `json:"epoch"`
	Seq      *uint64 `json:"seq"`
	Presence bool    `json:"presence"`
	Token    string  `json:"token"`
}

// resume is the place from which the client wants to go on, or nil.
func (r request) resume() *position {
	if r.Seq == nil {
		return nil
	}
	return &position{epoch: r.Epoch, seq: *r.Seq}
}

// parse accepts a client's message. Its error is a sentence for the close frame.
func (h *Hub) parse(data []byte) (request, error) {
	var r request
	if err := json.Unmarshal(data, &r); err != nil {
		return request{}, errors.New("a message must be a JSON object with an op")
	}
	switch r.Op {
	case "ping":
		return r, nil
	case "subscribe", "unsubscribe":
		if r.Topic == "" || len(r.Topic) > maxTopic {
			return request{}, errors.New("topic must be 1 to 256 bytes long")
		}
		if (r.Epoch == "") != (r.Seq == nil) {
			return request{}, errors.New("epoch and seq go together")
		}
		return r, nil
	}
	if r.Op == "refresh" {
		if r.Token == "" {
			return request{}, errors.New("refresh needs a token")
		}
		return r, nil
	}
	if _, ok := h.cfg.Operations[r.Op]; ok {
		return r, nil
	}
	ops := append(slices.Sorted(maps.Keys(h.cfg.Operations)), "subscribe", "unsubscribe, refresh or ping")
	return request{}, errors.New("op must be " + strings.Join(ops, ", "))
}

// Frames are deflated (RFC 7692, once for all listeners) where that costs a node less than the longer writes, and saves
// the network six bytes of seven: see BenchmarkDeflate.
const (
	deflateFrom  = 4 << 10 // bytes of a frame
	deflateCrowd = 32      // listeners
)

// frame is a message to clients. It never changes.
type frame struct {
	size     int
	data     []byte                     // of a message to one connection
	prepared *websocket.PreparedMessage // of a message that many connections share; it is encoded once
	deflate  bool                       // for connections that agreed to it
}

func sharedFrame(data []byte, listeners int) *frame {
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
	if err != nil { // writes to memory only
		panic(err)
	}
	return &frame{size: len(data), prepared: prepared, deflate: len(data) >= deflateFrom && listeners >= deflateCrowd}
}

func newFrame(data []byte) *frame { return &frame{size: len(data), data: data} }

func (f *frame) write(ws *websocket.Conn) error {
	ws.EnableWriteCompression(f.deflate)
	if f.prepared != nil {
		return ws.WritePreparedMessage(f.prepared)
	}
	return ws.WriteMessage(websocket.TextMessage, f.data)
}

// answer is every server message but events.
type answer struct {
	Op      string  `json:"op"`
	Topic   string  `json:"topic,omitempty"`
	Epoch   string  `json:"epoch,omitempty"`
	Seq     *uint64 `json:"seq,omitempty"`
	Resumed *bool   `json:"resumed,omitempty"`
	Count   int     `json:"count,omitempty"`
	Expires int64   `json:"expires_at,omitempty"` // Unix milliseconds
	Code    string  `json:"code,omitempty"`
	Detail  string  `json:"detail,omitempty"`
}

func (a answer) frame() *frame {
	data, err := json.Marshal(a)
	if err != nil { // strings, numbers and booleans always marshal
		panic(err)
	}
	return newFrame(data)
}

func refreshed(expires time.Time) *frame {
	a := answer{Op: "refreshed"}
	if !expires.IsZero() {
		a.Expires = expires.UnixMilli()
	}
	return a.frame()
}

func subscribed(topic string, at position, resumed bool) *frame {
	return answer{Op: "subscribed", Topic: topic, Epoch: at.epoch, Seq: &at.seq, Resumed: &resumed}.frame()
}

func reload(topic string, at position) *frame {
	return answer{Op: "reload", Topic: topic, Epoch: at.epoch, Seq: &at.seq}.frame()
}

// encode makes the events frames of a batch for a number of listeners: one, or several where one would be over
// maxFrame.
func encode(topic string, b Batch, listeners int) []*frame {
	var frames []*frame
	head := answer{Op: "events", Topic: topic, Epoch: b.Epoch}.head()
	size := len(head) + 2
	for _, e := range b.Events {
		size += len(e) + len(`{"seq":,"event":},`) + 20
	}
	data := append(make([]byte, 0, min(size, maxFrame+maxFrame/4)), head...)
	for i, e := range b.Events {
		if len(data) > len(head) {
			if len(data)+len(e) > maxFrame {
				frames = append(frames, sharedFrame(append(data, "]}"...), listeners))
				data = append(data[:0], head...) // sharedFrame has copied it
			} else {
				data = append(data, ',')
			}
		}
		data = append(data, `{"seq":`...)
		data = strconv.AppendUint(data, b.First+uint64(i), 10)
		data = append(data, `,"event":`...)
		data = append(data, e...)
		data = append(data, '}')
	}
	if len(data) > len(head) {
		frames = append(frames, sharedFrame(append(data, "]}"...), listeners))
	}
	return frames
}

// head is the beginning of an events frame, up to its first event.
func (a answer) head() []byte {
	data, err := json.Marshal(a)
	if err != nil { // as in frame
		panic(err)
	}
	return append(data[:len(data)-1], `,"events":[`...)
}
