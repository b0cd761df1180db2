package problem

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// domainPackages are those whose codes clients see.
func domainPackages() []string {
	return []string{"internal/refusal", "wallet", "group", "envelope", "transfer", "collection",
		"merchant", "webhook", "cover", "cover/stock", "risk",
		"handler/problem"}
}

// codesOf reads the string constants of a package whose names begin with Code.
func codesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", dir, files, err)
	}
	codes := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range spec.Names {
				if i < len(spec.Values) && strings.HasPrefix(id.Name, "Code") {
					if literal, ok := spec.Values[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
						code, err := strconv.Unquote(literal.Value)
						if err != nil {
							t.Fatal(err)
						}
						codes[id.Name] = code
					}
				}
			}
			return true
		})
	}
	return codes
}

// TestTheClientKnowsEveryCode compares the constants of the public client with the table.
func TestTheClientKnowsEveryCode(t *testing.T) {
	known := map[string]bool{}
	for name, code := range codesOf(t, "client") {
		known[code] = true
		if _, ok := table[code]; !ok {
			t.Errorf("client.%s: %q is not in the table", name, code)
		}
	}
	for code := range table {
		if !known[code] {
			t.Errorf("client has no constant for %q", code)
		}
	}
}

func TestEveryCodeIsInTheTableAndExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, dir := range domainPackages() {
		codes := codesOf(t, dir)
		if len(codes) < 3 {
			t.Errorf("%s: only %v found", dir, codes)
		}
		for name, code := range codes {
			found[code] = true
			v, ok := table[code]
			if !ok {
				t.Errorf("%s.%s: %q is not in the table", dir, name, code)
			}
			row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta("`"+code+"`") + ` \| ` + strconv.Itoa(v.status) +
				` \| ` + strconv.Itoa(int(v.number)) + ` \|`)
			if !row.Match(text) {
				t.Errorf("%s.%s: docs/api.md has no row | `%s` | %d | %d |", dir, name, code, v.status, v.number)
			}
		}
	}
	for code := range table {
		if !found[code] {
			t.Errorf("%q is in the table, but no domain gives it", code)
		}
	}
}

func TestNumbersOfCodesAreUnique(t *testing.T) {
	seen := map[int32]string{}
	for code, v := range table {
		if other, taken := seen[v.number]; taken {
			t.Errorf("%s and %s are both %d", code, other, v.number)
		}
		seen[v.number] = code
		if int(v.number)/100 != v.status || v.title == "" {
			t.Errorf("%s: number %d, status %d, title %q", code, v.number, v.status, v.title)
		}
	}
}
