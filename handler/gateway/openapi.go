package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// object is a JSON object of the OpenAPI document.
type object = map[string]any

// openAPI is the OpenAPI 3.1 document of a contract. Descriptions are the comments of the IDL.
func openAPI(c *contract.Contract) ([]byte, error) {
	schemas := object{"Problem": problemSchema()}
	paths := object{}
	for _, m := range c.Sorted() {
		addSchemas(m, schemas)
		path, ok := paths[m.Route.Path].(object)
		if !ok {
			path = object{}
			paths[m.Route.Path] = path
		}
		verb := strings.ToLower(m.Route.Verb)
		if other, taken := path[verb]; taken {
			path[verb] = mergeOperations(other.(object), describeMethod(c, m))
		} else {
			path[verb] = describeMethod(c, m)
		}
	}
	addImages(paths, schemas)
	document, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Hongbao", "version": "1",
			"summary":     "Red envelopes and social transfers",
			"description": conventions,
		},
		"servers": []object{{"url": "/"}},
		"tags":    tagsOf(c),
		"paths":   paths,
		"components": object{
			"schemas": schemas,
			"securitySchemes": object{securityScheme: object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
				"description": "A JWT signed with Ed25519 (EdDSA); its subject is who calls."}},
		},
		"security": []object{{securityScheme: []string{}}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return append(document, '\n'), nil
}

const securityScheme = "token"

const conventions = "Every success is answered 200, also where something was created. Amounts are whole minor units " +
	"with a currency, times are Unix milliseconds (UTC), 64-bit ids are strings. `request_id` makes a call safe to " +
	"repeat. Errors are RFC 9457 problem documents with a stable `code`. A request with a field or query parameter " +
	"that is not listed is refused."

// commonCodes are those that every method may give; the others are named in its comment.
func commonCodes(m *contract.Method) []string {
	if m.Signed {
		return []string{refusal.CodeInvalidArgument, problem.CodeBodyTooLarge, problem.CodeRateLimited,
			problem.CodeInternal, refusal.CodeUnavailable}
	}
	codes := []string{refusal.CodeInvalidArgument, problem.CodeUnauthenticated, problem.CodeForbidden,
		problem.CodeRateLimited, problem.CodeInternal, refusal.CodeUnavailable}
	if m.Route.HasBody() {
		codes = append(codes, problem.CodeInvalidJSON, problem.CodeBodyTooLarge, problem.CodeUnsupportedMediaType)
	}
	return codes
}

var (
	backticked = regexp.MustCompile("`([a-z_]+)`")
	// asAnother finds the method of the same service whose errors are the method's, too.
	asAnother = regexp.MustCompile(`Errors:\s+as\s+(?:of\s+)?([A-Z]\w+)`)
)

// codesOf returns the codes that the method's comment names, in its order, after those of the method that it refers to.
func codesOf(c *contract.Contract, m *contract.Method) []string {
	var codes []string
	if other := asAnother.FindStringSubmatch(m.Doc); other != nil {
		codes = codesOf(c, c.Methods[contract.Key{Service: m.Service, Method: other[1]}])
	}
	for _, match := range backticked.FindAllStringSubmatch(m.Doc, -1) {
		if problem.IsCode(match[1]) && !slices.Contains(codes, match[1]) {
			codes = append(codes, match[1])
		}
	}
	return codes
}

func tagsOf(c *contract.Contract) []object {
	var tags []object
	for _, s := range c.Services {
		tags = append(tags, object{"name": s.Name, "description": s.Doc})
	}
	return tags
}

// describeMethod is the operation of one method.
func describeMethod(c *contract.Contract, m *contract.Method) object {
	summary, _, _ := strings.Cut(strings.ReplaceAll(m.Doc, "\n", " "), ". ")
	o := object{
		"operationId": m.Key.Method, "tags": []string{m.Service}, "summary": strings.TrimSuffix(summary, "."),
		"description": m.Doc + "\n\nScope: " + auth.ListScopes(m.Scopes, " or ") + ".",
		"responses":   responses(c, m),
	}
	if m.Signed {
		o["description"], o["security"] = m.Doc, []object{}
	}
	for _, f := range m.Request.From(contract.FromRawBody) {
		schema := object{"type": "object", "description": f.Doc}
		o["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": schema}}}
	}
	if parameters := openAPIParameters(m); len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if m.Route.HasBody() && len(m.Request.From(contract.FromBody)) > 0 {
		o["requestBody"] = object{
			"required": true,
			"content":  object{"application/json": object{"schema": reference(m.Request.Name)}},
		}
	}
	return o
}

func openAPIParameters(m *contract.Method) []object {
	var parameters []object
	for _, name := range slices.Sorted(maps.Keys(m.Route.Constants)) {
		parameters = append(parameters, object{
			"name": name, "in": "query", "required": true,
			"schema": object{"type": "string", "enum": []string{m.Route.Constants[name]}},
		})
	}
	for _, f := range m.Request.Fields {
		if f.Source == contract.FromBody || f.Source == contract.FromRawBody {
			continue
		}
		p := object{"name": f.Param, "in": "query", "required": f.Required, "schema": schemaOf(&f.Value)}
		if f.Source == contract.FromPath {
			p["in"] = "path"
		}
		if f.Source == contract.FromHeader {
			p["in"] = "header"
		}
		if f.Doc != "" {
			p["description"] = f.Doc
		}
		parameters = append(parameters, p)
	}
	return parameters
}

