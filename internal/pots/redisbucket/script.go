package redisbucket

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"io/fs"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

// Replies by which a script says that home is not what the caller expects, and that the bucket went back in time.
const (
	lostReply = "POTSLOST"
	backReply = "POTSBACK"
)

// attempts bounds the calls on connections of their own, where the client does not repeat.
const attempts = 3

// Script is a script that is safe to repeat. Its first key is its bucket's Home, its first argument the bucket's Mark.
type Script struct {
	source string
	sha    string // names it in EVALSHA
}

// LoadScripts reads <name>.lua for each name from a folder of files.
func LoadScripts(files fs.FS, folder string, scripts map[string]*Script) error {
	for name, to := range scripts {
		source, err := fs.ReadFile(files, folder+"/"+name+".lua")
		if err != nil {
			return err
		}
		*to = newScript(string(source))
	}
	return nil
}

func newScript(source string) Script {
	sum := sha1.Sum([]byte(source))
	return Script{source: source, sha: hex.EncodeToString(sum[:])}
}

// Calls are pinned: rueidis would use the memory of one that it repeated again, while the writer of the connection that
// broke may still read it (pipe.go, _backgroundWrite).

func (s *Script) bySHA(b rueidis.Builder, keys, args []string) rueidis.Completed {
	return b.Evalsha().Sha1(s.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build().Pin().ToRetryable()
}

func (s *Script) whole(b rueidis.Builder, keys, args []string) rueidis.Completed {
	return b.Eval().Script(s.source).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build().Pin().ToRetryable()
}

// Run calls a script on a bucket. The client repeats the call until ctx ends if the connection breaks. Errors:
// pots.ErrLost, pots.ErrWentBack.
func (s *Store) Run(ctx context.Context, b *Bucket, script *Script, keys, args []string) (rueidis.RedisMessage,
	error) {
	r := s.client.Do(ctx, script.bySHA(s.client.B(), keys, args))
	if noScript(r.Error()) {
		r = s.client.Do(ctx, script.whole(s.client.B(), keys, args))
	}
	m, err := r.ToMessage()
	return m, s.translate(b, err)
}

// RunSafely calls a script like Run. safe is false if fewer replicas than configured have all that the script saw and
// did. WAIT concerns what its own connection did, so both commands go over one that nobody else uses meanwhile.
func (s *Store) RunSafely(ctx context.Context, b *Bucket, script *Script, keys,
	args []string) (m rueidis.RedisMessage, safe bool, err error) {
	if s.config.WaitReplicas == 0 {
		m, err = s.Run(ctx, b, script, keys, args)
		return m, true, err
	}
	for range attempts {
		var r [2]rueidis.RedisResult
		r, err = s.runAndWait(ctx, script, keys, args)
		if err == nil {
			m, err = r[0].ToMessage()
			confirmed, waitErr := r[1].AsInt64()
			return m, waitErr == nil && confirmed >= int64(s.config.WaitReplicas), s.translate(b, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return m, false, s.translate(b, err)
}

// runAndWait fails only if the connection does.
func (s *Store) runAndWait(ctx context.Context, script *Script, keys,
	args []string) (results [2]rueidis.RedisResult, err error) {
	c, release := s.client.Dedicate()
	defer release()
	call := func(command rueidis.Completed) {
		copy(results[:], c.DoMulti(ctx, command, c.B().Wait().Numreplicas(int64(s.config.WaitReplicas)).Timeout(
			s.config.WaitTimeout.Milliseconds()).Build()))
	}
	call(script.bySHA(c.B(), keys, args))
	if noScript(results[0].Error()) {
		call(script.whole(c.B(), keys, args))
	}
	if err := results[0].NonRedisError(); err != nil && !rueidis.IsRedisNil(err) {
		return results, err
	}
	return results, nil
}

// Unsafe is the answer to a call whose effect too few replicas have.
func Unsafe() error {
	return refusal.New(refusal.CodeUnavailable,
		"too few replicas confirmed this in time: repeat the request, its answer stays the same")
}

func noScript(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && e.IsNoScript()
}

// translate turns the answer of a script that found another home into pots.ErrLost.
func (s *Store) translate(b *Bucket, err error) error {
	e, ok := rueidis.IsRedisErr(err)
	if !ok {
		return err
	}
	switch text := e.Error(); {
	case strings.Contains(text, lostReply):
		err = pots.ErrLost
	case strings.Contains(text, backReply):
		err = pots.ErrWentBack
	default:
		return err
	}
	s.all[b.number].suspect.Store(true)
	s.config.Lost()
	return err
}
