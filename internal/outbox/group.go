package outbox

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// group is messages that go in one transaction, in the order of their destinations, or why there are none:
// loop.ErrWaiting for a destination that is left alone.
type group struct {
	messages []Message
	items    int
	alone    bool // nothing joins it
	err      error
}

// Bounds of the blocks into which the shards of a server are divided, in their order. Only shards of one block share a
// transaction, so those from several sources meet in whole blocks, and others are under way beside them: with all of a
// server's 16 shards in one block, four sources took turns at it, and up to twice as long for as much processor time.
const (
	blockMost   = 16 // shards
	blocksLeast = 4  // of a server, or as many as it has shards
)

// groups are the oldest messages of a shard for destinations that may be tried, those for a block packed together.
func (o *Outbox) groups(ctx context.Context, source int, dests []int) iter.Seq[group] {
	slices.Sort(dests)
	near := make([][]int, o.cluster.Servers())
	for _, shard := range slices.Compact(slices.Sorted(slices.Values(append(o.cluster.All(), dests...)))) {
		server := o.serverOf(shard)
		near[server] = append(near[server], shard)
	}
	unwanted := func(shard int) bool {
		_, wanted := slices.BinarySearch(dests, shard)
		return !wanted
	}
	return func(yield func(group) bool) {
		for _, all := range near {
			for block := range slices.Chunk(all, min(blockMost, max(1, len(all)/blocksLeast))) {
				for _, g := range o.read(ctx, source, slices.DeleteFunc(slices.Clone(block), unwanted)) {
					if !yield(g) {
						return
					}
				}
			}
		}
	}
}

// read reads the oldest messages for destinations on one server, which are in ascending order, and packs them: each
// transaction takes in as many as its bounds allow. A destination that failed by itself stays so, and its failure is no
// other's, until it works.
func (o *Outbox) read(ctx context.Context, source int, dests []int) (groups []group) {
	failed := func(err error) { groups = append(groups, group{alone: true, err: shards.Classify(err)}) }
	var args []any
	for _, dest := range dests {
		due, err := o.due(ctx, dest)
		switch {
		case err != nil:
			failed(err)
		case due:
			args = append(args, dest, maxMessages)
		default:
			failed(loop.ErrWaiting)
		}
	}
	if len(args) == 0 {
		return groups
	}
	one := "(SELECT " + Columns + " FROM " + o.outbox(source) + " WHERE dest = ? ORDER BY id LIMIT ?)"
	messages, err := rows.Select(ctx, o.cluster.DB(source), Scan, one+strings.Repeat(" UNION ALL "+one, len(args)/2-1),
		args...)
	if err != nil {
		failed(fmt.Errorf("outbox of shard %d: %w", source, err))
		return groups
	}
	slices.SortFunc(messages, byAddress)
	for some := range byDest(messages) {
		next, err := o.decode(some)
		if err != nil {
			failed(fmt.Errorf("deliver from shard %d to %d: %w", source, some[0].Dest, err))
			continue
		}
		if last := len(groups) - 1; last >= 0 && groups[last].takes(next) {
			groups[last].messages = append(groups[last].messages, next.messages...)
			groups[last].items += next.items
		} else {
			groups = append(groups, next)
		}
	}
	return groups
}

// decode decodes messages for one destination, as many as one transaction takes in.
func (o *Outbox) decode(messages []Message) (g group, err error) {
	dest := messages[0].Dest
	if dest >= o.cluster.Shards() {
		return g, fmt.Errorf("there is no shard %d", dest)
	}
	g.alone, _ = o.suspects.state(dest, o.cfg.Now())
	for i := range messages {
		if err := o.Decode(&messages[i]); err != nil {
			return g, err
		}
		size := messages[i].content.Size()
		if i > 0 && g.items+size > maxItems {
			break
		}
		g.messages, g.items = messages[:i+1], g.items+size
	}
	return g, nil
}

// takes says whether another group fits in.
func (g *group) takes(next group) bool {
	return !g.alone && !next.alone &&
		len(g.messages)+len(next.messages) <= maxMessages && g.items+next.items <= maxItems
}

// byAddress is the order of messages by destination and id.
func byAddress(a, b Message) int { return cmp.Or(cmp.Compare(a.Dest, b.Dest), cmp.Compare(a.ID, b.ID)) }

// byDest are messages that are in the order of their destinations, by destination.
func byDest(messages []Message) iter.Seq[[]Message] {
	return func(yield func([]Message) bool) {
		for len(messages) > 0 {
			n := 1
			for n < len(messages) && messages[n].Dest == messages[0].Dest {
				n++
			}
			some := messages[:n:n]
			if messages = messages[n:]; !yield(some) {
				return
			}
		}
	}
}

// destsOf are the destinations of messages.
func destsOf(messages []Message) (dests []int) {
	for some := range byDest(messages) {
		dests = append(dests, some[0].Dest)
	}
	return dests
}
