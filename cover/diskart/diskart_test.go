package diskart_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/arttest"
	"github.com/hongbao/hongbao/cover/diskart"
)

func TestStore(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "art")
	arttest.Run(t, diskart.New(folder), diskart.New(folder+string(filepath.Separator)))
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".new-") {
			t.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A file that cannot be written is an error, and nothing of it is found.
func TestWhatCannotBeWritten(t *testing.T) {
	hash, folder := strings.Repeat("ab", 32), t.TempDir()
	blocked := filepath.Join(folder, "ab", "ab", hash, cover.SizeLarge)
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := diskart.New(folder)
	if err := s.Put(t.Context(), hash, cover.SizeLarge, []byte("data")); err == nil {
		t.Error("it was put")
	}
	left, err := os.ReadDir(filepath.Dir(blocked))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := diskart.New(file).Put(t.Context(), hash, cover.SizeLarge, []byte("data")); err == nil {
		t.Error("it was put into a file")
	}
}
