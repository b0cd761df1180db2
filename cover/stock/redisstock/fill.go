package redisstock

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

const (
	// atOnce is the most fields, codes or pots that one script goes through.
	atOnce = 500
	// maxCalls is the most scripts of one Missing that are under way.
	maxCalls = 32
)

// Withdraw implements stock.Pot. Refusal: unavailable when too few replicas confirmed.
func (p *Pots) Withdraw(ctx context.Context, w stock.Withdrawal) error {
	return p.change(ctx, w.Cover, &p.withdraw, func(b keys, pot, _ string) (keys, args []string) {
		return []string{b.Home, b.Log, pot}, []string{b.Mark, strconv.FormatInt(w.Cover, 10),
			strconv.FormatInt(w.ID, 10), strconv.FormatInt(w.Asked, 10)}
	})
}

// Update implements stock.Pot. A link's code is there before its channel. Refusal: as Withdraw.
func (p *Pots) Update(ctx context.Context, t stock.Terms) error {
	for _, c := range t.Channels {
		if c.Kind != stock.KindLink {
			continue
		}
		if err := p.addCodes(ctx, t.Cover, linkValue(c), []string{c.Code.Digest()}); err != nil {
			return err
		}
	}
	return p.change(ctx, t.Cover, &p.update, func(b keys, pot, _ string) (keys, args []string) {
		args = []string{b.Mark, strconv.FormatInt(t.Version, 10), strconv.FormatInt(t.Bought, 10)}
		return []string{b.Home, pot}, append(args, channelFields(t)...)
	})
}

// channelFields are the terms of channels as a pot has them.
func channelFields(t stock.Terms) (pairs []string) {
	for _, c := range t.Channels {
		var starts, ends int64
		if !c.StartsAt.IsZero() {
			starts = c.StartsAt.UnixMilli()
		}
		if !c.EndsAt.IsZero() {
			ends = c.EndsAt.UnixMilli()
		}
		closed := 0
		if c.Closed {
			closed = 1
		}
		pairs = append(pairs, "#t"+strconv.FormatInt(c.ID, 10),
			fmt.Sprintf("%s:%d:%d:%d:%d", c.Kind, c.Quota, starts, ends, closed))
	}
	return pairs
}

// Drop implements stock.Pot. Refusal: as Withdraw.
func (p *Pots) Drop(ctx context.Context, cover int64) error {
	return p.change(ctx, cover, &p.drop, func(b keys, pot, codes string) (keys, args []string) {
		return []string{b.Home, pot, codes}, []string{b.Mark}
	})
}

// change calls a script about one cover. A nil answer says that it has no pot.
func (p *Pots) change(
	ctx context.Context, cover int64, script *redisbucket.Script,
	call func(b keys, pot, codes string) (keys, args []string),
) error {
	b, err := p.of(cover)
	if err != nil {
		return err
	}
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	at, err := b.keys(ctx)
	if err != nil {
		return fmt.Errorf("redisstock: cover %d: %w", cover, err)
	}
	pot, codes := at.pot(cover)
	keys, args := call(at, pot, codes)
	_, safe, err := p.RunSafely(ctx, at.Bucket, script, keys, args)
	switch {
	case rueidis.IsRedisNil(err):
		return stock.ErrNoPot
	case err != nil:
		return fmt.Errorf("redisstock: cover %d: %w", cover, err)
	case !safe:
		return redisbucket.Unsafe()
	}
	return nil
}

// AddCodes implements stock.Pot. Refusal: as Withdraw.
func (p *Pots) AddCodes(ctx context.Context, cover, channel int64, digests []string) error {
	return p.addCodes(ctx, cover, strconv.FormatInt(channel, 10), digests)
}

// linkValue is what the code of a link is worth.
func linkValue(c stock.Channel) string { return strconv.FormatInt(c.ID, 10) + " *" }

