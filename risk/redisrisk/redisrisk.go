// Package redisrisk keeps the windows of rules on Redis: one script decides about a subject's windows and counts, by
// Redis's clock. Where a claim is in windows of two subjects, payer and payee, there is one script for each; what the
// first has counted is taken out again where the second stops the claim.
package redisrisk

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/risk"
)

var (
	//go:embed lua/take.lua
	takeScript string
	//go:embed lua/release.lua
	releaseScript string
)

// answerTimeout bounds one question to Redis.
const answerTimeout = time.Second

// Windows are risk.Windows on Redis. They are safe for concurrent use.
type Windows struct {
	client        rueidis.Client
	take, release *rueidis.Lua
}

var _ risk.Windows = (*Windows)(nil)

// New makes Windows.
func New(client rueidis.Client) *Windows {
	return &Windows{client: client,
		take: rueidis.NewLuaScript(takeScript), release: rueidis.NewLuaScript(releaseScript)}
}

// group are the counters of one subject, with their places among all.
type group struct {
	counters []risk.Counter
	at       []int
}

func groupsOf(counters []risk.Counter) []*group {
	var all []*group
	byWhose := map[string]*group{}
	for i, c := range counters {
		g := byWhose[c.Whose]
		if g == nil {
			g = &group{}
			byWhose[c.Whose] = g
			all = append(all, g)
		}
		g.counters, g.at = append(g.counters, c), append(g.at, i)
	}
	return all
}

// keys are where a group's windows are: in one slot. No user id has a brace, and no rule a colon.
func (g *group) keys() []string {
	keys := make([]string, len(g.counters))
	for i, c := range g.counters {
		keys[i] = "hongbao:risk:{" + c.Whose + "}:" + c.Rule + ":" + c.With
	}
	return keys
}

func member(c risk.Claim) string {
	return c.ID() + "|" + string(c.Amount.Currency) + "|" + strconv.FormatInt(c.Amount.Minor, 10)
}

// Take implements risk.Windows.
func (w *Windows) Take(ctx context.Context, c risk.Claim, counters []risk.Counter) (risk.Taken, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	taken := risk.Taken{Exceeded: -1}
	var counted []*group
	for _, g := range groupsOf(counters) {
		exceeded, isNew, err := w.takeGroup(ctx, c, g)
		if err != nil {
			return risk.Taken{}, errors.Join(err, w.releaseGroups(ctx, c, counted))
		}
		if exceeded >= 0 && (taken.Exceeded < 0 || exceeded < taken.Exceeded) {
			taken.Exceeded = exceeded
		}
		if isNew {
			counted = append(counted, g)
		}
	}
	if taken.Exceeded >= 0 {
		return taken, w.releaseGroups(ctx, c, counted)
	}
	taken.New = len(counted) > 0
	return taken, nil
}

// takeGroup is Take by the counters of one subject.
func (w *Windows) takeGroup(ctx context.Context, c risk.Claim, g *group) (exceeded int, isNew bool, err error) {
	args := []string{c.ID(), string(c.Amount.Currency), strconv.FormatInt(c.Amount.Minor, 10)}
	for _, counter := range g.counters {
		stops := "0"
		if counter.Stops {
			stops = "1"
		}
		args = append(args, strconv.FormatInt(counter.Window.Milliseconds(), 10), strconv.Itoa(counter.Count),
			strconv.FormatInt(counter.Amount, 10), stops)
	}
	answer, err := w.take.Exec(ctx, w.client, g.keys(), args).AsIntSlice()
	if err == nil && (len(answer) != 2 || answer[0] < 0 || answer[0] > int64(len(g.at))) {
		err = fmt.Errorf("the script answered %v", answer)
	}
	if err != nil {
		return 0, false, fmt.Errorf("windows of rules: %w", err)
	}
	if answer[0] > 0 {
		return g.at[answer[0]-1], false, nil
	}
	return -1, answer[1] == 1, nil
}

// Release implements risk.Windows.
func (w *Windows) Release(ctx context.Context, c risk.Claim, counters []risk.Counter) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return w.releaseGroups(ctx, c, groupsOf(counters))
}

func (w *Windows) releaseGroups(ctx context.Context, c risk.Claim, groups []*group) error {
	var failed error
	for _, g := range groups {
		if err := w.release.Exec(ctx, w.client, g.keys(), []string{member(c)}).Error(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("windows of rules: %w", err))
		}
	}
	return failed
}
