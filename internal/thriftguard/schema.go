package thriftguard

import (
	"fmt"
	"math/bits"
	"reflect"
	"strconv"
	"strings"

	"github.com/cloudwego/gopkg/protocol/thrift"
)

// maxRequired is how many required fields a struct may have: one bit of a word each.
const maxRequired = bits.UintSize

// value is what a value of the IDL looks like on the wire.
type value struct {
	wire thrift.TType
	size int // bytes of a value of fixed size; 0: as long as it says
	// least is how many bytes the shortest such value takes. It bounds a container's length before its elements are
	// looked at.
	least   int
	key     *value // of a map
	element *value // of a list, set or map
	// fields are those of a struct, by id; nil where the struct has no such field.
	fields   []*field
	required uint // the bits of all required fields
}

type field struct {
	*value
	name string // in the IDL
	bit  uint   // among the required fields; 0 for any other
}

// schemas makes the values of generated types. A struct that contains itself gets the same value again.
type schemas map[reflect.Type]*value

// of describes a Go type, with its type in the IDL as the tag `frugal` gives it.
func (s schemas) of(t reflect.Type, name string) (*value, error) {
	switch t.Kind() {
	case reflect.Bool:
		return fixed(thrift.BOOL, 1), nil
	case reflect.Int8:
		return fixed(thrift.BYTE, 1), nil
	case reflect.Int16:
		return fixed(thrift.I16, 2), nil
	case reflect.Int32:
		return fixed(thrift.I32, 4), nil
	case reflect.Int64:
		if t.Name() != reflect.Int64.String() { // an enum, which the generator makes a type of its own
			return fixed(thrift.I32, 4), nil
		}
		return fixed(thrift.I64, 8), nil
	case reflect.Float64:
		return fixed(thrift.DOUBLE, 8), nil
	case reflect.String:
		return &value{wire: thrift.STRING, least: thrift.Binary.I32Length()}, nil
	case reflect.Slice:
		return s.ofSlice(t, name)
	case reflect.Map:
		return s.ofMap(t, name)
	case reflect.Pointer:
		return s.of(t.Elem(), name)
	case reflect.Struct:
		return s.ofStruct(t)
	}
	return nil, fmt.Errorf("%s is no type of Thrift", t)
}

func fixed(wire thrift.TType, size int) *value { return &value{wire: wire, size: size, least: size} }

// ofSlice describes binary, a list or a set, which are all slices in Go.
func (s schemas) ofSlice(t reflect.Type, name string) (*value, error) {
	kind, elements, _ := strings.Cut(strings.TrimSuffix(name, ">"), "<")
	v := &value{least: thrift.Binary.ListBeginLength()}
	switch kind {
	case "list":
		v.wire = thrift.LIST
	case "set":
		v.wire = thrift.SET
	default:
		if t.Elem().Kind() != reflect.Uint8 {
			return nil, fmt.Errorf("%s as %q is neither list nor set nor binary", t, name)
		}
		return &value{wire: thrift.STRING, least: thrift.Binary.I32Length()}, nil
	}
	var err error
	v.element, err = s.of(t.Elem(), elements)
	return v, err
}

func (s schemas) ofMap(t reflect.Type, name string) (*value, error) {
	pair, isMap := strings.CutPrefix(strings.TrimSuffix(name, ">"), "map<")
	keys, elements, isPair := strings.Cut(pair, ":")
	if !isMap || !isPair || strings.Contains(keys, "<") {
		return nil, fmt.Errorf("%s as %q is no map that can be read here", t, name)
	}
	v := &value{wire: thrift.MAP, least: thrift.Binary.MapBeginLength()}
	var err error
	if v.key, err = s.of(t.Key(), keys); err != nil {
		return nil, err
	}
	v.element, err = s.of(t.Elem(), elements)
	return v, err
}

func (s schemas) ofStruct(t reflect.Type) (*value, error) {
	if v, ok := s[t]; ok {
		return v, nil
	}
	v := &value{wire: thrift.STRUCT, least: thrift.Binary.FieldStopLength()}
	s[t] = v
	for i := range t.NumField() {
		if err := s.addField(v, t.Field(i)); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, t.Field(i).Name, err)
		}
	}
	return v, nil
}

// addField reads the tags `thrift:"name,id,requiredness"` and `frugal:"id,requiredness,type"` of a generated field.
func (s schemas) addField(v *value, f reflect.StructField) error {
	tag := strings.Split(f.Tag.Get("thrift"), ",")
	if len(tag) < 2 {
		return fmt.Errorf("has no tag thrift:\"name,id\"")
	}
	id, err := strconv.ParseInt(tag[1], 10, 16)
	if err != nil || id < 0 {
		return fmt.Errorf("has %q as id", tag[1])
	}
	described := &field{name: tag[0]}
	frugal := strings.SplitN(f.Tag.Get("frugal"), ",", 3)
	if described.value, err = s.of(f.Type, frugal[len(frugal)-1]); err != nil {
		return err
	}
	if len(tag) > 2 && tag[2] == "required" {
		n := bits.OnesCount(v.required)
		if n == maxRequired {
			return fmt.Errorf("is one required field too many: at most %d are counted", maxRequired)
		}
		described.bit = 1 << n
		v.required |= described.bit
		v.least += thrift.Binary.FieldBeginLength() + described.least
	}
	for int(id) >= len(v.fields) {
		v.fields = append(v.fields, nil)
	}
	v.fields[id] = described
	return nil
}
