package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
)

// Access is where a deployment is, and how to sign for its users.
type Access struct {
	RPC  string // host:port
	HTTP string // host:port; may be empty where no suite listens
	Sign func(subject, scope string) (string, error)
}

// Codes of errors that no service decided.
const (
	codeTimeout = "timeout"
	codeNetwork = "network"
)

// Code groups an error: the code of the refusal, or timeout, or network.
func Code(err error) string {
	if refusal, ok := client.RefusalOf(err); ok {
		return refusal.Code
	}
	if _, ok := errors.AsType[wrongAnswer](err); ok {
		return codeWrong
	}
	if client.IsTimeout(err) {
		return codeTimeout
	}
	return codeNetwork
}

// Target is a deployment that answers. Nothing that is measured is repeated: a call without an answer is a finding.
// What is prepared is, as any client would.
type Target struct {
	access       Access
	installation *operatorapi.Installation
	client       *client.Client  // for what is measured
	raw          client.Services // the same, with the contexts of the users
	patient      *client.Client  // for what is prepared, and for what is looked at in the end
	sure         client.Services // the same, with the contexts of the users
	ops          *client.Client  // as the operator
	chat         *client.Client  // as the chat application
}

// Connect reaches a deployment and asks what it is. The errors are sentences for the person who gave the address.
func Connect(ctx context.Context, a Access) (*Target, error) {
	options := []client.Option{client.WithAddress(a.RPC)}
	if a.HTTP != "" {
		options = append(options, client.WithGateway("http://"+a.HTTP))
	}
	patient, err := client.New(options...)
	if err != nil {
		return nil, err
	}
	c, err := client.New(append(options, client.WithRetry(client.Retry{Attempts: 1}))...)
	if err != nil {
		return nil, errors.Join(err, patient.Close())
	}
	as := func(scope string) *client.Client {
		token := func(context.Context) (string, error) { return a.Sign("hongbao-bench", scope) }
		return patient.As(client.TokenFunc(token))
	}
	t := &Target{access: a, client: c, raw: c.Services(), patient: patient,
		sure: patient.Services(), ops: as("operator"), chat: as("service")}
	if t.installation, err = t.ops.Operator.Installation(context.WithoutCancel(ctx)); err != nil {
		t.Close()
		return nil, t.explain(err)
	}
	return t, nil
}

// explain says what is wrong with the target of the first call.
func (t *Target) explain(err error) error {
	switch code := Code(err); code {
	case codeNetwork, codeTimeout:
		return fmt.Errorf("no hongbao answers at %s: is it running, with its Kitex services there? (%w)", t.access.RPC,
			err)
	case client.CodeUnauthenticated, client.CodeForbidden:
		return fmt.Errorf("%s refuses our token: give the private key that it trusts with --token-key (%s)",
			t.access.RPC, sentence(err))
	default:
		return fmt.Errorf("%s does not say what it is: %s", t.access.RPC, sentence(err))
	}
}

// sentence is what the target said of an error.
func sentence(err error) string {
	if refusal, ok := client.RefusalOf(err); ok {
		return refusal.Detail
	}
	return err.Error()
}

// Sandbox says whether the deployment's money is not real.
func (t *Target) Sandbox() bool { return t.installation.Sandbox }

// Close closes the connections.
func (t *Target) Close() { _, _ = t.client.Close(), t.patient.Close() } // nothing is under way any more
