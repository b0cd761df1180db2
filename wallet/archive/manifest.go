package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/wallet/seal"
)

// ManifestName is the file in an archive that says what the others are.
const ManifestName = "manifest.json"

// Manifest is what is in the folder of an archive.
type Manifest struct {
	Installation string `json:"installation"` // its id
	Files        []File `json:"files"`        // shard by shard, in the order in which they were made
}

// Rows are those of all files.
func (m Manifest) Rows() (rows int64) {
	for _, f := range m.Files {
		rows += f.Rows
	}
	return rows
}

// ReadManifest reads the manifest of a folder. One without is empty.
func ReadManifest(dir string) (m Manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("archive: manifest of %s: %w", dir, err)
	}
	return m, nil
}

// put adds a file, or replaces what is said of it.
func (m *Manifest) put(f File) {
	i := slices.IndexFunc(m.Files, func(other File) bool { return other.Name == f.Name })
	if i < 0 {
		m.Files = append(m.Files, f)
		slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
		return
	}
	m.Files[i] = f
}

// write replaces the manifest of a folder, durably and at once.
func (m Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, ManifestName)
	file, err := os.OpenFile(partial(path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return place(path)
}

// Verify reads all files of an archive and compares them with the manifest and with the seals in them: the digest of
// each hold and order, and the chain of each account's entries, from file to file. It asks no server. Its memory grows
// with the accounts of a shard.
func Verify(dir string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return m, err
	}
	if m.Installation == "" {
		return m, fmt.Errorf("archive: %s has no %s", dir, ManifestName)
	}
	last := map[seal.Key]seal.State{}
	for i, f := range m.Files {
		if i > 0 && f.Shard != m.Files[i-1].Shard {
			clear(last)
		}
		if filepath.Base(f.Name) != f.Name {
			return m, fmt.Errorf("archive: the manifest names %q, which is no file of the folder", f.Name)
		}
		err := read(filepath.Join(dir, f.Name), f, func(l Line) error {
			if l.Step == nil {
				return nil
			}
			// An account that is new here may have begun in another folder.
			if from, seen := last[l.Step.Key]; seen && from != l.Step.From {
				return fmt.Errorf("entries of %s, %s, go on behind %d, and the ones before ended with %d",
					l.Step.Account, l.Step.Currency, l.Step.From.Seq, from.Seq)
			}
			last[l.Step.Key] = l.Step.To
			return nil
		})
		if err != nil {
			return m, fmt.Errorf("archive: %w", err)
		}
	}
	return m, nil
}
