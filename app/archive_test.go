package app_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/archive"
	"github.com/hongbao/hongbao/wallet/audit"
)

// While envelopes are sent, grabbed and settled, and transfers arrive, one worker audits and seals and another archives
// whatever is sealed. In the end everybody has what they were told, the books balance, and nothing is left of what is
// over.
func TestArchiveWhileEnvelopesAreGrabbed(t *testing.T) {
	const rounds = 12 // of each sender
	users := []string{"alice", "bob", "carol"}
	h := newHousehold(t, func(c *app.Config) { c.Now, c.Clock = time.Now, nil }, users...)
	h.Work()
	dir := t.TempDir()
	want := map[string]int64{}
	for _, user := range users {
		want[user] = h.Balance(user)
	}
	var mu sync.Mutex
	move := func(from, to string, minor int64) {
		mu.Lock()
		defer mu.Unlock()
		want[from] -= minor
		want[to] += minor
	}
	send := func(n int, from string) {
		sent, err := h.Envelopes.Send(t.Context(), from, envelope.Order{RequestID: fmt.Sprintf("%s-%d", from, n),
			Group: "g", Kind: string(envelope.Lucky), Total: 90, Count: 3, Currency: "CNY"})
		if err != nil {
			t.Errorf("send: %v", err)
			return
		}
		for _, user := range users {
			g, err := h.Envelopes.Grab(t.Context(), user, sent.ID)
			if err != nil || g.Take.Minor == 0 {
				t.Errorf("grab: %+v, %v", g, err)
			}
			move(from, user, g.Take.Minor)
		}
	}
	sealing := audit.Options{Incremental: true, Seal: true, Settled: time.Nanosecond}
	sent, stop := context.WithCancel(t.Context())
	var senders, others sync.WaitGroup
	for _, from := range users {
		senders.Go(func() {
			for n := range rounds {
				send(n, from)
			}
		})
	}
	others.Go(func() {
		for sent.Err() == nil {
			r, err := h.Auditor.AuditWith(t.Context(), audit.Options{Incremental: true, Seal: true})
			if err != nil || !r.Balanced() {
				t.Errorf("audit: %+v, %v", r.Discrepancies, err)
			}
		}
	})
	archiver := archive.New(h.Cluster)
	others.Go(func() {
		for sent.Err() == nil {
			if _, err := archiver.Run(t.Context(), -time.Minute, dir); err != nil {
				t.Errorf("archive: %v", err)
			}
		}
	})
	var offered int64
	for range rounds {
		offer := h.offer("alice", "bob", "now")
		apptest.Must(h.Transfers.Accept(t.Context(), "bob", offer.ID))
		move("alice", "bob", offer.Amount.Minor)
		offered = offer.ID
	}
	senders.Wait()
	stop()
	others.Wait()
	apptest.Until(t, "everybody has what they were told", func() bool {
		for _, user := range users {
			if h.Balance(user) != want[user] {
				return false
			}
		}
		return true
	})
	apptest.Until(t, "everything that is over is archived", func() bool {
		r := apptest.Must(h.Auditor.AuditWith(t.Context(), sealing))
		if !r.Balanced() {
			t.Fatalf("%+v", r.Discrepancies)
		}
		apptest.Must(archiver.Run(t.Context(), -time.Minute, dir))
		return holds(h.App) == 0
	})
	apptest.MustBalance(t, h.App)
	h.WantBalances(want)
	if _, err := archive.Verify(dir); err != nil {
		t.Error(err)
	}
	cfg := h.Config()
	cfg.Registerer = prometheus.NewRegistry()
	other := apptest.Must(app.Open(t.Context(), cfg))
	defer other.Close()
	for _, from := range users {
		lines, err := other.Envelopes.ListSent(t.Context(), from, 0, 10)
		if err != nil || len(lines) != 0 {
			t.Errorf("%s has sent %+v, %v", from, lines, err)
		}
	}
	if received, err := other.Transfers.Received(t.Context(), "bob", 0, 10); err != nil || len(received) != 0 {
		t.Errorf("bob has received %+v, %v", received, err)
	}
	_, err := other.Transfers.Get(t.Context(), "alice", offered)
	apptest.WantCode(t, "a transfer that was archived", err, transfer.CodeNotFound)
	send(rounds, "alice") // as ever
}

// holds is how many holds there are.
func holds(s *app.App) (n int) {
	for _, shard := range s.Cluster.All() {
		var of int
		apptest.Must(0, s.Cluster.DB(shard).QueryRowContext(context.Background(), "SELECT COUNT(*) FROM "+
			s.Cluster.Table(shard, "holds")).Scan(&of))
		n += of
	}
	return n
}
