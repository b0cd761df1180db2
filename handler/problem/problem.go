package problem

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/redis/rueidis"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	detailUnavailable = "the service cannot answer right now: try again, with the same request_id"
	detailInternal    = "this is our fault, not yours: try again with the same request_id, and quote the incident if " +
		"it stays"
)

// Problem is an error as clients see it.
type Problem struct {
	Code     string // stable; a row of the table of codes
	Detail   string // for a person: what was wrong and what is allowed
	Incident string // of an internal error, else empty: what to quote and to search the log for
}

func (p Problem) Error() string { return p.Code + ": " + p.Detail }

// FromClient is the Problem in an error of a Kitex client of these services. ok is false for an error that no service
// decided: the network, a timeout.
func FromClient(err error) (p Problem, ok bool) {
	refusal, ok := hongbao.RefusalOf(err)
	if !ok {
		return Problem{}, false
	}
	return Problem{Code: refusal.Code, Detail: refusal.Detail, Incident: refusal.Incident}, true
}

// FromError decides what a client may know of an error. cause is what the log should say besides, nil where the Problem
// says it all.
func FromError(err error) (p Problem, cause error) {
	if p, ok := errors.AsType[Problem](err); ok {
		return p, nil
	}
	if r, ok := errors.AsType[*refusal.Error](err); ok {
		if IsCode(r.Code) {
			p = Problem{Code: r.Code, Detail: r.Detail}
			if r.Code == refusal.CodeUnavailable {
				cause = err
			}
			return p, cause
		}
	}
	if isTransient(err) {
		return Problem{Code: refusal.CodeUnavailable, Detail: detailUnavailable}, err
	}
	return Problem{Code: CodeInternal, Detail: detailInternal, Incident: newIncident()}, err
}

// isTransient says whether an error tells of something that is away for the moment.
func isTransient(err error) bool {
	for _, e := range []error{
		context.DeadlineExceeded, context.Canceled, pots.ErrLost, envelope.ErrNoPot,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		kerrors.ErrRPCTimeout, kerrors.ErrGetConnection, kerrors.ErrCanceledByBusiness, kerrors.ErrTimeoutByBusiness,
		kerrors.ErrNoMoreInstance, kerrors.ErrServiceDiscovery, kerrors.ErrLoadbalance, kerrors.ErrOverlimit,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	// of the gateway's clients: the network, unless the server says what it is
	if errors.Is(err, kerrors.ErrRemoteOrNetwork) {
		_, remotely := errors.AsType[*remote.TransError](err)
		return !remotely
	}
	if e, ok := errors.AsType[*rueidis.RedisError](err); ok {
		return isTransientReply(e.Error())
	}
	_, network := errors.AsType[net.Error](err)
	return network
}

// isTransientReply says whether a Redis refuses for as long as it starts, a replica takes its place, its slots move, or
// its disk is full. Source: the error replies in Redis' src/server.c and cluster.c.
func isTransientReply(text string) bool {
	kind, _, _ := strings.Cut(text, " ")
	switch kind {
	case "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY", "TRYAGAIN", "MISCONF", "BUSY":
		return true
	}
	return false
}

func newIncident() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(id[:])
}

// BizStatus is the Problem as it crosses between Kitex server and client.
func (p Problem) BizStatus() kerrors.BizStatusErrorIface {
	extra := map[string]string{hongbao.ExtraCode: p.Code}
	if p.Incident != "" {
		extra[hongbao.ExtraIncident] = p.Incident
	}
	return kerrors.NewBizStatusErrorWithExtra(infoOf(p.Code).number, p.Detail, extra)
}
