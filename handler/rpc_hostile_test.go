package handler_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"github.com/cloudwego/gopkg/protocol/ttheader"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/kitex_gen/groupapi"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

// answerWait is how long a test waits for a server that should have answered or hung up long before.
const answerWait = 20 * time.Second

// stop ends a struct.
const stop = byte(thrift.STOP)

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
func dial(t testing.TB, r *handlertest.Harness) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.RPC)
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
func mustAnswer(t testing.TB, r *handlertest.Harness) {
	t.Helper()
	ctx := hongbao.ContextWithToken(t.Context(), r.Token(t, "alice", auth.ScopeUser))
	if _, err := walletClient(t, r).Balances(ctx, &walletapi.BalancesRequest{}); err != nil {
		t.Errorf("an ordinary call afterwards: %v", err)
	}
}

// TestListLongerThanItsFrame sends 60 bytes that ask for memory for 2³¹−1 strings, without a token.
func TestListLongerThanItsFrame(t *testing.T) {
	r := handlertest.New(t, nil)
	const most = 8 << 20 // bytes; the whole of a call with its test takes a hundredth of it
	for _, x := range []struct {
		name     string
		frame    []byte
		answered bool
	}{
		{"TTHeader", ttheaderFrame(callPayload("CreateGroup", hugeList(1<<31-1))), true},
		{"framed", framed(callPayload("CreateGroup", hugeList(1<<31-1))), true},
		{"bare", callPayload("CreateGroup", hugeList(1<<31-1)), false},
		{"negative", ttheaderFrame(callPayload("CreateGroup", hugeList(1<<32-1))), true},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		conn := dial(t, r)
		write(t, conn, x.frame)
		_, answered := readFrame(t, conn)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most || answered != x.answered {
			t.Errorf("%s: %d bytes allocated for a frame of %d; answered: %t", x.name, took, len(x.frame), answered)
		}
	}
	mustAnswer(t, r)
}

// TestMalformedArguments wants a problem that names fields as the IDL does, and nothing of the program.
func TestMalformedArguments(t *testing.T) {
	r := handlertest.New(t, nil)
	token := r.Token(t, "chat", auth.ScopeService)
	request := func(fields ...[]byte) []byte { // CreateGroupArgs with the fields of its request
		b := thrift.Binary.AppendFieldBegin(nil, thrift.STRUCT, 1)
		return append(append(b, bytes.Join(fields, nil)...), stop, stop)
	}
	id := thrift.Binary.AppendString(thrift.Binary.AppendFieldBegin(nil, thrift.STRING, 1), "h")
	members := func(element thrift.TType, length int, rest ...byte) []byte {
		b := thrift.Binary.AppendFieldBegin(nil, thrift.LIST, 2)
		return append(thrift.Binary.AppendListBegin(b, element, length), rest...)
	}
	conn := dial(t, r)
	for _, x := range []struct {
		name      string
		token     string
		arguments []byte
		status    string
		detail    string
	}{
		{"no token", "", hugeList(1 << 30), "40101", "no token was sent"},
		{"list", token, hugeList(1<<31 - 1), "40001",
			"req.members says that it has 2147483647 elements, and 0 bytes are left"},
		{"list of bytes", token, request(id, members(thrift.BYTE, 2, 1, 1)), "40001",
			"req.members has elements of type 3 instead of 11"},
		{"string", token, request(members(thrift.STRING, 1, 0, 0, 0, 9, 'x')), "40001",
			"req.members[0] says that it has 9 bytes, and 3 are left"},
		{"missing", token, request(id), "40001", "req.members is required"},
		{"trailing", token, append(request(id, members(thrift.STRING, 0)), 0, 0), "40001", "2 bytes follow the end"},
		{"cut", token, request(id)[:5], "40001", "req ends before its value does"},
		{"no arguments", token, []byte{stop}, "40001", "the arguments have no req"},
		{"good", token, request(id, members(thrift.STRING, 0)), "", ""},
	} {
		header := map[string]string{}
		if x.token != "" {
			header["RPC_TRANSIT_"+hongbao.TokenKey] = x.token
		}
		write(t, conn, tokenFrame(t, callPayload("CreateGroup", x.arguments), header))
		frame, open := readFrame(t, conn) // and the connection goes on
		if !open {
			t.Fatalf("%s: the server hung up", x.name)
		}
		answer, err := ttheader.DecodeFromBytes(t.Context(), framed(frame))
		if err != nil {
			t.Fatal(err)
		}
		if answer.StrInfo["biz-status"] != x.status || !strings.Contains(answer.StrInfo["biz-message"], x.detail) {
			t.Errorf("%s: %v", x.name, answer.StrInfo)
		}
		if bytes.Contains(frame, []byte("groupapi")) {
			t.Errorf("%s: the answer names a Go type: %q", x.name, frame)
		}
	}
}

