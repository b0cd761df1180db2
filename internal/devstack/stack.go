package devstack

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Memory and redo log of MariaDB in a Stack.
const (
	stackBufferPoolMiB = 512
	stackRedoLogMiB    = 512
)

// Options says where a Stack lives and who hears about it.
type Options struct {
	Dir      string       // holds redis/ and mariadb/
	Log      *slog.Logger // nil for none
	Progress func(string) // nil for none; called with one line for a person to read, never by two goroutines at once
}

// Stack is a Redis and a MariaDB that belong together.
type Stack struct {
	Redis   *Redis
	MariaDB *MariaDB
}

// Holds says whether Up has made a MariaDB in dir before.
func Holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "mariadb", "data"))
	return err == nil
}

// Up starts both servers side by side and returns when both serve. On an error neither is left running. Call Lock(Dir)
// before it, so that a second user of the directory is told at once. ctx bounds the start only.
func Up(ctx context.Context, o Options) (*Stack, error) {
	progress := serialised(o.Progress)
	progress("starting Redis and MariaDB")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var (
		stack             Stack
		redisErr, mariErr error
		wg                sync.WaitGroup
	)
	wg.Go(func() {
		stack.Redis, redisErr = StartRedis(ctx, RedisOptions{Dir: filepath.Join(o.Dir, "redis"), Log: o.Log})
		if redisErr != nil {
			cancel(errors.New("Redis did not start"))
			return
		}
		progress("Redis is ready")
	})
	wg.Go(func() {
		stack.MariaDB, mariErr = StartMariaDB(ctx, MariaDBOptions{
			Dir:           filepath.Join(o.Dir, "mariadb"),
			Log:           o.Log,
			BufferPoolMiB: stackBufferPoolMiB,
			RedoLogMiB:    stackRedoLogMiB,
			progress:      progress,
		})
		if mariErr != nil {
			cancel(errors.New("MariaDB did not start"))
			return
		}
		progress("MariaDB is ready")
	})
	wg.Wait()
	if err := errors.Join(redisErr, mariErr); err != nil {
		return nil, errors.Join(err, stack.Stop(context.WithoutCancel(ctx)))
	}
	return &stack, nil
}

// Stop ends both servers in order, Redis first, and returns when both are dead. Stopping twice does nothing. See
// [Redis.Stop] for what ctx bounds.
func (s *Stack) Stop(ctx context.Context) error {
	var err error
	if s.Redis != nil {
		err = s.Redis.Stop(ctx)
	}
	if s.MariaDB != nil {
		err = errors.Join(err, s.MariaDB.Stop(ctx))
	}
	return err
}

func serialised(report func(string)) func(string) {
	if report == nil {
		return func(string) {}
	}
	var mu sync.Mutex
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		report(line)
	}
}
