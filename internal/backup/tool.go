package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// maxComplaint bounds what is kept of what a tool says when it fails, in bytes.
const maxComplaint = 4096

// toolDirs are looked through after PATH.
var toolDirs = [...]string{"/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin", "/usr/local/opt/mariadb/bin",
	"/opt/homebrew/bin", "/opt/homebrew/opt/mariadb/bin"}

// findTool returns the path of one of MariaDB's programs.
func findTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range toolDirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: install the package mariadb-client", name)
}

// tool is a program of MariaDB that is connected to a server.
type tool struct {
	cmd   *exec.Cmd
	said  *complaint
	ended func() // lets go of the option file
}

// newTool prepares a program. How to connect, and the password, is in an option file that exists in a pipe only; no
// other option file is read.
func newTool(ctx context.Context, name, dsn string, args ...string) (*tool, error) {
	path, err := findTool(name)
	if err != nil {
		return nil, err
	}
	options, err := optionFile(dsn)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// Short enough for a pipe's buffer, so nobody has to read it yet.
	_, err = io.WriteString(write, options)
	if err = errors.Join(err, write.Close()); err != nil {
		return nil, errors.Join(err, read.Close())
	}
	t := &tool{said: &complaint{}, ended: func() { _ = read.Close() }}
	t.cmd = exec.CommandContext(ctx, path, append([]string{"--defaults-file=/dev/fd/3"}, args...)...)
	t.cmd.ExtraFiles = []*os.File{read} // number 3
	t.cmd.Stderr = t.said
	t.cmd.WaitDelay = time.Second
	return t, nil
}

// wait returns how the program ended, with what it said.
func (t *tool) wait() error {
	err := t.cmd.Wait()
	t.ended()
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", filepath.Base(t.cmd.Path), err, strings.TrimSpace(t.said.String()))
}

// complaint keeps the beginning of what is written.
type complaint struct{ bytes.Buffer }

// Write implements io.Writer.
func (c *complaint) Write(p []byte) (int, error) {
	c.Buffer.Write(p[:min(len(p), maxComplaint-c.Len())])
	return len(p), nil
}

// maxOptions keeps an option file below the smallest buffer of a pipe.
const maxOptions = 4096

// optionFile says in the form of MariaDB's option files what a DSN says.
func optionFile(dsn string) (string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", err // it never holds the password
	}
	lines := []string{"[client]"}
	add := func(name, value string) { lines = append(lines, name+"="+quoteOption(value)) }
	add("user", cfg.User)
	add("password", cfg.Passwd)
	if cfg.Net == "unix" {
		add("protocol", "socket")
		add("socket", cfg.Addr)
	} else {
		host, port, err := net.SplitHostPort(cfg.Addr)
		if err != nil {
			return "", err
		}
		add("protocol", "tcp")
		add("host", host)
		add("port", port)
	}
	switch cfg.TLSConfig {
	case "", "false":
	case "true":
		lines = append(lines, "ssl", "ssl-verify-server-cert")
	case "skip-verify", "preferred":
		lines = append(lines, "ssl")
	default:
		return "", fmt.Errorf("tls=%s of a DSN: MariaDB's tools know true, skip-verify and preferred", cfg.TLSConfig)
	}
	text := strings.Join(lines, "\n") + "\n"
	if len(text) > maxOptions {
		return "", fmt.Errorf("a DSN is longer than %d bytes", maxOptions)
	}
	return text, nil
}

func quoteOption(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}
