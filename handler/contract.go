package handler

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/thriftgo/parser"

	"github.com/hongbao/hongbao/idl"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi/collectionservice"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
)

// Annotations of the IDL that are understood here.
const (
	annotationScope   = "hongbao.scope"   // scopes that admit, one of them suffices; every method needs it
	annotationTimeout = "hongbao.timeout" // how long a call may take, where that is not serviceTimeout
	annotationPath    = "api.path"        // the field comes from the path
	annotationQuery   = "api.query"       // the field comes from the query
	annotationHeader  = "api.header"      // the field is a header
	annotationRawBody = "api.raw_body"    // the field is the body as it came
)

// scopeSignature stands for the scopes of a method that is open to everybody: its service lets nobody in who has not
// signed the body.
const scopeSignature = "signature"

// contract is what the IDL promises: its services with their methods, in the order of the text.
type contract struct {
	services []*service
	methods  map[methodKey]*method
}

type service struct {
	name string
	doc  string
	info *serviceinfo.ServiceInfo
}

// methodKey names a method as Kitex does.
type methodKey struct{ service, method string }

type method struct {
	methodKey
	doc      string
	scopes   []Scope // none where it is signed
	signed   bool    // scopeSignature
	timeout  time.Duration
	route    route
	info     serviceinfo.MethodInfo
	request  *shape
	response *shape
}

// String is the method's name in logs and metrics.
func (m *method) String() string { return m.service + "." + m.method }

// bindings says which generated code belongs to which file of the IDL.
func bindings() map[string]*serviceinfo.ServiceInfo {
	return map[string]*serviceinfo.ServiceInfo{
		"wallet.thrift":     walletservice.NewServiceInfo(),
		"group.thrift":      groupservice.NewServiceInfo(),
		"envelope.thrift":   envelopeservice.NewServiceInfo(),
		"operator.thrift":   operatorservice.NewServiceInfo(),
		"transfer.thrift":   transferservice.NewServiceInfo(),
		"collection.thrift": collectionservice.NewServiceInfo(),
	}
}

// loadContract reads the embedded IDL. It fails where the text says something that the edge cannot keep: a method
// without a scope, a path parameter without a field, a type that JSON requests cannot have.
func loadContract() (*contract, error) {
	files, err := fs.Glob(idl.Files, "*.thrift")
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	bound := bindings()
	c := &contract{methods: map[methodKey]*method{}}
	for _, file := range files {
		text, err := fs.ReadFile(idl.Files, file)
		if err != nil {
			return nil, fmt.Errorf("contract: %w", err)
		}
		info, ok := bound[file]
		if !ok {
			return nil, fmt.Errorf("contract: %s: no generated service is bound to it", file)
		}
		if err := c.add(file, string(text), info); err != nil {
			return nil, fmt.Errorf("contract: %s: %w", file, err)
		}
	}
	return c, nil
}

// add reads one file of the IDL.
func (c *contract) add(file, text string, info *serviceinfo.ServiceInfo) error {
	tree, err := parser.ParseString(file, text)
	if err != nil {
		return err
	}
	for _, s := range tree.Services {
		if s.Name != info.ServiceName {
			return fmt.Errorf("service %s: generated code is of %s", s.Name, info.ServiceName)
		}
		c.services = append(c.services, &service{name: s.Name, doc: leadingComment(text), info: info})
		for _, f := range s.Functions {
			m, err := newMethod(tree, s.Name, f, info)
			if err != nil {
				return fmt.Errorf("%s.%s: %w", s.Name, f.Name, err)
			}
			c.methods[m.methodKey] = m
		}
	}
	return nil
}