// responses are the success, and the problems by status.
func responses(c *contract.Contract, m *contract.Method) object {
	byStatus := map[int][]string{}
	for _, code := range append(commonCodes(m), codesOf(c, m)...) {
		if status := problem.Status(code); !slices.Contains(byStatus[status], code) {
			byStatus[status] = append(byStatus[status], code)
		}
	}
	responses := object{
		strconv.Itoa(http.StatusOK): object{
			"description": "Done",
			"content":     object{"application/json": object{"schema": reference(m.Response.Name)}},
		},
	}
	for status, codes := range byStatus {
		responses[strconv.Itoa(status)] = object{
			"description": http.StatusText(status) + ": `" + strings.Join(codes, "`, `") + "`",
			"content":     object{problemMediaType: object{"schema": reference("Problem")}},
		}
	}
	return responses
}

// mergeOperations joins two methods that constants in the query tell apart: OpenAPI knows one operation for each path
// and verb.
func mergeOperations(a, b object) object {
	merged := maps.Clone(a)
	merged["operationId"] = fmt.Sprintf("%sOr%s", b["operationId"], a["operationId"])
	merged["summary"] = fmt.Sprintf("%s; or: %s", a["summary"], b["summary"])
	merged["description"] = fmt.Sprintf("%s\n\nOr:\n\n%s", a["description"], b["description"])
	merged["parameters"] = mergeParameters(a["parameters"].([]object), b["parameters"].([]object))
	responses := maps.Clone(a["responses"].(object))
	for status, r := range b["responses"].(object) {
		if _, there := responses[status]; !there {
			responses[status] = r
		}
	}
	responses["200"] = object{"description": "Done", "content": object{"application/json": object{
		"schema": object{"anyOf": []any{successSchema(a), successSchema(b)}},
	}}}
	merged["responses"] = responses
	return merged
}

func successSchema(operation object) any {
	success := operation["responses"].(object)["200"].(object)
	return success["content"].(object)["application/json"].(object)["schema"]
}

// mergeParameters joins the choices of parameters of the same name.
func mergeParameters(a, b []object) []object {
	merged := slices.Clone(a)
	for _, p := range b {
		i := slices.IndexFunc(merged, func(other object) bool {
			return other["name"] == p["name"] &&
				other["in"] == p["in"]
		})
		if i < 0 {
			merged = append(merged, p)
			continue
		}
		mine, isChoice := merged[i]["schema"].(object)["enum"].([]string)
		theirs, _ := p["schema"].(object)["enum"].([]string)
		if isChoice {
			both := maps.Clone(merged[i])
			both["schema"] = object{"type": "string", "enum": slices.Concat(mine, theirs)}
			merged[i] = both
		}
	}
	return merged
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// addSchemas adds what the method's bodies are made of.
func addSchemas(m *contract.Method, to object) {
	if m.Route.HasBody() && len(m.Request.From(contract.FromBody)) > 0 {
		addSchema(m.Request, to, false)
	}
	addSchema(m.Response, to, true)
}

// addSchema adds the schema of a struct and of those in it. What is answered may gain fields one day, what is asked may
// not have others.
func addSchema(s *contract.Shape, schemas object, open bool) {
	properties, required := object{}, []string{}
	for _, f := range s.From(contract.FromBody) {
		properties[f.Name] = describedSchema(f)
		if f.Required {
			required = append(required, f.Name)
		}
		for v := &f.Value; v != nil; v = v.Elem {
			if v.Object != nil {
				addSchema(v.Object, schemas, open)
			}
		}
	}
	schema := object{"type": "object", "properties": properties, "required": required}
	if s.Doc != "" {
		schema["description"] = s.Doc
	}
	if !open {
		schema["additionalProperties"] = false
	}
	schemas[s.Name] = schema
}

func describedSchema(f *contract.Field) object {
	schema := schemaOf(&f.Value)
	if f.Doc != "" {
		schema["description"] = f.Doc
	}
	return schema
}

// schemaOf is the JSON Schema of a value.
func schemaOf(v *contract.Value) object {
	switch v.Kind {
	case contract.KindInteger:
		if v.AsString {
			return object{"type": "string", "pattern": `^-?[0-9]{1,19}$`}
		}
		return object{"type": "integer", "format": "int" + strconv.Itoa(v.Bits)}
	case contract.KindBool:
		return object{"type": "boolean"}
	case contract.KindList:
		return object{"type": "array", "items": schemaOf(v.Elem)}
	case contract.KindObject:
		return reference(v.Object.Name)
	}
	return object{"type": "string"}
}

// problemSchema describes what writeProblem writes.
func problemSchema() object {
	return object{
		"type":        "object",
		"description": "An error, after RFC 9457.",
		"required":    []string{"type", "title", "status", "detail", "code"},
		"properties": object{
			"type":     object{"type": "string", "format": "uri", "description": problemTypeBase + " and the code"},
			"title":    object{"type": "string", "description": "the same for every occurrence of the code"},
			"status":   object{"type": "integer"},
			"detail":   object{"type": "string", "description": "what was wrong and what is allowed, for a person"},
			"code":     object{"type": "string", "enum": problem.Codes(), "description": "stable: branch on this"},
			"incident": object{"type": "string", "description": "of internal errors: what to quote to the operator"},
		},
	}
}
