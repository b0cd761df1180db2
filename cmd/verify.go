package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

type verifyCmd struct {
	Envelope string `arg:"" help:"Id of a closed envelope, or a file with the answer of GET /v1/envelopes/{id} (- for standard input)."`
	RPC      string `help:"Address of the Kitex services. Default: that of the hongbao up that runs on --data."`
	Token    string `secret:"" help:"Token of a member of the envelope's group. Default: a token for --as, signed with the development key."`
	As       string `help:"Member in whose name to ask, with the development key."`
	Data     string `help:"Data folder of a hongbao up." default:"./data" type:"path"`
}

// Run prints each taken share with what the seed makes of it.
func (v verifyCmd) Run(ctx context.Context, at console) error {
	e, err := v.load(ctx)
	if err != nil {
		return err
	}
	view, err := handler.ParseEnvelope(e)
	if err != nil {
		return err
	}
	at.say("envelope    %d (%s, %d %s in %d shares, %s)", view.ID, view.Kind, view.Total.Minor, view.Total.Currency,
		view.Count, view.State)
	at.say("commitment  %s", view.Commitment)
	if !view.Revealed {
		return errors.New("the envelope is still open: its seed is revealed when it closes; verify it then")
	}
	if err := envelope.Verify(view); err != nil {
		at.say("NOT FAIR: %v", err)
		return exitCode(1)
	}
	at.say("seed        %x", view.Seed)
	for _, t := range view.Taken {
		at.say("  share %3d  %10d  %s", t.Share, t.Minor, t.User)
	}
	at.say("Fair: the seed fits the commitment, and all %d taken shares follow from the seed.", len(view.Taken))
	return nil
}

func (v verifyCmd) load(ctx context.Context) (*envelopeapi.Envelope, error) {
	id, err := strconv.ParseInt(v.Envelope, 10, 64)
	if err != nil {
		return readEnvelope(v.Envelope)
	}
	address := v.RPC
	if address == "" {
		e, err := readEndpoints(v.Data)
		if err != nil {
			return nil, fmt.Errorf("no hongbao up on %s: give --rpc: %w", v.Data, err)
		}
		address = e.RPC
	}
	token, err := v.token()
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.WithAddress(address))
	if err != nil {
		return nil, err
	}
	e, err := c.Services().Envelopes.Get(client.ContextWithToken(ctx, token), &envelopeapi.GetRequest{EnvelopeId: id})
	if refusal, ok := client.RefusalOf(err); ok {
		err = refusal
	}
	return e, errors.Join(err, c.Close())
}

func (v verifyCmd) token() (string, error) {
	if v.Token != "" {
		return v.Token, nil
	}
	if v.As == "" {
		return "", errors.New("give --token, or --as with a member of the envelope's group")
	}
	issuer, err := loadPrivateKey(filepath.Join(v.Data, developmentKey))
	if err != nil {
		return "", err
	}
	return issuer.Issue(v.As, []auth.Scope{auth.ScopeUser}, time.Minute)
}

func readEnvelope(path string) (*envelopeapi.Envelope, error) {
	file := os.Stdin
	if path != "-" {
		var err error
		if file, err = os.Open(path); err != nil {
			return nil, fmt.Errorf("%q is neither an envelope's id nor a file: %w", path, err)
		}
		defer file.Close()
	}
	var e envelopeapi.Envelope
	if err := json.NewDecoder(file).Decode(&e); err != nil {
		return nil, fmt.Errorf("%s is not what GET /v1/envelopes/{id} answers: %w", path, err)
	}
	return &e, nil
}
