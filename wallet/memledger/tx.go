package memledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// transaction is a ledger.Tx on one shard, whose lock it holds. Every change puts what undoes it on a list.
type transaction struct {
	*state
	ledger *Ledger
	shard  int
	undo   []func()
	failed error // the first error of a method
	ended  bool
}

var _ ledger.Tx = (*transaction)(nil)

// put changes a value of one of the state's maps.
func put[K comparable, V any](tx *transaction, m map[K]V, key K, value V) {
	was, there := m[key]
	tx.undo = append(tx.undo, func() {
		if there {
			m[key] = was
		} else {
			delete(m, key)
		}
	})
	m[key] = value
}

// set changes one of the state's lists.
func set[V any](tx *transaction, at *V, value V) {
	was := *at
	tx.undo = append(tx.undo, func() { *at = was })
	*at = value
}

func (tx *transaction) rollBack() {
	for _, undo := range slices.Backward(tx.undo) {
		undo()
	}
}

// method runs a method of ledger.Tx: not in a transaction that has ended or failed.
func (tx *transaction) method(ctx context.Context, f func() error) error {
	switch {
	case tx.ended:
		return errEnded
	case tx.failed != nil:
		return fmt.Errorf("memledger: a transaction went on after an error: %w", tx.failed)
	}
	err := ctx.Err()
	if err == nil {
		err = f()
	}
	tx.failed = err
	return err
}

// Claim implements ledger.Tx.
func (tx *transaction) Claim(ctx context.Context, user string, r ledger.Request, reference int64) error {
	return tx.method(ctx, func() error { return tx.claim(user, r, reference) })
}

// Hold implements ledger.Tx.
func (tx *transaction) Hold(ctx context.Context, h ledger.Hold, o ledger.HoldOptions) (held ledger.Hold, err error) {
	err = tx.method(ctx, func() error {
		held, err = tx.hold(h, o)
		return err
	})
	return held, err
}

// Advance implements ledger.Tx.
func (tx *transaction) Advance(ctx context.Context, s ledger.Step) (h ledger.Hold, done bool, err error) {
	err = tx.method(ctx, func() error {
		h, done, err = tx.advance(s)
		return err
	})
	return h, done, err
}

func (tx *transaction) advance(s ledger.Step) (ledger.Hold, bool, error) {
	if err := s.Check(); err != nil {
		return ledger.Hold{}, false, err
	}
	h, ok := tx.holds[s.Hold]
	if !ok {
		return ledger.Hold{}, false, ledger.ErrHoldNotFound
	}
	at := millis(tx.ledger.now())
	if !h.Open || h.Stage != s.From || s.Due != !h.ExpiresAt.After(at) {
		return copyOf(h), false, nil
	}
	h.Stage, h.StagedAt = s.To, at
	if s.Renew {
		h.ExpiresAt = at.Add(s.For)
	}
	put(tx, tx.holds, h.ID, h)
	var err error
	switch s.Funds {
	case ledger.FundsVoided:
		h = tx.void(h)
	case ledger.FundsPosted:
		h, err = tx.payWhole(h, h.StagedAt)
	}
	return copyOf(h), err == nil, err
}

// Draw implements ledger.Tx.
func (tx *transaction) Draw(ctx context.Context, d ledger.Draw) (h ledger.Hold, done bool, err error) {
	err = tx.method(ctx, func() error {
		h, done, err = tx.draw(d)
		return err
	})
	return h, done, err
}

func (tx *transaction) draw(d ledger.Draw) (ledger.Hold, bool, error) {
	if err := d.Check(); err != nil {
		return ledger.Hold{}, false, err
	}
	h, ok := tx.holds[d.Hold]
	switch {
	case !ok:
		return ledger.Hold{}, false, ledger.ErrHoldNotFound
	case !h.Metered():
		return ledger.Hold{}, false, fmt.Errorf("memledger: hold %d is not metered", h.ID)
	case d.Units > h.Units():
		return copyOf(h), false, nil
	case d.Funds == ledger.FundsVoided:
		return copyOf(tx.giveBack(h, d.Units*h.Unit)), true, nil
	}
	p := tx.pay(d.Post(h))
	return copyOf(tx.holds[h.ID]), true, tx.sendCredits([]ledger.Post{p})
}

// Index implements ledger.Tx.
func (tx *transaction) Index(ctx context.Context, entries ...ledger.IndexEntry) error {
	return tx.method(ctx, func() error {
		if err := ledger.CheckIndex(entries); err != nil {
			return err
		}
		byDest := map[int]int{} // → index into messages
		var messages []message
		for _, e := range entries {
			dest := tx.ledger.forUser(ledger.IndexOwner(e.Of))
			at, ok := byDest[dest]
			if !ok {
				at = len(messages)
				byDest[dest] = at
				messages = append(messages, message{dest: dest})
			}
			messages[at].index = append(messages[at].index, e)
		}
		return tx.send(messages)
	})
}

// Publish implements ledger.Tx.
func (tx *transaction) Publish(ctx context.Context, events ...ledger.Event) error {
	return tx.method(ctx, func() error {
		if err := ledger.CheckEvents(events); err != nil {
			return err
		}
		all := tx.events
		for _, e := range events {
			e.Body = slices.Clone(e.Body)
			all = append(all, e)
		}
		set(tx, &tx.state.events, all)
		return nil
	})
}

// send puts messages into the outbox.
func (tx *transaction) send(messages []message) error {
	all := tx.outbox
	for _, m := range messages {
		id, err := tx.ledger.newID(tx.shard)
		if err != nil {
			return err
		}
		m.id, m.at = id, tx.ledger.now()
		all = append(all, m)
	}
	set(tx, &tx.state.outbox, all)
	return nil
}
