package thriftguard

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"github.com/cloudwego/kitex/pkg/remote"
)

type colour int64 // as the generator makes an enum

type leaf struct {
	Name string `thrift:"name,1,required" frugal:"1,required,string"`
}

// everything has one field of each kind that the IDL knows, and itself.
type everything struct {
	Flag    bool              `thrift:"flag,1" frugal:"1,default,bool"`
	Byte    int8              `thrift:"byte,2" frugal:"2,default,byte"`
	Short   int16             `thrift:"short,3" frugal:"3,default,i16"`
	Int     int32             `thrift:"int,4" frugal:"4,default,i32"`
	Long    *int64            `thrift:"long,5,optional" frugal:"5,optional,i64"`
	Double  float64           `thrift:"double,6" frugal:"6,default,double"`
	Text    string            `thrift:"text,7" frugal:"7,default,string"`
	Binary  []byte            `thrift:"binary,8" frugal:"8,default,binary"`
	Colour  colour            `thrift:"colour,9" frugal:"9,default,Colour"`
	Set     []string          `thrift:"set,10" frugal:"10,default,set<string>"`
	Numbers []int64           `thrift:"numbers,11" frugal:"11,default,list<i64>"`
	Lists   [][]*leaf         `thrift:"lists,12" frugal:"12,default,list<list<leaf>>"`
	Map     map[string][]byte `thrift:"map,13" frugal:"13,default,map<string:binary>"`
	Self    *everything       `thrift:"self,14,optional" frugal:"14,optional,everything"`
}

func schemaOf(t *testing.T, example any) *value {
	t.Helper()
	v, err := schemas{}.of(reflect.TypeOf(example), "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bytesOf puts numbers, strings and single bytes behind each other.
func bytesOf(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case thrift.TType:
			b = append(b, byte(p))
		case string:
			b = append(b, p...)
		case int16:
			b = binary.BigEndian.AppendUint16(b, uint16(p))
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case int64:
			b = binary.BigEndian.AppendUint64(b, uint64(p))
		}
	}
	return b
}

func fieldOf(wire thrift.TType, id int16, value ...any) []byte {
	return append(bytesOf(wire, id), bytesOf(value...)...)
}

