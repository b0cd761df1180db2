package webhook

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

func TestURLs(t *testing.T) {
	for url, good := range map[string]bool{
		"https://example.com/hooks?a=b":                   true,
		"https://example.com:8443/":                       true,
		"https://xn--fiqs8s.example/":                     true,
		"https://1.1.1.1/":                                true,
		"http://example.com/":                             false,
		"ftp://example.com/":                              false,
		"//example.com/":                                  false,
		"example.com":                                     false,
		"":                                                false,
		"https://":                                        false,
		"https:///path":                                   false,
		"https:example.com":                               false,
		"https://user:word@example.com/":                  false,
		"https://example.com/#top":                        false,
		"https://example.com/#":                           false,
		"https://example.com:25/":                         false,
		"https://example.com:80/":                         false,
		"https://example.com:/":                           false,
		"https://example.com:99999/":                      false,
		"https://example.com/a b":                         false,
		"https://example.com/\r\nHost: evil":              false,
		"https://中国.example/":                             false,
		"https://localhost/":                              false,
		"https://a.localhost/":                            false,
		"https://metadata.google.internal/":               false,
		"https://intranet/":                               false,
		"https://127.0.0.1/":                              false,
		"https://[::1]/":                                  false,
		"https://[::ffff:10.0.0.1]/":                      false,
		"https://169.254.169.254/":                        false,
		"https://10.1/":                                   false, // what some resolvers read as 10.0.0.1
		"https://2130706433/":                             false, // 127.0.0.1
		"https://0x7f.1/":                                 false,
		"https://example.com/" + strings.Repeat("a", 500): false,
	} {
		err := checkURL(url, false)
		if (err == nil) != good || err != nil && refusal.CodeOf(err) != CodeEndpointRefused {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{"http://127.0.0.1:80/", "http://intranet/", "https://10.0.0.1/"} {
		if err := checkURL(url, true); err != nil {
			t.Errorf("allowed: %q: %v", url, err)
		}
	}
}

func TestSubscriptions(t *testing.T) {
	for _, c := range []struct {
		types string
		event string
		heard bool
	}{
		{"*", "cover.approved", true}, {"cover.*", "cover.approved", true}, {"cover.approved", "cover.approved", true},
		{"cover.approved", "cover.frozen", false}, {"cover.*", "covert.op", false},
		{"merchant.* cover.frozen", "cover.frozen", true},
	} {
		if Subscribed(strings.Fields(c.types), c.event) != c.heard {
			t.Errorf("%s of %s: not %v", c.event, c.types, c.heard)
		}
	}
}

func TestThrottle(t *testing.T) {
	for _, c := range []struct{ before, asked, want time.Duration }{
		{0, 0, time.Second}, {time.Second, 0, 2 * time.Second}, {4 * time.Minute, 0, 5 * time.Minute},
		{0, time.Minute, time.Minute}, {0, 24 * time.Hour, time.Hour},
	} {
		if got := Throttle(c.before, c.asked); got != c.want {
			t.Errorf("%s, asked for %s: %s", c.before, c.asked, got)
		}
	}
}

func TestKeysPrintWithoutSecrets(t *testing.T) {
	k := newKey(1, true)
	if k.String() != "webhook.Key" || k.GoString() != "webhook.Key" || len(k.Secret) != 32 || k.Private == nil {
		t.Error("a key prints")
	}
}

// hanging is a queue whose endpoints always have something due, and a sender that answers when it is told.
type hanging struct {
	mu      sync.Mutex
	waiting []Waiting
	sent    map[int64]int
	hold    map[int64]chan struct{} // by endpoint; nil answers at once
	next    int64
}

func (h *hanging) Waiting(context.Context, int, time.Time) ([]Waiting, error) { return h.waiting, nil }

func (h *hanging) Claim(_ context.Context, _ int, endpoint int64, _ time.Time, limit int) ([]Message, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var messages []Message
	for range limit {
		h.next++
		messages = append(messages, Message{Endpoint: endpoint, Event: h.next})
	}
	return messages, nil
}

func (h *hanging) Record(context.Context, Message, Result) (bool, error) { return true, nil }
func (h *hanging) Release(context.Context, Message) error                { return nil }
func (h *hanging) Bury(context.Context, int, int64, int) (int, error)    { return 0, nil }

func (h *hanging) Send(_ context.Context, m Message) Answer {
	h.mu.Lock()
	h.sent[m.Endpoint]++
	hold := h.hold[m.Endpoint]
	h.mu.Unlock()
	if hold != nil {
		<-hold
		return Answer{Failure: "no answer", Took: 15 * time.Second}
	}
	return Answer{Status: 200, Took: time.Millisecond}
}

// However many receivers hang, one that answers finds room: those that are known to hang have places of their own.
func TestHangingReceiversDelayNobody(t *testing.T) {
	release := make(chan struct{})
	h := &hanging{sent: map[int64]int{}, hold: map[int64]chan struct{}{}}
	const hang = 300
	for id := range int64(hang) {
		h.hold[id] = release
		h.waiting = append(h.waiting, Waiting{Endpoint: id, State: StateActive})
	}
	const quick = int64(hang)
	h.waiting = append(h.waiting, Waiting{Endpoint: quick, State: StateActive})
	d := NewDispatcher(h, h, nil, time.Now, slog.New(slog.DiscardHandler))
	for id := range int64(hang) {
		d.slow[id] = true // as after an attempt that took long
	}
	if n, err := d.Pass(t.Context(), 0); err != nil || n != maxSlow+maxPerEndpoint {
		t.Errorf("%d attempts, %v: want one at each of %d hanging receivers and %d at the quick one", n, err, maxSlow,
			maxPerEndpoint)
	}
	close(release)
	d.Wait(0)
}

// unclaimable is a queue with two endpoints that always have something due. Claims for the first fail.
type unclaimable struct{ hanging }

func (u *unclaimable) Claim(
	ctx context.Context, shard int, endpoint int64, now time.Time, limit int,
) ([]Message, error) {
	if endpoint == 1 {
		return nil, errors.New("its keys cannot be read")
	}
	return u.hanging.Claim(ctx, shard, endpoint, now, limit)
}

func (u *unclaimable) Send(context.Context, Message) Answer {
	time.Sleep(100 * time.Millisecond) // of the test's own clock
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent[2]++
	return Answer{Status: 200, Took: 100 * time.Millisecond}
}

// An endpoint that fails to be claimed for holds up no other, and is one line in the log.
func TestAnEndpointThatCannotBeClaimedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unclaimable{hanging{sent: map[int64]int{}, waiting: []Waiting{
			{Endpoint: 1, State: StateActive}, {Endpoint: 2, State: StateActive},
		}}}
		var log bytes.Buffer
		d := NewDispatcher(u, u, nil, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		d.Run(ctx, 0)
		if want := 99 * maxPerEndpoint; u.sent[2] < want {
			t.Errorf("in ten seconds %d attempts at the endpoint that answers within 100 ms: want %d", u.sent[2], want)
		}
		if lines := strings.Count(log.String(), "its keys cannot be read"); lines != 1 {
			t.Errorf("%d lines in the log:\n%s", lines, log.String())
		}
	})
}

