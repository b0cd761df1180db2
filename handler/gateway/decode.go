package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// What a request may look like is stricter than what encoding/json takes: every field is known, spelled exactly, given
// once and of its own type, and the required ones are there. What is wrong is said with the path of the field.

func invalid(format string, args ...any) error {
	return refusal.New(refusal.CodeInvalidArgument, format, args...)
}

func notJSON(format string, args ...any) error {
	return refusal.New(problem.CodeInvalidJSON, format, args...)
}

// decodeBody fills the fields of a request that come from the body. It reads the body once, from its beginning, and
// stops at the first thing that is wrong, so that what follows an unknown field costs nothing. Refusals:
// invalid_json, invalid_argument.
func decodeBody(s *contract.Shape, body []byte, into reflect.Value) error {
	if !utf8.Valid(body) {
		return notJSON("the body is not UTF-8")
	}
	b := newBodyReader(body)
	first, err := b.token()
	if err != nil {
		return err
	}
	if first != json.Delim('{') {
		return notJSON("the body is %s: give a JSON object with %s", article(first), expected(s, contract.FromBody))
	}
	if err := decodeObject(s, "", b, into); err != nil {
		return err
	}
	return b.end()
}

// bodyReader reads a body token by token.
type bodyReader struct {
	body    []byte
	decoder *json.Decoder
}

func newBodyReader(body []byte) *bodyReader {
	b := &bodyReader{body: body, decoder: json.NewDecoder(bytes.NewReader(body))}
	b.decoder.UseNumber()
	return b
}

// token is the next one. Refusal: invalid_json.
func (b *bodyReader) token() (json.Token, error) {
	before := b.decoder.InputOffset()
	t, err := b.decoder.Token()
	if err != nil {
		return nil, notJSON("the body is not JSON: %s", syntax(err, b.body))
	}
	if _, isString := t.(string); isString {
		if half := loneSurrogate(b.body[before:b.decoder.InputOffset()]); half != "" {
			return nil, notJSON(
				"the body is not JSON: %s before byte %d is half of a surrogate pair: give both halves, or the "+
					"character itself",
				half, b.decoder.InputOffset()+1)
		}
	}
	return t, nil
}

// loneSurrogate finds in a valid JSON string the first escaped half of a surrogate pair whose other half is not
// there, which encoding/json would silently replace; "" where there is none.
func loneSurrogate(text []byte) string {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit := escapedUnit(text[i:])
		if !utf16.IsSurrogate(unit) {
			i++ // what is escaped may be a backslash
			continue
		}
		if utf16.DecodeRune(unit, escapedUnit(text[i+escapeLength:])) == utf8.RuneError {
			return string(text[i : i+escapeLength])
		}
		i += 2*escapeLength - 1
	}
	return ""
}

const escapeLength = len(`\u0000`)

