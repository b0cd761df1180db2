package redispot

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// scannedKeys is how many keys one step of a walk over Redis looks at, about.
const scannedKeys = 1000

// Endless is a pot that would never be forgotten.
type Endless struct {
	Envelope int64
	Shares   bool // it is the shares that are left that have no expiry, and can be taken for ever
}

// Endless walks over all keys of Redis and calls found for each pot, and each list of shares, that has no time to live.
// The pot of an open envelope has none until it is retired, and for a moment afterwards.
func (p *Pots) Endless(ctx context.Context, found func(Endless)) error {
	for _, node := range p.Client().Nodes() {
		for cursor := uint64(0); ; {
			step := node.B().Scan().Cursor(cursor).Match("{b*e:*").Count(scannedKeys).Build()
			page, err := node.Do(ctx, step).AsScanEntry()
			if err != nil {
				return fmt.Errorf("endless pots: %w", err)
			}
			if err := p.endless(ctx, node, page.Elements, found); err != nil {
				return err
			}
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	return nil
}

func (p *Pots) endless(ctx context.Context, node rueidis.Client, keys []string, found func(Endless)) error {
	var mine []Endless
	var commands rueidis.Commands
	for _, key := range keys {
		if e, ok := p.potKey(ctx, key); ok {
			mine = append(mine, e)
			commands = append(commands, node.B().Pttl().Key(key).Build())
		}
	}
	for i, r := range node.DoMulti(ctx, commands...) {
		const noExpiry = -1
		ttl, err := r.AsInt64()
		if _, refused := rueidis.IsRedisErr(err); refused { // a replica of a cluster sends us away
			continue
		}
		if err != nil {
			return fmt.Errorf("endless pots: %w", err)
		}
		if ttl == noExpiry {
			found(mine[i])
		}
	}
	return nil
}

// potKey reads the key of a pot or of its shares, in the epoch of its bucket.
func (p *Pots) potKey(ctx context.Context, key string) (e Endless, ok bool) {
	name, isShares := strings.CutSuffix(key[strings.LastIndex(key, "e:")+len("e:"):], ":s")
	e.Shares = isShares
	id, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return e, false
	}
	b, err := p.of(id)
	if err != nil {
		return e, false
	}
	at, err := b.keys(ctx)
	if err != nil {
		return e, false
	}
	pot, shares := at.pot(id)
	e.Envelope = id
	return e, key == pot || key == shares
}