// An attempt that turns out to take long gives up its place among the quick ones.
func TestAnAttemptThatTakesLong(t *testing.T) {
	d := NewDispatcher(nil, nil, nil, time.Now, slog.New(slog.DiscardHandler))
	slow, n := d.take(1)
	if slow || n != maxPerEndpoint || d.allFast != n {
		t.Fatalf("%v, %d", slow, n)
	}
	p := &place{endpoint: 1}
	d.slowDown(p)
	if d.allFast != n-1 || d.allSlow != 1 || !d.slow[1] {
		t.Errorf("fast %d, slow %d", d.allFast, d.allSlow)
	}
	d.leave(p, 15*time.Second)
	d.slowDown(p) // the timer was late
	if d.allSlow != 0 || !d.slow[1] || d.sending[1] != n-1 {
		t.Errorf("afterwards: slow %d, sending %d", d.allSlow, d.sending[1])
	}
	for range n - 1 {
		d.leave(&place{endpoint: 1}, time.Millisecond)
	}
	if len(d.slow)+len(d.sending)+d.allFast != 0 {
		t.Errorf("at the end: %v, %v, %d", d.slow, d.sending, d.allFast)
	}
}

// Slow endpoints are remembered up to a number, for those that are gone never become faster. The newest is among them.
func TestSlowEndpointsAreForgotten(t *testing.T) {
	d := NewDispatcher(nil, nil, nil, time.Now, slog.New(slog.DiscardHandler))
	for id := range int64(maxKnownSlow + 100) {
		_, n := d.take(id)
		p := &place{endpoint: id}
		d.slowDown(p)
		d.leave(p, 15*time.Second)
		d.giveBack(id, false, n-1)
		if len(d.slow) > maxKnownSlow || !d.slow[id] {
			t.Fatalf("after %d slow endpoints %d are remembered, this one: %v", id+1, len(d.slow), d.slow[id])
		}
	}
	if len(d.sending)+d.allFast+d.allSlow != 0 {
		t.Errorf("at the end: %v, fast %d, slow %d", d.sending, d.allFast, d.allSlow)
	}
}
