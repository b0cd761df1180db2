package redisstock

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
	"github.com/hongbao/hongbao/internal/refusal"
)

// Arguments that are not there. No user id begins with #, and no digest is so short.
const (
	noDigest = "-"
	noUser   = "#"
)

// call is one claim, or one view where it has no user; and what it is told.
type call struct {
	cover, channel int64
	ahead          time.Duration
	digest, user   string

	claim   stock.Claim
	outcome stock.Outcome
	err     error
}

// Claim implements stock.Pot. Refusals: invalid_argument for a malformed user, unavailable when too many claims are
// waiting or too few replicas confirmed.
func (p *Pots) Claim(
	ctx context.Context, cover, channel int64, ahead time.Duration, digest, user string,
) (stock.Claim, stock.Outcome, error) {
	if err := refusal.CheckID("user", user); err != nil {
		return stock.Claim{}, "", err
	}
	if digest == "" {
		digest = noDigest
	}
	c, err := p.do(ctx, call{cover: cover, channel: channel, ahead: ahead, digest: digest, user: user})
	if err != nil {
		return stock.Claim{}, "", err
	}
	p.outcomes[c.outcome].Inc()
	return c.claim, c.outcome, nil
}

// See implements stock.Pot. Refusal: as Claim.
func (p *Pots) See(ctx context.Context, cover, channel int64, ahead time.Duration) error {
	_, err := p.do(ctx, call{cover: cover, channel: channel, ahead: ahead, digest: noDigest, user: noUser})
	return err
}

func (p *Pots) do(ctx context.Context, c call) (call, error) {
	b, err := p.of(c.cover)
	if err != nil {
		return c, err
	}
	if c, err = b.calls.Do(ctx, c); err != nil {
		return c, err
	}
	return c, c.err
}

// send asks Redis about a batch and delivers the answers.
func (b *bucket) send(batch []*gather.Call[call]) {
	byCover := map[int64][]*gather.Call[call]{}
	var order []int64
	for _, c := range batch {
		if c.Abandoned() {
			continue
		}
		if _, ok := byCover[c.Data.cover]; !ok {
			order = append(order, c.Data.cover)
		}
		byCover[c.Data.cover] = append(byCover[c.Data.cover], c)
	}
	if len(order) == 0 {
		return
	}
	words, safe, err := b.ask(order, byCover)
	for _, cover := range order {
		for _, c := range byCover[cover] {
			var word string
			word, words, _ = strings.Cut(words, " ")
			c.Deliver(answered(c.Data, word, safe, err))
		}
	}
}

func (b *bucket) ask(order []int64, byCover map[int64][]*gather.Call[call]) (words string, safe bool, err error) {
	ctx, cancel := b.pots.Bounded(context.Background())
	defer cancel()
	at, err := b.keys(ctx)
	if err != nil {
		return "", false, fmt.Errorf("claim: %w", err)
	}
	keys, args := []string{at.Home, at.Log}, []string{at.Mark}
	for _, cover := range order {
		pot, codes := at.pot(cover)
		keys = append(keys, pot, codes)
		var ahead time.Duration // the calls of a batch may know a clock as it was before and after an advance
		for _, c := range byCover[cover] {
			ahead = max(ahead, c.Data.ahead)
		}
		args = append(args, strconv.FormatInt(cover, 10), strconv.Itoa(len(byCover[cover])),
			strconv.FormatInt(ahead.Milliseconds(), 10))
		for _, c := range byCover[cover] {
			args = append(args, strconv.FormatInt(c.Data.channel, 10), c.Data.digest, c.Data.user)
		}
	}
	m, safe, err := b.pots.RunSafely(ctx, at.Bucket, &b.pots.claim, keys, args)
	if err == nil {
		words, err = m.ToString()
	}
	if err != nil {
		return "", false, fmt.Errorf("claim: %w", err)
	}
	return words, safe, nil
}

// answered is a call with what a word of the script's answer tells it.
func answered(c call, word string, safe bool, err error) call {
	if c.err = err; err != nil {
		return c
	}
	outcomes := map[string]stock.Outcome{
		"s": stock.SoldOut, "q": stock.QuotaSpent, "b": stock.NotStarted, "x": stock.Ended, "u": stock.UsedCode,
		"k": stock.UnknownCode,
	}
	if o, ok := outcomes[word]; ok {
		c.outcome = o
		return c
	}
	switch {
	case word == "v":
	case word == "n":
		c.err = stock.ErrNoPot
	case strings.HasPrefix(word, "w"), strings.HasPrefix(word, "a"):
		if c.outcome = stock.Claimed; word[0] == 'a' {
			c.outcome = stock.AlreadyHeld
		}
		if c.claim, c.err = parseClaim(c.cover, c.user, word[1:]); c.err == nil && !safe {
			c.err = redisbucket.Unsafe()
		}
	default:
		c.err = fmt.Errorf("redisstock: claim: answer %q", word)
	}
	return c
}

// parseClaim reads "<channel>:<at>:<digest>", a user's field in a pot.
func parseClaim(cover int64, user, value string) (stock.Claim, error) {
	channel, rest, ok := strings.Cut(value, ":")
	at, digest, ok2 := strings.Cut(rest, ":")
	id, err1 := strconv.ParseInt(channel, 10, 64)
	ms, err2 := strconv.ParseInt(at, 10, 64)
	if !ok || !ok2 || err1 != nil || err2 != nil {
		return stock.Claim{}, fmt.Errorf("redisstock: %q is no claim", value)
	}
	return stock.Claim{Cover: cover, User: user, Channel: id, Digest: digest, At: time.UnixMilli(ms).UTC()}, nil
}

// Held implements stock.Pot.
func (p *Pots) Held(ctx context.Context, cover int64, user string) (c stock.Claim, ok bool, err error) {
	b, err := p.of(cover)
	if err != nil {
		return c, false, err
	}
	if err := refusal.CheckID("user", user); err != nil {
		return c, false, err
	}
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	at, err := b.keys(ctx)
	if err != nil {
		return c, false, fmt.Errorf("held: %w", err)
	}
	pot, _ := at.pot(cover)
	m, safe, err := p.RunSafely(ctx, at.Bucket, &p.held, []string{at.Home, pot}, []string{at.Mark, user})
	if err != nil {
		return c, false, fmt.Errorf("held: %w", err)
	}
	parts, err := m.ToArray()
	if err != nil || len(parts) != 2 {
		return c, false, fmt.Errorf("redisstock: held: %d parts, %w", len(parts), err)
	}
	there, err := parts[0].AsBool()
	switch {
	case err != nil:
		return c, false, fmt.Errorf("redisstock: held: %w", err)
	case !there:
		return c, false, stock.ErrNoPot
	case parts[1].IsNil():
		return c, false, nil
	case !safe:
		return c, false, redisbucket.Unsafe()
	}
	value, err := parts[1].ToString()
	if err != nil {
		return c, false, fmt.Errorf("redisstock: held: %w", err)
	}
	c, err = parseClaim(cover, user, value)
	return c, err == nil, err
}
