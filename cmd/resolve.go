package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

type resolveCmd struct {
	servers
	ID       string `arg:"" optional:"" help:"Rejection to decide about, as the list names it. Without one, those that are open are listed."`
	Pay      string `help:"Pay the one who was refused, from the wallet of this account." placeholder:"ACCOUNT"`
	Dismiss  bool   `help:"Nobody is owed anything."`
	Currency string `help:"Currency of the payment, where the hold of the rejected post does not exist."`
	By       string `help:"Who decides. It stands in the books and in the trail." placeholder:"NAME"`
	Reason   string `help:"Why, in at most 200 characters."`
	All      bool   `help:"List those that are decided as well."`
	JSON     bool   `name:"json" help:"Print JSON, an object on each line."`
}

// Validate implements kong.Validatable.
func (c resolveCmd) Validate() error {
	decides := c.Pay != "" || c.Dismiss
	switch {
	case c.ID == "" && (decides || c.By != "" || c.Reason != ""):
		return fmt.Errorf("name the rejection to decide about")
	case c.ID != "" && (c.Pay != "") == c.Dismiss:
		return fmt.Errorf("say --pay ACCOUNT or --dismiss")
	case c.ID != "" && (c.By == "" || c.Reason == ""):
		return fmt.Errorf("say --by and --reason: they stand in the books")
	}
	return nil
}

// rejectionLine is a rejection as it is printed.
type rejectionLine struct {
	ID       string `json:"id"`
	Hold     string `json:"hold"`
	Part     int    `json:"part"`
	Payee    string `json:"payee"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	WonAt    string `json:"won_at"`
	Why      string `json:"why"`
	Decision string `json:"decision,omitempty"`
	Account  string `json:"account,omitempty"`
	By       string `json:"by,omitempty"`
	Reason   string `json:"reason,omitempty"`
	At       string `json:"at,omitempty"`
	Payment  string `json:"payment,omitempty"`
}

// Run lists rejections, or decides about one.
func (c resolveCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return c.with(ctx, quiet, nil, func(_ *connected, s *app.App) error {
		if c.ID == "" {
			found, err := s.Rejections(ctx, c.All)
			if err != nil {
				return err
			}
			if len(found) == 0 && !c.JSON {
				at.say("No post was refused about which something is to be decided.")
			}
			for _, r := range found {
				c.print(at, r)
			}
			return nil
		}
		v := wallet.Verdict{ID: c.ID, Decision: ledger.DecisionPay, Account: c.Pay, Currency: c.Currency, By: c.By,
			Why: c.Reason}
		if c.Dismiss {
			v.Decision = ledger.DecisionDismiss
		}
		resolved, err := s.Resolve(ctx, v)
		if err != nil {
			return err
		}
		c.print(at, resolved)
		return nil
	})
}

func (c resolveCmd) print(at console, r ledger.Resolution) {
	line := rejectionLine{ID: r.ID(), Hold: strconv.FormatInt(r.Hold, 10), Part: r.Part, Payee: r.Payee,
		Amount: r.Minor, Currency: string(r.Currency), WonAt: r.Post.At.UTC().Format(time.RFC3339Nano), Why: r.Reason,
		Decision: string(r.Decision), Account: r.Account, By: r.By, Reason: r.Why}
	if r.Decision != "" {
		line.At = r.At.UTC().Format(time.RFC3339Nano)
	}
	if r.Payment != 0 {
		line.Payment = strconv.FormatInt(r.Payment, 10)
	}
	if c.JSON {
		text, _ := json.Marshal(line) // of text and numbers: never fails
		at.say("%s", text)
		return
	}
	at.say("%s  hold %s part %d: %q won %d %s at %s, and is not paid: %s", line.ID, line.Hold, line.Part, line.Payee,
		line.Amount, line.Currency, line.WonAt, line.Why)
	switch {
	case r.Decision == ledger.DecisionDismiss:
		at.say("              dismissed by %s at %s: %q", line.By, line.At, line.Reason)
	case r.Payment != 0:
		at.say("              paid from %s by %s at %s, hold %s: %q", line.Account, line.By, line.At, line.Payment,
			line.Reason)
	case r.Decision == ledger.DecisionPay:
		at.say("              to be paid from %s, by %s at %s: repeat the decision", line.Account, line.By, line.At)
	}
}