// tokenFrame is a TTHeader frame with values in its header.
func tokenFrame(t testing.TB, payload []byte, header map[string]string) []byte {
	t.Helper()
	b, err := ttheader.EncodeToBytes(t.Context(), ttheader.EncodeParam{SeqID: 1, StrInfo: header})
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, payload...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-handler.LengthBytes))
	return b
}

// TestOtherProtocols sends what is no call in TTHeader. Each costs its sender the connection, and no line in a log that
// somebody reads.
func TestOtherProtocols(t *testing.T) {
	r := handlertest.New(t, nil)
	good := callPayload("Balances", []byte{stop})
	header := func(change func(b []byte)) []byte {
		b := ttheaderFrame(good)
		change(b)
		return b
	}
	for _, x := range []struct {
		name   string
		sent   []byte
		reason string
		answer string // "" for none
	}{
		{"gRPC", []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), handler.ReasonHTTP2,
			""},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), handler.ReasonNotThrift, ""},
		{"TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), handler.ReasonNotThrift, ""},
		{"escapes", []byte("\x1b[2J\x00\r\nlevel=ERROR"), handler.ReasonNotThrift, ""},
		{"bare Thrift", good, handler.ReasonNotThrift, ""},
		{"mesh header", []byte("\xff\xaf\x00\x02\x00\x00\x80\x01\x00\x00\x00\x00"), handler.ReasonNotThrift, ""},
		{"protobuf", []byte("\x00\x00\x00\x08\x90\x01\x00\x01abcdef"), handler.ReasonNotThrift, ""},
		{"protobuf in TTHeader", ttheaderFrame([]byte("\x00\x00\x00\x08\x90\x01\x00\x01abcdef")),
			handler.ReasonMalformed, ""},
		{"4 GB", header(func(b []byte) { copy(b, "\xff\xff\xff\xff") }), handler.ReasonTooLarge, ""},
		{"large payload", ttheaderFrame(callPayload("Balances", make([]byte, handler.MaxMessage))),
			handler.ReasonTooLarge, ""},
		{"header longer than the frame", header(func(b []byte) { b[12] = 0xff }), handler.ReasonMalformed, ""},
		{"frame of no length", header(func(b []byte) { copy(b, "\x00\x00\x00\x00") }), handler.ReasonMalformed, ""},
		{"frame shorter than its header", append([]byte{0, 0, 0, 4}, 0x10, 0, 0, 0), handler.ReasonMalformed, ""},
		{"length inside", ttheaderFrame(append([]byte{0, 0, 0xff, 0xff}, good...)), handler.ReasonMalformed, ""},
		{"protocol number", header(func(b []byte) { b[14] = 0x7f }), handler.ReasonMalformed, ""},
		{"method without end", ttheaderFrame([]byte("\x80\x01\x00\x01\x7f\xff\xff\xffx")), handler.ReasonMalformed, ""},
		{"long method", ttheaderFrame(callPayload(strings.Repeat("x", 200), []byte{stop})), handler.ReasonMalformed,
			""},
		{"unknown method", ttheaderFrame(callPayload("Nonsense", []byte{stop})), handler.ReasonUnknownCall, "unknown"},
		{"reply", header(func(b []byte) { b[21] = byte(thrift.REPLY) }), handler.ReasonUnknownCall,
			"invalid message type"},
		{"stream", header(func(b []byte) { b[21] = 5 }), handler.ReasonUnknownCall, "streams"},
		{"framed", framed(good), handler.ReasonNoTTHeader, problem.CodeUnauthenticated},
	} {
		conn := dial(t, r)
		before, logged := closed(t, r), len(kitexLines.String())
		write(t, conn, x.sent)
		frame, answered := readFrame(t, conn)
		if answered != (x.answer != "") || !bytes.Contains(frame, []byte(x.answer)) {
			t.Errorf("%s: answered with %q", x.name, frame)
		}
		if n, err := conn.Read(make([]byte, 1)); err == nil || n != 0 {
			t.Errorf("%s: the connection goes on: %d, %v", x.name, n, err)
		}
		if now := closed(t, r); now[x.reason] != before[x.reason]+1 {
			t.Errorf("%s: counted %v, before %v", x.name, now, before)
		}
		if lines := kitexLines.String()[logged:]; strings.Contains(lines, conn.LocalAddr().String()) {
			t.Errorf("%s: Kitex logged %s", x.name, lines)
		}
	}
	for line := range strings.Lines(r.Log.String()) {
		if !strings.Contains(line, `"level":"DEBUG"`) || len(line) > 1_000 {
			t.Errorf("logged %s", line)
		}
	}
	mustAnswer(t, r)
}

