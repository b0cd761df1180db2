package handler_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"github.com/cloudwego/netpoll"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/internal/thriftguard"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// decoder is one generated struct that is read from the wire: the arguments or the answer of a method.
type decoder struct {
	name    string
	method  string
	request bool
	make    func() any
}

// decoders are those of every method of every service.
func decoders(t testing.TB) []decoder {
	t.Helper()
	promised, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []decoder
	for _, s := range promised.Services {
		info := s.Info
		for name, m := range info.Methods {
			all = append(all,
				decoder{fmt.Sprintf("%s.%s arguments", info.ServiceName, name), name, true, m.NewArgs},
				decoder{fmt.Sprintf("%s.%s answer", info.ServiceName, name), name, false, m.NewResult})
		}
	}
	slices.SortFunc(all, func(a, b decoder) int { return slices.Compare([]byte(a.name), []byte(b.name)) })
	return all
}

// sample is a value with something in every field, as bytes.
func (d decoder) sample() []byte {
	v := d.make()
	populate(reflect.ValueOf(v))
	codec := v.(thrift.FastCodec)
	b := make([]byte, codec.BLength())
	return b[:codec.FastWriteNocopy(b, nil)]
}

func populate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		populate(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			populate(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			populate(v.Index(i))
		}
	case reflect.String:
		v.SetString("g1")
	case reflect.Int32, reflect.Int64:
		v.SetInt(1 << 20)
	case reflect.Uint8: // an element of bytes
		v.SetUint(1)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic(fmt.Sprintf("populate: %s", v.Type()))
	}
}

// TestSamplesAreWellFormed reads a full value of every generated struct.
func TestSamplesAreWellFormed(t *testing.T) {
	codec := thriftguard.New()
	for _, d := range decoders(t) {
		read, want := d.make(), d.make()
		populate(reflect.ValueOf(want))
		if m, err := codec.Read(read, d.sample()); m != nil || err != nil || !reflect.DeepEqual(read, want) {
			t.Errorf("%s: %v %v", d.name, m, err)
		}
	}
}

// FuzzDecoders reads any bytes as every generated struct. What passes the check the generated reader takes, to the
// same end, and what it makes of it is not many times larger than the bytes.
func FuzzDecoders(f *testing.F) {
	all := decoders(f)
	for _, d := range all {
		f.Add(d.sample())
	}
	f.Add(hugeList(1<<31 - 1))
	codec := thriftguard.New()
	const absent = 4 // bytes: arguments without a request are written with an empty one
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, d := range all {
			v := d.make()
			m, err := codec.Read(v, payload)
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			if m != nil {
				if !reflect.DeepEqual(v, d.make()) {
					t.Errorf("%s: something was read of malformed bytes: %v", d.name, m)
				}
				if m.Error() == "cannot be read" {
					t.Errorf("%s: the check passed what the reader does not take: %x", d.name, payload)
				}
				continue
			}
			if size := v.(thrift.FastCodec).BLength(); size > len(payload)+absent {
				t.Errorf("%s: %d bytes became %d", d.name, len(payload), size)
			}
		}
	})
}

// FuzzFrame compares any bytes with the rules for frames: what passes has a payload of known length in it.
func FuzzFrame(f *testing.F) {
	good := callPayload("Balances", []byte{stop})
	f.Add(ttheaderFrame(good))
	f.Add(framed(good))
	f.Add(ttheaderFrame(framed(good)))
	f.Add([]byte("\x00\x00\x00\x00\x10\x00\x00\x00"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		source := &portions{left: [][]byte{b}}
		err := handler.AwaitFrame(source)
		if err == nil && (len(b) < handler.FrameStart || handler.LengthBytes+int(binary.BigEndian.Uint32(b)) > len(b)) {
			t.Errorf("half a frame passed: %x", b)
		}
		if err != nil {
			if reason, ok := handler.CloseReason(err); !ok || !slices.Contains(handler.Reasons(), reason) {
				t.Errorf("%v has no reason", err)
			}
		}
	})
}

// portions is a connection over which bytes come in portions, and then the time is up.
type portions struct {
	reader
	buffered  []byte
	left      [][]byte
	deadlines []time.Time
}

// reader has another name than the method that returns it.
type reader = netpoll.Reader

func (p *portions) Reader() netpoll.Reader { return p }
func (p *portions) Len() int               { return len(p.buffered) }

func (p *portions) SetReadDeadline(d time.Time) error {
	p.deadlines = append(p.deadlines, d)
	return nil
}

func (p *portions) Peek(n int) ([]byte, error) {
	for len(p.buffered) < n {
		if len(p.left) == 0 {
			return nil, netpoll.ErrReadTimeout
		}
		p.buffered = append(p.buffered, p.left[0]...)
		p.left = p.left[1:]
	}
	return p.buffered[:n], nil
}

