package bench

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"strconv"
	"sync"

	"github.com/hongbao/hongbao/client"
)

// framesKept is how many frames of a group are kept as read: more than a listener lags behind the others.
const framesKept = 64

// message is what the server sends, as far as it matters here.
type message struct {
	Op     string `json:"op"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Events []struct {
		Event struct {
			Type     string `json:"type"`
			Envelope string `json:"envelope_id"`
			Share    int32  `json:"share"`
		} `json:"event"`
	} `json:"events"`
}

// frames are the latest that listeners of a group were sent. All of them are sent the same bytes, which one of them
// reads for all: a thousand listeners are a thousand telephones, and none of them may take its processor time from the
// target, which runs on the same machine in many a bench.
type frames struct {
	mu     sync.Mutex
	latest [framesKept]*frame
	next   int
}

// frame is one as read.
type frame struct {
	sum    uint64
	data   []byte
	once   sync.Once
	taken  []taken
	reload bool
	err    error
}

var frameSeed = maphash.MakeSeed()

// read returns what a frame says. It may be called at any time by many listeners, and keeps nothing of data.
func (f *frames) read(data []byte) *frame {
	one := f.find(data)
	one.once.Do(one.decode)
	return one
}

func (f *frames) find(data []byte) *frame {
	sum := maphash.Bytes(frameSeed, data)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.latest {
		if one != nil && one.sum == sum && bytes.Equal(one.data, data) {
			return one
		}
	}
	one := &frame{sum: sum, data: bytes.Clone(data)}
	f.latest[f.next] = one
	f.next = (f.next + 1) % framesKept
	return one
}

func (f *frame) decode() {
	var m message
	if f.err = json.Unmarshal(f.data, &m); f.err != nil {
		return
	}
	f.reload = m.Op == "reload"
	for i := range m.Events {
		e := &m.Events[i].Event
		if e.Type != client.EventEnvelopeGrabbed {
			continue
		}
		id, err := strconv.ParseInt(e.Envelope, 10, 64)
		if err != nil {
			f.err = err
			return
		}
		f.taken = append(f.taken, taken{id, e.Share})
	}
}
