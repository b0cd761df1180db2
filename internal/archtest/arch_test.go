package archtest

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository's, relative to this folder, where go runs the test.
const root = "../.."

func TestImports(t *testing.T) {
	imports := readImports(t)
	if len(imports) == 0 {
		t.Fatal("no packages found")
	}
	for _, violation := range violations(table(), imports) {
		t.Error(violation)
	}
}

func TestTopLevel(t *testing.T) {
	may, ignored := topLevel()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		isHidden := strings.HasPrefix(entry.Name(), ".") // an editor's, or git's
		if !isHidden && !slices.Contains(may, entry.Name()) && !slices.Contains(ignored, entry.Name()) {
			t.Errorf("%s does not belong at the top level", entry.Name())
		}
	}
}

func TestFolderNames(t *testing.T) {
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() && slices.Contains(neverFolders(), entry.Name()) {
			t.Errorf("%s: name the folder after what is in it", name)
		}
	})
}

func TestFileLengths(t *testing.T) {
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || !isCounted(name) {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: it holds more than one subject", name, lines, maxLines)
		}
	})
}

// isCounted says whether the lengths of a file and of its lines are limited.
func isCounted(name string) bool {
	isSource := slices.ContainsFunc(sources(), func(suffix string) bool { return strings.HasSuffix(name, suffix) })
	return isSource && !slices.ContainsFunc(uncounted(), func(dir string) bool { return within(name, dir) })
}

// TestTableCatchesWhatItIsFor breaks the rules on paper, so that a rule that stops biting is noticed.
func TestTableCatchesWhatItIsFor(t *testing.T) {
	for _, c := range []struct {
		importer, imported string
		allowed            bool
	}{
		{"wallet/ledger", "golang.org/x/text/currency", true},
		{"wallet/ledger", "github.com/prometheus/client_golang/prometheus", false},
		{"wallet/ledger", "golang.org/x/sync/errgroup", false},
		{"wallet/ledger", "database/sql", false},
		{"wallet/ledger", "database/sqlite", true}, // another package, not a part of database/sql
		{"wallet/ledger", module + "/transfer", false},
		{"wallet", module + "/wallet/ledger", true},
		{"wallet", module + "/envelope", false},
		{"wallet/mysqlledger", "database/sql", true},
		{"wallet/mysqlledger", module + "/wallet", true},
		{"wallet/mysqlledger", module + "/envelope", false},
		{"wallet/mysqlledger", module + "/collection", false},
		{"wallet/audit", module + "/collection", false},
		{"envelope", "github.com/cloudwego/kitex/server", false},
		{"envelope", module + "/kitex_gen/envelopeapi", false},
		{"envelope", module + "/envelope/redispot", false},
		{"envelope", module + "/transfer", false},
		{"envelope", "net/http/httptrace", false},
		{"envelope/redispot", module + "/envelope", true},
		{"envelope/redispot", "github.com/prometheus/client_golang/prometheus", true},
		{"envelope/redispot", "github.com/go-sql-driver/mysql", false},
		{"envelope/redispot", module + "/envelope/pottest", false},
		{"envelope/mempot", module + "/envelope", true},
		{"envelope/mempot", module + "/envelope/redispot", false},
		{"collection", module + "/wallet/mysqlledger", false},
		{"collection/mysqlcollection", module + "/wallet/mysqlledger", true},
		{"collection/mysqlcollection", module + "/transfer", false},
		{"envelope/unlisted", "github.com/redis/rueidis", false},
		{"group", "github.com/prometheus/client_golang/prometheus", false},
		{"push", module + "/wallet", false},
		{"internal/shards", module + "/wallet/ledger", false},
		{"internal/outbox", module + "/wallet/ledger", false},
		{"internal/index", module + "/wallet/ledger", false},
		{"internal/membership", "github.com/redis/rueidisother", false},
		{"handler", module + "/kitex_gen/walletapi/walletservice", true},
		{"handler", module + "/handler/auth", true},
		{"handler", module + "/handler/gateway", false},
		{"handler", module + "/handler/web", false},
		{"handler/auth", module + "/handler/contract", false},
		{"handler/gateway", module + "/handler", false},
		{"handler/gateway", module + "/envelope", false},
		{"handler/problem", module + "/handler/auth", false},
		{"handler", module + "/wallet/mysqlledger", false},
		{"handler", module + "/app", false},
		{"handler/web", "github.com/redis/rueidis", false},
		{"client", module + "/kitex_gen/envelopeapi/envelopeservice", true},
		{"client", module + "/handler", false},
		{"client", module + "/wallet", false},
		{"client", module + "/envelope", false},
		{"bench", module + "/client", true},
		{"bench", module + "/wallet", false},
		{"bench/suite", module + "/app", false},
		{"kitex_gen/walletapi", module + "/kitex_gen/envelopeapi", true},
		{"app", module + "/handler", false},
		{"app", module + "/internal/devstack", false},
		{"cmd", module + "/internal/devstack", true},
		{"cmd", "github.com/alecthomas/kong", true},
		{"cmd", module + "/app/apptest", false},
		{"app/apptest", module + "/internal/devstack", true},
		{"app/apptest", module + "/internal/shards/shardstest", true},
		{".", module + "/cmd", true},
		{".", module + "/handler", false},
		{"internal/unlisted", "fmt", false},
	} {
		found := violations(table(), map[string][]string{c.importer: {c.imported}})
		if c.allowed != (len(found) == 0) {
			t.Errorf("%s → %s: allowed %v expected, got %q", c.importer, c.imported, c.allowed, found)
		}
	}
}