// TestOneDeadlinePerFrame trickles a frame: however many portions it comes in, its time is set once.
func TestOneDeadlinePerFrame(t *testing.T) {
	frame := ttheaderFrame(callPayload("Balances", []byte{stop}))
	slow := &portions{}
	for _, b := range frame {
		slow.left = append(slow.left, []byte{b})
	}
	began := time.Now()
	if err := handler.AwaitFrame(slow); err != nil || len(slow.deadlines) != 1 {
		t.Fatalf("trickled: %v, deadlines %v", err, slow.deadlines)
	}
	first, last := began.Add(handler.FrameTimeout), time.Now().Add(handler.FrameTimeout)
	if d := slow.deadlines[0]; d.Before(first) || d.After(last) {
		t.Errorf("the deadline comes after %s", d.Sub(began))
	}
	whole := &portions{buffered: frame}
	if err := handler.AwaitFrame(whole); err != nil || len(whole.deadlines) != 0 {
		t.Errorf("whole: %v, deadlines %v", err, whole.deadlines)
	}
	stuck := &portions{left: slow.left[:0], buffered: frame[:handler.FrameStart]}
	if reason, _ := handler.CloseReason(handler.AwaitFrame(stuck)); reason != handler.ReasonTooSlow {
		t.Errorf("stuck: %q", reason)
	}
}

// TestMutatedFrames sends 10,000 frames that were calls to every method before chance changed some bytes.
func TestMutatedFrames(t *testing.T) {
	const (
		frames    = 10_000
		heapBound = 64 << 20 // bytes by which the heap may grow, of which the frames themselves are a hundredth
		allocated = 64 << 10 // bytes per frame, with what the test itself allocates
	)
	r := handlertest.New(t, nil)
	chance := rand.New(rand.NewPCG(2, 31))
	var samples [][]byte
	for _, d := range decoders(t) {
		if d.request {
			call := callPayload(d.method, d.sample())
			samples = append(samples, ttheaderFrame(call), framed(call))
		}
	}
	logged := len(kitexLines.String())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	conn := dial(t, r)
	for range frames {
		frame := mutated(chance, samples[chance.IntN(len(samples))])
		_ = handler.AwaitFrame(&portions{left: [][]byte{frame}}) // a panic in a server would be caught, one here is not
		write(t, conn, frame)
		whole := len(frame) >= handler.FrameStart && handler.LengthBytes+int64(binary.BigEndian.Uint32(frame)) == int64(
			len(frame))
		if !whole { // nothing more will come: the server need not wait for it
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		if _, open := readFrame(t, conn); open && whole {
			continue
		}
		_ = conn.(*net.TCPConn).SetLinger(0) // thousands of closed connections must not keep their ports
		_ = conn.Close()
		conn = dial(t, r)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > heapBound {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if each := (after.TotalAlloc - before.TotalAlloc) / frames; each > allocated {
		t.Errorf("%d bytes were allocated per frame", each)
	}
	if logged := kitexLines.String()[logged:]; strings.Contains(logged, "panic") {
		t.Errorf("reading a frame panicked: %.3000s", logged)
	}
	t.Logf("heap grew by %d bytes, %d bytes allocated per frame", int64(after.HeapSys)-int64(before.HeapSys),
		(after.TotalAlloc-before.TotalAlloc)/frames)
	mustAnswer(t, r)
}

// mutated changes some bytes of a frame, mostly as a fuzzer that knows lengths would.
func mutated(chance *rand.Rand, frame []byte) []byte {
	b := slices.Clone(frame)
	for range 1 + chance.IntN(3) {
		at := chance.IntN(len(b))
		switch chance.IntN(6) {
		case 0:
			b[at] = byte(chance.Uint32())
		case 1:
			b[at] ^= 1 << chance.IntN(8)
		case 2, 3: // a length somewhere behind the header
			at = min(handler.FrameStart+chance.IntN(len(b)), len(b)-4)
			lengths := []uint32{1<<31 - 1, 1<<32 - 1, 1 << 20, 1 << 16, chance.Uint32()}
			binary.BigEndian.PutUint32(b[at:], lengths[chance.IntN(len(lengths))])
		case 4:
			b = slices.Delete(b, at, min(at+1+chance.IntN(8), len(b)))
			if len(b) < handler.FrameStart {
				return slices.Clone(frame)
			}
			binary.BigEndian.PutUint32(b, uint32(len(b)-handler.LengthBytes))
		case 5:
			b = slices.Insert(b, at, b[at:min(at+1+chance.IntN(8), len(b))]...)
			binary.BigEndian.PutUint32(b, uint32(len(b)-handler.LengthBytes))
		}
	}
	return b
}

// BenchmarkReadGrab compares reading the arguments of Grab with and without the check.
func BenchmarkReadGrab(b *testing.B) {
	args := envelopeapi.NewEnvelopeServiceGrabArgs()
	args.Req = &envelopeapi.GrabRequest{EnvelopeId: 1 << 60}
	payload := make([]byte, args.BLength())
	args.FastWriteNocopy(payload, nil)
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := envelopeapi.NewEnvelopeServiceGrabArgs().FastRead(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("checked", func(b *testing.B) {
		b.ReportAllocs()
		codec := thriftguard.New()
		for b.Loop() {
			if m, err := codec.Read(envelopeapi.NewEnvelopeServiceGrabArgs(), payload); m != nil || err != nil {
				b.Fatal(m, err)
			}
		}
	})
	b.Run("frame", func(b *testing.B) {
		b.ReportAllocs()
		source := &portions{buffered: ttheaderFrame(callPayload("Grab", payload))}
		for b.Loop() {
			if err := handler.AwaitFrame(source); err != nil {
				b.Fatal(err)
			}
		}
	})
}
