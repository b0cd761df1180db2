package mysqlledger

import (
	"context"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Ledger needs.
type Config struct {
	Cluster    *shards.Cluster
	Node       int // 0 to MaxNode, another one in each process that makes ids
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// Ledger is the durable ledger. It is safe for concurrent use.
type Ledger struct{}

// New makes a Ledger. It makes no connection.
func New(cfg Config) (*Ledger, error) { panic("skeleton") }

// Migrate brings the tables of every shard up to date.
func (l *Ledger) Migrate(ctx context.Context) error { panic("skeleton") }

func (l *Ledger) Shards() int                       { panic("skeleton") }
func (l *Ledger) NewID(owner string) (int64, error) { panic("skeleton") }
func (l *Ledger) ShardOf(id int64) (int, bool)      { panic("skeleton") }
func (l *Ledger) Hold(ctx context.Context, r wallet.Request, h wallet.Hold) (wallet.Hold, error) {
	panic("skeleton")
}
func (l *Ledger) GetHold(ctx context.Context, id int64) (wallet.Hold, error) { panic("skeleton") }
func (l *Ledger) Posts(ctx context.Context, id int64) ([]wallet.Post, error) { panic("skeleton") }
func (l *Ledger) Post(ctx context.Context, shard int, posts []wallet.Post) (wallet.PostResult, error) {
	panic("skeleton")
}
func (l *Ledger) Void(ctx context.Context, id, posted int64) (h wallet.Hold, done bool, err error) {
	panic("skeleton")
}
func (l *Ledger) OpenHolds(ctx context.Context, shard int, s wallet.Subject, after int64, limit int) ([]wallet.Hold, error) {
	panic("skeleton")
}
func (l *Ledger) DueHolds(ctx context.Context, shard int, s wallet.Subject, now time.Time, limit int) ([]wallet.Hold, error) {
	panic("skeleton")
}
func (l *Ledger) HoldsOf(ctx context.Context, owner string, s wallet.Subject, before int64, limit int) ([]wallet.Hold, error) {
	panic("skeleton")
}
func (l *Ledger) Credits(ctx context.Context, user string, s wallet.Subject, before int64, limit int) ([]wallet.Credit, error) {
	panic("skeleton")
}
func (l *Ledger) Balances(ctx context.Context, user string) ([]wallet.Amount, error) {
	panic("skeleton")
}
func (l *Ledger) Entries(ctx context.Context, user string, c wallet.Currency, before int64, limit int) ([]wallet.Entry, error) {
	panic("skeleton")
}
func (l *Ledger) OpenFunding(ctx context.Context, r wallet.Request, o wallet.FundingOrder) (wallet.FundingOrder, error) {
	panic("skeleton")
}
func (l *Ledger) CloseFunding(ctx context.Context, id int64, state wallet.FundingState) (wallet.FundingOrder, error) {
	panic("skeleton")
}
func (l *Ledger) PendingFundings(ctx context.Context, shard int, before time.Time, after int64, limit int) ([]wallet.FundingOrder, error) {
	panic("skeleton")
}

// Deliver credits what a shard has posted to its receivers, wherever they are, and returns how many credits it made. It
// delivers a bounded amount; 0 means that there was nothing, or nothing for a destination that is up. A destination
// that fails is left alone for a while and is in err once each time; the others are delivered.
func (l *Ledger) Deliver(ctx context.Context, shard int) (credits int, err error) { panic("skeleton") }

// ClearingAge is how long the oldest undelivered post of a shard has been waiting; 0 where there is none.
func (l *Ledger) ClearingAge(ctx context.Context, shard int) (time.Duration, error) {
	panic("skeleton")
}

// Audit checks the books of all shards; see wallet.AuditReport.
func (l *Ledger) Audit(ctx context.Context) (wallet.AuditReport, error) { panic("skeleton") }
