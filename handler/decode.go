package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/refusal"
)

// What a request may look like is stricter than what encoding/json takes: every field is known, spelled exactly, given
// once and of its own type, and the required ones are there. What is wrong is said with the path of the field.

func invalid(format string, args ...any) error {
	return refusal.New(refusal.CodeInvalidArgument, format, args...)
}

func notJSON(format string, args ...any) error {
	return refusal.New(CodeInvalidJSON, format, args...)
}

// clip shortens what a client sent before it is quoted back.
func clip(s string) string {
	const most = 32 // bytes
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// decodeBody fills the fields of a request that come from the body. Refusals: invalid_json, invalid_argument.
func (s *shape) decodeBody(body []byte, into reflect.Value) error {
	if !utf8.Valid(body) {
		return notJSON("the body is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return notJSON("the body is not JSON: %s", syntax(err, body))
	}
	if whole = bytes.TrimSpace(whole); whole[0] != '{' {
		return notJSON("the body is %s: give a JSON object with %s", article(whole), s.expected(fromBody))
	}
	return s.decodeObject("", whole, into)
}

// syntax says what is wrong with text that is not JSON. The errors of encoding/json quote one character at most.
func syntax(err error, body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "it is empty"
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%s, at byte %d", e.Error(), e.Offset)
	}
	return "it cannot be read"
}

// decodeObject fills the fields that come from the body. raw is valid JSON that begins with '{'.
func (s *shape) decodeObject(path string, raw json.RawMessage, into reflect.Value) error {
	members, err := membersOf(path, raw)
	if err != nil {
		return err
	}
	given := make(map[string]bool, len(members))
	for _, m := range members {
		f := s.named(m.name)
		if f == nil || f.source != fromBody {
			return invalid("field %q is unknown: give %s", clip(path+m.name), s.expected(fromBody))
		}
		if !f.required && string(m.raw) == "null" {
			continue // as if it were not there
		}
		if err := f.decode(path+f.name, m.raw, into.Field(f.index)); err != nil {
			return err
		}
		given[f.name] = true
	}
	var missing []string
	for _, f := range s.of(fromBody) {
		if f.required && !given[f.name] {
			missing = append(missing, path+f.name+" ("+f.describe()+")")
		}
	}
	if len(missing) > 0 {
		return invalid("missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

type member struct {
	name string
	raw  json.RawMessage
}

// membersOf takes a valid JSON object apart. Refusal: invalid_json for a name that is there twice.
func membersOf(path string, raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, notJSON("the body is not JSON")
	}
	var members []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, notJSON("the body is not JSON")
		}
		m := member{name: name.(string)} // what is not a string is no valid JSON here
		if err := d.Decode(&m.raw); err != nil {
			return nil, notJSON("the body is not JSON")
		}
		if slices.ContainsFunc(members, func(other member) bool { return other.name == m.name }) {
			return nil, notJSON("field %q is there twice", clip(path+m.name))
		}
		members = append(members, m)
	}
	return members, nil
}

// decode fills one value from valid JSON.
func (v *value) decode(path string, raw json.RawMessage, into reflect.Value) error {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch {
	case v.kind == kindInteger:
		return v.decodeInteger(path, raw, into)
	case v.kind == kindList && raw[0] == '[':
		return v.decodeList(path, raw, into)
	case v.kind == kindObject && raw[0] == '{':
		return v.object.decodeObject(path+".", raw, into)
	case v.kind == kindString && raw[0] == '"', v.kind == kindBool && (raw[0] == 't' || raw[0] == 'f'):
		if err := json.Unmarshal(raw, into.Addr().Interface()); err != nil {
			return invalid("%s: give %s", path, v.describe())
		}
		return nil
	}
	return invalid("%s is %s: give %s", path, article(raw), v.describe())
}

func (v *value) decodeList(path string, raw json.RawMessage, into reflect.Value) error {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return invalid("%s: give %s", path, v.describe())
	}
	into.Set(reflect.MakeSlice(into.Type(), len(elements), len(elements)))
	for i, e := range elements {
		if err := v.elem.decode(fmt.Sprintf("%s[%d]", path, i), e, into.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// decodeInteger takes a JSON number, or for an id a string of digits.
func (v *value) decodeInteger(path string, raw json.RawMessage, into reflect.Value) error {
	text := string(raw)
	if v.asString {
		if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
			return invalid("%s is %s: give %s", path, article(raw), v.describe())
		}
	} else if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return invalid("%s is %s: give %s", path, article(raw), v.describe())
	}
	return v.parseInteger(path, text, into)
}

// parseInteger reads a whole number in its usual decimal form.
func (v *value) parseInteger(path, text string, into reflect.Value) error {
	if !wholeNumber.MatchString(text) {
		return invalid("%s %q is malformed: give %s", path, clip(text), v.describe())
	}
	n, err := strconv.ParseInt(text, 10, v.bits)
	if err != nil {
		return invalid("%s %q is out of range: give %s", path, clip(text), v.describe())
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	into.SetInt(n)
	return nil
}

// decodeText fills a value from the path or the query.
func (v *value) decodeText(path, text string, into reflect.Value) error {
	if v.kind == kindInteger {
		return v.parseInteger(path, text, into)
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	into.SetString(text)
	return nil
}

// describe says what is allowed, for the end of a sentence.
func (v *value) describe() string {
	switch v.kind {
	case kindInteger:
		bounds := fmt.Sprintf("from %d to %d", int64(math.MinInt64)>>(64-v.bits), int64(math.MaxInt64)>>(64-v.bits))
		if v.asString {
			return "an id: a whole number in a string"
		}
		return "a whole number " + bounds
	case kindBool:
		return "true or false"
	case kindList:
		return "a list; each element " + v.elem.describe()
	case kindObject:
		return "an object with " + v.object.expected(fromBody)
	}
	return "a string"
}

// expected names the fields that come from a source.
func (s *shape) expected(from source) string {
	var names []string
	for _, f := range s.of(from) {
		names = append(names, f.name)
	}
	if len(names) == 0 {
		return "no fields"
	}
	return strings.Join(names, ", ")
}

// article names what valid JSON is.
func article(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}
