package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/wallet/archive"
)

type archiveCmd struct {
	Run    archiveRunCmd    `cmd:"" default:"withargs" help:"Export what audits have sealed and is older than a time into files, and delete it from the ledger. Run it again after an error, with the same folder."`
	Verify archiveVerifyCmd `cmd:"" help:"Compare the files of an archive with its manifest and with the seals in them. Needs no server."`
}

type archiveRunCmd struct {
	servers
	actor
	OlderThan age    `help:"How old it has to be, in days or as a duration: 180d, 4320h. At least 7d. Requests of that age can then be repeated by mistake." required:"" placeholder:"AGE"`
	To        string `help:"Folder for the files, new or that of the run before." required:"" type:"path" placeholder:"DIR"`
	JSON      bool   `name:"json" help:"Print JSON, an object for each file."`
}

// leastAge is the youngest that is archived: nothing is under way any more, and no client repeats a call.
const leastAge = 7 * 24 * time.Hour

// age is a time in days, or a duration.
type age time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *age) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		*a = age(time.Duration(n) * 24 * time.Hour)
		if err != nil {
			return fmt.Errorf("%q is no number of days below 65536", days)
		}
		return nil
	}
	d, err := time.ParseDuration(string(text))
	*a = age(d)
	return err
}

// Validate implements kong.Validatable.
func (b archiveRunCmd) Validate() error {
	if time.Duration(b.OlderThan) < leastAge {
		return errors.New("--older-than is at least 7d: what is younger may still be repeated")
	}
	return nil
}

// Run implements the command.
func (b archiveRunCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return b.with(ctx, quiet, nil, func(_ *connected, a *app.App) error {
		var files []archive.File
		err := b.recorded(ctx, a.Trail, "archive", map[string]any{"older_than": time.Duration(b.OlderThan).String(),
			"to": b.To}, func() (err error) {
			files, err = a.Archive(ctx, time.Duration(b.OlderThan), b.To)
			return err
		})
		if printErr := sayArchive(at, files, b.JSON); err == nil {
			err = printErr
		}
		return err
	})
}

func sayArchive(at console, files []archive.File, asJSON bool) error {
	var rows, bytes int64
	for _, f := range files {
		rows, bytes = rows+f.Rows, bytes+f.Bytes
		if !asJSON {
			at.say("%s  %d lines, %d rows, %d bytes, SHA-256 %v", f.Name, f.Lines, f.Rows, f.Bytes, f.SHA256)
			continue
		}
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		at.say("%s", text)
	}
	if !asJSON {
		at.say("%d files, %d rows, %d bytes.", len(files), rows, bytes)
	}
	return nil
}

type archiveVerifyCmd struct {
	Dir  string `arg:"" help:"Folder with the archive." type:"existingdir"`
	JSON bool   `name:"json" help:"Print JSON, an object for each file."`
}

// Run implements the command.
func (b archiveVerifyCmd) Run(_ context.Context, at console) error {
	m, err := archive.Verify(b.Dir)
	if err != nil {
		return err
	}
	return sayArchive(at, m.Files, b.JSON)
}
