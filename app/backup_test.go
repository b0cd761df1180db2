package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/backup"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards"
)

// acknowledged is what callers were told.
type acknowledged struct {
	mu   sync.Mutex
	sent []int64
	won  []win
}

type win struct {
	envelope int64
	user     string
	take     envelope.Take
}

func (a *acknowledged) add(sent []int64, won ...win) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent, a.won = append(a.sent, sent...), append(a.won, won...)
}

func (a *acknowledged) copy() (sent []int64, won []win) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.sent), slices.Clone(a.won)
}

// traffic sends and grabs as one user until the context ends.
func traffic(ctx context.Context, t *testing.T, h *apptest.Harness, users []string, who int, told *acknowledged) {
	for n := 0; ctx.Err() == nil; n++ {
		sent, err := h.Envelopes.Send(ctx, users[who], envelope.Order{RequestID: fmt.Sprintf("e-%d-%d", who, n),
			Group: "g", Kind: string(envelope.Lucky), Total: 8, Count: 4, Currency: "CNY"})
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("send: %v", err)
			}
			return
		}
		told.add([]int64{sent.ID})
		for i := range 3 { // one share stays
			user := users[(who+i+n)%len(users)]
			grabbed, err := h.Envelopes.Grab(ctx, user, sent.ID)
			if err != nil || grabbed.Outcome != envelope.Won {
				if ctx.Err() == nil {
					t.Errorf("grab: %+v, %v", grabbed, err)
				}
				return
			}
			told.add(nil, win{sent.ID, user, grabbed.Take})
		}
	}
}

// A backup is made while users send and grab on two servers, and restored on others, where the shards lie otherwise:
// the books balance, and all that was acknowledged before it began is there, once.
func TestBackupUnderLoad(t *testing.T) {
	second := devstack.NewTestMySQL(t)
	users := []string{"ada", "ben", "cem", "dan", "eva", "fay"}
	h := apptest.NewHarness(t, func(c *app.Config) { c.MySQL = append(c.MySQL, second.DSN()) }, users...)
	if err := h.Revoked.Add(t.Context(), "stolen", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		h.TopUp(user, 10_000_000) // nobody runs out
	}
	h.Work()
	var told acknowledged
	var stops []func()
	for who := range 2 {
		stops = append(stops, apptest.Start(t, func(ctx context.Context) { traffic(ctx, t, h, users, who, &told) }))
	}
	wins := func(n int) func() bool {
		return func() bool { _, won := told.copy(); return len(won) >= n || t.Failed() }
	}
	apptest.Until(t, "there is traffic", wins(60))
	sent, won := told.copy()
	dir := filepath.Join(t.TempDir(), "backup")
	m, err := h.Backup(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	_, after := told.copy()
	apptest.Until(t, "traffic goes on", wins(len(after)+10))
	for _, stop := range stops {
		stop()
	}
	if m.At.IsZero() || len(m.Shards) != h.Buckets.Shards || m.FenceMillis > 10_000 {
		t.Errorf("%+v", m)
	}

	cfg := h.Config()
	cfg.Redis = []string{"unix://" + devstack.NewTestRedis(t).Socket()}
	cfg.Prefix = "restored_" + cfg.Prefix
	slices.Reverse(cfg.MySQL)
	var logged bytes.Buffer
	quiet := cfg.Log
	cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
	restored, err := app.Restore(t.Context(), cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = quiet
	if said := logged.String(); strings.Contains(said, "level=ERROR") || strings.Contains(said, "is lost") {
		t.Errorf("nothing was lost, and yet it logs %s", said)
	}
	if !restored.Recovery.Lost || restored.Recovery.Filled < len(sent) {
		t.Errorf("%+v of %d envelopes", restored.Recovery, len(sent))
	}
	r := apptest.Open(t, cfg)
	apptest.MustBalance(t, r) // as it was, with money in flight
	apptest.Settle(t, r)
	report, err := r.Audit(t.Context())
	if err != nil || !report.Balanced() || len(report.InFlight) > 0 {
		t.Errorf("once all is delivered: %+v, %v", report, err)
	}
	if n := len(report.Rebuilds); n != h.Buckets.Number() || !strings.Contains(report.Rebuilds[0],
		": restored") {
		t.Errorf("the audit tells of rebuilds %q", report.Rebuilds)
	}
	if !r.Revoked.Has("stolen") {
		t.Error("a token that was revoked is good again")
	}
	for _, id := range sent {
		if hold, err := r.Ledger.GetHold(t.Context(), id); err != nil || hold.ID != id {
			t.Fatalf("envelope %d is not in the backup: %v", id, err)
		}
	}
	for _, w := range won {
		again, err := r.Envelopes.Grab(t.Context(), w.user, w.envelope)
		if err != nil || again.Outcome != envelope.AlreadyWon || again.Take != w.take {
			t.Fatalf("%s won %+v of envelope %d, and in the backup: %+v, %v", w.user, w.take, w.envelope, again, err)
		}
	}
	// What the pots were filled with is taken, settled and delivered as ever.
	if won := apptest.Must(r.Envelopes.Grab(t.Context(), outsideOf(won, sent[0], users), sent[0])); won.Outcome !=
		envelope.Won {
		t.Errorf("the share that was left: %+v", won)
	}
	apptest.Settle(t, r)
	apptest.MustBalance(t, r)
	wantRefusals(t, cfg, dir)
}

// outsideOf is a user who has won nothing of an envelope.
func outsideOf(won []win, id int64, users []string) string {
	return users[slices.IndexFunc(users, func(user string) bool {
		return !slices.ContainsFunc(won, func(w win) bool { return w.envelope == id && w.user == user })
	})]
}

// wantRefusals restores a backup where it may not be restored: nothing changes.
func wantRefusals(t *testing.T, used app.Config, dir string) {
	t.Helper()
	try := func(what string, want error, cfg app.Config) {
		t.Helper()
		if _, err := app.Restore(t.Context(), cfg, dir); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	try("beside a Redis that is used", app.ErrRedisNotEmpty, used)
	cfg := used
	cfg.Redis = []string{"unix://" + devstack.NewTestRedis(t).Socket()}
	try("over an installation", shards.ErrNotEmpty, cfg)
	cfg.Prefix, cfg.Shards = "fresh_", 3
	try("with other shards", shards.ErrInstalledOtherwise, cfg)
	cfg.Shards = used.Shards
	path := filepath.Join(dir, "shard-0002.sql.gz")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	try("damaged", backup.ErrDamaged, cfg)
	if err := os.Remove(filepath.Join(dir, "backup.json")); err != nil {
		t.Fatal(err)
	}
	try("unfinished", backup.ErrNone, cfg)
	if _, err := app.Open(t.Context(), cfg); !errors.Is(err, shards.ErrNotInstalled) {
		t.Errorf("after refusals: %v", err)
	}
}
