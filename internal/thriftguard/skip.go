package thriftguard

import (
	"encoding/binary"

	"github.com/cloudwego/gopkg/protocol/thrift"
)

// skip returns how many bytes of b a value takes that the IDL does not have. Thrift's own function for it panics where
// a type is not one of Thrift's, and the generated readers call it: what passes here passes there.
func skip(b []byte, wire thrift.TType, depth int) (int, *Malformed) {
	if size := sizeOf(wire); size > 0 {
		if len(b) < size {
			return 0, short()
		}
		return size, nil
	}
	if depth == 0 {
		return 0, nestedTooDeeply()
	}
	switch wire {
	case thrift.STRING:
		return checkString(b)
	case thrift.STRUCT:
		return skipStruct(b, depth-1)
	case thrift.LIST, thrift.SET:
		return skipContainer(b, 1, depth-1)
	case thrift.MAP:
		return skipContainer(b, 2, depth-1)
	}
	return 0, unknownType(wire)
}

func unknownType(wire thrift.TType) *Malformed {
	return malformed("has type %d, which is none of Thrift's", uint8(wire))
}

// sizeOf is how many bytes a type of fixed size takes, 0 for any other.
func sizeOf(wire thrift.TType) int {
	switch wire {
	case thrift.BOOL, thrift.BYTE:
		return 1
	case thrift.I16:
		return 2
	case thrift.I32:
		return 4
	case thrift.I64, thrift.DOUBLE:
		return 8
	}
	return 0
}

func skipStruct(b []byte, depth int) (int, *Malformed) {
	for n := 0; ; {
		if len(b) == n {
			return 0, short()
		}
		wire := thrift.TType(b[n])
		if wire == thrift.STOP {
			return n + 1, nil
		}
		if len(b) < n+fieldHeader {
			return 0, short()
		}
		n += fieldHeader
		l, m := skip(b[n:], wire, depth)
		if m != nil {
			return 0, m
		}
		n += l
	}
}

// skipContainer skips a list or set, whose elements have one type, or a map, whose have two in turn.
func skipContainer(b []byte, types, depth int) (int, *Malformed) {
	n := types + 4
	if len(b) < n {
		return 0, short()
	}
	var wires [2]thrift.TType
	least := 0
	for i := range types {
		wires[i] = thrift.TType(b[i])
		if !isType(wires[i]) && wires[i] != thrift.STOP { // an empty container may have none
			return 0, unknownType(wires[i])
		}
		least += max(sizeOf(wires[i]), 1)
	}
	length, m := checkLength(binary.BigEndian.Uint32(b[types:]), len(b)-n, least)
	if m != nil {
		return 0, m
	}
	for range length {
		for _, wire := range wires[:types] {
			l, m := skip(b[n:], wire, depth)
			if m != nil {
				return 0, m
			}
			n += l
		}
	}
	return n, nil
}

func isType(wire thrift.TType) bool {
	switch wire {
	case thrift.STRING, thrift.STRUCT, thrift.MAP, thrift.SET, thrift.LIST:
		return true
	}
	return sizeOf(wire) > 0
}
