package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// caller has one connection and one request at a time.
type caller struct {
	http *http.Client
}

// post sends a body as JSON and decodes the answer into into, which may be nil.
func (c *caller) post(ctx context.Context, url, token string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("POST %s: %s: %.300s", url, answer.Status, read)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(read, into)
}

// each calls f for every account, a few at a time, until one fails.
func each(accounts int, f func(account int) error) error {
	const atOnce = 8
	var next, failed atomic.Int64
	errs := make(chan error, atOnce)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(accounts) && failed.Load() == 0; i = next.Add(1) - 1 {
				if err := f(int(i)); err != nil {
					failed.Add(1)
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

const (
	enough = 1_000_000 // minor units that each account begins with
	moved  = 1         // and that a transfer moves
)

// hongbaoLedger is a sandbox that gives development tokens.
type hongbaoLedger struct {
	address, run string
	tokens       []string
	requests     atomic.Int64
}

func (l *hongbaoLedger) user(account int) string { return fmt.Sprintf("%s-%d", l.run, account) }

func (l *hongbaoLedger) request() string {
	return l.run + "-" + strconv.FormatInt(l.requests.Add(1), 10)
}

func (l *hongbaoLedger) prepare(ctx context.Context, c *caller, accounts int) error {
	l.tokens = make([]string, accounts)
	return each(accounts, func(account int) error {
		var given struct {
			Token string `json:"token"`
		}
		if err := c.post(ctx, l.address+"/v1/dev/tokens", "", map[string]any{
			"user_id": l.user(account), "scopes": []string{"user"}}, &given); err != nil {
			return err
		}
		l.tokens[account] = given.Token
		return c.post(ctx, l.address+"/v1/wallet/topups", given.Token, map[string]any{
			"request_id": l.request(), "amount": enough, "currency": "CNY"}, nil)
	})
}

func (l *hongbaoLedger) transfer(ctx context.Context, c *caller, from, to int) error {
	var offered struct {
		ID string `json:"id"`
	}
	err := c.post(ctx, l.address+"/v1/transfers", l.tokens[from], map[string]any{"request_id": l.request(),
		"to": l.user(to), "amount": moved, "currency": "CNY"}, &offered)
	if err != nil {
		return err
	}
	return c.post(ctx, l.address+"/v1/transfers/"+offered.ID+"/accept", l.tokens[to], map[string]any{}, nil)
}

// formanceLedger is one ledger with the fewest features, which is the fastest that its documents offer.
type formanceLedger struct{ address, run string }

func (l *formanceLedger) account(account int) string { return fmt.Sprintf("users:%d", account) }

func (l *formanceLedger) post(ctx context.Context, c *caller, from, to string, amount int) error {
	return c.post(ctx, l.address+"/v2/"+l.run+"/transactions", "", map[string]any{"postings": []any{map[string]any{
		"source": from, "destination": to, "amount": amount, "asset": "CNY/2"}}, "metadata": map[string]any{}}, nil)
}

func (l *formanceLedger) prepare(ctx context.Context, c *caller, accounts int) error {
	err := c.post(ctx, l.address+"/v2/"+l.run, "", map[string]any{"features": map[string]string{
		"MOVES_HISTORY": "OFF", "MOVES_HISTORY_POST_COMMIT_EFFECTIVE_VOLUMES": "DISABLED", "HASH_LOGS": "DISABLED",
		"ACCOUNT_METADATA_HISTORY": "DISABLED", "TRANSACTION_METADATA_HISTORY": "DISABLED"}}, nil)
	if err != nil {
		return err
	}
	return each(accounts, func(account int) error {
		return l.post(ctx, c, "world", l.account(account), enough)
	})
}

func (l *formanceLedger) transfer(ctx context.Context, c *caller, from, to int) error {
	return l.post(ctx, c, l.account(from), l.account(to), moved)
}

// blnkLedger is one ledger. Its transfers skip the queue, so that the answer says that they are carried out.
type blnkLedger struct {
	address, run string
	balances     []string
	references   atomic.Int64
}

func (l *blnkLedger) post(ctx context.Context, c *caller, from, to string, amount int, overdraft bool) error {
	return c.post(ctx, l.address+"/transactions", "", map[string]any{"precise_amount": amount, "precision": 100,
		"reference": l.run + "-" + strconv.FormatInt(l.references.Add(1), 10), "currency": "CNY", "source": from,
		"destination": to, "allow_overdraft": overdraft, "skip_queue": true, "description": "transfer"}, nil)
}

func (l *blnkLedger) prepare(ctx context.Context, c *caller, accounts int) error {
	var made struct {
		ID string `json:"ledger_id"`
	}
	if err := c.post(ctx, l.address+"/ledgers", "", map[string]any{"name": l.run}, &made); err != nil {
		return err
	}
	l.balances = make([]string, accounts)
	for account := range accounts { // one after the other: they are all paid by one account
		var balance struct {
			ID string `json:"balance_id"`
		}
		if err := c.post(ctx, l.address+"/balances", "", map[string]any{"ledger_id": made.ID, "currency": "CNY"},
			&balance); err != nil {
			return err
		}
		l.balances[account] = balance.ID
		if err := l.post(ctx, c, "@World-"+l.run, balance.ID, enough, true); err != nil {
			return err
		}
	}
	return nil
}

func (l *blnkLedger) transfer(ctx context.Context, c *caller, from, to int) error {
	return l.post(ctx, c, l.balances[from], l.balances[to], moved, false)
}
