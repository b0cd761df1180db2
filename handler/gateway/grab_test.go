package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/remote"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// rpcOfGrabs answers in the place of a Kitex client: the amount of a grab is its envelope's id. The first call waits
// for release.
type rpcOfGrabs struct {
	started, release chan struct{}
	first            sync.Once
	fail             error

	mu    sync.Mutex
	calls []string
	sizes []int
}

func (c *rpcOfGrabs) Call(ctx context.Context, method string, args, result any) error {
	c.first.Do(func() {
		close(c.started)
		<-c.release
	})
	token, _ := metainfo.GetValue(ctx, hongbao.TokenKey)
	many, ok := args.(*envelopeapi.EnvelopeServiceGrabManyArgs)
	c.mu.Lock()
	c.calls = append(c.calls, method+" by "+token)
	if ok {
		c.sizes = append(c.sizes, len(many.Req.Grabs))
	}
	c.mu.Unlock()
	switch {
	case c.fail != nil && ok:
		return c.fail
	case token == "revoked":
		return problem.Problem{Code: problem.CodeUnauthenticated, Detail: "revoked"}.BizStatus()
	case !ok:
		id := args.(*envelopeapi.EnvelopeServiceGrabArgs).Req.EnvelopeId
		result.(*envelopeapi.EnvelopeServiceGrabResult).Success = &envelopeapi.GrabResponse{Outcome: "won", Amount: id}
		return nil
	}
	response := &envelopeapi.GrabManyResponse{}
	for _, g := range many.Req.Grabs {
		a := &envelopeapi.GrabAnswer{Code: problem.OK, Outcome: "won", Amount: g.EnvelopeId}
		if g.Token == "stranger" {
			a = &envelopeapi.GrabAnswer{Code: refusal.CodeNotAMember, Detail: "no"}
		}
		response.Answers = append(response.Answers, a)
	}
	result.(*envelopeapi.EnvelopeServiceGrabManyResult).Success = response
	return nil
}

// crowd makes a grab with each token, of envelopes 2, 3, 4 …, while another is under way, and returns their errors.
func (c *rpcOfGrabs) crowd(t *testing.T, tokens ...string) []error {
	t.Helper()
	c.started, c.release = make(chan struct{}), make(chan struct{})
	g := newGrabber(c)
	g.queue.AtOnce = 1
	errs := make([]error, len(tokens)+1)
	var all sync.WaitGroup
	grab := func(i int, token string) {
		a := g.grab(t.Context(), token, int64(i+1))
		if errs[i] = a.err; a.err == nil && a.response.Amount != int64(i+1) {
			t.Errorf("grab %d has the answer to another: %+v", i, a.response)
		}
	}
	all.Go(func() { grab(0, "lone") })
	<-c.started
	for i, token := range tokens {
		all.Go(func() { grab(i+1, token) })
		for g.queue.Waiting() != i+1 { // the order in which they wait is that of the tokens
			select {
			case <-t.Context().Done():
				t.Fatal("a grab does not wait")
			default:
			}
		}
	}
	if n := g.waiting.Load(); n != int64(len(errs)) {
		t.Errorf("%d grabs wait for their answers, want %d", n, len(errs))
	}
	close(c.release)
	all.Wait()
	if n := g.waiting.Load(); n != 0 {
		t.Errorf("%d grabs wait, and all have their answers", n)
	}
	return errs
}

// TestGrabsInFlightGoTogether: a lone grab goes alone, those that come meanwhile in one call, each with its own answer.
func TestGrabsInFlightGoTogether(t *testing.T) {
	c := &rpcOfGrabs{}
	errs := c.crowd(t, "revoked", "alice", "stranger", "revoked", "bob")
	codes := make([]string, len(errs))
	for i, err := range errs {
		codes[i] = hongbao.Code(err)
	}
	// A revoked token in the middle is the service's to refuse, which this client does not; that one wins.
	want := []string{"", problem.CodeUnauthenticated, "", refusal.CodeNotAMember, "", ""}
	if !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
	calls := []string{"Grab by lone", "GrabMany by revoked", "GrabMany by alice"}
	if !slices.Equal(c.calls, calls) || !slices.Equal(c.sizes, []int{5, 4}) {
		t.Errorf("calls %q with %v grabs, want %q with 5 and 4", c.calls, c.sizes, calls)
	}
}

// TestAFailedCallFailsItsGrabs: with an error that clients understand, and that can be repeated.
func TestAFailedCallFailsItsGrabs(t *testing.T) {
	c := &rpcOfGrabs{fail: kerrors.ErrRPCTimeout.WithCause(errors.New("late"))}
	for i, err := range c.crowd(t, "alice", "bob") {
		if p, _ := problem.FromError(err); i > 0 && p.Code != refusal.CodeUnavailable || i == 0 && err != nil {
			t.Errorf("grab %d: %v", i, err)
		}
	}
	short := &rpcOfGrabs{fail: remote.NewTransErrorWithMsg(remote.UnknownMethod, "no GrabMany")}
	for i, err := range short.crowd(t, "alice", "bob") {
		if (err == nil) != (i == 0) {
			t.Errorf("grab %d of a server that does not know the call: %v", i, err)
		}
	}
}