func TestCheck(t *testing.T) {
	schema := schemaOf(t, &everything{})
	const most = 1<<31 - 1
	oneLeaf := string(append(fieldOf(thrift.STRING, 1, 1, "a"), byte(thrift.STOP)))
	nested := func(deep int) []byte {
		var b []byte
		for range deep {
			b = append(b, fieldOf(thrift.STRUCT, 14)...)
		}
		return append(b, make([]byte, deep)...)
	}
	for _, x := range []struct {
		name   string
		body   []byte // without the stop at its end
		reason string // "" for none
	}{
		{"nothing", nil, ""},
		{"fixed sizes", slices.Concat(
			fieldOf(thrift.BOOL, 1, "\x01"), fieldOf(thrift.BYTE, 2, "x"), fieldOf(thrift.I16, 3, int16(1)),
			fieldOf(thrift.I32, 4, 1), fieldOf(thrift.I64, 5, int64(1)), fieldOf(thrift.DOUBLE, 6, int64(1)),
		), ""},
		{"enum", fieldOf(thrift.I32, 9, 3), ""},
		{"text", fieldOf(thrift.STRING, 7, 2, "ab"), ""},
		{"text too long", fieldOf(thrift.STRING, 7, most), "text says that it has 2147483647 bytes, and 1 are left"},
		{"text of negative length", fieldOf(thrift.STRING, 7, -1), "text says that it has -1 bytes, and 1 are left"},
		{"binary too long", fieldOf(thrift.STRING, 8, 2), "binary says that it has 2 bytes, and 1 are left"},
		{"set", fieldOf(thrift.SET, 10, thrift.STRING, 2, 1, "a", 0), ""},
		{"set too long", fieldOf(thrift.SET, 10, thrift.STRING, most),
			"set says that it has 2147483647 elements, and 1 bytes are left"},
		{"set of negative length", fieldOf(thrift.SET, 10, thrift.STRING, -1),
			"set says that it has -1 elements, and 1 bytes are left"},
		{"numbers", fieldOf(thrift.LIST, 11, thrift.I64, 1, int64(1)), ""},
		{"numbers one too long", fieldOf(thrift.LIST, 11, thrift.I64, 2, int64(1)),
			"numbers says that it has 2 elements, and 9 bytes are left"},
		{"numbers as bytes", fieldOf(thrift.LIST, 11, thrift.BYTE, 8, int64(1)),
			"numbers has elements of type 3 instead of 10"},
		{"empty list of no type", fieldOf(thrift.LIST, 11, thrift.STOP, 0), ""},
		{"lists", fieldOf(thrift.LIST, 12, thrift.LIST, 1, thrift.STRUCT, 1, oneLeaf), ""},
		{"inner list too long", fieldOf(thrift.LIST, 12, thrift.LIST, 1, thrift.STRUCT, 2, oneLeaf),
			"lists[0] says that it has 2 elements, and 10 bytes are left"},
		{"inner list hidden in bytes", fieldOf(thrift.LIST, 12, thrift.BYTE, 5, thrift.STRUCT, most),
			"lists has elements of type 3 instead of 15"},
		{"required in a list", fieldOf(thrift.LIST, 12, thrift.LIST, 1, thrift.STRUCT, 1, thrift.STOP, "        "),
			"lists[0][0].name is required"},
		{"map", fieldOf(thrift.MAP, 13, thrift.STRING, thrift.STRING, 1, 1, "k", 1, "v"), ""},
		{"map too long", fieldOf(thrift.MAP, 13, thrift.STRING, thrift.STRING, most),
			"map says that it has 2147483647 elements, and 1 bytes are left"},
		{"map of negative length", fieldOf(thrift.MAP, 13, thrift.STRING, thrift.STRING, -1),
			"map says that it has -1 elements, and 1 bytes are left"},
		{"map of another type", fieldOf(thrift.MAP, 13, thrift.I32, thrift.BYTE, 1, 1, "v"),
			"map maps type 8 to 3 instead of 11 to 11"},
		{"map's value too long", fieldOf(thrift.MAP, 13, thrift.STRING, thrift.STRING, 1, 1, "k", most),
			"map[0] says that it has 2147483647 bytes, and 1 are left"},
		{"itself", nested(60), ""},
		{"itself too deeply", nested(70), "is nested more than 64 deep"},
		{"unknown field", fieldOf(thrift.STRING, 99, 1, "x"), ""},
		{"negative field", fieldOf(thrift.STRING, -1, 1, "x"), ""},
		{"unknown field too long", fieldOf(thrift.STRING, 99, most),
			"field 99 says that it has 2147483647 bytes, and 1 are left"},
		{"unknown list too long", fieldOf(thrift.LIST, 99, thrift.STRUCT, most),
			"field 99 says that it has 2147483647 elements, and 1 bytes are left"},
		{"field of another type", fieldOf(thrift.LIST, 7, thrift.BYTE, 1, "x"), ""},
		{"field of no type", fieldOf(thrift.TType(99), 7, "x"), "field 7 has type 99, which is none of Thrift's"},
		{"field of a negative type", bytesOf("\x84", int16(7), "x"), "field 7 has type 132, which is none of Thrift's"},
		{"unknown list of no type", fieldOf(thrift.LIST, 99, thrift.STOP, 0), ""},
		{"unknown list of a negative type", fieldOf(thrift.LIST, 99, "\x84", 0),
			"field 99 has type 132, which is none of Thrift's"},
		{"unknown map", fieldOf(thrift.MAP, 99, thrift.BYTE, thrift.SET, 1, "k", thrift.I16, 1, int16(1)), ""},
		{"unknown map too long", fieldOf(thrift.MAP, 99, thrift.BYTE, thrift.BYTE, most),
			"field 99 says that it has 2147483647 elements, and 1 bytes are left"},
		{"unknown struct", fieldOf(thrift.STRUCT, 99, thrift.DOUBLE, int16(1), int64(1), thrift.STOP), ""},
		{"unknown, too deeply", fieldOf(thrift.LIST, 99, strings.Repeat("\x0f\x00\x00\x00\x01", 70)),
			"is nested more than 64 deep"},
	} {
		body := append(x.body, byte(thrift.STOP))
		n, m := schema.check(body, maxDepth)
		if x.reason == "" && (m != nil || n != len(body)) {
			t.Errorf("%s: %d of %d bytes, %v", x.name, n, len(body), m)
		}
		if x.reason != "" && (m == nil || !strings.HasSuffix(m.Error(), x.reason)) {
			t.Errorf("%s: %v", x.name, m)
		}
		if x.reason != "" {
			continue
		}
		for i := range body { // and every part of it ends too early
			if _, m := schema.check(body[:i], maxDepth); m == nil {
				t.Errorf("%s: passes after %d of %d bytes", x.name, i, len(body))
			}
		}
	}
}

func TestTypesThatCannotBeChecked(t *testing.T) {
	type untagged struct{ Name string }
	type negative struct {
		Name string `thrift:"name,-1" frugal:"-1,default,string"`
	}
	type unsigned struct {
		Size uint32 `thrift:"size,1" frugal:"1,default,u32"`
	}
	type vague struct {
		Names []string `thrift:"names,1" frugal:"1,default,names"`
	}
	type mapless struct {
		Names map[string]string `thrift:"names,1" frugal:"1,default,list<string>"`
	}
	for _, example := range []any{untagged{}, negative{}, unsigned{}, vague{}, mapless{}, make(chan int)} {
		if v, err := (schemas{}).of(reflect.TypeOf(example), ""); err == nil {
			t.Errorf("%T: %+v", example, v)
		}
	}
	for _, data := range []any{nil, 1, &everything{}} { // without a generated reader
		if _, err := New().Read(data, nil); err == nil {
			t.Errorf("%T is read", data)
		}
	}
}

func TestExceptions(t *testing.T) {
	message := fieldOf(thrift.STRING, 1, 2, "no")
	kind := fieldOf(thrift.I32, 2, int(remote.UnknownMethod))
	unknown := fieldOf(thrift.LIST, 9, thrift.STRING, 1, 3, "abc")
	stop := []byte{byte(thrift.STOP)}
	for _, x := range []struct {
		name string
		body []byte
		kind int32
		text string
	}{
		{"whole", slices.Concat(message, kind, stop), remote.UnknownMethod, "no"},
		{"with an unknown field first", slices.Concat(unknown, message, kind, stop), remote.UnknownMethod,
			"no"},
		{"cut", message, remote.ProtocolError, ""},
		{"too long", fieldOf(thrift.STRING, 1, 1<<31-1), remote.ProtocolError, ""},
	} {
		err, ok := errors.AsType[*remote.TransError](readException(x.body))
		if !ok || err.TypeID() != x.kind || !strings.Contains(err.Error(), x.text) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}
