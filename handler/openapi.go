package handler

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/refusal"
)

// object is a JSON object of the OpenAPI document.
type object = map[string]any

// openAPI is the OpenAPI 3.1 document of a contract. Descriptions are the comments of the IDL.
func openAPI(c *contract) ([]byte, error) {
	schemas := object{"Problem": problemSchema()}
	paths := object{}
	for _, m := range c.sorted() {
		m.addSchemas(schemas)
		path, ok := paths[m.route.path].(object)
		if !ok {
			path = object{}
			paths[m.route.path] = path
		}
		verb := strings.ToLower(m.route.verb)
		if other, taken := path[verb]; taken {
			path[verb] = mergeOperations(other.(object), m.operation())
		} else {
			path[verb] = m.operation()
		}
	}
	document, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Hongbao", "version": "1",
			"summary":     "Red envelopes and social transfers",
			"description": conventions,
		},
		"servers": []object{{"url": "/"}},
		"tags":    c.tags(),
		"paths":   paths,
		"components": object{
			"schemas":         schemas,
			"securitySchemes": object{securityScheme: object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A JWT signed with Ed25519 (EdDSA); its subject is who calls."}},
		},
		"security": []object{{securityScheme: []string{}}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return append(document, '\n'), nil
}

const securityScheme = "token"

const conventions = "Every success is answered 200, also where something was created. Amounts are whole minor units with a " +
	"currency, times are Unix milliseconds (UTC), 64-bit ids are strings. `request_id` makes a call safe to repeat. Errors are " +
	"RFC 9457 problem documents with a stable `code`. A request with a field or query parameter that is not listed is refused."

// commonCodes are those that every method may give; the others are named in its comment.
func commonCodes(m *method) []string {
	if m.signed {
		return []string{refusal.CodeInvalidArgument, CodeBodyTooLarge, CodeInternal, refusal.CodeUnavailable}
	}
	codes := []string{refusal.CodeInvalidArgument, CodeUnauthenticated, CodeForbidden, CodeInternal, refusal.CodeUnavailable}
	if m.route.hasBody() {
		codes = append(codes, CodeInvalidJSON, CodeBodyTooLarge, CodeUnsupportedMediaType)
	}
	return codes
}

// sorted are the methods in the order of path, verb and name.
func (c *contract) sorted() []*method {
	return slices.SortedFunc(maps.Values(c.methods), func(a, b *method) int {
		return strings.Compare(a.route.path+" "+a.route.verb+" "+a.String(), b.route.path+" "+b.route.verb+" "+b.String())
	})
}

func (c *contract) tags() []object {
	var tags []object
	for _, s := range c.services {
		tags = append(tags, object{"name": s.name, "description": s.doc})
	}
	return tags
}

// operation describes the method itself.
func (m *method) operation() object {
	summary, _, _ := strings.Cut(strings.ReplaceAll(m.doc, "\n", " "), ". ")
	o := object{
		"operationId": m.methodKey.method, "tags": []string{m.service}, "summary": strings.TrimSuffix(summary, "."),
		"description": m.doc + "\n\nScope: " + listScopes(m.scopes, " or ") + ".",
		"responses":   m.responses(),
	}
	if m.signed {
		o["description"], o["security"] = m.doc, []object{}
	}
	for _, f := range m.request.of(fromRawBody) {
		schema := object{"type": "object", "description": f.doc}
		o["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": schema}}}
	}
	if parameters := m.openAPIParameters(); len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if m.route.hasBody() && len(m.request.of(fromBody)) > 0 {
		o["requestBody"] = object{
			"required": true,
			"content":  object{"application/json": object{"schema": reference(m.request.name)}},
		}
	}
	return o
}

func (m *method) openAPIParameters() []object {
	var parameters []object
	for _, name := range slices.Sorted(maps.Keys(m.route.constants)) {
		parameters = append(parameters, object{
			"name": name, "in": "query", "required": true,
			"schema": object{"type": "string", "enum": []string{m.route.constants[name]}},
		})
	}
	for _, f := range m.request.fields {
		if f.source == fromBody || f.source == fromRawBody {
			continue
		}
		p := object{"name": f.param, "in": "query", "required": f.required, "schema": f.schema()}
		if f.source == fromPath {
			p["in"] = "path"
		}
		if f.source == fromHeader {
			p["in"] = "header"
		}
		if f.doc != "" {
			p["description"] = f.doc
		}
		parameters = append(parameters, p)
	}
	return parameters
}

// responses are the success, and the problems by status.
func (m *method) responses() object {
	byStatus := map[int][]string{}
	for _, code := range append(commonCodes(m), m.codes()...) {
		if status := verdicts[code].status; !slices.Contains(byStatus[status], code) {
			byStatus[status] = append(byStatus[status], code)
		}
	}
	responses := object{
		strconv.Itoa(http.StatusOK): object{
			"description": "Done",
			"content":     object{"application/json": object{"schema": reference(m.response.name)}},
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
		i := slices.IndexFunc(merged, func(other object) bool { return other["name"] == p["name"] && other["in"] == p["in"] })
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
func (m *method) addSchemas(to object) {
	if m.route.hasBody() && len(m.request.of(fromBody)) > 0 {
		m.request.addTo(to, false)
	}
	m.response.addTo(to, true)
}

// addTo adds the schema of a struct and of those in it. What is answered may gain fields one day, what is asked may not
// have others.
func (s *shape) addTo(schemas object, open bool) {
	properties, required := object{}, []string{}
	for _, f := range s.of(fromBody) {
		properties[f.name] = f.describedSchema()
		if f.required {
			required = append(required, f.name)
		}
		for v := &f.value; v != nil; v = v.elem {
			if v.object != nil {
				v.object.addTo(schemas, open)
			}
		}
	}
	schema := object{"type": "object", "properties": properties, "required": required}
	if s.doc != "" {
		schema["description"] = s.doc
	}
	if !open {
		schema["additionalProperties"] = false
	}
	schemas[s.name] = schema
}

func (f *field) describedSchema() object {
	schema := f.schema()
	if f.doc != "" {
		schema["description"] = f.doc
	}
	return schema
}

// schema is the JSON Schema of a value.
func (v *value) schema() object {
	switch v.kind {
	case kindInteger:
		if v.asString {
			return object{"type": "string", "pattern": `^-?[0-9]{1,19}$`}
		}
		return object{"type": "integer", "format": "int" + strconv.Itoa(v.bits)}
	case kindBool:
		return object{"type": "boolean"}
	case kindList:
		return object{"type": "array", "items": v.elem.schema()}
	case kindObject:
		return reference(v.object.name)
	}
	return object{"type": "string"}
}

// problemSchema describes what Problem.write writes.
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
			"code":     object{"type": "string", "enum": slices.Sorted(maps.Keys(verdicts)), "description": "stable: branch on this"},
			"incident": object{"type": "string", "description": "of internal errors: what to quote to the operator"},
		},
	}
}
