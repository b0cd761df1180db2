package handler

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/callopt"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/internal/refusal"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 64 << 10

// operation is a method of the contract over HTTP.
type operation struct {
	*method
	client   client.Client
	verifier *Verifier
}

// call carries out an HTTP request: the result is ready for JSON. Nothing of the request but its token is read for a
// caller who is not known.
func (o *operation) call(w http.ResponseWriter, r *http.Request) (any, error) {
	ctx := r.Context()
	if !o.signed {
		token, _, err := authenticate(o.verifier, r)
		if err != nil {
			return nil, err
		}
		ctx = hongbao.ContextWithToken(ctx, token)
	}
	args, err := o.arguments(r)
	if err != nil {
		return nil, err
	}
	result := o.info.NewResult()
	ctx, err = o.patient(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := o.client.Call(ctx, o.methodKey.method, args, result); err != nil {
		return nil, err
	}
	return result.(interface{ GetResult() any }).GetResult(), nil // as every generated Result has it
}

// patient lets a method that may take longer than others do so, in the client and in the HTTP server.
func (o *operation) patient(ctx context.Context, w http.ResponseWriter) (context.Context, error) {
	if o.timeout <= serviceTimeout {
		return ctx, nil
	}
	wait := o.timeout + (hongbao.DefaultTimeout - serviceTimeout)
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + answerTimeout)); err != nil {
		return ctx, fmt.Errorf("write deadline: %w", err)
	}
	return client.NewCtxWithCallOptions(ctx, []callopt.Option{callopt.WithRPCTimeout(wait)}), nil
}

// arguments makes the generated arguments of the method from a request. Refusals: invalid_json, invalid_argument,
// body_too_large, unsupported_media_type.
func (o *operation) arguments(r *http.Request) (any, error) {
	args, request := o.empty()
	for _, f := range o.request.of(fromPath) {
		if err := f.decodeText(f.name, r.PathValue(f.param), request.Field(f.index)); err != nil {
			return nil, err
		}
	}
	if err := o.decodeQuery(r.URL, request); err != nil {
		return nil, err
	}
	for _, f := range o.request.of(fromHeader) {
		if values := r.Header.Values(f.param); len(values) == 1 {
			request.Field(f.index).SetString(values[0])
		}
	}
	if !o.route.hasBody() {
		return args, nil
	}
	if raw := o.request.of(fromRawBody); len(raw) > 0 {
		body, err := readBody(r)
		if err != nil {
			return nil, err
		}
		request.Field(raw[0].index).SetBytes(body)
		return args, nil
	}
	return args, o.decodeBody(r, request)
}

// empty makes the generated arguments of the method, and the request struct in them.
func (m *method) empty() (args any, request reflect.Value) {
	args = m.info.NewArgs()
	holder := reflect.ValueOf(args).Elem().Field(0)
	holder.Set(reflect.New(holder.Type().Elem()))
	return args, holder.Elem()
}

// decodeQuery fills the fields that come from the query. Names that nobody reads are refused, for they would be spelled
// wrong.
func (o *operation) decodeQuery(u *url.URL, request reflect.Value) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return invalid("the query is malformed: give name=value pairs, percent-encoded, separated by &")
	}
	fields := o.request.of(fromQuery)
	for name, values := range query {
		_, constant := o.route.constants[name]
		if !constant && !slices.ContainsFunc(fields, func(f *field) bool { return f.param == name }) {
			return invalid("query parameter %q is unknown: give %s", clip(name), o.expectedQuery())
		}
		if len(values) > 1 {
			return invalid("query parameter %q appears twice", clip(name))
		}
	}
	for _, f := range fields {
		if !query.Has(f.param) {
			if f.required {
				return invalid("query parameter %q is missing: give %s", f.param, f.describe())
			}
			continue
		}
		if err := f.decodeText(f.param, query.Get(f.param), request.Field(f.index)); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) expectedQuery() string {
	var names []string
	for name := range o.route.constants {
		names = append(names, name)
	}
	for _, f := range o.request.of(fromQuery) {
		names = append(names, f.param)
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// decodeBody fills the fields that come from the body. A method without such fields needs no body.
func (o *operation) decodeBody(r *http.Request, request reflect.Value) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if len(body) == 0 && len(o.request.of(fromBody)) == 0 {
		return nil
	}
	if err := mustBeJSON(r.Header); err != nil {
		return err
	}
	return o.request.decodeBody(body, request)
}

// readBody reads at most maxBody bytes, and nothing where the headers announce more. Refusals: body_too_large,
// invalid_argument.
func readBody(r *http.Request) (body []byte, err error) {
	if r.ContentLength <= maxBody {
		body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	}
	if r.ContentLength > maxBody || len(body) > maxBody {
		return nil, refusal.New(CodeBodyTooLarge, "the body is too large: at most %d bytes are read", maxBody)
	}
	if err != nil {
		return nil, invalid("the body could not be read to its end")
	}
	return body, nil
}

// mustBeJSON checks the headers that say what the body is. Refusal: unsupported_media_type.
func mustBeJSON(h http.Header) error {
	const wanted = "application/json"
	refusal := refusal.New(CodeUnsupportedMediaType, "send the body as one Content-Type: %s in UTF-8, without Content-Encoding", wanted)
	if types := h.Values("Content-Type"); len(types) != 1 || h.Get("Content-Encoding") != "" {
		return refusal
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != wanted {
		return refusal
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return refusal
	}
	return nil
}

// authenticate finds the token of a request, and who it names. Refusal: unauthenticated.
func authenticate(v *Verifier, r *http.Request) (token string, c Caller, err error) {
	if token, err = bearer(r); err != nil {
		return "", Caller{}, err
	}
	c, err = v.Verify(token)
	return token, c, err
}

// bearer is the token of a request. Refusal: unauthenticated.
func bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", unauthenticated(sentenceMissing)
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " ,") {
		return "", unauthenticated("the Authorization header is malformed: send one, as `Authorization: Bearer TOKEN`")
	}
	if len(token) > maxTokenBytes {
		return "", unauthenticated(sentenceTooLong)
	}
	return token, nil
}
