package memledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Post pays parts of holds of one shard, in one transaction. What it pays is in flight to the payees' shards until
// Deliver. A part that was paid before to the same payee is passed over, and the At of that time stays. A post that
// contradicts the ledger is kept in it for the audit to name, and moves no money; see ledger.PostResult.
func (l *Ledger) Post(ctx context.Context, n int, posts []ledger.Post) (result ledger.PostResult, err error) {
	return l.post(ctx, n, posts, func(*transaction) error { return nil })
}

// post carries out a batch in a transaction that first says whether it may.
func (l *Ledger) post(ctx context.Context, n int, posts []ledger.Post,
	may func(*transaction) error) (result ledger.PostResult, err error) {
	if err := l.checkShard(n); err != nil {
		return ledger.PostResult{}, err
	}
	sorted := slices.Clone(posts)
	slices.SortStableFunc(sorted, func(a, b ledger.Post) int {
		return cmp.Or(cmp.Compare(a.Hold, b.Hold), cmp.Compare(a.Part, b.Part))
	})
	err = l.onShard(ctx, n, func(tx *transaction) error {
		if err := may(tx); err != nil {
			return err
		}
		var accepted []ledger.Post
		for _, p := range sorted {
			repeated, reason := tx.decide(p)
			switch {
			case repeated:
				result.Repeated++
			case reason != "":
				result.Rejected = append(result.Rejected, tx.reject(p, reason))
			default:
				accepted = append(accepted, tx.pay(p))
			}
		}
		result.Posted, result.Completed = len(accepted), tx.completed(sorted)
		return tx.sendCredits(accepted)
	})
	if err != nil {
		return ledger.PostResult{}, err
	}
	return result, nil
}

// decide says whether a post was made before, and otherwise what is wrong with it; "" for nothing.
func (tx *transaction) decide(p ledger.Post) (repeated bool, reason string) {
	h, exists := tx.holds[p.Hold]
	before, posted := tx.posts[partKey{p.Hold, p.Part}]
	other, paid := tx.payees[payeeKey{p.Hold, p.Payee}]
	if posted && before.Payee == p.Payee && before.Minor == p.Minor {
		return true, ""
	}
	if !exists {
		return false, "there is no such hold on this shard"
	}
	if reason := h.Objection(p); reason != "" {
		return false, reason
	}
	switch {
	case posted:
		return false, fmt.Sprintf("the part was paid to %s", before.Payee)
	case paid:
		return false, fmt.Sprintf("the payee was paid part %d", other)
	case p.Minor > h.Pending():
		return false, fmt.Sprintf("the hold has %d pending", h.Pending())
	}
	return false, ""
}

// pay moves a post's amount from its hold to the clearing account, and returns the post as it is stored.
func (tx *transaction) pay(p ledger.Post) ledger.Post {
	p.At = millis(p.At)
	h := tx.holds[p.Hold]
	h.Posted += p.Minor
	h.Open = h.Pending() > 0
	put(tx, tx.holds, h.ID, h)
	put(tx, tx.posts, partKey{p.Hold, p.Part}, p)
	put(tx, tx.payees, payeeKey{p.Hold, p.Payee}, p.Part)
	put(tx, tx.postsOf, p.Hold, append(tx.postsOf[p.Hold], p.Part))
	tx.addTo(holdAccount(h.ID), h.Amount.Currency, -p.Minor)
	tx.addTo(clearingAccount, h.Amount.Currency, p.Minor)
	return p
}

// sendCredits puts posts on their way, all that go to one shard in one currency in one message.
func (tx *transaction) sendCredits(posts []ledger.Post) error {
	type address struct {
		dest     int
		currency ledger.Currency
	}
	byAddress := map[address]int{} // → index into messages
	var messages []message
	for _, p := range posts {
		h := tx.holds[p.Hold]
		to := address{tx.ledger.forUser(p.Payee), h.Amount.Currency}
		at, ok := byAddress[to]
		if !ok {
			at = len(messages)
			byAddress[to] = at
			messages = append(messages, message{dest: to.dest, currency: to.currency})
		}
		m := &messages[at]
		m.credits = append(m.credits, ledger.Credit{Post: p, Currency: to.currency, From: h.Owner, Note: h.Note})
		m.subjects = append(m.subjects, h.Subject)
	}
	return tx.send(messages)
}

// payWhole posts the only part of an open hold to its counterparty.
func (tx *transaction) payWhole(h ledger.Hold, at time.Time) (ledger.Hold, error) {
	p := tx.pay(ledger.Post{Hold: h.ID, Payee: h.Counterparty, Minor: h.Amount.Minor, At: at})
	return tx.holds[h.ID], tx.sendCredits([]ledger.Post{p})
}

// reject keeps a post that contradicts the ledger. One that is there already stays as it is.
func (tx *transaction) reject(p ledger.Post, reason string) ledger.Rejection {
	r := ledger.Rejection{Post: p, Reason: reason}
	key := rejectionKey{p.Hold, p.Part, p.Payee, p.Minor}
	if _, there := tx.rejections[key]; !there {
		put(tx, tx.rejections, key, r)
	}
	return r
}

// completed are those of the holds of sorted posts that have nothing pending.
func (tx *transaction) completed(sorted []ledger.Post) []int64 {
	var ids []int64
	for i, p := range sorted {
		h, exists := tx.holds[p.Hold]
		if exists && !h.Open && (i == 0 || p.Hold != sorted[i-1].Hold) {
			ids = append(ids, p.Hold)
		}
	}
	return ids
}
