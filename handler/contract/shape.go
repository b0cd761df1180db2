package contract

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/cloudwego/thriftgo/parser"
)

// Kind is what a value is in JSON.
type Kind int

const (
	KindString  Kind = iota
	KindInteger      // whole numbers; as a decimal string where the field is an id
	KindBool
	KindList
	KindObject
)

// Source is where a field of a request comes from.
type Source int

const (
	FromBody Source = iota
	FromPath
	FromQuery
	FromHeader
	FromRawBody // the body as it came; the generated field is of type []byte
)

// Shape is a struct of the IDL with what the generated type and the text say about it together.
type Shape struct {
	Name   string
	Doc    string
	Fields []*Field
}

// Field is a field of a Shape.
type Field struct {
	Name     string // in JSON
	Doc      string
	Index    int // of the generated struct's field
	Required bool
	Source   Source
	Param    string // its name in the path, query or header
	Value
}

// Value is the type of a field or of a list's elements.
type Value struct {
	Kind     Kind
	Bits     int    // integers
	AsString bool   // integers
	Elem     *Value // lists
	Object   *Shape // objects
}

// IndexOf is the place of the field with that name in JSON, or -1.
func (s *Shape) IndexOf(name string) int {
	return slices.IndexFunc(s.Fields, func(f *Field) bool { return f.Name == name })
}

// From returns the fields that come from one source.
func (s *Shape) From(source Source) []*Field {
	var found []*Field
	for _, f := range s.Fields {
		if f.Source == source {
			found = append(found, f)
		}
	}
	return found
}

// newShape joins a generated struct with its text in the IDL.
func newShape(t reflect.Type, tree *parser.Thrift) (*Shape, error) {
	text, ok := tree.GetStruct(t.Name())
	if !ok {
		return nil, fmt.Errorf("struct %s is not in the IDL: run go generate", t.Name())
	}
	s := &Shape{Name: t.Name(), Doc: comment(text.ReservedComments)}
	for i := range t.NumField() {
		f, err := newField(t.Field(i), text, tree)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name(), err)
		}
		f.Index = i
		s.Fields = append(s.Fields, f)
	}
	return s, nil
}

func newField(g reflect.StructField, text *parser.StructLike, tree *parser.Thrift) (*Field, error) {
	name, _, _ := strings.Cut(g.Tag.Get("thrift"), ",")
	described, ok := text.GetField(name)
	if !ok {
		return nil, fmt.Errorf("field %s is not in the IDL: run go generate", g.Name)
	}
	tag := strings.Split(g.Tag.Get("json"), ",")
	f := &Field{Name: tag[0], Doc: comment(described.ReservedComments), Required: described.Requiredness.IsRequired()}
	sources := map[string]Source{annotationPath: FromPath, annotationQuery: FromQuery, annotationHeader: FromHeader,
		annotationRawBody: FromRawBody}
	for annotation, from := range sources {
		if values := described.Annotations.Get(annotation); len(values) == 1 {
			f.Source, f.Param = from, values[0]
		}
	}
	if f.Source == FromRawBody {
		return f, nil // it never has a form in JSON
	}
	v, err := newValue(g.Type, tree)
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", name, err)
	}
	v.AsString = v.Kind == KindInteger && slices.Contains(tag, "string")
	f.Value = *v
	return f, nil
}

func newValue(t reflect.Type, tree *parser.Thrift) (*Value, error) {
	switch t.Kind() {
	case reflect.Pointer:
		return newValue(t.Elem(), tree)
	case reflect.String:
		return &Value{Kind: KindString}, nil
	case reflect.Int32, reflect.Int64:
		return &Value{Kind: KindInteger, Bits: t.Bits()}, nil
	case reflect.Bool:
		return &Value{Kind: KindBool}, nil
	case reflect.Slice:
		elem, err := newValue(t.Elem(), tree)
		return &Value{Kind: KindList, Elem: elem}, err
	case reflect.Struct:
		object, err := newShape(t, tree)
		return &Value{Kind: KindObject, Object: object}, err
	}
	return nil, fmt.Errorf("a %s has no form in JSON here", t)
}
