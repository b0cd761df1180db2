package redispot

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
)

//go:embed lua/*.lua
var lua embed.FS

// lostReply is how a script says that home is not ours.
const lostReply = "POTSLOST"

// attempts bounds the calls on connections of their own, where the client does not repeat.
const attempts = 3

type script struct {
	source string
	sha    string // names it in EVALSHA
}

type scripts struct {
	take, fill, look, retire, closed, missing, read, position, acknowledge, backlog script
}

func loadScripts() (scripts, error) {
	var s scripts
	for name, to := range map[string]*script{
		"take": &s.take, "fill": &s.fill, "look": &s.look, "retire": &s.retire, "closed": &s.closed,
		"missing": &s.missing, "read": &s.read, "position": &s.position, "acknowledge": &s.acknowledge,
		"backlog": &s.backlog,
	} {
		source, err := lua.ReadFile("lua/" + name + ".lua")
		if err != nil {
			return scripts{}, fmt.Errorf("redispot: %w", err)
		}
		sum := sha1.Sum(source)
		*to = script{source: string(source), sha: hex.EncodeToString(sum[:])}
	}
	return s, nil
}

func (s *script) bySHA(b rueidis.Builder, keys, args []string) rueidis.Completed {
	return b.Evalsha().Sha1(s.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build().ToRetryable()
}

func (s *script) whole(b rueidis.Builder, keys, args []string) rueidis.Completed {
	return b.Eval().Script(s.source).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build().ToRetryable()
}

// run calls a script. Every script is safe to repeat, so the client does until ctx ends if the connection breaks.
func (p *Pots) run(ctx context.Context, s *script, keys, args []string) (rueidis.RedisMessage, error) {
	r := p.client.Do(ctx, s.bySHA(p.client.B(), keys, args))
	if noScript(r.Error()) {
		r = p.client.Do(ctx, s.whole(p.client.B(), keys, args))
	}
	m, err := r.ToMessage()
	return m, p.translate(err)
}

// runSafely calls a script like run. safe is false if fewer replicas than configured have all that the script saw and
// did. WAIT concerns what its own connection did, so both commands go over one that nobody else uses meanwhile.
func (p *Pots) runSafely(ctx context.Context, s *script, keys,
	args []string) (m rueidis.RedisMessage, safe bool, err error) {
	if p.waitReplicas == 0 {
		m, err = p.run(ctx, s, keys, args)
		return m, true, err
	}
	for range attempts {
		var r [2]rueidis.RedisResult
		r, err = p.runAndWait(ctx, s, keys, args)
		if err == nil {
			m, err = r[0].ToMessage()
			confirmed, waitErr := r[1].AsInt64()
			return m, waitErr == nil && confirmed >= int64(p.waitReplicas), p.translate(err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return m, false, p.translate(err)
}

// runAndWait fails only if the connection does.
func (p *Pots) runAndWait(ctx context.Context, s *script, keys,
	args []string) (results [2]rueidis.RedisResult, err error) {
	c, release := p.client.Dedicate()
	defer release()
	call := func(command rueidis.Completed) {
		copy(results[:], c.DoMulti(ctx, command, c.B().Wait().Numreplicas(int64(p.waitReplicas)).Timeout(
			p.waitTimeout.Milliseconds()).Build()))
	}
	call(s.bySHA(c.B(), keys, args))
	if noScript(results[0].Error()) {
		call(s.whole(c.B(), keys, args))
	}
	if err := results[0].NonRedisError(); err != nil && !rueidis.IsRedisNil(err) {
		return results, err
	}
	return results, nil
}

// unsafe is the answer to a call whose effect too few replicas have.
func (p *Pots) unsafe() error {
	return refusal.New(refusal.CodeUnavailable,
		"too few replicas confirmed this in time: repeat the request, its answer stays the same")
}

func noScript(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && e.IsNoScript()
}

// translate turns the answer of a script that found another home into envelope.ErrPotsLost. What this process remembers
// of final pots is then forgotten: a pot that is filled again from the ledger may be open again.
func (p *Pots) translate(err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok && strings.Contains(e.Error(), lostReply) {
		p.finals.forget()
		return envelope.ErrPotsLost
	}
	return err
}
