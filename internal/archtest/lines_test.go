package archtest

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// maxColumns is how long a line may be, in characters.
	maxColumns = 120
	// tabColumns is how many of them a tab counts for.
	tabColumns = 4
)

func TestLineLengths(t *testing.T) {
	long := map[string]int{} // by top folder
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || !isCounted(name) {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range longLines(name, text) {
			t.Errorf("%s:%d has more than %d columns", name, line, maxColumns)
			top, _, _ := strings.Cut(name, "/")
			long[top]++
		}
	})
	for _, top := range slices.Sorted(maps.Keys(long)) {
		t.Logf("%4d long lines in %s", long[top], top)
	}
}

func TestLongLinesCatchesWhatItIsFor(t *testing.T) {
	long := strings.Repeat("x", maxColumns+1)
	const backtick = "`"
	for _, c := range []struct {
		name, text string
		want       []int
	}{
		{"a.sh", strings.Repeat("x", maxColumns) + "\n" + long + "\n", []int{2}},
		{"a.sh", strings.Repeat("é", maxColumns) + "\n", nil},
		{"a.go", "package a\n\n" + strings.Repeat("\t", maxColumns/tabColumns) + "// x\n", []int{3}},
		{"a.go", "package a\n\n// " + long + "\nvar s = \"" + long + "\"\n", []int{3, 4}},
		{"a.go", "package a\n\nvar s = " + backtick + long + "\n" + long + backtick + "\n// " + long + "\n", []int{5}},
		{"a.go", "package a\n\ntype T struct {\n\tF int " + backtick + long + backtick + "\n}\n", nil},
		{"a.go", "//go:generate " + long + "\npackage a\n", nil},
		{"a.md", "| " + long + " |\n```\n" + long + "\n```\n" + long + "\n", []int{5}},
		{"a.thrift", "// " + long + "\n  1: required i64 id // " + long + "\n", []int{1}},
		{"a.sql", "-- " + long + "\nINSERT INTO t VALUES ('" + long + "');\nSELECT " + long + ";\n", []int{1, 3}},
	} {
		if found := longLines(c.name, []byte(c.text)); !slices.Equal(found, c.want) {
			t.Errorf("%s %.40q: lines %v, expected %v", c.name, c.text, found, c.want)
		}
	}
}

// longLines are the numbers, from 1, of the lines that are too long and could be folded.
func longLines(name string, text []byte) []int {
	isUnfoldable := unfoldable(name, text)
	var found []int
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		columns := utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
		if !isUnfoldable(number, line) && columns > maxColumns {
			found = append(found, number)
		}
	}
	return found
}

// unfoldable tells the lines of a file that nobody can fold from the others. It is called for a file's lines in order.
func unfoldable(name string, text []byte) func(number int, line string) bool {
	switch path.Ext(name) {
	case ".go":
		raw := rawStrings(text)
		return func(number int, line string) bool {
			isDirective := strings.HasPrefix(line, "//go:") || strings.HasPrefix(strings.TrimSpace(line), "//lint:")
			return raw[number] || isDirective
		}
	case ".md": // a row of a table, a command that somebody copies
		inFence := false
		return func(_ int, line string) bool {
			if strings.HasPrefix(line, "```") {
				inFence = !inFence
			}
			return inFence || strings.HasPrefix(line, "|")
		}
	case ".thrift": // the comment behind a field is its description, and annotations belong to the line of their method
		return func(_ int, line string) bool { return !strings.HasPrefix(strings.TrimSpace(line), "//") }
	case ".sql": // a literal
		return func(_ int, line string) bool { return strings.Contains(line, "'") && !strings.HasPrefix(line, "--") }
	}
	return func(int, string) bool { return false }
}

// rawStrings are the lines of a Go file that a raw string touches: a struct tag, a text that is wanted as it is.
func rawStrings(text []byte) map[int]bool {
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	lines := map[int]bool{}
	for {
		position, kind, literal := s.Scan()
		if kind == token.EOF {
			return lines
		}
		if kind == token.STRING && literal[0] == '`' {
			first := file.Line(position)
			for i := range strings.Count(literal, "\n") + 1 {
				lines[first+i] = true
			}
		}
	}
}
