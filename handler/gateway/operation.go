package gateway

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/callopt"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

// operation is a method of the contract over HTTP.
type operation struct {
	*contract.Method
	client   client.Client
	verifier *auth.Verifier
	proxies  []netip.Prefix // see Config

	operatorsManaged bool
}

// call carries out an HTTP request: the result is ready for JSON. Nothing of the request but its token is read for a
// caller who is not known.
func (o *operation) call(w http.ResponseWriter, r *http.Request) (any, error) {
	ctx := r.Context()
	if !o.Signed {
		token, caller, err := o.verifier.VerifyRequest(r)
		if err == nil {
			err = o.atManagement(ctx, caller)
		}
		if err != nil {
			return nil, err
		}
		ctx = hongbao.ContextWithToken(ctx, token)
	}
	args, err := o.arguments(r)
	if err != nil {
		return nil, err
	}
	result := o.Info.NewResult()
	ctx, err = o.patient(ctx, w)
	if err != nil {
		return nil, err
	}
	ctx = o.forMerchants(ctx, r)
	err = o.client.Call(ctx, o.Key.Method, args, result)
	limitHeaders(ctx, w.Header())
	if err != nil {
		return nil, err
	}
	return result.(interface{ GetResult() any }).GetResult(), nil // as every generated Result has it
}

// patient lets a method that may take longer than others do so, in the client and in the HTTP server.
func (o *operation) patient(ctx context.Context, w http.ResponseWriter) (context.Context, error) {
	if o.Timeout <= contract.DefaultTimeout {
		return ctx, nil
	}
	wait := o.Timeout + (hongbao.DefaultTimeout - contract.DefaultTimeout)
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + answerTimeout)); err != nil {
		return ctx, fmt.Errorf("write deadline: %w", err)
	}
	return client.NewCtxWithCallOptions(ctx, []callopt.Option{callopt.WithRPCTimeout(wait)}), nil
}

// arguments makes the generated arguments of the method from a request. Refusals: invalid_json, invalid_argument,
// body_too_large, unsupported_media_type.
func (o *operation) arguments(r *http.Request) (any, error) {
	args, request := o.NewRequest()
	for _, f := range o.Request.From(contract.FromPath) {
		if err := decodeText(&f.Value, f.Name, r.PathValue(f.Param), request.Field(f.Index)); err != nil {
			return nil, err
		}
	}
	if err := o.decodeQuery(r.URL, request); err != nil {
		return nil, err
	}
	for _, f := range o.Request.From(contract.FromHeader) {
		if values := r.Header.Values(f.Param); len(values) == 1 {
			request.Field(f.Index).SetString(values[0])
		}
	}
	if !o.Route.HasBody() {
		return args, nil
	}
	if raw := o.Request.From(contract.FromRawBody); len(raw) > 0 {
		body, err := readBody(r, o.MaxBody)
		if err != nil {
			return nil, err
		}
		request.Field(raw[0].Index).SetBytes(body)
		return args, nil
	}
	return args, o.decodeBody(r, request)
}

// decodeQuery fills the fields that come from the query. Unknown names are refused, to catch typos.
func (o *operation) decodeQuery(u *url.URL, request reflect.Value) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return invalid("the query is malformed: give name=value pairs, percent-encoded, separated by &")
	}
	fields := o.Request.From(contract.FromQuery)
	for name, values := range query {
		_, constant := o.Route.Constants[name]
		if !constant && !slices.ContainsFunc(fields, func(f *contract.Field) bool { return f.Param == name }) {
			return invalid("query parameter %q is unknown: give %s", refusal.Clip(name), o.expectedQuery())
		}
		if len(values) > 1 {
			return invalid("query parameter %q appears twice", refusal.Clip(name))
		}
	}
	for _, f := range fields {
		if !query.Has(f.Param) {
			if f.Required {
				return invalid("query parameter %q is missing: give %s", f.Param, describe(&f.Value))
			}
			continue
		}
		if err := decodeText(&f.Value, f.Param, query.Get(f.Param), request.Field(f.Index)); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) expectedQuery() string {
	var names []string
	for name := range o.Route.Constants {
		names = append(names, name)
	}
	for _, f := range o.Request.From(contract.FromQuery) {
		names = append(names, f.Param)
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// decodeBody fills the fields that come from the body. A method without such fields needs no body.
func (o *operation) decodeBody(r *http.Request, request reflect.Value) error {
	body, err := readBody(r, o.MaxBody)
	if err != nil {
		return err
	}
	if len(body) == 0 && len(o.Request.From(contract.FromBody)) == 0 {
		return nil
	}
	if err := mustBeJSON(r.Header); err != nil {
		return err
	}
	return decodeBody(o.Request, body, request)
}

// readBody reads at most so many bytes, and nothing where the headers announce more. Refusals: body_too_large,
// invalid_argument.
func readBody(r *http.Request, most int) (body []byte, err error) {
	if r.ContentLength <= int64(most) {
		body, err = io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	}
	if r.ContentLength > int64(most) || len(body) > most {
		return nil, refusal.New(problem.CodeBodyTooLarge, "the body is too large: at most %d bytes are read", most)
	}
	if err != nil {
		return nil, invalid("the body could not be read to its end")
	}
	return body, nil
}

// mustBeJSON checks the headers that say what the body is. Refusal: unsupported_media_type.
func mustBeJSON(h http.Header) error {
	const wanted = "application/json"
	refusal := refusal.New(problem.CodeUnsupportedMediaType,
		"send the body as one Content-Type: %s in UTF-8, without Content-Encoding", wanted)
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
