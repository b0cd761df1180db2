package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hongbao/hongbao/bench/yardstick"
)

// childCmd runs another command for a parent that may be killed: when its standard input ends, so does the command, as
// by Ctrl-C, and then what was temporary is removed. A command that ends by itself leaves it for the parent to look at.
type childCmd struct {
	Remove string   `help:"Folder to remove then." type:"path"`
	Args   []string `arg:"" passthrough:"" help:"The command."`
}

func (c childCmd) Run(ctx context.Context, at console) error {
	ctx, end := context.WithCancel(ctx) // not a signal: one that comes before the command listens to signals is lost
	defer end()
	var alone atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, whatever ends it
		alone.Store(true)
		end()
	}()
	if c.Args[0] == "--" {
		c.Args = c.Args[1:]
	}
	code := run(ctx, c.Args, at.out, at.err)
	if alone.Load() && c.Remove != "" {
		if err := os.RemoveAll(c.Remove); err != nil {
			return err
		}
	}
	return exitCode(code)
}

// echoCmd is the server of the yardsticks that are answered at once.
type echoCmd struct {
	Address   string `help:"Where it listens." default:"127.0.0.1:0"`
	Web       bool   `help:"Answer over HTTP and WebSocket, not with Kitex."`
	Announced string `help:"File to write the address to." required:"" type:"path"`
}

func (e echoCmd) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", e.Address)
	if err != nil {
		return err
	}
	if err := os.WriteFile(e.Announced, []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	if e.Web {
		return yardstick.ServeWebEcho(ctx, listener)
	}
	return yardstick.ServeEcho(ctx, listener)
}

// child is a hongbao command in a process of its own.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   string // file with what it printed
	ended chan struct{}
}

const (
	// childStart bounds how long a child takes until it serves: the first start of MariaDB on a slow disk.
	childStart = 2 * time.Minute
	// childPoll is how often it is looked at whether it does.
	childPoll = 20 * time.Millisecond
	// logTail is how many lines of a child's output are shown when it fails.
	logTail = 40
)

// startChild starts this binary with other arguments. What it prints goes to a file; remove is a folder that is removed
// when it ends.
func startChild(log, remove string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	arguments := []string{"child"}
	if remove != "" {
		arguments = append(arguments, "--remove", remove)
	}
	c := &child{cmd: exec.Command(self, append(append(arguments, "--"), args...)...), log: log,
		ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, out
	// A group of its own: Ctrl-C in a terminal is for this process, which still needs the child.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is in its log
	}()
	return c, nil
}

// await waits until the child has written a file.
func (c *child) await(ctx context.Context, file string) ([]byte, error) {
	timeout := time.After(childStart)
	for {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			return text, nil
		}
		select {
		case <-time.After(childPoll):
		case <-c.ended:
			return nil, fmt.Errorf("`hongbao %s` ended:\n%s", c.command(), c.tail())
		case <-timeout:
			return nil, fmt.Errorf("`hongbao %s` was not ready after %v:\n%s", c.command(), childStart, c.tail())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// command is what the child runs.
func (c *child) command() string {
	return strings.Join(c.cmd.Args[slices.Index(c.cmd.Args, "--")+1:], " ")
}

// tail is the end of what the child printed.
func (c *child) tail() string {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  " + strings.Join(lines[max(len(lines)-logTail, 0):], "\n  ")
}

// stop ends the child in order, and kills it if that takes too long.
func (c *child) stop() {
	_ = c.stdin.Close()
	select {
	case <-c.ended:
	case <-time.After(2 * stopTimeout):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}