func newMethod(tree *parser.Thrift, service string, f *parser.Function, info *serviceinfo.ServiceInfo) (*method, error) {
	generated, ok := info.Methods[f.Name]
	if !ok {
		return nil, errors.New("not in the generated code: run go generate")
	}
	if _, ok := generated.NewArgs().(generatedArgs); !ok {
		return nil, errors.New("must take one argument, named req")
	}
	scopes, err := scopesOf(f)
	if err != nil {
		return nil, err
	}
	m := &method{
		methodKey: methodKey{service, f.Name}, doc: comment(f.ReservedComments), scopes: scopes, signed: scopes == nil,
		info: generated,
	}
	if m.request, err = newShape(onlyField(generated.NewArgs()), tree); err != nil {
		return nil, err
	}
	if m.response, err = newShape(onlyField(generated.NewResult()), tree); err != nil {
		return nil, err
	}
	if m.route, err = newRoute(f.Annotations); err != nil {
		return nil, err
	}
	if m.timeout, err = timeoutOf(f); err != nil {
		return nil, err
	}
	return m, m.check()
}

// onlyField is the struct that the only field of a generated Args or Result points to.
func onlyField(wrapper any) reflect.Type {
	return reflect.TypeOf(wrapper).Elem().Field(0).Type.Elem()
}

// scopesOf reads who may call a method; nil stands for scopeSignature.
func scopesOf(f *parser.Function) ([]Scope, error) {
	values := f.Annotations.Get(annotationScope)
	if len(values) != 1 {
		return nil, fmt.Errorf("needs one annotation %s", annotationScope)
	}
	if values[0] == scopeSignature {
		return nil, nil
	}
	var scopes []Scope
	for name := range strings.SplitSeq(values[0], ",") {
		s := Scope(strings.TrimSpace(name))
		if !slices.Contains(Scopes(), s) {
			return nil, fmt.Errorf("%s names %q, which is no scope", annotationScope, s)
		}
		scopes = append(scopes, s)
	}
	return scopes, nil
}

// timeoutOf reads how long a call may take.
func timeoutOf(f *parser.Function) (time.Duration, error) {
	values := f.Annotations.Get(annotationTimeout)
	if len(values) == 0 {
		return serviceTimeout, nil
	}
	timeout, err := time.ParseDuration(values[0])
	if err != nil || timeout <= 0 {
		return 0, fmt.Errorf("%s is %q: give a duration, as 15m", annotationTimeout, values[0])
	}
	return timeout, nil
}

// check finds what would make the method's route lose or lack a value.
func (m *method) check() error {
	for _, f := range m.request.fields {
		if f.source == fromPath && !slices.Contains(m.route.parameters, f.param) {
			return fmt.Errorf("field %s: the path has no {%s}", f.name, f.param)
		}
		if f.source == fromBody && !m.route.hasBody() {
			return fmt.Errorf("field %s: a %s has no body", f.name, m.route.verb)
		}
		if f.source == fromRawBody && !m.route.hasBody() {
			return fmt.Errorf("field %s: a %s has no body", f.name, m.route.verb)
		}
		if f.source == fromHeader && f.kind != kindString {
			return fmt.Errorf("field %s: only strings can be headers", f.name)
		}
		if (f.source == fromPath || f.source == fromQuery) && f.kind != kindString && f.kind != kindInteger {
			return fmt.Errorf("field %s: only strings and whole numbers can be in a path or query", f.name)
		}
	}
	for _, p := range m.route.parameters {
		if !slices.ContainsFunc(m.request.fields, func(f *field) bool { return f.source == fromPath && f.param == p }) {
			return fmt.Errorf("path: no field takes {%s}", p)
		}
	}
	return nil
}

// comment is the text of a comment of the IDL, its lines joined.
func comment(reserved string) string {
	var lines []string
	for line := range strings.Lines(reserved) {
		line = strings.TrimSpace(line)
		line = strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(line, "/*"), "*/"), "//")
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// leadingComment is the comment that a file begins with.
func leadingComment(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "//") {
			break
		}
		lines.WriteString(line)
	}
	return comment(lines.String())
}

var backticked = regexp.MustCompile("`([a-z_]+)`")

// codes are those of the table that the method's comment names, in its order.
func (m *method) codes() []string {
	var codes []string
	for _, match := range backticked.FindAllStringSubmatch(m.doc, -1) {
		if _, ok := verdicts[match[1]]; ok && !slices.Contains(codes, match[1]) {
			codes = append(codes, match[1])
		}
	}
	return codes
}
