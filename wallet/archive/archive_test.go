package archive_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/archive"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/seal"
)

// everything is older than that.
const everything = -time.Minute

// scene is a set of books: gifts of alice and of bob, on two shards, that are over; a gift of alice that is open; a
// withdrawal that is settled.
type scene struct {
	*ledgertest.MySQL
	archiver *archive.Archiver
	bob      string
	over     []ledger.Hold
	open     ledger.Hold
	balances map[string]int64
}

func openScene(t *testing.T, dsns ...string) *scene {
	s := &scene{MySQL: ledgertest.OpenMySQL(t, 2, dsns...)}
	if _, err := s.Cluster.Install(t.Context(), shards.Installation{Shards: 2, BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	s.archiver, s.bob = archive.New(s.Cluster), s.Elsewhere("alice")
	s.TopUp("alice", 1000)
	s.TopUp(s.bob, 1000)
	wallets := wallet.NewService(s.Ledger, wallet.Sandbox{}, time.Now)
	if o, err := wallets.Withdraw(t.Context(), s.bob, "out", 40, "CNY"); err != nil || !o.State.Final() {
		t.Fatal(o, err)
	}
	s.gifts(3)
	s.open = s.Gift("alice", 5, 6)
	s.PostAll(ledgertest.Pay(s.open, 0, s.bob))
	s.DeliverAll()
	s.remember()
	return s
}

// gifts are made by both, and are over: some posted, the rest void.
func (s *scene) gifts(n int) {
	s.T.Helper()
	for range n {
		for from, to := range map[string]string{"alice": s.bob, s.bob: "alice"} {
			h := s.Gift(from, 30, 20, 10)
			s.PostAll(ledgertest.Pay(h, 0, to), ledgertest.Pay(h, 1, "carol"))
			if _, done, err := s.Void(s.T.Context(), h.ID, 50); !done || err != nil {
				s.T.Fatal(done, err)
			}
			s.over = append(s.over, h)
		}
	}
	s.DeliverAll()
}

func (s *scene) remember() {
	s.balances = map[string]int64{}
	for _, user := range []string{"alice", s.bob, "carol"} {
		s.balances[user] = s.Balance(user)
	}
}

func (s *scene) audit(o audit.Options) ledger.AuditReport {
	s.T.Helper()
	o.Settled = time.Nanosecond
	r, err := s.Auditor.AuditWith(s.T.Context(), o)
	if err != nil || !r.Balanced() {
		s.T.Fatalf("audit %+v: %+v, %v", o, r, err)
	}
	return r
}

// seal seals everything; ids of shared accounts have to be of an earlier time unit.
func (s *scene) seal() {
	s.T.Helper()
	for end := shards.FirstAt(time.Now().Add(20 * time.Millisecond)); shards.FirstAt(time.Now()) < end; {
		s.audit(audit.Options{Incremental: true, Seal: true})
	}
	s.audit(audit.Options{Incremental: true, Seal: true})
}

// balanced finds the books balanced, both ways, and everybody's money where it was.
func (s *scene) balanced() {
	s.T.Helper()
	s.audit(audit.Options{})
	s.audit(audit.Options{Incremental: true})
	s.WantBalances(s.balances)
}

func (s *scene) run(dir string) []archive.File {
	s.T.Helper()
	files, err := s.archiver.Run(s.T.Context(), everything, dir)
	if err != nil {
		s.T.Fatal(err)
	}
	return files
}

func (s *scene) rows(table, where string) (n int64) {
	s.T.Helper()
	for _, shard := range s.Cluster.All() {
		n += s.Count(shard, "SELECT COUNT(*) FROM "+s.Table(shard, table)+" WHERE "+where)
	}
	return n
}

func TestArchive(t *testing.T) {
	s := openScene(t)
	dir := t.TempDir()
	for _, f := range s.run(dir) {
		if f.Kind != archive.Inbox && f.Kind != archive.Requests {
			t.Errorf("nothing is sealed, and yet it archives %+v", f)
		}
	}
	s.seal()
	s.run(dir)
	s.balanced()
	if n := s.rows("holds", "1=1"); n != 1 {
		t.Errorf("%d holds are left, not the open one", n)
	}
	for table, where := range map[string]string{"posts": "hold <> " + fmt.Sprint(s.open.ID), "fundings": "1=1",
		"inbox": "1=1", "unit_seals": "1=1", "requests": "reference <> " + fmt.Sprint(s.open.ID),
		"entries": "account LIKE '#%' AND account <> '#hold:" + fmt.Sprint(s.open.ID) + "'"} {
		if n := s.rows(table, where); n != 0 {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
	for _, h := range s.over {
		if _, err := s.Ledger.GetHold(t.Context(), h.ID); !errors.Is(err, ledger.ErrHoldNotFound) {
			t.Errorf("hold %d: %v", h.ID, err)
		}
	}
	m, err := archive.Verify(dir)
	if err != nil || len(m.Files) == 0 || m.Rows() == 0 {
		t.Errorf("%+v, %v", m, err)
	}
	s.wantStatement()
	if files := s.run(dir); len(files) != 0 {
		t.Errorf("archived again: %+v", files)
	}

	// It goes on: more gifts, sealed and archived behind the others.
	s.gifts(2)
	if _, done, err := s.Void(t.Context(), s.open.ID, 5); !done || err != nil {
		t.Fatal(done, err)
	}
	s.DeliverAll()
	s.remember()
	s.balanced()
	for _, shard := range s.Cluster.All() { // what is archived stays
		if err := seal.Forget(t.Context(), s.Cluster, shard); err != nil {
			t.Fatal(err)
		}
	}
	s.balanced()
	s.seal()
	s.balanced()
	if files := s.run(dir); len(files) == 0 {
		t.Error("nothing was archived")
	}
	s.balanced()
	if n := s.rows("holds", "1=1") + s.rows("entries", "1=1"); n != 0 {
		t.Errorf("%d holds and entries are left", n)
	}
	if _, err := archive.Verify(dir); err != nil {
		t.Error(err)
	}
}

// wantStatement: alice's statement begins with her open gift, and ends there, by time too.
func (s *scene) wantStatement() {
	s.T.Helper()
	for _, from := range []time.Time{{}, time.Now().Add(-time.Hour)} {
		entries, next, err := s.Ledger.EntriesBetween(s.T.Context(), "alice", ledgertest.CNY, 0, 10, from, time.Time{})
		if err != nil || len(entries) != 1 || entries[0].Reference != s.open.ID || next != 0 {
			s.T.Errorf("statement from %v: %+v, next %d, %v", from, entries, next, err)
		}
	}
}

// errDies ends a process.
var errDies = errors.New("the process dies here")

// A run dies between any two steps, again and again. Audits find the books balanced each time; in the end everything is
// archived, once.
func TestArchiverDiesAnywhere(t *testing.T) {
	s := openScene(t)
	s.seal()
	dir := t.TempDir()
	died := map[string]int{}
	for lives := 0; ; lives++ {
		if lives > 200 {
			t.Fatal("it never ends")
		}
		left := 1 + lives/2
		s.archiver.Steps(func(step string) error {
			if left--; left == 0 {
				died[step]++
				return errDies
			}
			return nil
		})
		_, err := s.archiver.Run(t.Context(), everything, dir)
		if lives%3 == 0 {
			s.balanced()
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errDies) {
			t.Fatal(err)
		}
	}
	for _, step := range []string{"close", "place", "record", "manifest", "drop", "dropped"} {
		if died[step] == 0 {
			t.Errorf("it never died at %s: %v", step, died)
		}
	}
	s.balanced()
	m, err := archive.Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != len(m.Files)+1 {
		t.Errorf("%d files in the folder, %d in the manifest, %v", len(names), len(m.Files), err)
	}
	wantOnce(t, dir, m, len(s.over))
}

// wantOnce looks whether each hold and each entry is in one file.
func wantOnce(t *testing.T, dir string, m archive.Manifest, holds int) {
	t.Helper()
	seen := map[string]int{}
	for _, f := range m.Files {
		if f.DroppedAt.IsZero() {
			t.Errorf("%s was not dropped", f.Name)
		}
		wantNames(t, filepath.Join(dir, f.Name))
		for _, l := range lines(t, filepath.Join(dir, f.Name)) {
			if l.Unit != nil && l.Unit.Hold != nil {
				seen["hold"]++
				seen[fmt.Sprint("hold ", l.Unit.Hold.ID)]++
			}
			if l.Step != nil {
				for _, e := range l.Step.Entries {
					seen[fmt.Sprint("entry ", e.Account, e.Currency, e.Seq)]++
				}
			}
		}
	}
	if seen["hold"] != holds {
		t.Errorf("%d holds in the files, not %d", seen["hold"], holds)
	}
	delete(seen, "hold")
	for what, times := range seen {
		if times != 1 {
			t.Errorf("%s is there %d times", what, times)
		}
	}
}

// wantNames looks whether the fields of a file have names as those of the API.
func wantNames(t *testing.T, path string) {
	t.Helper()
	zip := ledgertest.Must(gzip.NewReader(bytes.NewReader(ledgertest.Must(os.ReadFile(path)))))
	var look func(value any)
	look = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, one := range v {
				look(one)
			}
		case map[string]any:
			for name, one := range v {
				if !regexp.MustCompile("^[a-z0-9_]+$").MatchString(name) {
					t.Fatalf("%s has a field %q", filepath.Base(path), name)
				}
				look(one)
			}
		}
	}
	for in := json.NewDecoder(zip); in.More(); {
		var line any
		if err := in.Decode(&line); err != nil {
			t.Fatal(err)
		}
		look(line)
	}
}

func lines(t *testing.T, path string) (all []archive.Line) {
	t.Helper()
	zip := ledgertest.Must(gzip.NewReader(bytes.NewReader(ledgertest.Must(os.ReadFile(path)))))
	for in := json.NewDecoder(zip); ; {
		var l archive.Line
		err := in.Decode(&l)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	s := openScene(t)
	s.seal()
	dir := t.TempDir()
	s.run(dir)
	m := ledgertest.Must(archive.ReadManifest(dir))
	i := slices.IndexFunc(m.Files, func(f archive.File) bool { return f.Kind == archive.Entries })
	name := filepath.Join(dir, m.Files[i].Name)
	manifest := filepath.Join(dir, archive.ManifestName)
	whole, text := ledgertest.Must(os.ReadFile(name)), ledgertest.Must(os.ReadFile(manifest))
	write := func(path string, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		wrong func()
		want  string
	}{
		{"a byte", func() { b := slices.Clone(whole); b[len(b)/2] ^= 1; write(name, b) }, "SHA-256"},
		{"a file that is cut", func() { write(name, whole[:len(whole)-1]) }, "bytes"},
		{"a file that is gone", func() { _ = os.Remove(name) }, "no such file"},
		{"a count", func() {
			write(manifest, bytes.Replace(text, []byte(`"lines": `), []byte(`"lines": 1`), 1))
		}, "the manifest says"},
		{"another folder's file", func() {
			write(manifest, bytes.Replace(text, []byte(m.Files[i].Name), []byte("../x"), 1))
		}, "no file of the folder"},
		{"no manifest", func() { _ = os.Remove(manifest) }, archive.ManifestName},
		{"an amount", func() { forge(t, name, manifest, m, i) }, "are not what was sealed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() { write(name, whole); write(manifest, text) }()
			c.wrong()
			if _, err := archive.Verify(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, which does not say %q", err, c.want)
			}
		})
	}
	if _, err := archive.Verify(dir); err != nil {
		t.Error(err)
	}
}

// forge changes a note in a file, and the manifest with it.
func forge(t *testing.T, name, manifest string, m archive.Manifest, i int) {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	to := json.NewEncoder(zip)
	for _, l := range lines(t, name) {
		l.Step.Entries[0].Note = "forged"
		if err := to.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(zip.Close(), os.WriteFile(name, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	f := m.Files[i]
	f.Bytes, f.SHA256 = int64(out.Len()), sum(out.Bytes())
	m.Files = slices.Clone(m.Files)
	m.Files[i] = f
	if err := os.WriteFile(manifest, ledgertest.Must(json.Marshal(m)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A run that finds nothing leaves an archive of nothing, in which the next goes on.
func TestArchiveOfNothing(t *testing.T) {
	s := openScene(t)
	dir := filepath.Join(t.TempDir(), "new")
	if files, err := s.archiver.Run(t.Context(), time.Hour, dir); err != nil || len(files) > 0 {
		t.Fatalf("%+v, %v", files, err)
	}
	if m, err := archive.Verify(dir); err != nil || m.Installation == "" || len(m.Files) > 0 {
		t.Errorf("%+v, %v", m, err)
	}
	s.seal()
	s.run(dir)
	if m, err := archive.Verify(dir); err != nil || m.Rows() == 0 {
		t.Errorf("%+v, %v", m, err)
	}
	s.balanced()
}

// A run that died has to be ended in its folder, by one process, with the file that it wrote.
func TestArchiveRefuses(t *testing.T) {
	s := openScene(t)
	s.seal()
	dir := t.TempDir()
	s.archiver.Steps(func(step string) error {
		if step == "drop" {
			return errDies
		}
		return nil
	})
	if _, err := s.archiver.Run(t.Context(), everything, dir); !errors.Is(err, errDies) {
		t.Fatal(err)
	}
	s.archiver.Steps(func(string) error { return nil })
	if _, err := s.archiver.Run(t.Context(), everything, t.TempDir()); err == nil ||
		!strings.Contains(err.Error(), "another folder") {
		t.Errorf("in another folder: %v", err)
	}
	other := ledgertest.OpenMySQL(t, 2)
	if _, err := other.Cluster.Install(t.Context(), shards.Installation{Shards: 2, BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.New(other.Cluster).Run(t.Context(), everything, dir); err == nil ||
		!strings.Contains(err.Error(), "give another folder") {
		t.Errorf("another installation: %v", err)
	}
	name := filepath.Join(dir, ledgertest.Must(archive.ReadManifest(dir)).Files[0].Name)
	whole := ledgertest.Must(os.ReadFile(name))
	if err := os.WriteFile(name, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.archiver.Run(t.Context(), everything, dir); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a file that was cut: %v", err)
	}
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	inside := make(chan error, 1)
	s.archiver.Steps(func(string) error {
		s.archiver.Steps(func(string) error { return nil })
		_, err := archive.New(s.Cluster).Run(t.Context(), everything, t.TempDir())
		inside <- err
		return nil
	})
	s.run(dir)
	if err := <-inside; !errors.Is(err, archive.ErrRunning) {
		t.Errorf("a second process: %v", err)
	}
	s.balanced()
}

// While gifts are sent, taken, delivered and ended, one worker seals and another archives what is sealed. In the end
// the books balance and everybody has what they were told.
func TestArchiveWhileTheSystemRuns(t *testing.T) {
	const sends = 15 // of each sender
	s := openScene(t)
	dir := t.TempDir()
	want := maps.Clone(s.balances)
	var mu sync.Mutex
	told := func(user string, minor int64) { mu.Lock(); defer mu.Unlock(); want[user] += minor }
	sent := make(chan struct{})
	var sending, working sync.WaitGroup
	for from, to := range map[string]string{"alice": s.bob, s.bob: "alice"} {
		sending.Go(func() {
			for range sends {
				h := s.Gift(from, 7, 5, 3)
				s.PostAll(ledgertest.Pay(h, 0, to), ledgertest.Pay(h, 1, "carol"))
				if _, done, err := s.Void(t.Context(), h.ID, 12); !done || err != nil {
					t.Errorf("void: %v, %v", done, err)
				}
				told(from, -12)
				told(to, 7)
				told("carol", 5)
				s.DeliverAll()
			}
		})
	}
	until := func(work func()) {
		working.Go(func() {
			for {
				select {
				case <-sent:
					return
				default:
					work()
				}
			}
		})
	}
	until(func() {
		r, err := s.Auditor.AuditWith(t.Context(), audit.Options{Incremental: true, Seal: true})
		if err != nil || !r.Balanced() {
			t.Errorf("audit: %+v, %v", r.Discrepancies, err)
		}
	})
	until(func() {
		if _, err := s.archiver.Run(t.Context(), everything, dir); err != nil {
			t.Errorf("archive: %v", err)
		}
	})
	sending.Wait()
	close(sent)
	working.Wait()
	s.DeliverAll()
	s.balances = want
	s.balanced()
	s.seal()
	s.run(dir)
	s.balanced()
	if n := s.rows("holds", "1=1"); n != 1 {
		t.Errorf("%d holds are left", n)
	}
	m, err := archive.Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	wantOnce(t, dir, m, len(s.over)+2*sends)
}

func sum(b []byte) seal.Digest { return sha256.Sum256(b) }
