package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/wallet/ledger"
)

type freezeCmd struct {
	servers
	Account string `arg:"" optional:"" help:"User id, or wallet of a merchant as merchant~1~available. Without one, the frozen accounts are listed."`
	Thaw    bool   `help:"End the freeze."`
	By      string `help:"Who does it. It stands in the books and in the trail." placeholder:"NAME"`
	Reason  string `help:"Why, in at most 200 characters."`
	JSON    bool   `name:"json" help:"Print JSON, an object on each line."`
}

// Validate implements kong.Validatable.
func (c freezeCmd) Validate() error {
	switch {
	case c.Account == "" && (c.Thaw || c.By != "" || c.Reason != ""):
		return errors.New("name the account to freeze or to thaw")
	case c.Account != "" && (c.By == "" || c.Reason == ""):
		return errors.New("say --by and --reason: they stand in the trail")
	}
	return nil
}

// frozenLine is a freeze as it is printed.
type frozenLine struct {
	Account  string `json:"account"`
	By       string `json:"by"`
	Reason   string `json:"reason"`
	FrozenAt string `json:"frozen_at"`
}

// thawedLine is a thaw as it is printed; Thawed is false where there was no freeze.
type thawedLine struct {
	Account string `json:"account"`
	Thawed  bool   `json:"thawed"`
}

// freezesAtOnce is how many freezes are read at a time.
const freezesAtOnce = 200

// Run freezes an account, thaws it, or lists those that are frozen.
func (c freezeCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return c.with(ctx, quiet, nil, func(_ *connected, s *app.App) error {
		f := ledger.Freeze{Account: c.Account, By: c.By, Reason: c.Reason, At: time.Now()}
		switch {
		case c.Account == "":
			return c.list(ctx, at, s)
		case c.Thaw:
			return c.thaw(ctx, at, s, f)
		}
		return c.freeze(ctx, at, s, f)
	})
}

// freeze freezes an account, and says where it has no wallet.
func (c freezeCmd) freeze(ctx context.Context, at console, s *app.App, f ledger.Freeze) error {
	stands, err := s.Freeze(ctx, f)
	if err != nil {
		return err
	}
	c.print(at, stands)
	has, err := s.HasWallet(ctx, f.Account)
	if err != nil {
		return fmt.Errorf("%s is frozen, but whether there is a wallet of this name was not found out: %w", f.Account,
			err)
	}
	if !has {
		at.warn("no wallet of the name %q exists yet: is it spelled right?", f.Account)
	}
	return nil
}

func (c freezeCmd) thaw(ctx context.Context, at console, s *app.App, f ledger.Freeze) error {
	thawed, err := s.Thaw(ctx, f)
	switch {
	case err != nil:
		return err
	case c.JSON:
		text, _ := json.Marshal(thawedLine{c.Account, thawed}) // of text: never fails
		at.say("%s", text)
	case thawed:
		at.say("%s is not frozen any more.", c.Account)
	default:
		at.say("%s was not frozen.", c.Account)
	}
	return nil
}

func (c freezeCmd) list(ctx context.Context, at console, s *app.App) error {
	after := ""
	for {
		some, err := s.Ledger.Freezes(ctx, after, freezesAtOnce)
		if err != nil {
			return err
		}
		if after == "" && len(some) == 0 && !c.JSON {
			at.say("No account is frozen.")
		}
		for _, f := range some {
			c.print(at, f)
			after = f.Account
		}
		if len(some) < freezesAtOnce {
			return nil
		}
	}
}

func (c freezeCmd) print(at console, f ledger.Freeze) {
	line := frozenLine{f.Account, f.By, f.Reason, f.At.UTC().Format(time.RFC3339Nano)}
	if c.JSON {
		text, _ := json.Marshal(line) // of text: never fails
		at.say("%s", text)
		return
	}
	at.say("%s  frozen by %s at %s: %q", line.Account, line.By, line.FrozenAt, line.Reason)
}