// write sends bytes. The server may hang up before it has taken all of them.
func write(t testing.TB, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
}

// closed are the connections that were closed until now, by reason.
func closed(t testing.TB, r *handlertest.Harness) map[string]float64 {
	t.Helper()
	families, err := r.Metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	closed := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "hongbao_rpc_closed_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			closed[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return closed
}

// TestHalfFrame leaves a frame unfinished: by silence, and by hanging up.
func TestHalfFrame(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for handler.FrameTimeout: not with -short")
	}
	t.Parallel() // it waits for handler.FrameTimeout
	r := handlertest.New(t, nil)
	frame := ttheaderFrame(callPayload("Balances", []byte{stop}))
	conn := dial(t, r)
	write(t, conn, frame[:len(frame)-1])
	if _, answered := readFrame(t, conn); answered || closed(t, r)[handler.ReasonTooSlow] != 1 {
		t.Errorf("answered: %t, counted %v", answered, closed(t, r))
	}
	conn = dial(t, r)
	write(t, conn, frame[:len(frame)-1])
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, answered := readFrame(t, conn); answered {
		t.Error("half a frame was answered")
	}
	mustAnswer(t, r)
}

// TestMalformedAnswer lets a client call a server that announces a list longer than its answer.
func TestMalformedAnswer(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- answerOnce(listener) }()
	c, err := groupservice.NewClient(hongbao.ServiceName,
		hongbao.KitexOptions(hongbao.DefaultTimeout, listener.Addr().String())...)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = c.Members(t.Context(), &groupapi.MembersRequest{GroupId: "g"})
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "success.members says that it has 2147483647 elements") {
		t.Errorf("got %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes were allocated", took)
	}
	_ = listener.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// answerOnce takes one call of Members and answers it with a list that ends too early.
func answerOnce(listener net.Listener) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	call := make([]byte, 4<<10)
	n, err := io.ReadAtLeast(conn, call, ttheader.TTHeaderMetaSize)
	if err != nil || n < ttheader.TTHeaderMetaSize {
		return err
	}
	sequence := binary.BigEndian.Uint32(call[handler.FrameStart:])
	answer := thrift.Binary.AppendMessageBegin(nil, "Members", thrift.REPLY, int32(sequence))
	answer = thrift.Binary.AppendFieldBegin(answer, thrift.STRUCT, 0)
	answer = thrift.Binary.AppendFieldBegin(answer, thrift.LIST, 2)
	answer = append(answer, byte(thrift.STRING))
	frame := ttheaderFrame(binary.BigEndian.AppendUint32(answer, 1<<31-1))
	binary.BigEndian.PutUint32(frame[handler.FrameStart:], sequence)
	_, err = conn.Write(frame)
	return err
}
