package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	readyTimeout = 3 * time.Minute
	readyLook    = 50 * time.Millisecond
	// restartBackoff is how long a part stays away that ended by itself, as with Docker.
	restartBackoff = time.Second
	// stopTimeout is how long a part may take to stop in order; then it is killed.
	stopTimeout = 30 * time.Second
)

// process is one part of the installation: it is started, and started again when it ends by itself.
type process struct {
	name  string
	dir   string // where it runs; its log is in the folder above
	argv  []string
	ready func(context.Context) error // nil once it serves

	mu      sync.Mutex
	command *exec.Cmd     // nil while it does not run
	ended   chan struct{} // closed when the command has ended
	wanted  bool          // it is to run
	ends    int           // how often it ended by itself
}

// start starts the process and returns once it serves. Starting one that runs does nothing.
func (p *process) start(ctx context.Context) error {
	p.mu.Lock()
	p.wanted = true
	err := p.launch()
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	return p.await(ctx, p.ready)
}

// await waits until ready returns nil.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve: %w; its log is %s", p.name, err, p.log())
		case <-time.After(readyLook):
		}
	}
}

func (p *process) log() string { return filepath.Join(filepath.Dir(p.dir), p.name+".log") }

// launch needs mu.
func (p *process) launch() error {
	if p.command != nil {
		return nil
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	output, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	command := exec.Command(p.argv[0], p.argv[1:]...)
	command.Dir, command.Stdout, command.Stderr = p.dir, output, output
	command.SysProcAttr = withParent()
	if err := starter.run(command.Start); err != nil {
		return err
	}
	p.command, p.ended = command, make(chan struct{})
	go p.keep(command, p.ended)
	return nil
}

// keep waits for a command and starts it again unless it was told to stop.
func (p *process) keep(command *exec.Cmd, ended chan struct{}) {
	_ = command.Wait() // its log says why
	p.mu.Lock()
	p.command = nil
	again := p.wanted
	if again {
		p.ends++
	}
	p.mu.Unlock()
	close(ended)
	for again {
		time.Sleep(restartBackoff)
		p.mu.Lock()
		again = p.wanted && p.launch() != nil
		p.mu.Unlock()
	}
}

// kill ends the process as a crash would.
func (p *process) kill(context.Context) error { return p.signal(syscall.SIGKILL) }

func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.command == nil {
		return fmt.Errorf("%s does not run", p.name)
	}
	return p.command.Process.Signal(s)
}

// stop ends the process in order and returns when it has ended. Stopping one that does not run does nothing.
func (p *process) stop(context.Context) error {
	p.mu.Lock()
	p.wanted = false
	command, ended := p.command, p.ended
	p.mu.Unlock()
	if command == nil {
		return nil
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(stopTimeout):
		err := fmt.Errorf("%s did not stop within %v and was killed", p.name, stopTimeout)
		return errors.Join(err, p.kill(context.Background()))
	}
}

// replace stops the process in order and starts another program in its place, with the same arguments.
func (p *process) replace(ctx context.Context, program string) error {
	if err := p.stop(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	p.argv[0] = program
	p.mu.Unlock()
	return p.start(ctx)
}

// status is a line for a person.
func (p *process) status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := "stopped"
	switch {
	case p.command != nil:
		state = "pid " + strconv.Itoa(p.command.Process.Pid)
	case p.wanted:
		state = "starts again"
	}
	return fmt.Sprintf("%-10s  %-12s  ended by itself %d times  %s\n", p.name, state, p.ends, p.log())
}

// thread runs functions on one thread of the operating system. A process that dies with its parent dies when the thread
// ends that started it; so that one must last.
type thread chan func()

// starter is the thread that starts processes.
var starter = newThread()

func newThread() thread {
	t := make(thread)
	go func() {
		runtime.LockOSThread()
		for f := range t {
			f()
		}
	}()
	return t
}

func (t thread) run(f func() error) error {
	done := make(chan error)
	t <- func() { done <- f() }
	return <-done
}
