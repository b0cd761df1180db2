package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tokenUntil has the shape of a JWT, which is all that the cache reads.
func tokenUntil(name string, expires time.Time) string {
	payload := fmt.Sprintf(`{"sub":%q,"exp":%d}`, name, expires.Unix())
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + name
}

func TestTokensAreKeptUntilTheyExpire(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var asked int
	c := newTokenCache(TokenFunc(func(context.Context) (string, error) {
		asked++
		return tokenUntil(fmt.Sprint(asked), now.Add(time.Hour)), nil
	}))
	c.now = func() time.Time { return now }
	for _, step := range []struct {
		later   time.Duration
		refused bool
		asked   int
	}{
		{0, false, 1}, {0, false, 1}, {time.Hour - refreshBefore - time.Second, false, 1}, {time.Second, false, 2},
		{0, true, 3}, {0, false, 3},
	} {
		now = now.Add(step.later)
		refused := ""
		if step.refused {
			refused = c.token
		}
		if _, err := c.get(t.Context(), refused); err != nil || asked != step.asked {
			t.Errorf("%+v: asked %d times, %v", step, asked, err)
		}
	}
}

func TestRefreshTimes(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for token, want := range map[string]time.Time{
		tokenUntil("long", now.Add(time.Hour)):    now.Add(time.Hour - refreshBefore),
		tokenUntil("short", now.Add(time.Minute)): now.Add(54 * time.Second),
		tokenUntil("past", now.Add(-time.Minute)): now.Add(-54 * time.Second),
		"opaque": {},
		"a.%.c":  {},
		"a." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":"x"}`)) + ".c": {},
	} {
		if got := refreshAt(token, now); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", token, got, want)
		}
	}
}

// The source is asked once for all who wait, and who gives up waiting does not take it from the others.
func TestOneAsksTheSourceForAll(t *testing.T) {
	var asked atomic.Int64
	asking, answer := make(chan struct{}), make(chan struct{})
	c := newTokenCache(TokenFunc(func(context.Context) (string, error) {
		asked.Add(1)
		close(asking)
		<-answer
		return "opaque", nil
	}))
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if token, err := c.get(context.Background(), ""); token != "opaque" || err != nil {
				t.Errorf("%q, %v", token, err)
			}
		})
	}
	<-asking
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.get(impatient, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("gave up: %v", err)
	}
	close(answer)
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}