// violations checks imports, package folder → import paths, and returns a sentence for each that the table forbids.
func violations(rows []row, imports map[string][]string) []string {
	var found []string
	for _, folder := range slices.Sorted(maps.Keys(imports)) {
		importer, ok := placeOf(rows, folder)
		if !ok {
			found = append(found, fmt.Sprintf("%s has no row in the import table", folder))
			continue
		}
		for _, imported := range imports[folder] {
			if reason := forbidden(rows, importer, imported); reason != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", folder, strings.TrimPrefix(imported, module+"/"),
					reason))
			}
		}
	}
	return found
}

// forbidden says why importer may not import a path, or nothing.
func forbidden(rows []row, importer row, imported string) string {
	may := slices.Concat(importer.may, kindMay()[importer.kind])
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported != module && !within(imported, module) && !strings.Contains(first, "."):
		if importer.kind == domain && slices.ContainsFunc(domainNever(),
			func(p string) bool { return within(imported, p) }) {
			return "the domain knows no technology"
		}
		return ""
	case imported != module && !within(imported, module):
		if slices.Contains(may, everything) || slices.ContainsFunc(may,
			func(p string) bool { return within(imported, p) }) {
			return ""
		}
		return "not among the modules of " + importer.place
	}

	place, ok := placeOf(rows, folderOf(imported))
	switch {
	case !ok:
		return "it has no row in the import table"
	case place.place == importer.place:
		return ""
	case place.kind == testSupport && importer.kind != testSupport:
		return "it is for tests"
	case slices.Contains(may, everything) || slices.Contains(may, place.place):
		return ""
	}
	return "not among the places that " + importer.place + " may know"
}

// placeOf finds the row of a folder or of the nearest folder above it; the root's row is for the root alone.
func placeOf(rows []row, folder string) (row, bool) {
	for dir := folder; ; dir = path.Dir(dir) {
		if i := slices.IndexFunc(rows, func(r row) bool { return r.place == dir }); i >= 0 &&
			(dir != "." || folder == ".") {
			return rows[i], true
		}
		if dir == "." {
			return row{}, false
		}
	}
}

func folderOf(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// within reports whether p is dir or below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// readImports returns what each package's files import, tests left out: they may wire anything.
func readImports(t *testing.T) map[string][]string {
	imports := make(map[string][]string)
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		folder := path.Dir(name)
		// a package without imports needs a row as well
		imports[folder] = slices.Grow(imports[folder], len(file.Imports))
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(imports[folder], imported) {
				imports[folder] = append(imports[folder], imported)
			}
		}
	})
	return imports
}

// walk visits the repository as go sees it: no hidden folders, no testdata, nothing that the programs write. Names are
// relative to the root, with slashes.
func walk(t *testing.T, visit func(name string, entry fs.DirEntry)) {
	t.Helper()
	_, ignored := topLevel()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := len(entry.Name()) > 1 && (entry.Name()[0] == '.' || entry.Name()[0] == '_')
		if entry.IsDir() && (hidden || entry.Name() == "testdata" || slices.Contains(ignored, name)) {
			return fs.SkipDir
		}
		visit(name, entry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
