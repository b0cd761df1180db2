package memledger

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Balances returns what a user owns, one amount for each currency ever used, ordered by currency.
func (l *Ledger) Balances(ctx context.Context, user string) (amounts []ledger.Amount, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, err
	}
	err = l.read(ctx, l.forUser(user), func(s *state) {
		for _, c := range s.currencies[user] {
			amounts = append(amounts, ledger.Amount{Minor: s.balance(user, c), Currency: c})
		}
	})
	return amounts, err
}

// Entries returns a user's statement in one currency, newest first, with a seq below before (0: from the newest).
func (l *Ledger) Entries(
	ctx context.Context, user string, c ledger.Currency, before int64, limit int,
) ([]ledger.Entry, error) {
	entries, _, err := l.EntriesBetween(ctx, user, c, before, limit, time.Time{}, time.Time{})
	return entries, err
}

// EntriesBetween is Entries with only what happened from one time (zero: from the first) to before another (zero: to
// the newest). next is the before of the next page, 0 where there is none.
func (l *Ledger) EntriesBetween(
	ctx context.Context, user string, c ledger.Currency, before int64, limit int, from, to time.Time,
) (entries []ledger.Entry, next int64, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, 0, err
	}
	first, end := from.UnixMilli(), int64(math.MaxInt64)
	if !to.IsZero() {
		end = to.UnixMilli()
	}
	err = l.read(ctx, l.forUser(user), func(s *state) {
		for _, e := range slices.Backward(s.wallets[accountKey{user, c}]) {
			if at := e.At.UnixMilli(); e.Seq >= below(before) || at < first || at >= end {
				continue
			}
			if len(entries) == limit {
				if limit > 0 {
					next = entries[limit-1].Seq
				}
				return
			}
			entries = append(entries, e.Entry)
		}
	})
	return entries, next, err
}

// Credits returns what a user was credited of holds of a subject, newest hold first, with a hold id below before (0:
// the newest). At is when the part was taken, as in the post.
func (l *Ledger) Credits(
	ctx context.Context, user string, s ledger.Subject, before int64, limit int,
) (credits []ledger.Credit, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, err
	}
	err = l.read(ctx, l.forUser(user), func(st *state) {
		for _, c := range st.currencies[user] {
			for _, e := range st.wallets[accountKey{user, c}] {
				if e.Kind == ledger.EntryPost && e.Subject == s && e.Reference < below(before) {
					p := ledger.Post{Hold: e.Reference, Part: e.part, Payee: user, Minor: e.Minor, At: e.At}
					credits = append(credits, ledger.Credit{Post: p, Currency: c, From: e.Counterparty, Note: e.Note})
				}
			}
		}
	})
	slices.SortFunc(credits, func(a, b ledger.Credit) int { return cmp.Compare(b.Hold, a.Hold) })
	return credits[:min(limit, len(credits))], err
}
