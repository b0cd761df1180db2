package handler

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Installation is what an operator may know of an installation.
type Installation struct {
	ID              string
	Sandbox         bool
	Version         string
	CreatedAt       time.Time
	Shards          int
	BucketsPerShard int
	WaitReplicas    int
	MaxShares       int
	Redis           []RedisServer
	MySQL           []MySQLServer
}

// RedisServer is what a Redis promises about what it has acknowledged.
type RedisServer struct {
	Version     string
	AppendOnly  bool
	AppendFsync string // empty where the server does not say
	UsedMemory  int64  // bytes
}

// MySQLServer is what a MySQL server promises about what it has committed. A setting that it does not have is empty.
type MySQLServer struct {
	Version             string
	FlushLogAtTrxCommit string
	SyncBinlog          string
}

// ShardBacklog is what has been acknowledged on a shard and not yet been done.
type ShardBacklog struct {
	SettleEntries int64
	SettleAge     time.Duration
	ClearingAge   time.Duration
	RelayEntries  int64
}

// LastAudit is an audit that a worker made.
type LastAudit struct {
	At     time.Time // when it ended
	Took   time.Duration
	Report ledger.AuditReport
}

// OperatorDomain is what Operator needs of the installation.
type OperatorDomain interface {
	Installation(ctx context.Context) (Installation, error)
	// Backlog returns one for each shard, in their order.
	Backlog(ctx context.Context) ([]ShardBacklog, error)
	Audit(ctx context.Context) (ledger.AuditReport, error)
	// LastAudit returns the latest audit that a worker made; known is false where there is none.
	LastAudit(ctx context.Context) (last LastAudit, known bool, err error)
	// RevokeToken makes the token with that jti worthless, and returns until when that is remembered.
	RevokeToken(ctx context.Context, id string) (until time.Time, err error)
	FreezeDomain
	ReviewDomain
	RejectionDomain
}

// Operator is the Kitex OperatorService. Make it with NewOperator.
type Operator struct {
	domain   OperatorDomain
	auditing sync.Mutex
}

var _ operatorapi.OperatorService = (*Operator)(nil)

// NewOperator makes the service.
func NewOperator(domain OperatorDomain) *Operator { return &Operator{domain: domain} }

// Installation implements operatorapi.OperatorService.
func (h *Operator) Installation(ctx context.Context,
	_ *operatorapi.InstallationRequest) (*operatorapi.Installation, error) {
	in, err := h.domain.Installation(ctx)
	if err != nil {
		return nil, err
	}
	response := &operatorapi.Installation{
		Id: in.ID, Sandbox: in.Sandbox, Version: in.Version, CreatedAt: in.CreatedAt.UnixMilli(),
		Shards: int32(in.Shards), BucketsPerShard: int32(in.BucketsPerShard),
		WaitReplicas: int32(in.WaitReplicas), MaxShares: int32(in.MaxShares),
		Redis: make([]*operatorapi.RedisServer, len(in.Redis)), Mysql: make([]*operatorapi.MySQLServer, len(in.MySQL)),
	}
	for i, r := range in.Redis {
		response.Redis[i] = &operatorapi.RedisServer{Version: r.Version, Appendonly: r.AppendOnly,
			Appendfsync: r.AppendFsync, UsedMemory: r.UsedMemory}
	}
	for i, m := range in.MySQL {
		response.Mysql[i] = &operatorapi.MySQLServer{Version: m.Version, FlushLogAtTrxCommit: m.FlushLogAtTrxCommit,
			SyncBinlog: m.SyncBinlog}
	}
	return response, nil
}

// Backlog implements operatorapi.OperatorService.
func (h *Operator) Backlog(ctx context.Context, _ *operatorapi.BacklogRequest) (*operatorapi.BacklogResponse, error) {
	shards, err := h.domain.Backlog(ctx)
	if err != nil {
		return nil, err
	}
	response := &operatorapi.BacklogResponse{Shards: make([]*operatorapi.ShardBacklog, len(shards))}
	for i, s := range shards {
		response.Shards[i] = &operatorapi.ShardBacklog{
			Shard: int32(i), SettleEntries: s.SettleEntries, SettleAgeMs: s.SettleAge.Milliseconds(),
			ClearingAgeMs: s.ClearingAge.Milliseconds(), RelayEntries: s.RelayEntries,
		}
	}
	return response, nil
}

// Audit implements operatorapi.OperatorService. Refusal: unavailable while another one runs.
func (h *Operator) Audit(ctx context.Context, _ *operatorapi.AuditRequest) (*operatorapi.AuditResponse, error) {
	if !h.auditing.TryLock() {
		return nil, refusal.New(refusal.CodeUnavailable,
			"an audit is running here already: try again when it has ended")
	}
	defer h.auditing.Unlock()
	report, err := h.domain.Audit(ctx)
	if err != nil {
		return nil, err
	}
	return auditResponse(report), nil
}

// LastAudit implements operatorapi.OperatorService.
func (h *Operator) LastAudit(ctx context.Context,
	_ *operatorapi.LastAuditRequest) (*operatorapi.LastAuditResponse, error) {
	last, known, err := h.domain.LastAudit(ctx)
	if err != nil || !known {
		return &operatorapi.LastAuditResponse{}, err
	}
	return &operatorapi.LastAuditResponse{
		Known: true, At: last.At.UnixMilli(), AgeMs: max(0, time.Since(last.At).Milliseconds()),
		TookMs: last.Took.Milliseconds(), Report: auditResponse(last.Report),
		Incremental: last.Report.Incremental,
	}, nil
}

func auditResponse(report ledger.AuditReport) *operatorapi.AuditResponse {
	response := &operatorapi.AuditResponse{
		Balanced: report.Balanced(), Shards: int32(report.Shards), Accounts: report.Accounts, Entries: report.Entries,
		Holds: report.Holds, Posts: report.Posts, Found: report.Found,
		InFlight:      []*operatorapi.AuditAmount{},
		Discrepancies: make([]*operatorapi.Discrepancy, len(report.Discrepancies)),
		Rebuilds:      append([]string{}, report.Rebuilds...), Volatile: append([]string{}, report.Volatile...),
	}
	for _, currency := range slices.Sorted(maps.Keys(report.InFlight)) {
		response.InFlight = append(response.InFlight, &operatorapi.AuditAmount{Currency: string(currency),
			Amount: report.InFlight[currency]})
	}
	for i, d := range report.Discrepancies {
		response.Discrepancies[i] = &operatorapi.Discrepancy{Kind: d.Code, Shard: int32(d.Shard), What: d.What,
			Expected: d.Expected, Found: d.Found}
	}
	return response
}

// RevokeToken implements operatorapi.OperatorService. Refusal: invalid_argument.
func (h *Operator) RevokeToken(
	ctx context.Context, r *operatorapi.RevokeTokenRequest,
) (*operatorapi.RevokeTokenResponse, error) {
	if r.TokenId == "" || len(r.TokenId) > auth.MaxTokenBytes {
		return nil, refusal.New(refusal.CodeInvalidArgument,
			"token_id has %d bytes: give the token's jti, 1 to %d bytes", len(r.TokenId), auth.MaxTokenBytes)
	}
	until, err := h.domain.RevokeToken(ctx, r.TokenId)
	if err != nil {
		return nil, err
	}
	return &operatorapi.RevokeTokenResponse{Until: until.UnixMilli()}, nil
}
