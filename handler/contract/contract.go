package contract

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/thriftgo/parser"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/idl"
	"github.com/hongbao/hongbao/kitex_gen/chatapi/chatservice"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi/collectionservice"
	"github.com/hongbao/hongbao/kitex_gen/coverapi/coverservice"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi/merchantservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/stockapi/stockservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi/webhookservice"
)

// DefaultTimeout is how long one call may take in the domain, unless the IDL says another time.
const DefaultTimeout = 4 * time.Second

// Bounds of the body of an HTTP request, in bytes.
const (
	// MaxBody is the bound unless the IDL says another. Such a body never gets larger than twice that in Thrift.
	MaxBody = 64 << 10
	// MaxLargeBody is the most that the IDL may say. Bodies of methods that say so never get larger in Thrift.
	MaxLargeBody = 512 << 10
)

// Annotations of the IDL that are understood here.
const (
	annotationScope   = "hongbao.scope"   // scopes that admit, one of them suffices; every method needs it
	annotationTimeout = "hongbao.timeout" // how long a call may take, where that is not DefaultTimeout
	annotationBody    = "hongbao.body"    // the bound of the HTTP body in bytes, where that is not MaxBody
	annotationPath    = "api.path"        // the field comes from the path
	annotationQuery   = "api.query"       // the field comes from the query
	annotationHeader  = "api.header"      // the field is a header
	annotationRawBody = "api.raw_body"    // the field is the body as it came
)

// scopeSignature stands for the scopes of a method that is signed.
const scopeSignature = "signature"

// Contract is what the IDL promises: its services with their methods, in the order of the text.
type Contract struct {
	Services []*Service
	Methods  map[Key]*Method
}

// Service is a service of the IDL.
type Service struct {
	Name string
	Doc  string
	Info *serviceinfo.ServiceInfo // generated
}

// Key names a method as Kitex does.
type Key struct{ Service, Method string }

// String is the method's name in logs and metrics.
func (k Key) String() string { return k.Service + "." + k.Method }

// Method is a method of a service.
type Method struct {
	Key
	Doc      string
	Scopes   []auth.Scope // one of them suffices; none where the method is signed
	Signed   bool         // open to everybody: the service lets nobody in who has not signed the body
	Timeout  time.Duration
	MaxBody  int // of its HTTP body, in bytes
	Route    Route
	Info     serviceinfo.MethodInfo // generated
	Request  *Shape
	Response *Shape
}

// Args is what the generated arguments of every method have: all of them take one struct named req.
type Args interface{ IsSetReq() bool }

// NewRequest makes the generated arguments of the method, and the request struct in them.
func (m *Method) NewRequest() (args any, request reflect.Value) {
	args = m.Info.NewArgs()
	holder := reflect.ValueOf(args).Elem().Field(0)
	holder.Set(reflect.New(holder.Type().Elem()))
	return args, holder.Elem()
}

// Sorted returns the methods in the order of path, verb and name.
func (c *Contract) Sorted() []*Method {
	order := func(m *Method) string { return m.Route.Path + " " + m.Route.Verb + " " + m.String() }
	return slices.SortedFunc(maps.Values(c.Methods), func(a, b *Method) int {
		return strings.Compare(order(a), order(b))
	})
}

// bindings says which generated code belongs to which file of the IDL.
func bindings() map[string]*serviceinfo.ServiceInfo {
	return map[string]*serviceinfo.ServiceInfo{
		"wallet.thrift":     walletservice.NewServiceInfo(),
		"group.thrift":      groupservice.NewServiceInfo(),
		"envelope.thrift":   envelopeservice.NewServiceInfo(),
		"operator.thrift":   operatorservice.NewServiceInfo(),
		"transfer.thrift":   transferservice.NewServiceInfo(),
		"collection.thrift": collectionservice.NewServiceInfo(),
		"chat.thrift":       chatservice.NewServiceInfo(),
		"merchant.thrift":   merchantservice.NewServiceInfo(),
		"webhook.thrift":    webhookservice.NewServiceInfo(),
		"cover.thrift":      coverservice.NewServiceInfo(),
		"stock.thrift":      stockservice.NewServiceInfo(),
	}
}

