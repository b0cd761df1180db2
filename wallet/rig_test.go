package wallet_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// open makes a real ledger of n shards.
func open(t *testing.T, n int) *mysqlledger.Ledger {
	t.Helper()
	l, err := mysqlledger.New(mysqlledger.Config{Cluster: shardstest.New(t, n), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func balance(t *testing.T, s *wallet.Service, user string) int64 {
	t.Helper()
	amounts, err := s.Balances(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	if len(amounts) == 0 {
		return 0
	}
	return amounts[0].Minor
}

func wantBalanced(t *testing.T, l *mysqlledger.Ledger) {
	t.Helper()
	r, err := l.Audit(t.Context())
	if err != nil || !r.Balanced() {
		t.Errorf("audit: %+v, %v", r.Discrepancies, err)
	}
}
