package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// answerOf is an answer to a grab over HTTP or over a WebSocket.
type answerOf struct {
	Op       string `json:"op"`       // over a WebSocket
	Envelope string `json:"envelope"` // over a WebSocket
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Outcome  string `json:"outcome"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Share    int32  `json:"share"`
}

func (a answerOf) decoded() *envelopeapi.GrabResponse {
	return &envelopeapi.GrabResponse{Outcome: a.Outcome, Amount: a.Amount, Currency: a.Currency, Share: a.Share}
}

// fromPool is an op that grabs in some way, each time with the next pair of a pool.
func fromPool(
	b *books, pool *envelopePool, grab func(envelope int64, user int) (*envelopeapi.GrabResponse, error),
) load.Op {
	return func(worker int, _ int64) error {
		e, user, ok := pool.take()
		if !ok {
			return load.ErrDry
		}
		answer, err := grab(e.id, user)
		if err == nil {
			b.note(worker, e.id, user, answer)
		}
		return err
	}
}

// grabsOverHTTP is the work of grabbing from a pool over the gateway's HTTP, and what ends its connections.
func (s *session) grabsOverHTTP(ctx context.Context, b *books, pool *envelopePool) (w work, end func()) {
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	base := context.WithoutCancel(ctx)
	grab := func(envelope int64, user int) (*envelopeapi.GrabResponse, error) {
		address := fmt.Sprintf("http://%s/v1/envelopes/%d/grab", s.target.access.HTTP, envelope)
		r, err := http.NewRequestWithContext(base, http.MethodPost, address, strings.NewReader("{}"))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+b.users.tokens[user])
		r.Header.Set("Content-Type", "application/json")
		response, err := transport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		var answer answerOf
		if err := json.Unmarshal(text, &answer); err != nil || response.StatusCode != http.StatusOK {
			return nil, wrongAnswer{fmt.Sprintf("envelope %d: %d %s", envelope, response.StatusCode, text)}
		}
		return answer.decoded(), nil
	}
	return work{prepare: pool.fill, op: fromPool(b, pool, grab)}, transport.CloseIdleConnections
}

// socket is a user's connection, which one goroutine uses at a time.
type socket struct {
	mu   sync.Mutex
	conn *client.Conn
}

// grabsOverSockets is the work of grabbing from a pool over WebSockets, one for each user, and what ends them.
func (s *session) grabsOverSockets(
	ctx context.Context, b *books, pool *envelopePool,
) (w work, end func(), err error) {
	sockets := make([]socket, len(b.users.names))
	end = func() {
		for i := range sockets {
			if sockets[i].conn != nil {
				_ = sockets[i].conn.Close() // the server may have been faster
			}
		}
	}
	err = inParallel(ctx, len(sockets), func(user int) (err error) {
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		sockets[user].conn, err = s.target.client.As(client.StaticToken(b.users.tokens[user])).Dial(ctx)
		return err
	})
	if err != nil {
		end()
		return work{}, nil, fmt.Errorf("could not connect to %s: %w", s.target.access.HTTP, err)
	}
	grab := func(envelope int64, user int) (*envelopeapi.GrabResponse, error) {
		one := &sockets[user]
		one.mu.Lock()
		defer one.mu.Unlock()
		if err := one.conn.Grab(envelope); err != nil {
			return nil, err
		}
		text, err := one.conn.Next()
		if err != nil {
			return nil, err
		}
		var answer answerOf
		err = json.Unmarshal(text, &answer)
		if err != nil || answer.Envelope != strconv.FormatInt(envelope, 10) || answer.Code != "ok" {
			return nil, wrongAnswer{fmt.Sprintf("envelope %d: %s", envelope, text)}
		}
		return answer.decoded(), nil
	}
	return work{prepare: pool.fill, op: fromPool(b, pool, grab)}, end, nil
}

// overTheGateway are the contestants that need a gateway. None where the target has no address of one.
func (s *session) overTheGateway(b *books, pool *envelopePool) []contestant {
	if s.target.access.HTTP == "" {
		return nil
	}
	listening := watchers
	if s.plan.Quick {
		listening = quickWatchers
	}
	return []contestant{
		{ownHTTP, fmt.Sprintf("grabs that win, over HTTP, %d connections", connections),
			func(ctx context.Context, span time.Duration) (float64, error) {
				w, end := s.grabsOverHTTP(ctx, b, pool)
				defer end()
				return s.round(ctx, w, connections, span)
			}},
		{ownSockets, fmt.Sprintf("grabs that win, over WebSockets, %d callers", connections),
			func(ctx context.Context, span time.Duration) (float64, error) {
				// Before the connections are made: they end if nothing comes for a while.
				if err := s.prepare(ctx, work{prepare: pool.fill}, int64(guess*span.Seconds())); err != nil {
					return 0, err
				}
				w, end, err := s.grabsOverSockets(ctx, b, pool)
				if err != nil {
					return 0, err
				}
				defer end()
				return s.round(ctx, w, connections, span)
			}},
		{ownWatched, fmt.Sprintf("grabs that win, through Kitex, %d callers, while %d listen", callers, listening),
			func(ctx context.Context, span time.Duration) (float64, error) {
				l, err := listen(ctx, s.target, b.users, listening)
				if err != nil {
					return 0, err
				}
				defer l.close()
				return s.round(ctx, s.grabs(b, pool), callers, span)
			}},
	}
}
