package gateway_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// archive is a wallet with a long statement, made as it is asked for.
type archive struct {
	handlertest.Wallets
	entries int64
	pages   atomic.Int64
	breaks  int64                  // the page that fails, from 1; 0 for none
	note    func(seq int64) string // nil for no notes
}

func (a *archive) EntriesBetween(_ context.Context, _, _ string, before int64, limit int, _,
	_ time.Time) (entries []ledger.Entry, next int64, err error) {
	if a.pages.Add(1) == a.breaks {
		return nil, 0, errors.New("the ledger has gone")
	}
	if before == 0 {
		before = a.entries + 1
	}
	for seq := before - 1; seq > 0 && len(entries) < limit; seq-- {
		entry := ledger.Entry{Seq: seq, Minor: 1, Balance: seq, Kind: ledger.EntryPost, Subject: transfer.Subject,
			Reference: 1<<62 + seq, Counterparty: "bob", At: time.UnixMilli(1_700_000_000_000 + seq)}
		if a.note != nil {
			entry.Note = a.note(seq)
		}
		entries = append(entries, entry)
		next = seq
	}
	if next == 1 {
		next = 0
	}
	return entries, next, nil
}

func newArchive(t *testing.T, a *archive) *handlertest.Harness {
	return handlertest.New(t, func(s *handler.ServerConfig, _ *gateway.Config) {
		a.Wallets = s.Wallet.(*handler.Wallet).Domain.(handlertest.Wallets)
		s.Wallet = &handler.Wallet{Domain: a}
	})
}

// brief is a wallet whose statement is the two lines of the harness.
type brief struct{ handlertest.Wallets }

func (b brief) EntriesBetween(ctx context.Context, user, currency string, before int64, limit int, from,
	to time.Time) ([]ledger.Entry, int64, error) {
	entries, _, err := b.Wallets.EntriesBetween(ctx, user, currency, before, limit, from, to)
	return entries, 0, err
}

func TestStatement(t *testing.T) {
	r := handlertest.New(t, func(s *handler.ServerConfig, _ *gateway.Config) {
		s.Wallet = &handler.Wallet{Domain: brief{s.Wallet.(*handler.Wallet).Domain.(handlertest.Wallets)}}
	})
	user := r.Token(t, "alice", auth.ScopeUser)
	a := r.Do(t, "GET", "/v1/wallet/statement.csv?currency=KWD&from=2026-02-16&to=2026-02-17", user, "")
	want := "time,seq,kind,subject,reference,counterparty,note,amount,balance,currency\r\n" +
		"2023-11-14T22:13:20.000Z,3,hold,envelope,#4611686018427387904,,,-0.005,0.005,KWD\r\n" +
		"2023-11-14T22:13:20.000Z,2,topup,funding,#7,,,0.010,0.010,KWD\r\n"
	if a.Status != http.StatusOK || a.Text != want {
		t.Fatalf("got %d %q", a.Status, a.Text)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/csv; charset=utf-8; header=present", "Cache-Control": "no-store",
		"Content-Disposition": `attachment; filename="statement-KWD-2026-02-16-2026-02-17.csv"`,
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	s := r.Now()
	if from, to := s.From.UTC().Format(time.DateTime), s.To.UTC().Format(
		time.DateTime); from != "2026-02-16 00:00:00" || to != "2026-02-18 00:00:00" || s.Caller != "alice" {
		t.Errorf("asked for %s to %s by %s", from, to, s.Caller)
	}
}

func TestRefusedStatements(t *testing.T) {
	r := handlertest.New(t, nil)
	user := r.Token(t, "alice", auth.ScopeUser)
	for query, want := range map[string]string{
		"":                            refusal.CodeUnknownCurrency,
		"currency=XXQ":                refusal.CodeUnknownCurrency,
		"currency=CNY&currency=CNY":   refusal.CodeInvalidArgument,
		"currency=CNY&format=xls":     refusal.CodeInvalidArgument,
		"currency=CNY&from=yesterday": refusal.CodeInvalidArgument,
		"currency=CNY&to=2026-02-30":  refusal.CodeInvalidArgument,
		"currency=CNY&from=2026-2-1":  refusal.CodeInvalidArgument,
		"currency=CNY&from=2026-02-18&to=2026-02-17": refusal.CodeInvalidArgument,
		"currency=%zz": refusal.CodeInvalidArgument,
	} {
		if a := r.Do(t, "GET", "/v1/wallet/statement.csv?"+query, user, ""); a.Code() != want ||
			a.Status != http.StatusBadRequest {
			t.Errorf("%q: %d %s, want %s", query, a.Status, a.Text, want)
		}
	}
	for _, x := range []struct{ verb, token, code string }{
		{"GET", "", problem.CodeUnauthenticated}, {"GET", "x.y.z", problem.CodeUnauthenticated}, {"GET",
			r.Token(t, "chat", auth.ScopeService), problem.CodeForbidden},
		{"POST", user, problem.CodeMethodNotAllowed}, {"HEAD", user, ""},
	} {
		a := r.Do(t, x.verb, "/v1/wallet/statement.csv?currency=CNY", x.token, "")
		if a.Code() != x.code || a.Status < 400 || x.verb != "GET" && a.Header.Get("Allow") != "GET" {
			t.Errorf("%s: %d %s", x.verb, a.Status, a.Text)
		}
	}
	r.Fail(refusal.New(refusal.CodeUnavailable, "x"))
	if a := r.Do(t, "GET", "/v1/wallet/statement.csv?currency=CNY", user,
		""); a.Status != http.StatusServiceUnavailable {
		t.Errorf("without a ledger: %d %s", a.Status, a.Text)
	}
}

// Text that somebody chose reaches a spreadsheet as text, and comes back out of the file as it was.
func TestTextOfAStatement(t *testing.T) {
	written := map[string]string{
		"晚饭": "晚饭", `a "quoted", note`: `a "quoted", note`, "two\nlines": "two\nlines", "": "", "a=1": "a=1", "'": "'",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "＝1": "'＝1", "＋1": "'＋1",
		"－1": "'－1", "＠1": "'＠1", "\n=1": "'\n=1",
	}
	notes := slices.Sorted(maps.Keys(written))
	r := newArchive(t, &archive{entries: int64(len(notes)), note: func(seq int64) string { return notes[seq-1] }})
	answer := r.Do(t, "GET", "/v1/wallet/statement.csv?currency=JPY", r.Token(t, "alice", auth.ScopeUser), "")
	lines, err := csv.NewReader(strings.NewReader(answer.Text)).ReadAll()
	if err != nil || len(lines) != 1+len(notes) || strings.Contains(answer.Text, "\n\"=1") {
		t.Fatalf("%v, %q", err, answer.Text)
	}
	for i, line := range lines[1:] {
		note := notes[len(notes)-1-i] // the newest entry comes first
		if line[6] != written[note] || line[7] != "1" {
			t.Errorf("%q is written as %q in line %q", note, line[6], line)
		}
	}
}

// A statement that cannot be finished breaks off, and the client can tell.
func TestAStatementThatBreaksOff(t *testing.T) {
	a := &archive{entries: 1000, breaks: 3}
	r := newArchive(t, a)
	response, err := http.DefaultTransport.RoundTrip(statementRequest(t, r))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Count(string(text), "\r\n") > 1+2*wallet.MaxEntries {
		t.Errorf("%d, %d lines, then %v", response.StatusCode, strings.Count(string(text), "\r\n"), err)
	}
	if log := r.Log.String(); !strings.Contains(log, "statement broken off") || strings.Contains(log, "panic") {
		t.Errorf("the log says %s", log)
	}
}

func statementRequest(t *testing.T, r *handlertest.Harness) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", r.URL+"/v1/wallet/statement.csv?currency=CNY", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.Token(t, "alice", auth.ScopeUser))
	return request
}

