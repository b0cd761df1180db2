package thriftguard

import (
	"encoding/binary"
	"fmt"

	"github.com/cloudwego/gopkg/protocol/thrift"
)

// fieldHeader is how many bytes come before the value of a field: its type and its id.
const fieldHeader = 3

// maxDepth is how deeply values may be nested: as deeply as Thrift's own reader follows what it skips.
const maxDepth = 64

// Malformed is bytes that are not the value that the IDL promises. Its text names fields as the IDL does, and never
// repeats what was sent.
type Malformed struct {
	path   string // from the outermost field to where the bytes go wrong; empty for the outermost struct itself
	reason string
}

func (m *Malformed) Error() string {
	if m.path == "" {
		return m.reason
	}
	return m.path + " " + m.reason
}

// in puts a field before the path.
func (m *Malformed) in(name string) *Malformed {
	switch {
	case m.path == "":
		m.path = name
	case m.path[0] == '[':
		m.path = name + m.path
	default:
		m.path = name + "." + m.path
	}
	return m
}

// at puts the place in a container before the path.
func (m *Malformed) at(i int) *Malformed { return m.in(fmt.Sprintf("[%d]", i)) }

func malformed(format string, args ...any) *Malformed {
	return &Malformed{reason: fmt.Sprintf(format, args...)}
}

func short() *Malformed { return malformed("ends before its value does") }

func nestedTooDeeply() *Malformed { return malformed("is nested more than %d deep", maxDepth) }

// check returns how many bytes of b the value takes. It allocates nothing unless the value is malformed, and follows
// the generated readers: what those skip, a field that the IDL does not have or has with another type, is skipped.
func (v *value) check(b []byte, depth int) (int, *Malformed) {
	if v.size > 0 {
		if len(b) < v.size {
			return 0, short()
		}
		return v.size, nil
	}
	if depth == 0 {
		return 0, nestedTooDeeply()
	}
	switch v.wire {
	case thrift.STRING:
		return checkString(b)
	case thrift.STRUCT:
		return v.checkStruct(b, depth-1)
	case thrift.MAP:
		return v.checkMap(b, depth-1)
	default:
		return v.checkList(b, depth-1)
	}
}

func checkString(b []byte) (int, *Malformed) {
	if len(b) < 4 {
		return 0, short()
	}
	length, left := int32(binary.BigEndian.Uint32(b)), len(b)-4
	if length < 0 || int(length) > left {
		return 0, malformed("says that it has %d bytes, and %d are left", length, left)
	}
	return 4 + int(length), nil
}

func (v *value) checkStruct(b []byte, depth int) (int, *Malformed) {
	missing := v.required
	for n := 0; ; {
		if len(b) == n {
			return 0, short()
		}
		wire := thrift.TType(b[n])
		if wire == thrift.STOP {
			if missing != 0 {
				return 0, malformed("is required").in(v.nameOf(missing))
			}
			return n + 1, nil
		}
		if len(b) < n+fieldHeader {
			return 0, short()
		}
		id := int16(binary.BigEndian.Uint16(b[n+1:]))
		n += fieldHeader
		f := v.field(id)
		if f == nil || f.wire != wire {
			l, m := skip(b[n:], wire, depth)
			if m != nil {
				return 0, m.in(fmt.Sprintf("field %d", id))
			}
			n += l
			continue
		}
		l, m := f.check(b[n:], depth)
		if m != nil {
			return 0, m.in(f.name)
		}
		n += l
		missing &^= f.bit
	}
}

// field is the field of an id, nil where the IDL has none.
func (v *value) field(id int16) *field {
	if id < 0 || int(id) >= len(v.fields) {
		return nil
	}
	return v.fields[id]
}

// nameOf is the name of the first required field that is missing.
func (v *value) nameOf(missing uint) string {
	for _, f := range v.fields {
		if f != nil && f.bit&missing != 0 {
			return f.name
		}
	}
	return ""
}

func (v *value) checkList(b []byte, depth int) (int, *Malformed) {
	if len(b) < 5 {
		return 0, short()
	}
	said := binary.BigEndian.Uint32(b[1:])
	// The generated readers do not look at the type of elements. Some writers give none to an empty list.
	if wire := thrift.TType(b[0]); said > 0 && wire != v.element.wire {
		return 0, malformed("has elements of type %d instead of %d", wire, v.element.wire)
	}
	length, m := checkLength(said, len(b)-5, v.element.least)
	if m != nil {
		return 0, m
	}
	n := 5
	if v.element.size > 0 {
		return n + length*v.element.size, nil
	}
	for i := range length {
		l, m := v.element.check(b[n:], depth)
		if m != nil {
			return 0, m.at(i)
		}
		n += l
	}
	return n, nil
}

func (v *value) checkMap(b []byte, depth int) (int, *Malformed) {
	if len(b) < 6 {
		return 0, short()
	}
	said := binary.BigEndian.Uint32(b[2:])
	if kt, et := thrift.TType(b[0]), thrift.TType(b[1]); said > 0 && (kt != v.key.wire || et != v.element.wire) {
		return 0, malformed("maps type %d to %d instead of %d to %d", kt, et, v.key.wire, v.element.wire)
	}
	length, m := checkLength(said, len(b)-6, v.key.least+v.element.least)
	if m != nil {
		return 0, m
	}
	n := 6
	for i := range length {
		for _, part := range [...]*value{v.key, v.element} {
			l, m := part.check(b[n:], depth)
			if m != nil {
				return 0, m.at(i)
			}
			n += l
		}
	}
	return n, nil
}

// checkLength refuses a container with more elements than the bytes that are left can hold.
func checkLength(said uint32, left, least int) (int, *Malformed) {
	length := int32(said)
	if length < 0 || int64(length)*int64(least) > int64(left) {
		return 0, malformed("says that it has %d elements, and %d bytes are left", length, left)
	}
	return int(length), nil
}