// Load reads the embedded IDL. It fails where the text says something that the edge cannot keep: a method
// without a scope, a path parameter without a field, a type that JSON requests cannot have.
func Load() (*Contract, error) {
	files, err := fs.Glob(idl.Files, "*.thrift")
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	bound := bindings()
	c := &Contract{Methods: map[Key]*Method{}}
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
func (c *Contract) add(file, text string, info *serviceinfo.ServiceInfo) error {
	tree, err := parser.ParseString(file, text)
	if err != nil {
		return err
	}
	for _, s := range tree.Services {
		if s.Name != info.ServiceName {
			return fmt.Errorf("service %s: generated code is of %s", s.Name, info.ServiceName)
		}
		c.Services = append(c.Services, &Service{Name: s.Name, Doc: leadingComment(text), Info: info})
		for _, f := range s.Functions {
			m, err := newMethod(tree, s.Name, f, info)
			if err != nil {
				return fmt.Errorf("%s.%s: %w", s.Name, f.Name, err)
			}
			c.Methods[m.Key] = m
		}
	}
	return nil
}

func newMethod(tree *parser.Thrift, service string, f *parser.Function,
	info *serviceinfo.ServiceInfo) (*Method, error) {
	generated, ok := info.Methods[f.Name]
	if !ok {
		return nil, errors.New("not in the generated code: run go generate")
	}
	if _, ok := generated.NewArgs().(Args); !ok {
		return nil, errors.New("must take one argument, named req")
	}
	scopes, err := scopesOf(f)
	if err != nil {
		return nil, err
	}
	m := &Method{
		Key: Key{service, f.Name}, Doc: comment(f.ReservedComments), Scopes: scopes, Signed: scopes == nil,
		Info: generated,
	}
	if m.Request, err = newShape(onlyField(generated.NewArgs()), tree); err != nil {
		return nil, err
	}
	if m.Response, err = newShape(onlyField(generated.NewResult()), tree); err != nil {
		return nil, err
	}
	if m.Route, err = newRoute(f.Annotations); err != nil {
		return nil, err
	}
	if m.Timeout, err = timeoutOf(f); err != nil {
		return nil, err
	}
	if m.MaxBody, err = maxBodyOf(f); err != nil {
		return nil, err
	}
	return m, m.check()
}

// onlyField is the struct that the only field of a generated Args or Result points to.
func onlyField(wrapper any) reflect.Type {
	return reflect.TypeOf(wrapper).Elem().Field(0).Type.Elem()
}

// scopesOf reads who may call a method; nil stands for scopeSignature.
func scopesOf(f *parser.Function) ([]auth.Scope, error) {
	values := f.Annotations.Get(annotationScope)
	if len(values) != 1 {
		return nil, fmt.Errorf("needs one annotation %s", annotationScope)
	}
	if values[0] == scopeSignature {
		return nil, nil
	}
	var scopes []auth.Scope
	for name := range strings.SplitSeq(values[0], ",") {
		s := auth.Scope(strings.TrimSpace(name))
		if !slices.Contains(auth.Scopes(), s) {
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
		return DefaultTimeout, nil
	}
	timeout, err := time.ParseDuration(values[0])
	if err != nil || timeout <= 0 {
		return 0, fmt.Errorf("%s is %q: give a duration, as 15m", annotationTimeout, values[0])
	}
	return timeout, nil
}

// maxBodyOf reads how large a body may be.
func maxBodyOf(f *parser.Function) (int, error) {
	values := f.Annotations.Get(annotationBody)
	if len(values) == 0 {
		return MaxBody, nil
	}
	bytes, err := strconv.Atoi(values[0])
	if err != nil || bytes < 1 || bytes > MaxLargeBody {
		return 0, fmt.Errorf("%s is %q: give 1 to %d bytes", annotationBody, values[0], MaxLargeBody)
	}
	return bytes, nil
}

// check finds what would make the method's route lose or lack a value.
func (m *Method) check() error {
	for _, f := range m.Request.Fields {
		if f.Source == FromPath && !slices.Contains(m.Route.Parameters, f.Param) {
			return fmt.Errorf("field %s: the path has no {%s}", f.Name, f.Param)
		}
		if f.Source == FromBody && !m.Route.HasBody() {
			return fmt.Errorf("field %s: a %s has no body", f.Name, m.Route.Verb)
		}
		if f.Source == FromRawBody && !m.Route.HasBody() {
			return fmt.Errorf("field %s: a %s has no body", f.Name, m.Route.Verb)
		}
		if f.Source == FromHeader && f.Kind != KindString {
			return fmt.Errorf("field %s: only strings can be headers", f.Name)
		}
		if (f.Source == FromPath || f.Source == FromQuery) && f.Kind != KindString && f.Kind != KindInteger {
			return fmt.Errorf("field %s: only strings and whole numbers can be in a path or query", f.Name)
		}
	}
	for _, p := range m.Route.Parameters {
		if !slices.ContainsFunc(m.Request.Fields, func(f *Field) bool { return f.Source == FromPath && f.Param == p }) {
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
