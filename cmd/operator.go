package cmd

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// operators does what operators ask of a system.
type operators struct {
	system   *app.App
	revoked  *revoked.List
	verifier *auth.Verifier
}

var _ handler.OperatorDomain = operators{}

// Installation implements handler.OperatorDomain. Servers that do not answer are left out.
func (o operators) Installation(ctx context.Context) (handler.Installation, error) {
	in, cfg := o.system.Installation, o.system.Config()
	found := handler.Installation{
		ID: in.ID, Sandbox: in.Sandbox, Version: version(), CreatedAt: in.CreatedAt, Shards: in.Shards,
		BucketsPerShard: in.BucketsPerShard,
		WaitReplicas:    cfg.WaitReplicas, MaxShares: cfg.Limits.Count,
	}
	for _, p := range o.system.RedisDurability(ctx) {
		found.Redis = append(found.Redis, handler.RedisServer{Version: p.Version, AppendOnly: p.AppendOnly,
			AppendFsync: p.AppendFsync, UsedMemory: p.UsedMemory})
	}
	for _, p := range o.system.MySQLDurability(ctx) {
		found.MySQL = append(found.MySQL, handler.MySQLServer(p))
	}
	return found, nil
}

// Backlog implements handler.OperatorDomain.
func (o operators) Backlog(ctx context.Context) ([]handler.ShardBacklog, error) {
	backlogs, err := o.system.Backlogs(ctx)
	if err != nil {
		return nil, err
	}
	shards := make([]handler.ShardBacklog, len(backlogs))
	for i, b := range backlogs {
		shards[i] = handler.ShardBacklog(b)
	}
	return shards, nil
}

// Audit implements handler.OperatorDomain.
func (o operators) Audit(ctx context.Context) (ledger.AuditReport, error) {
	return o.system.Audit(ctx)
}

// LastAudit implements handler.OperatorDomain.
func (o operators) LastAudit(ctx context.Context) (handler.LastAudit, bool, error) {
	last, known, err := o.system.LastAudit(ctx)
	return handler.LastAudit{At: last.At, Took: last.Took, Report: last.Report}, known, err
}

// RevokeToken implements handler.OperatorDomain.
func (o operators) RevokeToken(ctx context.Context, id string) (time.Time, error) {
	until := o.verifier.RevokedUntil()
	return until, o.revoked.Add(ctx, id, until)
}

// Freeze implements handler.FreezeDomain. The edge has recorded it.
func (o operators) Freeze(ctx context.Context, f ledger.Freeze) (ledger.Freeze, error) {
	return o.system.Ledger.Freeze(ctx, f)
}

// HasWallet implements handler.FreezeDomain.
func (o operators) HasWallet(ctx context.Context, account string) (bool, error) {
	return o.system.HasWallet(ctx, account)
}

// Thaw implements handler.FreezeDomain. The edge has recorded it.
func (o operators) Thaw(ctx context.Context, account string) (bool, error) {
	return o.system.Ledger.Thaw(ctx, account)
}

// Freezes implements handler.FreezeDomain.
func (o operators) Freezes(ctx context.Context, after string, limit int) ([]ledger.Freeze, error) {
	return o.system.Ledger.Freezes(ctx, after, limit)
}

// DecideReview implements handler.ReviewDomain. The edge has recorded it.
func (o operators) DecideReview(ctx context.Context, d risk.Decision) (risk.Waiting, error) {
	return o.system.Reviews.Decide(ctx, d)
}

// Reviews implements handler.ReviewDomain.
func (o operators) Reviews(ctx context.Context, s risk.ReviewState, after int64, limit int) ([]risk.Waiting, error) {
	return o.system.Reviews.List(ctx, s, after, limit)
}

// Rejections implements handler.RejectionDomain.
func (o operators) Rejections(ctx context.Context, all bool) ([]ledger.Resolution, error) {
	return o.system.Rejections(ctx, all)
}

// Resolve implements handler.RejectionDomain. The edge has recorded it.
func (o operators) Resolve(ctx context.Context, v wallet.Verdict) (ledger.Resolution, error) {
	return wallet.NewResolver(o.system.Ledger).Resolve(ctx, v)
}

// release is the version of a build that cannot know it, such as one in a container without the repository: the linker
// sets it, -ldflags "-X github.com/hongbao/hongbao/cmd.release=v1.2.3".
var release string

// version is what this binary was built from: a release, or a commit, or "devel".
func version() string {
	const unknown = "devel"
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return unknown
}