func (p *Pots) addCodes(ctx context.Context, cover int64, value string, digests []string) error {
	for some := range slices.Chunk(digests, atOnce) {
		err := p.change(ctx, cover, &p.codes, func(b keys, _, codes string) (keys, args []string) {
			return []string{b.Home, codes}, append([]string{b.Mark, value}, some...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Fill implements stock.Pot. Until the last step the pot is not open, and a second filler writes the same.
func (p *Pots) Fill(ctx context.Context, t stock.Terms, c stock.Contents) error {
	claimed, byChannel := int64(0), map[int64]int64{}
	for claims, err := range c.Claims {
		if err != nil {
			return err
		}
		var pairs []string
		for _, claim := range claims {
			claimed++
			byChannel[claim.Channel]++
			pairs = append(pairs, claim.User,
				fmt.Sprintf("%d:%d:%s", claim.Channel, claim.At.UnixMilli(), claim.Digest))
		}
		if err := p.put(ctx, t.Cover, false, pairs); err != nil {
			return err
		}
	}
	for codes, err := range c.Codes {
		if err != nil {
			return err
		}
		var pairs []string
		for _, code := range codes {
			value := strconv.FormatInt(code.Channel, 10)
			if code.User != "" {
				value += " " + code.User
			}
			pairs = append(pairs, code.Digest, value)
		}
		if err := p.put(ctx, t.Cover, true, pairs); err != nil {
			return err
		}
	}
	var head, links []string
	for withdrawals, err := range c.Withdrawals {
		if err != nil {
			return err
		}
		for _, w := range withdrawals {
			head = append(head, "#w"+strconv.FormatInt(w.ID, 10), strconv.FormatInt(w.Pieces, 10))
		}
	}
	for _, channel := range t.Channels {
		id := strconv.FormatInt(channel.ID, 10)
		if channel.Kind == stock.KindLink {
			links = append(links, channel.Code.Digest(), linkValue(channel))
		}
		head = append(head, "#n"+id, strconv.FormatInt(byChannel[channel.ID], 10))
	}
	if err := p.put(ctx, t.Cover, true, links); err != nil {
		return err
	}
	if err := p.put(ctx, t.Cover, false, append(head, channelFields(t)...)); err != nil {
		return err
	}
	return p.put(ctx, t.Cover, false, []string{
		"#b", strconv.FormatInt(t.Bought, 10), "#c", strconv.FormatInt(claimed, 10),
		"#w", strconv.FormatInt(c.Withdrawn, 10), "#v", strconv.FormatInt(t.Version, 10),
	})
}

// put writes pairs of fields and values into a pot that is not open yet, or into its codes.
func (p *Pots) put(ctx context.Context, cover int64, intoCodes bool, pairs []string) error {
	for some := range slices.Chunk(pairs, 2*atOnce) {
		err := p.change(ctx, cover, &p.fill, func(b keys, pot, codes string) (keys, args []string) {
			where := pot
			if intoCodes {
				where = codes
			}
			return []string{b.Home, pot, where}, append([]string{b.Mark}, some...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Missing implements stock.Pot.
func (p *Pots) Missing(ctx context.Context, covers []int64) ([]int64, error) {
	type chunk struct {
		bucket *bucket
		covers []int64
	}
	byBucket := map[*bucket][]int64{}
	for _, cover := range covers {
		if b, err := p.of(cover); err == nil {
			byBucket[b] = append(byBucket[b], cover)
		}
	}
	var chunks []chunk
	for b, all := range byBucket {
		for some := range slices.Chunk(all, atOnce) {
			chunks = append(chunks, chunk{b, some})
		}
	}
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	found := make([][]int64, len(chunks))
	indexes := make([]int, len(chunks))
	for i := range indexes {
		indexes[i] = i
	}
	err := loop.FanOut(indexes, maxCalls, func(i int) (err error) {
		found[i], err = p.missingOf(ctx, chunks[i].bucket, chunks[i].covers)
		return err
	})
	return slices.Concat(found...), err
}

func (p *Pots) missingOf(ctx context.Context, b *bucket, covers []int64) (missing []int64, err error) {
	at, err := b.keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("missing: %w", err)
	}
	keys := []string{at.Home}
	for _, cover := range covers {
		pot, _ := at.pot(cover)
		keys = append(keys, pot)
	}
	m, err := p.Run(ctx, at.Bucket, &p.missing, keys, []string{at.Mark})
	if err != nil {
		return nil, fmt.Errorf("missing: %w", err)
	}
	indexes, err := m.AsIntSlice()
	if err != nil {
		return nil, fmt.Errorf("redisstock: missing: %w", err)
	}
	for _, i := range indexes {
		if i < 0 || i >= int64(len(covers)) {
			return nil, fmt.Errorf("redisstock: missing: index %d of %d", i, len(covers))
		}
		missing = append(missing, covers[i])
	}
	return missing, nil
}
