package cmd

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet/httpfunding"
)

// funding are the flags of a process that moves money in or out of the installation. An installation with real money
// needs them, a sandbox refuses them; wallet/httpfunding says how the bank is spoken to.
type funding struct {
	FundingURL        string `help:"URL of the bank behind real money, for example https://bank.example/funding."`
	FundingSecretFile string `help:"File with the secrets shared with the bank: whsec_…, one on each line." type:"existingfile"`
}

var errHalfFunded = errors.New("--funding-url and --funding-secret-file belong together: give both or neither")

// secrets are those shared with the bank, none without one. It finds flags that contradict each other.
func (f funding) secrets() (none signature.Secrets, err error) {
	if (f.FundingURL == "") != (f.FundingSecretFile == "") {
		return none, errHalfFunded
	}
	if f.FundingURL == "" {
		return none, nil
	}
	text, err := os.ReadFile(f.FundingSecretFile)
	if err != nil {
		return none, err
	}
	secrets, err := signature.ParseSecrets(text)
	if err != nil {
		return none, fmt.Errorf("%s: %w", f.FundingSecretFile, err)
	}
	return secrets, nil
}

// check finds what is wrong before anything is started.
func (f funding) check() error {
	_, err := f.secrets()
	return err
}

// use lets a process move money in and out: through the bank where one is configured, else as the sandbox does, which
// app.Open refuses where money is real.
func (f funding) use(c *connected) error {
	c.config.Unfunded = false
	secrets, err := f.secrets()
	if err != nil || f.FundingURL == "" {
		return err
	}
	c.bank, err = httpfunding.New(httpfunding.Config{
		URL: f.FundingURL, Secrets: secrets, Log: c.config.Log, Registerer: c.metrics, Now: time.Now,
	})
	if err != nil {
		return err
	}
	c.config.Funding = c.bank
	return nil
}
