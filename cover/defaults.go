package cover

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"

	"github.com/hongbao/hongbao/merchant"
)

// defaultFiles are the images of our own covers: <name>-<size>.jpg was made of <name>.svg, as an upload would be.
//
//go:embed defaults/*.jpg
var defaultFiles embed.FS

// Our own covers, which everybody may use for ever, and which cost nothing. Their ids never change; no ledger makes
// ones that are so small.
const (
	DefaultRed    int64 = 1
	DefaultSpring int64 = 2
	DefaultNight  int64 = 3
)

// own are our own covers with their files.
type own struct {
	covers []Entry
	files  map[string][]byte // by hash/size
}

// loadOwn reads our own covers out of the program.
func loadOwn() (*own, error) {
	o := &own{files: make(map[string][]byte)}
	for _, c := range []struct {
		id   int64
		file string
		Design
	}{
		{DefaultRed, "red", Design{Name: "大吉 Red", Colour: "#c4151f", Accent: "#f2c75c", Greeting: "恭喜发财"}},
		{DefaultSpring, "spring", Design{Name: "迎春 Spring", Colour: "#d02a3a", Accent: "#ffdfe3", Greeting: "春风如意"}},
		{DefaultNight, "night", Design{Name: "灯夜 Night", Colour: "#2b1b53", Accent: "#fbe3a0", Greeting: "花好月圆"}},
	} {
		hash, err := o.read(c.file)
		if err != nil {
			return nil, err
		}
		c.Face = hash
		o.covers = append(o.covers, Entry{
			ID: c.id, Mode: merchant.Live, Design: c.Design, State: StateApproved, Active: true,
		})
	}
	return o, nil
}

// read keeps the files of an image and returns its hash, which is that of an upload: of the hashes of its files.
func (o *own) read(name string) (hash string, err error) {
	var files [][]byte
	names := sha256.New()
	for _, w := range Widths() {
		data, err := defaultFiles.ReadFile("defaults/" + name + "-" + w.Name + ".jpg")
		if err != nil {
			return "", fmt.Errorf("own covers: %w", err)
		}
		sum := sha256.Sum256(data)
		names.Write(sum[:])
		files = append(files, data)
	}
	hash = hex.EncodeToString(names.Sum(nil))
	for i, w := range Widths() {
		o.files[hash+"/"+w.Name] = files[i]
	}
	return hash, nil
}

// cover is one of ours.
func (o *own) cover(id int64) (Entry, bool) {
	for _, e := range o.covers {
		if e.ID == id {
			return e, true
		}
	}
	return Entry{}, false
}

// Defaults are our own covers, which everybody may use.
func (s *Service) Defaults() []Entry { return s.directory.own.covers }
