package bankserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// journal is a file of Records, one a line as JSON; the last line of an id counts. A line is on disk when write
// returns.
type journal struct {
	file *os.File
}

// openJournal reads a journal, or makes one. A last line that is not whole is cut off: nobody was told of it.
func openJournal(path string, each func(Record)) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	for i, line := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s, line %d: %w", path, i+1, err), file.Close())
		}
		each(r)
	}
	if err := file.Truncate(int64(len(whole))); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &journal{file: file}, nil
}

// write appends a line. After an error the bank must not go on as if it were written; a whole line may be there.
func (j *journal) write(r Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.file.Sync()
}

func (j *journal) close() error { return j.file.Close() }
