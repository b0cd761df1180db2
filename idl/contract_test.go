package idl_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloudwego/thriftgo/parser"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/idl"
)

const contractFile = "testdata/contract.json"

// Renewing the file is how a contract is changed on purpose. Additions need no renewal, but are kept only after one.
var renew = flag.Bool("renew-contract", false, "write "+contractFile+" anew")

// object is a JSON object of a contract.
type object = map[string]any

// The contracts that clients were built against are in testdata/contract.json: /openapi.json and the Thrift files,
// without descriptions and comments. Things may be added to them; nothing may vanish or change. Where that is meant,
// the file is renewed, and its diff says what clients have to do:
//
//	go test ./idl -run TestContractsAreKept -renew-contract
func TestContractsAreKept(t *testing.T) {
	now := object{"openapi": openAPI(t), "thrift": thriftFiles(t)}
	if *renew {
		text, err := json.MarshalIndent(now, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(contractFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	var before object
	if err := json.Unmarshal(text, &before); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes("", before, plain(t, now)) {
		t.Error(c)
	}
}

// openAPI is the document as a gateway serves it.
func openAPI(t *testing.T) (document any) {
	t.Helper()
	g, err := gateway.New(gateway.Config{
		RPC: client.KitexOptions(client.DefaultTimeout, "127.0.0.1:1"), Log: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(), Gatherer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	answer := httptest.NewRecorder()
	g.HTTPServer().Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil {
		t.Fatalf("%d: %v", answer.Code, err)
	}
	return normal(document)
}

// normal is a document without descriptions, with lists of named things and of words as objects by name.
func normal(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for key, value := range v {
			_, isText := value.(string)
			if isText && (key == "description" || key == "summary") {
				continue
			}
			out[key] = normal(value)
		}
		return out
	case []any:
		named, words := object{}, object{}
		for _, item := range v {
			switch item := item.(type) {
			case string:
				words[item] = true
			case object:
				if name, ok := item["name"].(string); ok {
					in, _ := item["in"].(string)
					named[strings.TrimSpace(in+" "+name)] = normal(item)
				}
			}
		}
		switch len(v) {
		case len(named):
			return named
		case len(words):
			return words
		}
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = normal(item)
		}
		return list
	}
	return v
}

// thriftFiles are the contracts on the wire, by file.
func thriftFiles(t *testing.T) object {
	t.Helper()
	files, err := fs.Glob(idl.Files, "*.thrift")
	if err != nil {
		t.Fatal(err)
	}
	all := object{}
	for _, file := range files {
		text, err := fs.ReadFile(idl.Files, file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = thriftFile(t, file, string(text))
	}
	return all
}

// thriftFile is what one file promises.
func thriftFile(t *testing.T, file, text string) object {
	t.Helper()
	tree, err := parser.ParseString(file, text)
	if err != nil {
		t.Fatal(err)
	}
	structs, services, namespaces := object{}, object{}, object{}
	for _, s := range tree.Structs {
		structs[s.Name] = object{"fields": fields(s.Fields)}
	}
	for _, s := range tree.Services {
		functions := object{}
		for _, f := range s.Functions {
			functions[f.Name] = object{
				"arguments": fields(f.Arguments), "returns": f.FunctionType.String(), "throws": fields(f.Throws),
				"oneway": f.Oneway, "annotations": annotations(f.Annotations),
			}
		}
		services[s.Name] = object{"functions": functions}
	}
	for _, n := range tree.Namespaces {
		namespaces[n.Language] = n.Name
	}
	others := len(tree.Enums) + len(tree.Typedefs) + len(tree.Unions) + len(tree.Exceptions) + len(tree.Constants)
	if others > 0 {
		t.Fatalf("%s has %d enums, typedefs, unions, exceptions or constants, which this test does not compare", file,
			others)
	}
	return object{"structs": structs, "services": services, "namespaces": namespaces}
}

func fields(all []*parser.Field) object {
	byID := object{}
	for _, f := range all {
		byID[fmt.Sprint(f.ID)] = object{
			"name": f.Name, "type": f.Type.String(), "requiredness": f.Requiredness.String(),
			"annotations": annotations(f.Annotations),
		}
	}
	return byID
}

func annotations(all parser.Annotations) object {
	byKey := object{}
	for _, a := range all {
		byKey[a.Key] = strings.Join(a.Values, " | ")
	}
	return byKey
}

// plain is v as if it had been read from JSON.
func plain(t *testing.T, v any) (out any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// grows are objects to which names may be added: each name stands for something new.
var grows = []string{
	"paths", "schemas", "responses", "parameters", "properties", "tags", "thrift", "structs", "services", "functions",
	"enum", // the codes of refusals
}

var verbs = []string{"get", "post", "put", "delete", "patch"}

// changes names what a contract no longer says as it did.
func changes(where string, before, now any) (found []string) {
	old, isObject := before.(object)
	current, ok := now.(object)
	if !isObject || !ok {
		if b, n := fmt.Sprint(before), fmt.Sprint(now); b != n {
			found = append(found, fmt.Sprintf("%s was %s, is %s", where, b, n))
		}
		return found
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		value, ok := current[name]
		if !ok {
			found = append(found, where+"/"+name+" has vanished")
			continue
		}
		found = append(found, changes(where+"/"+name, old[name], value)...)
	}
	for _, name := range slices.Sorted(maps.Keys(current)) {
		if _, ok := old[name]; ok || mayBeNew(where, name, current[name]) {
			continue
		}
		found = append(found, fmt.Sprintf("%s/%s is new: %v", where, name, current[name]))
	}
	return found
}

// mayBeNew says whether a name that is added to an object leaves what clients know as it was.
func mayBeNew(where, name string, value any) bool {
	steps := strings.Split(where, "/")
	last, before := steps[len(steps)-1], ""
	if len(steps) > 1 {
		before = steps[len(steps)-2]
	}
	switch {
	case before == "paths":
		return slices.Contains(verbs, name)
	case last == "fields":
		field, _ := value.(object)
		return field["requiredness"] == "Optional"
	case last == "parameters":
		parameter, _ := value.(object)
		return parameter["required"] != true
	}
	return slices.Contains(grows, last)
}

// What would break a client is found, and what would not is not.
func TestChangesOfAContract(t *testing.T) {
	const text = `struct S { 1: required i64 a (api.path = "id") 2: optional string b }
service X { S M(1: S r) (api.get = "/v1/x", hongbao.scope = "user") }`
	before := plain(t, thriftFile(t, "x.thrift", text))
	for _, c := range []struct{ name, old, replacement, want string }{
		{"nothing", "", "", ""},
		{"an optional field", "2: optional", "3: optional i32 c 2: optional", ""},
		{"a struct", "struct S", "struct N { 1: required i64 n } struct S", ""},
		{"a method", "service X {", `service X { S O(1: S r) (api.get = "/v1/o", hongbao.scope = "user")`, ""},
		{"a required field", "2: optional", "3: required i32 c 2: optional", "fields/3 is new"},
		{"a field less", "2: optional string b", "", "fields/2 has vanished"},
		{"another type", "i64", "i32", "type was i64, is i32"},
		{"another requiredness", "2: optional", "2: required", "requiredness was Optional, is Required"},
		{"another path", "/v1/x", "/v1/y", "api.get was /v1/x, is /v1/y"},
		{"another scope", `"user"`, `"service"`, "hongbao.scope was user, is service"},
		{"another id", "2: optional", "4: optional", "fields/2 has vanished"},
		{"another source", `(api.path = "id")`, `(api.query = "id")`, "api.path has vanished"},
	} {
		now := plain(t, thriftFile(t, "x.thrift", strings.Replace(text, c.old, c.replacement, 1)))
		found := strings.Join(changes("", before, now), "; ")
		if (found == "") != (c.want == "") || !strings.Contains(found, c.want) {
			t.Errorf("%s: %q, want %q", c.name, found, c.want)
		}
	}
}
