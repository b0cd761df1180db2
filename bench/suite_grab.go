package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// runGrab has everybody win: each pair of an open envelope and a member is used once, and no envelope is asked for
// more than it holds.
func runGrab(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	pool := newEnvelopePool(b, s.name(), c.shares, c.shares, c.envelopes)
	m, err := s.measure(ctx, c, s.grabs(b, pool))
	m.write(c, &found)
	if err := errors.Join(err, s.finish(ctx, b, m.failed, &found)); err != nil {
		return found, err
	}
	if others := found.Outcomes["already_won"] + found.Outcomes["empty"] + found.Outcomes["expired"]; others > 0 {
		found.Failures = append(found.Failures, fmt.Sprintf(
			"%d grabs won nothing, though there was a share for everyone", others))
	}
	return found, nil
}

// grabs is the work of grabbing from a pool.
func (s *session) grabs(b *books, pool *envelopePool) work {
	g := newGrabber(b)
	return work{
		half:    true,
		prepare: pool.fill,
		op: func(worker int, _ int64) error {
			e, user, ok := pool.take()
			if !ok {
				return load.ErrDry
			}
			_, err := g.grab(worker, e.id, user)
			return err
		},
	}
}

// grabsOfMany is the work of grabbing from a pool, many at a time in one call. What ends the pool ends the load.
func (s *session) grabsOfMany(b *books, pool *envelopePool) work {
	return work{
		prepare: pool.fill,
		op: func(worker int, _ int64) error {
			request := &envelopeapi.GrabManyRequest{}
			var asked []int // users
			for range grabsInCall {
				e, user, ok := pool.take()
				if !ok {
					return load.ErrDry
				}
				asked = append(asked, user)
				request.Grabs = append(request.Grabs,
					&envelopeapi.GrabEntry{EnvelopeId: e.id, Token: b.users.tokens[user]})
			}
			r, err := b.target.raw.Envelopes.GrabMany(b.users.as[asked[0]], request)
			if err != nil {
				return err
			}
			for i, a := range r.Answers {
				id := request.Grabs[i].EnvelopeId
				if a.Code != "ok" {
					return wrongAnswer{fmt.Sprintf("envelope %d: %s: %s", id, a.Code, a.Detail)}
				}
				b.note(worker, id, asked[i], &envelopeapi.GrabResponse{Outcome: a.Outcome, Amount: a.Amount,
					Currency: a.Currency, Share: a.Share})
			}
			return nil
		},
	}
}

// runHot has everybody in a group grab from one envelope, then all of another group from the next.
func runHot(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	pool := newEnvelopePool(b, s.name(), c.shares, c.group, c.envelopes)
	w := s.grabs(b, pool)
	w.half = false
	m, err := s.measure(ctx, c, w)
	m.write(c, &found)
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// wrongAnswer is an answer that contradicts an earlier one.
type wrongAnswer struct{ text string }

func (w wrongAnswer) Error() string { return w.text }

// codeWrong is the code of a wrong answer.
const codeWrong = "wrong_answer"

// runLosers first has every share of some envelopes taken, then lets everybody ask again and again: those who won for
// the share that they have, the others in vain.
func runLosers(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	drained, err := s.drainStock(ctx, c, b)
	if err != nil {
		return found, err
	}
	m, err := s.measure(ctx, c, s.askAgain(b, drained))
	m.write(c, &found)
	if n := found.ErrorCodes[codeWrong]; n > 0 {
		found.Failures = append(found.Failures, fmt.Sprintf("%d answers contradict what was answered before: %s", n,
			found.ErrorExample[codeWrong]))
	}
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// stride is between one who asks and the next, so that those who won and those who did not are mixed. A prime.
const stride = 101

// askAgain is the work of asking drained envelopes, and of comparing the answer with what is known.
func (s *session) askAgain(b *books, drained []drainedEnvelope) work {
	g := newGrabber(b)
	return work{
		prepare: func(context.Context, int64) error { return nil },
		op: func(worker int, n int64) error {
			e := &drained[int(n)%len(drained)]
			user := b.users.member(e.group, e.first+int(n)/len(drained)*stride)
			r, err := g.grab(worker, e.id, user)
			if err != nil {
				return err
			}
			share, won := e.winners[user]
			if won && r.Outcome == "already_won" && r.Share == share || !won && r.Outcome == "empty" {
				return nil
			}
			return wrongAnswer{fmt.Sprintf("envelope %d: a user who has share %d (won: %t) was answered %s, share %d",
				e.id, share, won, r.Outcome, r.Share)}
		},
	}
}

// drainedEnvelope is one that has nothing left, and who has what of it.
type drainedEnvelope struct {
	opened
	winners map[int]int32 // share by user
}

// drainStock sends envelopes and has all of their shares taken.
func (s *session) drainStock(ctx context.Context, c chosen, b *books) ([]drainedEnvelope, error) {
	s.progress.Step(fmt.Sprintf("draining %d envelopes of %d shares", c.envelopes, c.shares))
	pool := newEnvelopePool(b, s.name(), c.shares, c.shares, 1)
	if err := pool.fill(ctx, int64(c.envelopes*c.shares)); err != nil {
		return nil, err
	}
	g := newGrabber(b)
	drained := make([]drainedEnvelope, c.envelopes)
	// A worker's notes are its own, so each envelope goes to one worker, and so do those whose numbers share it.
	return drained, inParallel(ctx, min(len(b.notes), len(drained)), func(worker int) error {
		for i := worker; i < len(drained); i += len(b.notes) {
			e := pool.batches[0].envelopes[i]
			drained[i] = drainedEnvelope{opened: e, winners: make(map[int]int32, c.shares)}
			for n := range c.shares {
				user := b.users.member(e.group, e.first+n)
				r, err := g.grab(worker, e.id, user)
				if err != nil {
					return explainAt(err, "grab")
				}
				drained[i].winners[user] = r.Share
			}
			if _, err := g.grab(worker, e.id, b.users.member(e.group, e.first+c.shares)); err != nil {
				return explainAt(err, "grab")
			}
		}
		return nil
	})
}
