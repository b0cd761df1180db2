package transfer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

const (
	heraldBatch    = 500
	heraldInterval = 200 * time.Millisecond
)

// Herald publishes the notices that lie on a shard, and forgets each once it was published. After a crash in between it is
// published again.
type Herald struct {
	notices   Notices
	publisher Publisher
	logger    *slog.Logger
}

// NewHerald makes a herald.
func NewHerald(notices Notices, publisher Publisher, logger *slog.Logger) *Herald {
	return &Herald{notices: notices, publisher: publisher, logger: logger}
}

// Run publishes the notices of a shard until the context ends. A signal on wake says that there are some.
func (h *Herald) Run(ctx context.Context, shard int, wake <-chan struct{}) {
	loop.Job{Name: "notices", Log: h.logger.With("shard", shard), Interval: heraldInterval, Wake: wake}.Run(ctx, func(ctx context.Context) (bool, error) {
		told, err := h.Pass(ctx, shard)
		return told > 0, err
	})
}

// Pass publishes some notices, those of a topic in their order, and returns how many. A topic that fails does not hold up
// the others.
func (h *Herald) Pass(ctx context.Context, shard int) (told int, err error) {
	notices, err := h.notices.Notices(ctx, shard, heraldBatch)
	if err != nil {
		return 0, err
	}
	ids, events := make(map[string][]int64), make(map[string][][]byte)
	for _, n := range notices {
		ids[n.Topic] = append(ids[n.Topic], n.ID)
		events[n.Topic] = append(events[n.Topic], n.Body)
	}
	var errs []error
	var published []int64
	for topic, batch := range events {
		if err := h.publisher.Publish(ctx, topic, batch); err != nil {
			errs = append(errs, err)
			continue
		}
		published = append(published, ids[topic]...)
	}
	if len(published) > 0 {
		errs = append(errs, h.notices.ForgetNotices(ctx, shard, published))
	}
	return len(published), errors.Join(errs...)
}
