package handler

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"github.com/cloudwego/gopkg/protocol/ttheader"

	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

// answerWait is how long a test waits for a server that should have answered or hung up long before.
const answerWait = 20 * time.Second

// callPayload is a Thrift call of a method with the arguments as bytes.
func callPayload(method string, arguments []byte) []byte {
	b := thrift.Binary.AppendMessageBegin(nil, method, thrift.CALL, 1)
	return append(b, arguments...)
}

// ttheaderFrame puts a payload into a TTHeader frame without any header values.
func ttheaderFrame(payload []byte) []byte {
	const info = 4 // bytes of header: protocol, no transforms, padding
	b := binary.BigEndian.AppendUint32(nil, uint32(ttheader.TTHeaderMetaSize-4+info+len(payload)))
	b = binary.BigEndian.AppendUint32(b, ttheader.TTHeaderMagic)
	b = binary.BigEndian.AppendUint32(b, 1) // sequence number
	b = binary.BigEndian.AppendUint16(b, info/4)
	b = append(b, make([]byte, info)...)
	return append(b, payload...)
}

// framed puts a payload behind its length.
func framed(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// hugeList is the arguments of CreateGroup with a list of members that says a length and ends.
func hugeList(length uint32) []byte {
	b := thrift.Binary.AppendFieldBegin(nil, thrift.STRUCT, 1)
	b = thrift.Binary.AppendFieldBegin(b, thrift.LIST, 2)
	b = append(b, byte(thrift.STRING))
	return binary.BigEndian.AppendUint32(b, length)
}

// dial connects to the Kitex server.
func (r *rig) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.rpc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(answerWait)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// readFrame reads one frame that begins with its length. open is false when the server hung up instead.
func readFrame(t testing.TB, conn net.Conn) (frame []byte, open bool) {
	t.Helper()
	var length [4]byte
	_, err := io.ReadFull(conn, length[:])
	if err == nil {
		frame = make([]byte, binary.BigEndian.Uint32(length[:]))
		_, err = io.ReadFull(conn, frame)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Fatal("the server neither answered nor hung up")
	}
	return frame, err == nil
}

// mustAnswer makes one ordinary call.
func (r *rig) mustAnswer(t testing.TB) {
	t.Helper()
	_, err := r.walletClient(t).Balances(WithToken(t.Context(), r.token(t, "alice", ScopeUser)), &walletapi.BalancesRequest{})
	if err != nil {
		t.Errorf("an ordinary call afterwards: %v", err)
	}
}

// TestListLongerThanItsFrame sends 60 bytes that ask for memory for 2³¹−1 strings, without a token.
func TestListLongerThanItsFrame(t *testing.T) {
	r := newRig(t, nil)
	const most = 8 << 20 // bytes; the whole of a call with its test takes a hundredth of it
	for name, frame := range map[string][]byte{
		"TTHeader": ttheaderFrame(callPayload("CreateGroup", hugeList(1<<31-1))),
		"framed":   framed(callPayload("CreateGroup", hugeList(1<<31-1))),
		"bare":     callPayload("CreateGroup", hugeList(1<<31-1)),
		"negative": ttheaderFrame(callPayload("CreateGroup", hugeList(1<<32-1))),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		conn := r.dial(t)
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		readFrame(t, conn)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s: %d bytes were allocated for a frame of %d", name, took, len(frame))
		}
	}
	r.mustAnswer(t)
}
