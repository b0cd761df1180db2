// Package revoked knows on every node which tokens are no longer good, although they have not expired.
//
// The ids of revoked tokens are a sorted set on Redis, each scored by when it need not be kept any longer, beside a
// version that changes with every revocation. Nodes ask for the version twice a second, read the set when it is
// another, and answer from memory. While Redis does not answer, what a node knows stays in force; what it knows it
// also keeps where Redis has forgotten it, until the node stops.
package revoked

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	idsKey     = "{hongbao:revoked}:ids" // one hash tag, so that both are on one node of a cluster
	versionKey = "{hongbao:revoked}:version"
	poll       = 500 * time.Millisecond
	// answerTimeout bounds one question to Redis.
	answerTimeout = 2 * time.Second
)

// List is what one node knows. Its methods are safe for concurrent use; Run runs once.
type List struct {
	client  rueidis.Client
	log     *slog.Logger
	now     func() time.Time
	ids     atomic.Pointer[map[string]int64] // token id → Unix second until which it is kept; replaced, never changed
	version string                           // of the set that was read last; only Open and Run use it
}

// Open reads what has been revoked.
func Open(ctx context.Context, client rueidis.Client, log *slog.Logger, now func() time.Time) (*List, error) {
	l := &List{client: client, log: log, now: now}
	l.ids.Store(&map[string]int64{})
	if err := l.refresh(ctx); err != nil {
		return nil, fmt.Errorf("revoked tokens: %w", err)
	}
	return l, nil
}

// Has says whether the token with the id is revoked, as far as this node knows.
func (l *List) Has(id string) bool {
	_, revoked := (*l.ids.Load())[id]
	return revoked
}

// Add revokes the token with the id, on every node within about a second. until is when it will have expired anyway.
// After an error it may or may not be revoked; adding it again is safe.
func (l *List) Add(ctx context.Context, id string, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	b := l.client.B()
	for _, answer := range l.client.DoMulti(ctx, // in this order: whoever reads the new version reads the id
		b.Zadd().Key(idsKey).Gt().ScoreMember().ScoreMember(float64(until.Unix()), id).Build(),
		b.Set().Key(versionKey).Value(rand.Text()).Build(),
		b.Zremrangebyscore().Key(idsKey).Min("-inf").Max("("+l.second()).Build(),
	) {
		if err := answer.Error(); err != nil {
			return fmt.Errorf("revoke a token: %w", err)
		}
	}
	return nil
}

// All are the tokens that are revoked, with the Unix second until which each is kept.
func (l *List) All(ctx context.Context) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return l.read(ctx)
}

// Run keeps the list up to date until ctx ends. It calls enforce, which may be nil, after each look at Redis while
// anything is revoked. What Redis refuses is logged, once until it works again.
func (l *List) Run(ctx context.Context, enforce func()) {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := l.refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			l.log.Warn("revoked tokens cannot be read; those that are known stay revoked", "error", err)
		case err == nil && failing:
			l.log.Info("revoked tokens can be read again")
		}
		failing = err != nil
		if enforce != nil && len(*l.ids.Load()) > 0 {
			enforce()
		}
	}
}

// refresh reads the set where it has changed.
func (l *List) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	version, err := l.client.Do(ctx, l.client.B().Get().Key(versionKey).Build()).ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return err
	}
	if version == l.version {
		return nil
	}
	found, err := l.read(ctx)
	if err != nil {
		return err
	}
	now := l.now().Unix()
	ids := maps.Clone(*l.ids.Load())
	maps.DeleteFunc(ids, func(_ string, until int64) bool { return until < now })
	maps.Copy(ids, found)
	l.ids.Store(&ids)
	l.version = version
	return nil
}

// read reads the set.
func (l *List) read(ctx context.Context) (map[string]int64, error) {
	unexpired := l.client.B().Zrangebyscore().Key(idsKey).Min(l.second()).Max("+inf").Withscores().Build()
	found, err := l.client.Do(ctx, unexpired).AsZScores()
	if err != nil {
		return nil, err
	}
	ids := make(map[string]int64, len(found))
	for _, s := range found {
		ids[s.Member] = int64(s.Score)
	}
	return ids, nil
}

// second is now as a score.
func (l *List) second() string { return strconv.FormatInt(l.now().Unix(), 10) }
