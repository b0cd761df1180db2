package handler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cloudwego/gopkg/protocol/ttheader"
	"github.com/cloudwego/kitex/pkg/remote/codec"
	"github.com/cloudwego/netpoll"
)

// Bounds of a frame.
const (
	// frameTimeout bounds the time from the first byte of a frame to its last.
	frameTimeout = 5 * time.Second
	// maxFrameHeader bounds what TTHeader puts before a payload, in bytes: its own limit.
	maxFrameHeader = 64 << 10
	// frameStart is how many bytes tell what a frame is and how long.
	frameStart = 8
)

// Reasons for which a connection is closed, in metrics.
const (
	reasonHTTP2       = "http2"        // gRPC, which is not served
	reasonNotThrift   = "not_thrift"   // any other protocol, or none
	reasonTooLarge    = "too_large"    // more than maxMessage
	reasonTooSlow     = "too_slow"     // more than frameTimeout
	reasonIncomplete  = "incomplete"   // the peer hung up in the middle
	reasonMalformed   = "malformed"    // a frame that contradicts itself
	reasonNoTTHeader  = "no_ttheader"  // a good call that cannot carry a token
	reasonTLS         = "tls"          // no handshake, or a certificate that is not accepted
	reasonUnknownCall = "unknown_call" // no such service, method or type of message
)

func reasons() []string {
	return []string{
		reasonHTTP2, reasonNotThrift, reasonTooLarge, reasonTooSlow, reasonIncomplete, reasonMalformed,
		reasonNoTTHeader, reasonTLS, reasonUnknownCall,
	}
}

// badFrame is why a connection is closed.
type badFrame struct {
	reason string
	detail string // for the log
}

func (b *badFrame) Error() string { return b.reason + ": " + b.detail }

// frameSource is what a netpoll.Connection is to a frame.
type frameSource interface {
	Reader() netpoll.Reader
	SetReadDeadline(time.Time) error
}

// awaitFrame returns when a whole frame of an acceptable size is in memory, so that nothing waits while it is decoded.
// The time for it begins with the call. Frames are Thrift behind TTHeader, or behind their length alone. It consumes
// nothing. Error: *badFrame.
func awaitFrame(source frameSource) error { return await(source.Reader(), source.SetReadDeadline) }

// frameReader is where a frame's bytes are.
type frameReader interface {
	Len() int // that can be read without waiting
	Peek(n int) ([]byte, error)
}

func await(reader frameReader, setReadDeadline func(time.Time) error) error {
	timed := false
	peek := func(n int) ([]byte, error) {
		if reader.Len() < n && !timed {
			timed = true
			_ = setReadDeadline(time.Now().Add(frameTimeout)) // netpoll only notes it
		}
		b, err := reader.Peek(n)
		if err != nil {
			return nil, brokenOff(err)
		}
		return b, nil
	}
	start, err := peek(frameStart)
	if err != nil {
		return err
	}
	length, err := frameLength(start)
	if err != nil {
		return err
	}
	frame, err := peek(length)
	if err != nil {
		return err
	}
	return checkFrame(frame)
}

// frameLength is how many bytes a frame takes that begins so.
func frameLength(start []byte) (int, error) {
	switch {
	case bytes.HasPrefix(start, []byte("PRI * HT")): // how every HTTP/2 connection begins, RFC 9113 section 3.4
		return 0, &badFrame{reasonHTTP2, "gRPC is not served here"}
	case !codec.IsTTHeader(start) && !isThrift(start[lengthBytes:]):
		return 0, &badFrame{reasonNotThrift, fmt.Sprintf("it begins with %x", start)}
	}
	said := int64(binary.BigEndian.Uint32(start))
	if lengthBytes+said < frameStart {
		return 0, &badFrame{reasonMalformed, fmt.Sprintf("%d bytes were announced", said)}
	}
	if said > maxMessage+maxFrameHeader {
		return 0, &badFrame{reasonTooLarge, fmt.Sprintf("%d bytes were announced", said)}
	}
	return lengthBytes + int(said), nil
}

// checkFrame compares the lengths inside a frame with each other. What it lets pass, Kitex reads without waiting for
// more.
func checkFrame(frame []byte) error {
	payload := frame
	if codec.IsTTHeader(frame) {
		if len(frame) < ttheader.TTHeaderMetaSize {
			return &badFrame{reasonMalformed, "it is shorter than a TTHeader"}
		}
		header := ttheader.TTHeaderMetaSize + 4*int(binary.BigEndian.Uint16(frame[ttheader.TTHeaderMetaSize-2:]))
		if header+frameStart > len(frame) {
			return &badFrame{reasonMalformed, "its TTHeader leaves no payload"}
		}
		payload = frame[header:]
	}
	if len(payload) > maxMessage+lengthBytes {
		return &badFrame{reasonTooLarge, fmt.Sprintf("its payload has %d bytes", len(payload))}
	}
	if codec.IsTTHeader(frame) && isThrift(payload) {
		return nil
	}
	if int(binary.BigEndian.Uint32(payload)) != len(payload)-lengthBytes || !isThrift(payload[lengthBytes:]) {
		return &badFrame{reasonMalformed, "its payload is no Thrift message of the announced length"}
	}
	return nil
}

// lengthBytes is how many bytes the length of a frame takes.
const lengthBytes = 4

// isThrift says whether a binary Thrift message begins here, in at least two bytes.
func isThrift(b []byte) bool {
	return binary.BigEndian.Uint16(b) == codec.ThriftV1Magic>>16
}

// brokenOff is why there are no more bytes.
func brokenOff(err error) error {
	if bad, ok := errors.AsType[*badFrame](err); ok {
		return bad
	}
	if errors.Is(err, netpoll.ErrReadTimeout) || errors.Is(err, os.ErrDeadlineExceeded) {
		return &badFrame{reasonTooSlow, fmt.Sprintf("it was not whole after %s", frameTimeout)}
	}
	return &badFrame{reasonIncomplete, err.Error()}
}
