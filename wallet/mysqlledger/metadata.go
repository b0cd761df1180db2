package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Metadata of a hold is what never changes about it and every post of it needs. Its other fields are zero, and its
// Stage is one that it once had: whether there is one never changes.

const metadataColumns = "id, subject, owner, counterparty, currency, note, parts, stage, unit"

func scanMetadata(row *sql.Rows) (*ledger.Hold, error) {
	h := new(ledger.Hold)
	var parts []byte
	if err := row.Scan(&h.ID, &h.Subject, &h.Owner, &h.Counterparty, &h.Amount.Currency, &h.Note, &parts,
		&h.Stage, &h.Unit); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(parts, &h.Parts); err != nil {
		return nil, fmt.Errorf("parts of hold %d: %w", h.ID, err)
	}
	return h, nil
}

func metadataBytes(h *ledger.Hold) uint32 {
	const fixed = 400 // the struct and the cache's own
	return uint32(fixed + len(h.Owner) + len(h.Counterparty) + len(h.Note) + 8*len(h.Parts))
}

// loadMetadata returns the metadata of the posts' holds, from memory where it can; nil for one that is no hold of the
// shard.
func (l *Ledger) loadMetadata(ctx context.Context, shard int, posts []ledger.Post) (map[int64]*ledger.Hold, error) {
	holds := make(map[int64]*ledger.Hold)
	var missing []any
	for _, p := range posts {
		if _, seen := holds[p.Hold]; seen {
			continue
		}
		holds[p.Hold] = nil
		if at, ok := l.ShardOf(p.Hold); !ok || at != shard {
			continue
		}
		if h, cached := l.metadata.GetIfPresent(p.Hold); cached {
			holds[p.Hold] = h
		} else {
			missing = append(missing, p.Hold)
		}
	}
	for chunk := range slices.Chunk(missing, rows.Max) {
		found, err := rows.Select(ctx, l.cluster.DB(shard), scanMetadata,
			"SELECT "+metadataColumns+" FROM "+l.tables[shard].Holds+" WHERE id IN "+rows.In(len(chunk)), chunk...)
		if err != nil {
			return nil, fmt.Errorf("read holds: %w", err)
		}
		for _, h := range found {
			holds[h.ID] = h
			l.metadata.Set(h.ID, h)
		}
	}
	return holds, nil
}
