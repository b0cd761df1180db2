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

// check finds flags that contradict each other before anything is started.
func (f funding) check() error {
	if (f.FundingURL == "") != (f.FundingSecretFile == "") {
		return errHalfFunded
	}
	return nil
}

// use lets a process move money in and out: through the bank where one is configured, else as the sandbox does, which
// app.Open refuses where money is real.
func (f funding) use(c *connected) error {
	if err := f.check(); err != nil {
		return err
	}
	c.config.Unfunded = false
	if f.FundingURL == "" {
		return nil
	}
	text, err := os.ReadFile(f.FundingSecretFile)
	if err != nil {
		return err
	}
	secrets, err := signature.ParseSecrets(text)
	if err != nil {
		return fmt.Errorf("%s: %w", f.FundingSecretFile, err)
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