// A statement of any length takes the memory of a page: nothing is asked for before the client has taken what came
// before, and what it has taken is forgotten.
func TestALongStatementTakesConstantMemory(t *testing.T) {
	const entries = 100_000
	long := strings.Repeat("福", 100)
	a := &archive{entries: entries, note: func(int64) string { return long }}
	r := newArchive(t, a)
	response, err := http.DefaultTransport.RoundTrip(statementRequest(t, r))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	read := func(n int) {
		t.Helper()
		for range n {
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The client takes a few lines and then none. The gateway goes on until the buffers of the connection are full, and
	// then waits: its questions come to an end, far from the end of the statement.
	read(10)
	asked := a.pages.Load()
	for quiet := 0; quiet < 40; {
		time.Sleep(5 * time.Millisecond) // the interval of the condition
		if now := a.pages.Load(); now != asked {
			asked, quiet = now, 0
		} else {
			quiet++
		}
	}
	if all := int64(entries / wallet.MaxEntries); asked > all/2 {
		t.Errorf("%d of %d pages were made before the client took them", asked, all)
	}

	var alive []uint64
	for n := 10; n < entries+1; {
		chunk := min(5000, entries+1-n)
		read(chunk)
		n += chunk
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		alive = append(alive, m.HeapAlloc>>10)
	}
	if rest, err := lines.ReadByte(); err != io.EOF {
		t.Errorf("after the last line: %q, %v", rest, err)
	}
	// The file has 40 MB. What is alive of it does not grow along it: the usual figure of the second half is that of
	// the first, give or take the pages that happen to be under way.
	early, late := median(alive[:len(alive)/2]), median(alive[len(alive)/2:])
	t.Logf("%d pages; live heap %d KiB, then %d KiB", a.pages.Load(), early, late)
	if late > early+4<<10 {
		t.Errorf("the live heap grew from %d to %d KiB along the statement: %v", early, late, alive)
	}
}

func median(values []uint64) uint64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

func TestAmountsOfAStatement(t *testing.T) {
	for _, x := range []struct {
		currency ledger.Currency
		minor    int64
		want     string
	}{
		{"CNY", 0, "0.00"}, {"CNY", 5, "0.05"}, {"CNY", -1234, "-12.34"}, {"JPY", -1234, "-1234"}, {"KWD", 1,
			"0.001"}, {"KWD", -1_234_567, "-1234.567"},
		{"CNY", -1 << 63, "-92233720368547758.08"}, {"KRW", 1 << 40, fmt.Sprint(int64(1) << 40)},
	} {
		if got := x.currency.Format(x.minor); got != x.want {
			t.Errorf("%d %s: %s, want %s", x.minor, x.currency, got, x.want)
		}
	}
}
