package handler

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/cloudwego/thriftgo/parser"
)

// kind is what a value is in JSON.
type kind int

const (
	kindString  kind = iota
	kindInteger      // whole numbers; as a decimal string where the field is an id
	kindBool
	kindList
	kindObject
)

// source is where a field of a request comes from.
type source int

const (
	fromBody source = iota
	fromPath
	fromQuery
	fromHeader
	fromRawBody // the body as it came; the generated field is of type []byte
)

// shape is a struct of the IDL with what the generated type and the text say about it together.
type shape struct {
	name   string
	doc    string
	fields []*field
}

type field struct {
	name     string // in JSON
	doc      string
	index    int // of the generated struct's field
	required bool
	source   source
	param    string // its name in the path, query or header
	value
}

// value is the type of a field or of a list's elements.
type value struct {
	kind     kind
	bits     int    // integers
	asString bool   // integers
	elem     *value // lists
	object   *shape // objects
}

// indexOf is the place of the field with that name in JSON, or -1.
func (s *shape) indexOf(name string) int {
	return slices.IndexFunc(s.fields, func(f *field) bool { return f.name == name })
}

// of returns the fields that come from one source.
func (s *shape) of(from source) []*field {
	var found []*field
	for _, f := range s.fields {
		if f.source == from {
			found = append(found, f)
		}
	}
	return found
}

// newShape joins a generated struct with its text in the IDL.
func newShape(t reflect.Type, tree *parser.Thrift) (*shape, error) {
	text, ok := tree.GetStruct(t.Name())
	if !ok {
		return nil, fmt.Errorf("struct %s is not in the IDL: run go generate", t.Name())
	}
	s := &shape{name: t.Name(), doc: comment(text.ReservedComments)}
	for i := range t.NumField() {
		f, err := newField(t.Field(i), text, tree)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name(), err)
		}
		f.index = i
		s.fields = append(s.fields, f)
	}
	return s, nil
}

func newField(g reflect.StructField, text *parser.StructLike, tree *parser.Thrift) (*field, error) {
	name, _, _ := strings.Cut(g.Tag.Get("thrift"), ",")
	described, ok := text.GetField(name)
	if !ok {
		return nil, fmt.Errorf("field %s is not in the IDL: run go generate", g.Name)
	}
	tag := strings.Split(g.Tag.Get("json"), ",")
	f := &field{name: tag[0], doc: comment(described.ReservedComments), required: described.Requiredness.IsRequired()}
	sources := map[string]source{annotationPath: fromPath, annotationQuery: fromQuery, annotationHeader: fromHeader,
		annotationRawBody: fromRawBody}
	for annotation, from := range sources {
		if values := described.Annotations.Get(annotation); len(values) == 1 {
			f.source, f.param = from, values[0]
		}
	}
	if f.source == fromRawBody {
		return f, nil // it never has a form in JSON
	}
	v, err := newValue(g.Type, tree)
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", name, err)
	}
	v.asString = v.kind == kindInteger && slices.Contains(tag, "string")
	f.value = *v
	return f, nil
}

func newValue(t reflect.Type, tree *parser.Thrift) (*value, error) {
	switch t.Kind() {
	case reflect.Pointer:
		return newValue(t.Elem(), tree)
	case reflect.String:
		return &value{kind: kindString}, nil
	case reflect.Int32, reflect.Int64:
		return &value{kind: kindInteger, bits: t.Bits()}, nil
	case reflect.Bool:
		return &value{kind: kindBool}, nil
	case reflect.Slice:
		elem, err := newValue(t.Elem(), tree)
		return &value{kind: kindList, elem: elem}, err
	case reflect.Struct:
		object, err := newShape(t, tree)
		return &value{kind: kindObject, object: object}, err
	}
	return nil, fmt.Errorf("a %s has no form in JSON here", t)
}
