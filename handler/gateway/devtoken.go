package gateway

import (
	"net/http"
	"reflect"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
)

const devTokenPath = "/v1/dev/tokens"

type devTokenRequest struct {
	UserID string
	Scopes []string
}

// devTokenShape is the request in the terms of the contract, which knows nothing of development.
func devTokenShape() *contract.Shape {
	return &contract.Shape{Name: "DevTokenRequest", Fields: []*contract.Field{
		{Name: "user_id", Index: 0, Required: true, Value: contract.Value{Kind: contract.KindString}},
		{Name: "scopes", Index: 1, Required: true, Value: contract.Value{
			Kind: contract.KindList, Elem: &contract.Value{Kind: contract.KindString},
		}},
	}}
}

// giveDevToken takes {"user_id","scopes":[…]} and answers {"token"}. Refusals: forbidden, rate_limited,
// invalid_argument, invalid_json.
func giveDevToken(d *auth.DevTokens, limits *gate) func(http.ResponseWriter, *http.Request) (any, error) {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		if err := d.Admit(r); err != nil {
			return nil, err
		}
		if err := limits.devToken(w.Header()); err != nil {
			return nil, err
		}
		body, err := readBody(r, contract.MaxBody)
		if err != nil {
			return nil, err
		}
		if err := mustBeJSON(r.Header); err != nil {
			return nil, err
		}
		var request devTokenRequest
		if err := decodeBody(devTokenShape(), body, reflect.ValueOf(&request).Elem()); err != nil {
			return nil, err
		}
		token, err := d.Issue(request.UserID, request.Scopes)
		if err != nil {
			return nil, err
		}
		return map[string]string{"token": token}, nil
	}
}
