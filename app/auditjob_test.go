package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// A worker audits again and again, names what is wrong, and every process knows of the latest audit.
func TestWorkersAudit(t *testing.T) {
	h := apptest.NewHarness(t, func(c *app.Config) {
		c.Now, c.AuditEvery, c.FullAuditEvery = time.Now, 50*time.Millisecond, time.Hour
	}, "alice")
	cfg := h.Config()
	cfg.Registerer = prometheus.NewRegistry()
	other := apptest.Must(app.Open(t.Context(), cfg))
	defer other.Close()
	if last, known, err := other.LastAudit(t.Context()); known || err != nil {
		t.Fatalf("before the first: %+v, %v", last, err)
	}
	h.Work()
	latest := func() (last app.LastAudit) {
		t.Helper()
		last, _, err := other.LastAudit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	apptest.Until(t, "somebody has audited", func() bool { return !latest().At.IsZero() })
	first := latest()
	if !first.Report.Balanced() || first.Report.Accounts == 0 || first.Took <= 0 || first.FullAt.IsZero() {
		t.Errorf("%+v", first)
	}
	apptest.Until(t, "the others read what is not sealed, and balance", func() bool {
		last := latest()
		return last.Report.Incremental && last.Report.Balanced() && last.At.After(last.FullAt)
	})
	shard := h.Cluster.ForUser("alice")
	if _, err := h.Cluster.DB(shard).ExecContext(t.Context(), "UPDATE "+h.Cluster.Table(shard, "accounts")+
		" SET balance = balance + 1 WHERE account = 'alice'"); err != nil {
		t.Fatal(err)
	}
	apptest.Until(t, "the next audit finds it", func() bool { return !latest().Report.Balanced() })
	if latest().Report.Incremental {
		t.Error("one that finds something is followed by one of everything")
	}
	if found := latest().Report.Discrepancies[0]; found.Code != ledger.AuditAccountBalance ||
		!strings.Contains(found.What, "alice") {
		t.Errorf("%+v", found)
	}
	apptest.Until(t, "the metrics say so", func() bool {
		for _, family := range apptest.Must(h.Config().Registerer.(*prometheus.Registry).Gather()) {
			if family.GetName() == "hongbao_audit_discrepancies" {
				return family.GetMetric()[0].GetGauge().GetValue() > 0
			}
		}
		return false
	})
}
