package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/backup"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet/ledger"
)

type backupCmd struct {
	Create  backupCreateCmd  `cmd:"" help:"Copy the installation into a new folder, while it serves: all shards as of one moment. Needs mariadb-dump on this machine."`
	Check   backupCheckCmd   `cmd:"" help:"Compare the files of a backup with what was written."`
	Restore backupRestoreCmd `cmd:"" help:"Make the installation of a backup on empty servers, and audit it. Needs mariadb on this machine."`
}

type backupCreateCmd struct {
	servers
	actor
	Dir  string `arg:"" help:"Folder for the backup, new or empty." type:"path"`
	JSON bool   `name:"json" help:"Print what the backup says as JSON."`
}

// Run implements the command.
func (b backupCreateCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return b.with(ctx, quiet, nil, func(_ *connected, a *app.App) error {
		var m backup.Manifest
		err := b.recorded(ctx, a.Trail, "backup", map[string]any{"dir": b.Dir}, func() (err error) {
			m, err = a.Backup(ctx, b.Dir)
			return err
		})
		if err != nil {
			return fmt.Errorf("no backup was made: %w", err)
		}
		return sayBackup(at, m, b.JSON)
	})
}

func sayBackup(at console, m backup.Manifest, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(m, "", "  ")
		if err == nil {
			at.say("%s", text)
		}
		return err
	}
	at.say("Installation %s as of %s: %d shards, %d bytes. Writers waited %d ms.", m.Installation.ID,
		m.At.Format(time.RFC3339Nano), len(m.Shards), m.Bytes(), m.FenceMillis)
	return nil
}

type backupCheckCmd struct {
	Dir  string `arg:"" help:"Folder with the backup." type:"existingdir"`
	JSON bool   `name:"json" help:"Print what the backup says as JSON."`
}

// Run implements the command.
func (b backupCheckCmd) Run(ctx context.Context, at console) error {
	m, err := backup.Read(ctx, b.Dir)
	if err != nil {
		return err
	}
	if err := sayBackup(at, m, b.JSON); err != nil || b.JSON {
		return err
	}
	at.say("The backup is whole: its files are what was written.")
	return nil
}

type backupRestoreCmd struct {
	servers
	actor
	Dir string `arg:"" help:"Folder with the backup." type:"existingdir"`
}

// Run implements the command. Exit code 1 also means that the books do not balance.
func (b backupRestoreCmd) Run(ctx context.Context, at console) error {
	c, err := b.connectOrMake(ctx, at)
	if err != nil {
		return err
	}
	defer c.close()
	restored, err := app.Restore(ctx, c.config, b.Dir)
	if errors.Is(err, shards.ErrNotEmpty) {
		return fmt.Errorf("%w: give empty servers or another --prefix; where an earlier restore was stopped, drop the "+
			"schemas that it made", err)
	}
	if err != nil {
		return err
	}
	if err := sayBackup(at, restored.Backup, false); err != nil {
		return err
	}
	at.say("%d pots were filled from the ledger.", restored.Recovery.Filled)
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	var report ledger.AuditReport
	err = b.recorded(ctx, a.Trail, "restore", map[string]any{"dir": b.Dir, "as_of": restored.Backup.At},
		func() (err error) {
			report, err = a.Audit(ctx)
			return err
		})
	if err != nil {
		return err
	}
	printAudit(at, report)
	at.say("Not in a backup: the images of covers, the file of --secret-keys, the keys of tokens, the configuration. " +
		"Put them in their places before you start the processes.")
	if !report.Balanced() {
		return exitCode(1)
	}
	return nil
}
