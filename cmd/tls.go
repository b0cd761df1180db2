package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/certs"
)

// serverTLS are the flags of a process that listens.
type serverTLS struct {
	Certificate string `name:"tls-cert" help:"File with the certificate to serve with TLS, and its chain (PEM). Read again within seconds when it is replaced, as all files of TLS. Default: no TLS." type:"existingfile"`
	Key         string `name:"tls-key" help:"File with the private key of --tls-cert (PEM)." type:"existingfile"`
}

func (t serverTLS) files() certs.Files { return certs.Files{Certificate: t.Certificate, Key: t.Key} }

func (t serverTLS) checkTLS() error { return checkFiles(t.files(), "--tls-cert and --tls-key") }

// mutualTLS are the flags of the Kitex services.
type mutualTLS struct {
	serverTLS
	ClientCA string `name:"tls-client-ca" help:"File with the authorities (PEM) of which every client must show a certificate. Goes with --tls-cert." type:"existingfile"`
}

func (t mutualTLS) files() certs.Files {
	f := t.serverTLS.files()
	f.Authorities = t.ClientCA
	return f
}

func (t mutualTLS) checkTLS() error {
	if t.ClientCA != "" && t.Certificate == "" {
		return errors.New("--tls-client-ca goes with --tls-cert and --tls-key")
	}
	return checkFiles(t.files(), "--tls-cert, --tls-key and --tls-client-ca")
}

// clientTLS are the flags of who calls the Kitex services.
type clientTLS struct {
	CA          string `name:"rpc-ca" help:"File with the authorities (PEM) of the certificates of --rpc, which is then called with TLS. Default: no TLS." type:"existingfile"`
	Certificate string `name:"rpc-cert" help:"File with the certificate to show to --rpc (PEM)." type:"existingfile"`
	Key         string `name:"rpc-key" help:"File with the private key of --rpc-cert (PEM)." type:"existingfile"`
}

func (t clientTLS) files() certs.Files {
	return certs.Files{Certificate: t.Certificate, Key: t.Key, Authorities: t.CA}
}

func (t clientTLS) checkTLS() error {
	if t.Certificate != "" && t.CA == "" {
		return errors.New("--rpc-cert and --rpc-key go with --rpc-ca")
	}
	return checkFiles(t.files(), "--rpc-ca, --rpc-cert and --rpc-key")
}

// checkFiles reads the files once.
func checkFiles(f certs.Files, flags string) error {
	if _, err := certs.Open(f, slog.New(slog.DiscardHandler), time.Now); err != nil {
		return fmt.Errorf("%s: %w", flags, err)
	}
	return nil
}

// openTLS reads the files of a process. It returns nil where there are none. use is what the certificate is for, in
// the metric of its expiry.
func openTLS(f certs.Files, use string, at console, metrics prometheus.Registerer) (*certs.Source, error) {
	if f == (certs.Files{}) {
		return nil, nil
	}
	s, err := certs.Open(f, at.log, time.Now)
	if err != nil || f.Certificate == "" {
		return s, err
	}
	return s, metrics.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hongbao_certificate_expires_seconds", Help: "When the certificate in force expires, as a Unix time.",
		ConstLabels: prometheus.Labels{"use": use},
	}, func() float64 { return float64(s.Expires().Unix()) }))
}

// renew keeps certificates up to date until the context ends. Sources may be nil.
func renew(sources ...*certs.Source) func(context.Context) error {
	parts := make([]func(context.Context) error, 0, len(sources))
	for _, s := range sources {
		if s != nil {
			parts = append(parts, func(ctx context.Context) error { s.Run(ctx); return nil })
		}
	}
	return func(ctx context.Context) error { return together(ctx, parts...) }
}

// serving is the configuration of a server; nil without certificates.
func serving(s *certs.Source, protocols ...string) *tls.Config {
	if s == nil {
		return nil
	}
	return s.Server(protocols...)
}
