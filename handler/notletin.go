package handler

import (
	"context"
	"net/http"

	"github.com/bytedance/gopkg/cloud/metainfo"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/ratelimit"
)

// Tally counts who was not let in: forged and worthless tokens, keys and signatures. trail.Tally is one.
type Tally interface {
	Add(actor, action, outcome string, times int)
}

// notLetIn counts a call whose token, key or signature was refused, by the address from which it came. A call with
// none has not tried anything.
func (e *edge) notLetIn(ctx context.Context, method, code string) {
	if e.tally == nil || problem.Status(code) != http.StatusUnauthorized {
		return
	}
	if token, _ := metainfo.GetValue(ctx, hongbao.TokenKey); token == "" && code == problem.CodeUnauthenticated {
		return
	}
	e.tally.Add(ratelimit.Network(e.address(ctx)), method, code, 1)
}

type edgeKey struct{}

// entriesNotLetIn counts the entries of a call whose own tokens were refused.
func entriesNotLetIn(ctx context.Context, method string, times int) {
	if e, ok := ctx.Value(edgeKey{}).(*edge); ok && e.tally != nil && times > 0 {
		e.tally.Add(ratelimit.Network(e.address(ctx)), method, problem.CodeUnauthenticated, times)
	}
}
