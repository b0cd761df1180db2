package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/transferapi"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

const (
	// entriesPage is how many lines of a statement are read at once: the most that are given.
	entriesPage = 200
	// transferred is the amount of a transfer in minor units: little, for there is a limit to what a user sends in a
	// day.
	transferred = 1
)

// moved is a transfer that was answered with an acceptance.
type moved struct {
	id int64
	to int
}

// runTransfer has people offer each other money, which is accepted at once. A request is both calls, one after the
// other.
func runTransfer(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	accepted := make([][]moved, c.workers())
	name := s.name()
	var next atomic.Int64
	m, err := s.measure(ctx, c, work{
		prepare: func(context.Context, int64) error { return nil },
		op: func(worker int, _ int64) error {
			n := int(next.Add(1))
			g := n % len(users.groups)
			from, to := users.sender(g, n/len(users.groups)), users.member(g, n/len(users.groups)*stride)
			if to == from {
				to = users.member(g, to+1)
			}
			one, err := s.transfer(users, name+"-"+strconv.Itoa(n), from, to)
			if err == nil {
				accepted[worker] = append(accepted[worker], one)
			}
			return err
		},
	})
	m.write(c, &found)
	if err := errors.Join(err, s.finish(ctx, b, m.failed, &found)); err != nil {
		return found, err
	}
	found.Notes = append(found.Notes, "a request is an offer and, by somebody else, its acceptance")
	return found, s.arrivals(ctx, users, accepted, &found)
}

// transfer offers money and accepts it.
func (s *session) transfer(c *users, request string, from, to int) (moved, error) {
	t, err := s.target.raw.Transfers.Offer(c.as[from],
		&transferapi.OfferRequest{RequestId: request, To: c.names[to], Amount: transferred, Currency: currency})
	if err == nil {
		t, err = s.target.raw.Transfers.Accept(c.as[to], &transferapi.TransferRequest{TransferId: t.Id})
	}
	if err != nil {
		return moved{}, err
	}
	return moved{t.Id, to}, nil
}

// arrivals looks for every accepted transfer in its recipient's statement.
func (s *session) arrivals(ctx context.Context, c *users, accepted [][]moved, found *report.Suite) error {
	byUser := make(map[int]map[int64]bool)
	for _, some := range accepted {
		for _, one := range some {
			if byUser[one.to] == nil {
				byUser[one.to] = make(map[int64]bool)
			}
			byUser[one.to][one.id] = true
			found.Books.Wins++
		}
	}
	deadline := time.Now().Add(s.plan.arrivalTimeout())
	var mu sync.Mutex
	err := inParallel(ctx, len(c.names), func(u int) error {
		want := byUser[u]
		for {
			before := len(want)
			if err := s.credits(c, u, want); err != nil {
				return err
			}
			mu.Lock()
			found.Books.Credited += int64(before - len(want))
			mu.Unlock()
			if len(want) == 0 || time.Now().After(deadline) {
				break
			}
			select {
			case <-time.After(lastLook):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for id := range want {
			found.Books.NotCredited = append(found.Books.NotCredited,
				fmt.Sprintf("transfer %d of %d %s, accepted by %s: never credited", id, transferred, currency,
					c.names[u]))
		}
		return nil
	})
	if n := len(found.Books.NotCredited); n > 0 {
		found.BooksBalanced = false
		found.Failures = append(found.Failures, fmt.Sprintf(
			"%d accepted transfers were never credited, or not to the unit", n))
	}
	return err
}

// credits removes from want what the user's statement has.
func (s *session) credits(c *users, user int, want map[int64]bool) error {
	limit := int32(entriesPage)
	request := &walletapi.EntriesRequest{Currency: currency, Limit: &limit}
	for len(want) > 0 {
		page, err := s.target.sure.Wallet.Entries(c.as[user], request)
		if err != nil {
			return explainAt(err, "read a statement")
		}
		for _, e := range page.Entries {
			if e.Subject == "transfer" && e.Amount == transferred {
				delete(want, e.Reference)
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		request.Cursor = &page.NextCursor
	}
	return nil
}
