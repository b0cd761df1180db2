// Package thriftguard is a Kitex payload codec that trusts nothing that a peer sends. The generated readers do: they
// allocate a list of as many elements as it says that it has, and do not look at the type of its elements. Here the
// whole payload is compared with the struct that it will be read into, by the struct's tags, before a generated reader
// sees it: every length against the bytes that are left, every type of an element, every required field, the nesting.
// The check is linear in the payload and allocates nothing, so reading allocates in proportion to the payload.
//
// A known method with malformed arguments does not cost a server's peer the connection: the call goes on to the
// server's middleware, which must ask Failure before it looks at the arguments.
package thriftguard

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/remote/codec"
	kitexthrift "github.com/cloudwego/kitex/pkg/remote/codec/thrift"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/stats"
)

// maxMethod is how long the name of a method may be, in bytes.
const maxMethod = 128

// failureKey names the extra value of an invocation that holds what is wrong with its arguments.
const failureKey = "hongbao.malformed"

// ErrMessage is a payload of unknown length, or one that does not begin a Thrift message. A server cannot answer it.
var ErrMessage = errors.New("no Thrift message of known length")

// Codec is a remote.PayloadCodec for any number of servers and clients of generated services.
type Codec struct {
	remote.PayloadCodec          // Kitex's own, which writes
	schemas             sync.Map // reflect.Type of a generated struct's pointer → *value
}

// New makes a codec.
func New() *Codec { return &Codec{PayloadCodec: kitexthrift.NewThriftCodec()} }

// Failure is a *Malformed if the arguments of a call to a server were malformed, else nil.
func Failure(i rpcinfo.Invocation) error {
	if m, ok := i.Extra(failureKey).(*Malformed); ok {
		return m
	}
	return nil
}

// Unmarshal implements remote.PayloadCodec. Errors: ErrMessage; a *remote.TransError for a method or a type of message
// that is not served, for an answer that is malformed, and for the exception that an answer carries.
func (c *Codec) Unmarshal(ctx context.Context, message remote.Message, in remote.ByteBuffer) error {
	if message.PayloadLen() <= 0 {
		return ErrMessage
	}
	payload, err := in.Next(message.PayloadLen())
	if err != nil {
		return err
	}
	method, kind, sequence, n, err := thrift.Binary.ReadMessageBegin(payload)
	if err != nil || method == "" || len(method) > maxMethod {
		return ErrMessage
	}
	body := payload[n:]
	if call, ok := served(message); ok {
		call.SetMethodName(method) // without one, Kitex cannot answer an error
	}
	if err := codec.UpdateMsgType(uint32(kind), message); err != nil {
		return err
	}
	switch message.MessageType() {
	case remote.Exception:
		return readException(body)
	case remote.Stream:
		return remote.NewTransErrorWithMsg(remote.InvalidMessageTypeException, "streams are not served")
	}
	if err := begin(ctx, message, method, sequence); err != nil {
		return err
	}
	rpcinfo.Record(ctx, message.RPCInfo(), stats.WaitReadStart, nil)
	err = c.read(message, body)
	rpcinfo.Record(ctx, message.RPCInfo(), stats.WaitReadFinish, err)
	return err
}

// served is the call that a message to a server makes. ok is false in a client.
func served(message remote.Message) (call rpcinfo.InvocationSetter, ok bool) {
	if message.RPCRole() != remote.Server {
		return nil, false
	}
	call, ok = message.RPCInfo().Invocation().(rpcinfo.InvocationSetter)
	return call, ok
}

// begin finds what the message is to be read into, as Kitex's own codec does.
func begin(ctx context.Context, message remote.Message, method string, sequence int32) error {
	if err := codec.SetOrCheckSeqID(sequence, message); err != nil {
		return err
	}
	if err := codec.SetOrCheckMethodName(ctx, method, message); err != nil {
		return err
	}
	return codec.NewDataIfNeeded(method, message)
}

// read checks the arguments or the answer, then reads them.
func (c *Codec) read(message remote.Message, body []byte) error {
	m, err := c.Read(message.Data(), body)
	if err != nil {
		return remote.NewTransErrorWithMsg(remote.InternalError, "the generated code of this method cannot be used")
	}
	if m == nil {
		return nil
	}
	if call, ok := served(message); ok {
		call.SetExtra(failureKey, m)
		return nil
	}
	return malformedAnswer(m)
}

func malformedAnswer(err error) error {
	return remote.NewTransError(remote.ProtocolError, fmt.Errorf("the answer is malformed: %w", err))
}

// Read reads a whole payload, without the message around it, into a pointer to a generated struct. It leaves the struct
// alone when the payload is malformed. Its error says that data is nothing that Kitex generated.
func (c *Codec) Read(data any, payload []byte) (*Malformed, error) {
	schema, err := c.schema(reflect.TypeOf(data))
	if err != nil {
		return nil, err
	}
	n, m := schema.check(payload, maxDepth)
	if m != nil {
		return m, nil
	}
	if n != len(payload) {
		return malformed("%d bytes follow the end", len(payload)-n), nil
	}
	if _, err := data.(thrift.FastCodec).FastRead(payload); err != nil {
		return malformed("cannot be read"), nil
	}
	return nil, nil
}

// schema makes the value of a type once.
func (c *Codec) schema(t reflect.Type) (*value, error) {
	if known, ok := c.schemas.Load(t); ok {
		return known.(*value), nil
	}
	if t == nil || !t.Implements(reflect.TypeFor[thrift.FastCodec]()) {
		return nil, fmt.Errorf("%v has no generated reader", t)
	}
	made, err := schemas{}.of(t, "")
	if err != nil {
		return nil, err
	}
	c.schemas.Store(t, made)
	return made, nil
}

// readException returns the exception in an answer as an error. Thrift's own reader looks for the fields after one that
// it does not know in the wrong place.
func readException(b []byte) error {
	var text string
	var kind int32
	for n := 0; ; {
		wire, id, l, err := thrift.Binary.ReadFieldBegin(b[n:])
		if err != nil {
			return malformedAnswer(err)
		}
		n += l
		var m *Malformed
		switch {
		case wire == thrift.STOP:
			return remote.NewTransError(kind, thrift.NewApplicationException(kind, text))
		case id == 1 && wire == thrift.STRING:
			text, l, err = thrift.Binary.ReadString(b[n:])
		case id == 2 && wire == thrift.I32:
			kind, l, err = thrift.Binary.ReadI32(b[n:])
		default:
			l, m = skip(b[n:], wire, maxDepth)
		}
		if m != nil {
			err = m
		}
		if err != nil {
			return malformedAnswer(err)
		}
		n += l
	}
}
