// Package ratelimit bounds how often somebody does something by the generic cell rate algorithm: a Limiter over all
// nodes together, in one Redis script and by Redis's clock; a Local in one process, from memory. It knows neither who
// nor what.
//
// While Redis does not answer, nothing is known, and Take says so within a second: the caller decides whether to go on.
// A Redis that forgets gives everybody a full limit again.
package ratelimit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

//go:embed lua/take.lua
var takeScript string

// answerTimeout bounds one question to Redis.
const answerTimeout = time.Second

// Limit is how much of something is allowed: Count in each Per on average, and as much at once.
type Limit struct {
	Name  string // of what, in the key on Redis; distinct for each limit
	Count int
	Per   time.Duration
}

// interval is how long one takes to be free again.
func (l Limit) interval() time.Duration { return l.Per / time.Duration(l.Count) }

// PerSecond is so many a second on average, and ten seconds' worth at once. No limit, for 0 and less, has no Count.
func PerSecond(name string, count int) Limit {
	const window = 10
	return Limit{Name: name, Count: max(count, 0) * window, Per: window * time.Second}
}

// Check finds a limit that cannot be kept.
func (l Limit) Check() error {
	if l.Name == "" || l.Count < 1 || l.interval() < time.Microsecond {
		return fmt.Errorf("ratelimit: limit %q of %d in %v: at most one a microsecond", l.Name, l.Count, l.Per)
	}
	return nil
}

// Result is what is left of a limit.
type Result struct {
	Limit      Limit
	Allowed    bool
	Remaining  int           // how much may be taken now
	RetryAfter time.Duration // until what was refused would be allowed; 0 where it was allowed
	ResetAfter time.Duration // until nothing is used any more
}

// Limiter takes from limits. It is safe for concurrent use.
type Limiter struct {
	client rueidis.Client
	take   *rueidis.Lua
}

// New makes a limiter.
func New(client rueidis.Client) *Limiter {
	return &Limiter{client: client, take: rueidis.NewLuaScript(takeScript)}
}

// Take takes a number from somebody's limit, or nothing where that is not allowed. 0 looks at the limit alone.
func (l *Limiter) Take(ctx context.Context, limit Limit, who string, number int) (Result, error) {
	if err := limit.Check(); err != nil {
		return Result{}, err
	}
	if number < 0 || number > limit.Count {
		return Result{}, fmt.Errorf("ratelimit: %d of a limit of %d", number, limit.Count)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	key := "hongbao:rate:" + limit.Name + ":" + who
	answer, err := l.take.Exec(ctx, l.client, []string{key}, []string{
		strconv.FormatInt(limit.interval().Microseconds(), 10), strconv.Itoa(limit.Count), strconv.Itoa(number),
	}).AsIntSlice()
	if err == nil && len(answer) != 4 {
		err = errors.New("the script did not answer four numbers")
	}
	if err != nil {
		return Result{}, fmt.Errorf("rate limit %s: %w", limit.Name, err)
	}
	return Result{
		Limit: limit, Allowed: answer[0] == 1, Remaining: int(answer[1]), RetryAfter: micros(answer[2]),
		ResetAfter: micros(answer[3]),
	}, nil
}
