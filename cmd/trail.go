package cmd

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/hongbao/hongbao/app"
)

type trailCmd struct{ servers }

// trailLine is a record as it is exported.
type trailLine struct {
	Seq     int64           `json:"seq"`
	At      string          `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Outcome string          `json:"outcome"`
	Detail  json.RawMessage `json:"detail"`
	Hash    string          `json:"hash"`
}

// Run writes all records, a JSON object on each line.
func (c trailCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return c.with(ctx, quiet, nil, func(_ *connected, s *app.App) error {
		out := json.NewEncoder(at.out)
		for r, err := range s.Trail.All(ctx) {
			if err != nil {
				return err
			}
			line := trailLine{
				Seq: r.Seq, At: r.At.UTC().Format(time.RFC3339Nano), Actor: r.Actor, Action: r.Action,
				Outcome: r.Outcome, Detail: json.RawMessage(r.Detail), Hash: hex.EncodeToString(r.Hash[:]),
			}
			if err := out.Encode(line); err != nil {
				return err
			}
		}
		return nil
	})
}
