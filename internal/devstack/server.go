package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startTimeout bounds a start, including the reading of the AOF or the crash recovery of InnoDB.
	startTimeout = 5 * time.Minute
	// probeInterval is how often a starting server is asked whether it serves.
	probeInterval = 5 * time.Millisecond
	// probeTimeout bounds one such question.
	probeTimeout = 2 * time.Second
	// stopTimeout bounds an orderly stop when the caller's context does not; then the server is killed, which it
	// survives.
	stopTimeout = time.Minute
	// maxServerLog is the size from which a start sets server.log aside.
	maxServerLog = 8 << 20
	// tailBytes is how much of a server's log an error quotes at most.
	tailBytes = 2048
)

// server is what Redis and MariaDB have in common: one process at a time in one directory, behind one socket.
type server struct {
	name      string // for errors and logs
	dir       string
	socket    socket
	argv      []string
	probe     func(context.Context) error // nil once the server answers as it should
	log       *slog.Logger
	temporary bool // the guard removes dir when this process dies

	mu       sync.Mutex // held for a whole start or stop
	pid      int        // of the last server started
	proc     *guarded   // the last one started, nil once stopped
	stopping chan struct{}

	lost chan error // capacity 1
}

// newServer makes dir and decides where the socket is.
func newServer(name, dir, socketName string, log *slog.Logger) (server, error) {
	dir, err := filepath.Abs(dir) // the server must not depend on this process's working directory
	if err != nil {
		return server{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return server{}, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return server{}, err
	}
	socket, err := newSocket(dir, socketName)
	if err != nil {
		return server{}, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return server{name: name, dir: dir, socket: socket, log: log, lost: make(chan error, 1)}, nil
}

// PID is the process id of the server, of the last one when none is running.
func (s *server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// Lost receives an error, at most one that nobody has read, when the server dies without Stop, Kill or Restart.
func (s *server) Lost() <-chan error { return s.lost }

// Stop ends the server in order and returns when it is dead. Stopping a stopped server does nothing. When ctx ends
// first, or after a minute, the server is killed and an error returned; nothing it acknowledged is lost by that.
func (s *server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(ctx)
}

// Kill ends the server as a crash would, with SIGKILL, and returns when it is dead.
func (s *server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return
	}
	s.expectEnd()
	s.proc.kill()
}

// Restart starts the server on the same directory and socket, after stopping it if it runs.
func (s *server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(ctx); err != nil {
		return err
	}
	return s.start(ctx)
}

// start needs mu. It returns once the server serves; on an error nothing is left running.
func (s *server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	begin := time.Now()

	if err := s.socket.makeDir(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	proc, logged, err := s.launch(ctx, s.argv)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	if err := s.awaitReady(ctx, proc); err != nil {
		proc.kill()
		return fmt.Errorf("start %s: %w%s", s.name, err, s.logSince(logged))
	}
	s.pid, s.proc, s.stopping = proc.pid, proc, make(chan struct{})
	go s.reportLoss(proc, s.stopping, logged)
	s.log.Debug("server ready", "server", s.name, "pid", proc.pid, "took", time.Since(begin))
	return nil
}

// launch runs argv under a guard that holds the lock of the directory. It waits for the lock: after a crash the old
// guard needs a moment to end the old server. Also returned: where in the log the new process begins.
func (s *server) launch(ctx context.Context, argv []string) (*guarded, int64, error) {
	lock, err := awaitLock(ctx, filepath.Join(s.dir, "server.lock"))
	if err != nil {
		return nil, 0, err
	}
	defer lock.Close()
	output, logged, err := openLog(s.logPath())
	if err != nil {
		return nil, 0, err
	}
	defer output.Close()
	c := command{argv: argv, output: output, lock: lock, temporarySockets: s.socket.temporary}
	if s.temporary {
		c.temporaryData = s.dir
	}
	proc, err := startGuarded(c)
	return proc, logged, err
}

func (s *server) awaitReady(ctx context.Context, proc *guarded) error {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		probeCtx, cancel := context.WithTimeout(ctx, probeTimeout)
		last := s.probe(probeCtx)
		cancel()
		if last == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-proc.ended:
			return fmt.Errorf("it ended: %w", orExit(proc.err))
		case <-ctx.Done():
			return fmt.Errorf("%w; its last answer: %w", context.Cause(ctx), last)
		}
	}
}

// stop needs mu.
func (s *server) stop(ctx context.Context) error {
	if s.proc == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	s.expectEnd()
	s.proc.signal(syscall.SIGTERM)
	var err error
	select {
	case <-s.proc.ended:
	case <-ctx.Done():
		s.proc.kill()
		err = fmt.Errorf("stop %s: killed: %w", s.name, ctx.Err())
	}
	s.proc = nil
	return errors.Join(err, s.socket.removeDir())
}

// expectEnd needs mu; from here on the server's end is nobody's loss.
func (s *server) expectEnd() {
	select {
	case <-s.stopping:
	default:
		close(s.stopping)
	}
}

func (s *server) reportLoss(proc *guarded, stopping <-chan struct{}, logged int64) {
	<-proc.ended
	select {
	case <-stopping:
		return
	default:
	}
	err := fmt.Errorf("%s (pid %d) ended by itself: %w%s", s.name, proc.pid, orExit(proc.err), s.logSince(logged))
	select {
	case s.lost <- err:
	default: // an older loss is still unread
	}
}

func (s *server) logPath() string { return filepath.Join(s.dir, "server.log") }

// logSince is the end of what the server printed after offset, ready to be appended to an error's text.
func (s *server) logSince(offset int64) string {
	f, err := os.Open(s.logPath())
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		offset = max(offset, info.Size()-tailBytes)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, offset, tailBytes))
	if err != nil || len(strings.TrimSpace(string(text))) == 0 {
		return ""
	}
	return fmt.Sprintf("\n--- end of %s:\n%s", s.logPath(), strings.TrimSpace(string(text)))
}

// openLog opens a log for appending and says how long it is already.
func openLog(path string) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxServerLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
