package archive

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// Kind says what the lines of a file are.
type Kind string

// Kinds of files, in the order in which a shard is archived.
const (
	Requests Kind = "requests" // calls that were carried out, or cancelled
	Holds    Kind = "holds"    // with their posts, and the entries of their accounts
	Orders   Kind = "orders"   // top-ups and withdrawals, with the entries of their accounts
	Entries  Kind = "entries"  // of wallets, and of the accounts that all share
	Inbox    Kind = "inbox"    // ids of messages that arrived
)

// Line is a line of a file: what its kind says.
type Line struct {
	Request *Request   `json:"request,omitempty"`
	Unit    *Unit      `json:"unit,omitempty"`
	Step    *Step      `json:"step,omitempty"`
	Message *MessageID `json:"message,omitempty"`
}

// Request is a row of requests. At is in Unix milliseconds.
type Request struct {
	User        string `json:"user"`
	ID          string `json:"request_id"`
	Fingerprint []byte `json:"fingerprint"`
	Reference   int64  `json:"reference"`
	At          int64  `json:"at"`
}

// Unit is a hold or an order, and its seal.
type Unit struct {
	seal.Unit
	Seal seal.Digest `json:"seal"`
}

// Step is a run of an account's entries: they lead from one state of it to the next.
type Step struct {
	seal.Key
	From    seal.State   `json:"from"`
	To      seal.State   `json:"to"`
	Entries []seal.Entry `json:"entries"`
}

// MessageID is a row of an inbox. At is in Unix milliseconds.
type MessageID struct {
	Source int   `json:"source"`
	ID     int64 `json:"id"`
	At     int64 `json:"at"`
}

// File is what the manifest says of a file.
type File struct {
	Name   string                          `json:"file"`
	Shard  int                             `json:"shard"`
	Kind   Kind                            `json:"kind"`
	SHA256 seal.Digest                     `json:"sha256"` // of the file as it is, compressed
	Bytes  int64                           `json:"bytes"`
	Lines  int64                           `json:"lines"`
	Rows   int64                           `json:"rows"`             // of all tables
	Totals map[ledger.Currency]seal.Totals `json:"totals,omitempty"` // of holds or orders
	Sums   map[ledger.Currency]int64       `json:"sums,omitempty"`   // of entries, in minor units
	MadeAt time.Time                       `json:"made_at"`
	// DroppedAt is when the rows were deleted, by the process that did it; zero before.
	DroppedAt time.Time `json:"dropped_at,omitzero"`
}

// count adds a line to what the manifest says.
func (f *File) count(l Line) {
	f.Lines++
	f.Rows++
	switch {
	case l.Unit != nil:
		f.Rows += int64(len(l.Unit.Posts) + len(l.Unit.Entries))
		currency, more := l.Unit.Totals()
		if f.Totals == nil {
			f.Totals = map[ledger.Currency]seal.Totals{}
		}
		sum := f.Totals[currency]
		sum.Add(more)
		f.Totals[currency] = sum
	case l.Step != nil:
		f.Rows += int64(len(l.Step.Entries)) - 1
		if f.Sums == nil {
			f.Sums = map[ledger.Currency]int64{}
		}
		for _, e := range l.Step.Entries {
			f.Sums[e.Currency] += e.Amount
		}
	}
}

// check finds what is wrong with a line of a kind: it is another one, or its seal is not that of its rows.
func (l Line) check(k Kind) error {
	switch {
	case k == Requests && l.Request != nil, k == Inbox && l.Message != nil:
		return nil
	case k == Holds && l.Unit != nil && l.Unit.Hold != nil, k == Orders && l.Unit != nil && l.Unit.Order != nil:
		if d := l.Unit.Digest(); d != l.Unit.Seal {
			return fmt.Errorf("%d is not what was sealed: its digest is %v, its seal %v", l.Unit.ID(), d, l.Unit.Seal)
		}
		return nil
	case k == Entries && l.Step != nil:
		state := l.Step.From
		for _, e := range l.Step.Entries {
			if (seal.Key{Account: e.Account, Currency: e.Currency}) != l.Step.Key {
				return fmt.Errorf("an entry of %s among those of %s", e.Account, l.Step.Account)
			}
			state.Add(e)
		}
		if state != l.Step.To {
			return fmt.Errorf("entries of %s, %s, up to %d are not what was sealed", l.Step.Account, l.Step.Currency,
				l.Step.To.Seq)
		}
		return nil
	}
	return fmt.Errorf("a line that is none of %s", k)
}

// writer writes a file under another name.
type writer struct {
	file *os.File
	sum  hash.Hash
	gzip *gzip.Writer
	to   *bufio.Writer
	out  *json.Encoder
	what File
}

func partial(path string) string { return path + ".partial" }

func create(dir string, what File) (*writer, error) {
	file, err := os.OpenFile(partial(filepath.Join(dir, what.Name)), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &writer{file: file, sum: sha256.New(), what: what}
	w.gzip = gzip.NewWriter(io.MultiWriter(file, w.sum))
	w.to = bufio.NewWriter(w.gzip)
	w.out = json.NewEncoder(w.to)
	w.out.SetEscapeHTML(false)
	return w, nil
}

func (w *writer) add(l Line) error {
	if err := l.check(w.what.Kind); err != nil {
		return err
	}
	w.what.count(l)
	return w.out.Encode(l)
}

// close makes the file durable, still under its other name, reads it back, and returns what it is.
func (w *writer) close() (File, error) {
	err := errors.Join(w.to.Flush(), w.gzip.Close())
	size, sizeErr := w.file.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, sizeErr, w.file.Sync(), w.file.Close()); err != nil {
		return File{}, err
	}
	w.what.Bytes = size
	w.sum.Sum(w.what.SHA256[:0])
	return w.what, read(w.file.Name(), w.what, func(Line) error { return nil })
}

// read reads a file and compares it with what the manifest says of it. visit sees each line.
func read(path string, what File, visit func(Line) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return err
	}
	var found seal.Digest
	if sum.Sum(found[:0]); size != what.Bytes || found != what.SHA256 {
		return fmt.Errorf("%s has %d bytes and the SHA-256 %v, and was written with %d and %v", what.Name, size, found,
			what.Bytes, what.SHA256)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	zip, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return fmt.Errorf("%s: %w", what.Name, err)
	}
	counted := File{}
	for in := json.NewDecoder(zip); ; {
		var l Line
		err := in.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = l.check(what.Kind)
		}
		if err == nil {
			counted.count(l)
			err = visit(l)
		}
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", what.Name, counted.Lines+1, err)
		}
	}
	return what.counted(counted)
}

// counted compares what was counted in a file with what the manifest says.
func (f File) counted(as File) error {
	same := f.Lines == as.Lines && f.Rows == as.Rows && len(f.Totals) == len(as.Totals) && len(f.Sums) == len(as.Sums)
	for c, want := range f.Totals {
		same = same && as.Totals[c] == want
	}
	for c, want := range f.Sums {
		same = same && as.Sums[c] == want
	}
	if !same {
		return fmt.Errorf("%s has %d lines, %d rows, totals %v and sums %v; the manifest says %d, %d, %v and %v",
			f.Name, as.Lines, as.Rows, as.Totals, as.Sums, f.Lines, f.Rows, f.Totals, f.Sums)
	}
	return nil
}

// place gives a durable file its name.
func place(path string) error {
	if err := os.Rename(partial(path), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
