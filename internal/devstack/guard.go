package devstack

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

//go:embed guard.sh
var guardScript string

// command is what a guard runs.
type command struct {
	argv   []string
	output *os.File // stdout and stderr: a file, so that the server outlives a reader
	lock   *os.File // held, by flock, until guard and server are dead

	// Directories that the guard removes when this process dies; empty for none.
	temporaryData, temporarySockets string
}

// guarded is a process under its guard.
type guarded struct {
	cmd   *exec.Cmd // the guard
	pid   int       // the server
	stdin *os.File  // the pipe whose end tells the guard that we are dead

	ended chan struct{} // closed when server and guard are dead
	err   error         // how the server ended; read after ended
}

// startGuarded returns once the server's process exists; it can still fail to run. The caller keeps c.output and c.lock
// and may close both.
func startGuarded(c command) (*guarded, error) {
	stdinR, stdinW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reportR, reportW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdinR.Close(), stdinW.Close())
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardScript, "guard", c.temporaryData, c.temporarySockets},
		c.argv...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdinR, c.output, c.output
	cmd.ExtraFiles = []*os.File{reportW, c.lock} // fd 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = serverEnv(os.Environ())
	err = cmd.Start()
	stdinR.Close()
	reportW.Close()
	if err != nil {
		stdinW.Close()
		reportR.Close()
		return nil, fmt.Errorf("start the guard: %w", err)
	}

	g := &guarded{cmd: cmd, stdin: stdinW, ended: make(chan struct{})}
	report := bufio.NewReader(reportR)
	line, err := report.ReadString('\n')
	if err == nil {
		g.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		g.killAll()
		stdinW.Close()
		reportR.Close()
		cmd.Wait()
		return nil, fmt.Errorf("the guard did not say which process it started: %w", err)
	}
	go g.watch(reportR, report)
	return g, nil
}

// watch waits for the end of the guard and of everything under it.
func (g *guarded) watch(pipe *os.File, report io.Reader) {
	g.err = g.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](g.err); ok && !exit.Exited() {
		g.err = fmt.Errorf("its guard died: %w", g.err)
	}
	// What the server forked (Redis rewriting its AOF), or the server itself if the guard was taken from it. Nobody
	// else can have this number yet.
	g.killAll()
	io.Copy(io.Discard, report) // ends when the last of them is dead
	g.stdin.Close()
	pipe.Close()
	close(g.ended)
}

// signal sends sig to the server unless it has ended.
func (g *guarded) signal(sig syscall.Signal) {
	select {
	case <-g.ended:
	default:
		syscall.Kill(g.pid, sig)
	}
}

// kill returns when the server and all it forked are dead.
func (g *guarded) kill() {
	g.signal(syscall.SIGKILL)
	<-g.ended
}

// killAll kills the guard's whole group.
func (g *guarded) killAll() { syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) }

// orExit names a clean exit where an error is wanted.
func orExit(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// serverEnv drops the variables by which a server or its client would read somebody else's settings.
func serverEnv(environ []string) []string {
	kept := make([]string, 0, len(environ))
	for _, v := range environ {
		if !strings.HasPrefix(v, "MYSQL") && !strings.HasPrefix(v, "MARIADB") && !strings.HasPrefix(v, "REDIS") {
			kept = append(kept, v)
		}
	}
	return kept
}
