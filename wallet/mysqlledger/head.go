package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// head is what never changes about a hold and every post of it needs.
type head struct {
	id       int64
	subject  wallet.Subject
	owner    string
	currency wallet.Currency
	note     string
	parts    []int64
}

func (h *head) bytes() uint32 {
	const fixed = 160 // the struct and the cache's own
	return uint32(fixed + len(h.owner) + len(h.note) + 8*len(h.parts))
}

// loadHeads returns the heads of the posts' holds, from memory where it can; nil for one that is no hold of the shard.
func (l *Ledger) loadHeads(ctx context.Context, shard int, posts []wallet.Post) (map[int64]*head, error) {
	heads := make(map[int64]*head)
	var missing []any
	for _, p := range posts {
		if _, seen := heads[p.Hold]; seen {
			continue
		}
		heads[p.Hold] = nil
		if at, ok := l.ShardOf(p.Hold); !ok || at != shard {
			continue
		}
		if h, cached := l.heads.GetIfPresent(p.Hold); cached {
			heads[p.Hold] = h
		} else {
			missing = append(missing, p.Hold)
		}
	}
	for chunk := range slices.Chunk(missing, maxRows) {
		err := collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
			h, err := scanHead(rows)
			if err == nil {
				heads[h.id] = h
				l.heads.Set(h.id, h)
			}
			return err
		}, "SELECT id, subject, owner, currency, note, parts FROM "+l.tables[shard].holds+" WHERE id IN "+in(len(chunk)), chunk...)
		if err != nil {
			return nil, fmt.Errorf("read holds: %w", err)
		}
	}
	return heads, nil
}

func scanHead(rows *sql.Rows) (*head, error) {
	h := new(head)
	var parts []byte
	if err := rows.Scan(&h.id, &h.subject, &h.owner, &h.currency, &h.note, &parts); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(parts, &h.parts); err != nil {
		return nil, fmt.Errorf("parts of hold %d: %w", h.id, err)
	}
	return h, nil
}
