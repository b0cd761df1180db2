package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// membership is what the live feed needs of the groups.
type membership interface {
	IsMember(ctx context.Context, group, user string) (bool, error)
}

// Listeners decides who may listen to what: a group's topic is for its members, a user's for that user. It implements
// push.Authorizer, for a hub behind Authenticated.
type Listeners struct {
	groups   membership
	verify   func(token string) (auth.Caller, error)
	log      *slog.Logger
	local    *ratelimit.Local
	refusals ratelimit.Limit
}

// NewListeners makes the rule over the groups and over tokens as they are verified. So many refusals a second are given
// to a user on average, and ten seconds' worth at once; 0 is no limit.
func NewListeners(groups membership, tokens *auth.Verifier, refusals int, log *slog.Logger) (*Listeners, error) {
	local, err := ratelimit.NewLocal(time.Now)
	if err != nil {
		return nil, err
	}
	return &Listeners{groups: groups, verify: tokens.Verify, log: log, local: local,
		refusals: ratelimit.PerSecond("refusals", refusals)}, nil
}

// Authenticate takes the session of the caller that Authenticated has put into the request.
func (l *Listeners) Authenticate(r *http.Request) (push.Session, error) {
	caller, err := auth.RequireCaller(r.Context())
	if err != nil {
		return push.Session{}, err
	}
	token, err := auth.Bearer(r)
	if err != nil {
		return push.Session{}, err
	}
	s := push.Session{Subject: caller.Subject, Expires: caller.Expires, TokenID: caller.TokenID, Token: token}
	if address := auth.AddressFrom(r.Context()); address.IsValid() && !address.IsLoopback() {
		s.Network = ratelimit.Network(address)
	}
	return s, nil
}

// Renew goes on with another token of the same user.
func (l *Listeners) Renew(_ context.Context, s push.Session, token string) (push.Session, error) {
	caller, err := l.verify(token)
	if err == nil {
		err = auth.RequireScope(caller, []auth.Scope{auth.ScopeUser})
	}
	if err == nil && caller.Subject != s.Subject {
		err = refusal.New(problem.CodeForbidden, "the token is another user's: open a connection for it")
	}
	if err != nil {
		p, _ := problem.FromError(err)
		return s, &push.Denial{Code: p.Code, Detail: p.Detail}
	}
	s.Expires, s.TokenID, s.Token = caller.Expires, caller.TokenID, token
	return s, nil
}

// GoOn says whether somebody who was just refused a topic may ask for more.
func (l *Listeners) GoOn(subject string) bool {
	return l.refusals.Count == 0 || l.local.Take(l.refusals, subject).Allowed
}

// MayListen returns a *push.Denial for a topic that is not the subject's to hear.
func (l *Listeners) MayListen(ctx context.Context, subject, topic string) error {
	if topic == ledger.UserTopic(subject) {
		return nil
	}
	group, ok := strings.CutPrefix(topic, ledger.GroupTopic(""))
	if !ok || refusal.CheckID("group", group) != nil {
		return &push.Denial{Code: refusal.CodeInvalidArgument,
			Detail: "this is no topic of yours: give group:<a group that you are in> or user:<your id>"}
	}
	in, err := l.groups.IsMember(ctx, group, subject)
	if err == nil && !in {
		return &push.Denial{Code: refusal.CodeNotAMember, Detail: "you are not a member of this group"}
	}
	return err
}

// Refuse answers a request that does not become a connection.
func (l *Listeners) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, push.ErrStopping), errors.Is(err, push.ErrFull):
		err = refusal.New(refusal.CodeUnavailable, "this node has no room for another connection: try again shortly")
	case errors.Is(err, push.ErrTooMany):
		err = refusal.New(problem.CodeRateLimited,
			"you, or others at your address, have too many connections: close one first")
	case errors.Is(err, push.ErrOrigin):
		err = refusal.New(problem.CodeForbidden, "a page of another origin may not connect here")
	case errors.Is(err, push.ErrHandshake):
		err = refusal.New(refusal.CodeInvalidArgument, "this address speaks WebSocket: send a WebSocket handshake")
	}
	p, cause := problem.FromError(err)
	problem.Log(r.Context(), l.log, "connection refused", p, cause, slog.String("path", r.URL.Path))
	writeProblem(w, p)
}