// escapedUnit is the unit of UTF-16 that a text begins with in the form \u0000, or 0.
func escapedUnit(text []byte) rune {
	if len(text) < escapeLength || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(text[2:escapeLength]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

// end makes sure that nothing follows. Refusal: invalid_json.
func (b *bodyReader) end() error {
	at := b.decoder.InputOffset()
	if rest := bytes.TrimLeft(b.body[at:], " \t\r\n"); len(rest) > 0 {
		r, _ := utf8.DecodeRune(rest)
		return notJSON("the body is not JSON: invalid character %q after top-level value, at byte %d",
			r, len(b.body)-len(rest)+1)
	}
	return nil
}

// syntax says what is wrong with text that is not JSON. The errors of encoding/json quote one character at most.
func syntax(err error, body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "it is empty"
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%s, at byte %d", e.Error(), e.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("unexpected end of JSON input, at byte %d", len(body))
	}
	return "it cannot be read"
}

// decodeObject fills the fields that come from the body. The object's '{' has been read.
func decodeObject(s *contract.Shape, path string, b *bodyReader, into reflect.Value) error {
	given := make([]bool, len(s.Fields))
	for b.decoder.More() {
		name, err := b.token()
		if err != nil {
			return err
		}
		i := s.IndexOf(name.(string)) // in an object the decoder takes nothing but a string for a name
		if i < 0 || s.Fields[i].Source != contract.FromBody {
			return invalid("field %q is unknown: give %s", refusal.Clip(path+name.(string)),
				expected(s, contract.FromBody))
		}
		if given[i] {
			return notJSON("field %q appears twice", refusal.Clip(path+name.(string)))
		}
		given[i] = true
		if err := decodeField(s.Fields[i], path, b, into); err != nil {
			return err
		}
	}
	if _, err := b.token(); err != nil { // the object's end
		return err
	}
	var missing []string
	for i, f := range s.Fields {
		if f.Source == contract.FromBody && f.Required && !given[i] {
			missing = append(missing, path+f.Name+" ("+describe(&f.Value)+")")
		}
	}
	if len(missing) > 0 {
		return invalid("missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

// decodeField reads the value of a field. null for one that is not required is as if the field were not there.
func decodeField(f *contract.Field, path string, b *bodyReader, into reflect.Value) error {
	first, err := b.token()
	if err != nil || first == nil && !f.Required {
		return err
	}
	return decodeValue(&f.Value, path+f.Name, first, b, into.Field(f.Index))
}

// decodeValue fills one value, whose first token has been read.
func decodeValue(v *contract.Value, path string, first json.Token, b *bodyReader, into reflect.Value) error {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch t := first.(type) {
	case json.Delim:
		if v.Kind == contract.KindList && t == '[' {
			return decodeList(v, path, b, into)
		}
		if v.Kind == contract.KindObject && t == '{' {
			return decodeObject(v.Object, path+".", b, into)
		}
	case string:
		if v.Kind == contract.KindString {
			into.SetString(t)
			return nil
		}
		if v.Kind == contract.KindInteger && v.AsString {
			return parseInteger(v, path, t, into)
		}
	case json.Number:
		if v.Kind == contract.KindInteger && !v.AsString {
			return parseInteger(v, path, t.String(), into)
		}
	case bool:
		if v.Kind == contract.KindBool {
			into.SetBool(t)
			return nil
		}
	}
	return invalid("%s is %s: give %s", path, article(first), describe(v))
}

// decodeList reads the elements of a list, whose '[' has been read, and its end.
func decodeList(v *contract.Value, path string, b *bodyReader, into reflect.Value) error {
	into.Set(reflect.MakeSlice(into.Type(), 0, 0))
	for i := 0; b.decoder.More(); i++ {
		first, err := b.token()
		if err != nil {
			return err
		}
		into.Set(reflect.Append(into, reflect.Zero(into.Type().Elem())))
		if err := decodeValue(v.Elem, fmt.Sprintf("%s[%d]", path, i), first, b, into.Index(i)); err != nil {
			return err
		}
	}
	_, err := b.token() // the list's end
	return err
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// parseInteger reads a whole number in its usual decimal form.
func parseInteger(v *contract.Value, path, text string, into reflect.Value) error {
	if !wholeNumber.MatchString(text) {
		hint := ""
		if v.Bits == 64 && !v.AsString && strings.Contains(text, ".") { // as of somebody who counts in yuan
			hint = "; money is in minor units, as 888 for 8.88"
		}
		return invalid("%s %q is malformed: give %s%s", path, refusal.Clip(text), describe(v), hint)
	}
	n, err := strconv.ParseInt(text, 10, v.Bits)
	if err != nil {
		return invalid("%s %q is out of range: give %s", path, refusal.Clip(text), describe(v))
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	into.SetInt(n)
	return nil
}

// decodeText fills a value from the path or the query.
func decodeText(v *contract.Value, path, text string, into reflect.Value) error {
	if v.Kind == contract.KindInteger {
		return parseInteger(v, path, text, into)
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	into.SetString(text)
	return nil
}

// describe says what is allowed, for the end of a sentence.
func describe(v *contract.Value) string {
	switch v.Kind {
	case contract.KindInteger:
		bounds := fmt.Sprintf("from %d to %d", int64(math.MinInt64)>>(64-v.Bits), int64(math.MaxInt64)>>(64-v.Bits))
		if v.AsString {
			return "an id: a whole number in a string"
		}
		return "a whole number " + bounds
	case contract.KindBool:
		return "true or false"
	case contract.KindList:
		return "a list; each element " + describe(v.Elem)
	case contract.KindObject:
		return "an object with " + expected(v.Object, contract.FromBody)
	}
	return "a string"
}

// expected names the fields that come from a source.
func expected(s *contract.Shape, from contract.Source) string {
	var names []string
	for _, f := range s.From(from) {
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return "no fields"
	}
	return strings.Join(names, ", ")
}

// article names what a token is, or begins.
func article(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return "an object"
		}
		return "a list"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case nil:
		return "null"
	}
	return "a number"
}
