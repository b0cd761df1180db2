package handlertest

import (
	"context"
	"slices"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Operators is the Domain as an installation.
type Operators struct{ *Domain }

func (o Operators) Installation(context.Context) (handler.Installation, error) {
	_, err := o.asked("", nil)
	return handler.Installation{
		ID: "cafe", Sandbox: true, Version: "v1", CreatedAt: time.UnixMilli(
			1_700_000_000_000), Shards: 4, BucketsPerShard: 2, WaitReplicas: 1, MaxShares: 100,
		Redis: []handler.RedisServer{{Version: "7.0.15", AppendOnly: true, AppendFsync: "always", UsedMemory: 5 << 20}},
		MySQL: []handler.MySQLServer{{Version: "10.11", FlushLogAtTrxCommit: "1"}},
	}, err
}

func (o Operators) Backlog(context.Context) ([]handler.ShardBacklog, error) {
	_, err := o.asked("", nil)
	return []handler.ShardBacklog{{}, {SettleEntries: 3, SettleAge: 20 * time.Millisecond, ClearingAge: time.Second,
		RelayEntries: 4}}, err
}

func (o Operators) Audit(context.Context) (ledger.AuditReport, error) {
	_, err := o.asked("", nil)
	return ledger.AuditReport{
		Shards: 4, Accounts: 5, Entries: 6, Holds: 7, Posts: 8, InFlight: map[ledger.Currency]int64{"JPY": 2,
			"CNY": 1}, Found: 1,
		Rebuilds: []string{"bucket 3"}, Volatile: []string{"redis: no fsync"},
		Discrepancies: []ledger.Discrepancy{{Code: ledger.AuditAccountBalance, Shard: 2, What: "alice CNY",
			Expected: "1", Found: "2"}},
	}, err
}

// LastAudit is one of a while ago, or none where the Domain knows nothing.
func (o Operators) LastAudit(ctx context.Context) (handler.LastAudit, bool, error) {
	report, err := o.Audit(ctx)
	known := false
	o.Set(func(s *State) { known = !s.Unknown })
	report.Incremental = true
	return handler.LastAudit{At: time.Now().Add(-time.Hour), Took: 2 * time.Second, Report: report}, known, err
}

// Freeze freezes an account of the Domain.
func (o Operators) Freeze(_ context.Context, f ledger.Freeze) (ledger.Freeze, error) {
	f.At = time.UnixMilli(1_700_000_000_000)
	_, err := o.asked("", func(s *State) { s.Frozen = append(s.Frozen, f) })
	return f, err
}

// HasWallet is true of everybody but nobody.
func (o Operators) HasWallet(_ context.Context, account string) (bool, error) {
	return account != "nobody", nil
}

// Thaw thaws whatever is frozen.
func (o Operators) Thaw(context.Context, string) (thawed bool, err error) {
	_, err = o.asked("", func(s *State) { thawed, s.Frozen = len(s.Frozen) > 0, nil })
	return thawed, err
}

// Freezes are the first freezes, whatever after is.
func (o Operators) Freezes(_ context.Context, _ string, limit int) (found []ledger.Freeze, err error) {
	_, err = o.asked("", func(s *State) { found = s.Frozen[:min(limit, len(s.Frozen))] })
	return found, err
}

// DecideReview decides a review of the Domain.
func (o Operators) DecideReview(_ context.Context, d risk.Decision) (w risk.Waiting, err error) {
	_, err = o.asked("", func(s *State) {
		i := slices.IndexFunc(s.Reviews, func(w risk.Waiting) bool { return w.ID == d.ID })
		if i >= 0 {
			s.Reviews[i].State, s.Reviews[i].By, s.Reviews[i].Reason = d.To, d.By, d.Reason
			w = s.Reviews[i]
		}
	})
	if err == nil && w.ID == 0 {
		err = refusal.New(risk.CodeReviewUnknown, "there is no review %d", d.ID)
	}
	return w, err
}

// Reviews are those of the Domain in a state.
func (o Operators) Reviews(_ context.Context, state risk.ReviewState, after int64,
	limit int) (found []risk.Waiting, err error) {
	_, err = o.asked("", func(s *State) {
		for _, w := range s.Reviews {
			if w.State == state && w.ID > after && len(found) < limit {
				found = append(found, w)
			}
		}
	})
	return found, err
}

// Rejections are those of the Domain, whether all are asked for or not.
func (o Operators) Rejections(context.Context, bool) (found []ledger.Resolution, err error) {
	_, err = o.asked("", func(s *State) { found = s.Rejections })
	return found, err
}

// Resolve remembers a verdict, and answers with the first rejection, decided and paid.
func (o Operators) Resolve(_ context.Context, v wallet.Verdict) (r ledger.Resolution, err error) {
	_, err = o.asked("", func(s *State) {
		s.Verdict, r = v, s.Rejections[0]
		r.Decision, r.Account, r.By, r.Why, r.At = v.Decision, v.Account, v.By, v.Why, time.UnixMilli(1_700_000_000_000)
		if v.Decision == ledger.DecisionPay {
			r.Payment = 9
		}
	})
	return r, err
}

func (o Operators) RevokeToken(_ context.Context, id string) (time.Time, error) {
	_, err := o.asked("", func(s *State) { s.Revoked = append(s.Revoked, id) })
	return time.UnixMilli(1_700_000_000_000), err
}
