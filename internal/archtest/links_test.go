package archtest

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link finds the target of a link or an image in Markdown.
var link = regexp.MustCompile(`\]\(([^)\s#]+)[^)]*\)`)

// TestLinks finds links in documents to files that were moved or removed.
func TestLinks(t *testing.T) {
	found := 0
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || path.Ext(name) != ".md" {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			found++
			target := path.Join(path.Dir(name), match[1])
			if _, err := os.Stat(filepath.Join(root, target)); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s links to %s, which does not exist", name, target)
			} else if err != nil {
				t.Error(err)
			}
		}
	})
	if found == 0 {
		t.Error("no links found")
	}
}
