// Package certs serves TLS from files that may be replaced while a process runs: a certificate with its key, and the
// authorities that the other side must be certified by. It reads them again every few seconds, so that a renewal needs
// no restart and no signal.
//
// What cannot be used at the start is an error that says what to do. What is written later and cannot be used leaves
// the one before in force, and is logged.
package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Poll is how long a replaced file may stay unnoticed.
const Poll = 5 * time.Second

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// Files name what is read, in PEM.
type Files struct {
	Certificate string // with its chain; goes with Key, both may be empty for a client that shows none
	Key         string
	Authorities string // empty: those of this machine for a client, and no client certificates for a server
}

// Check finds files that do not go together.
func (f Files) Check() error {
	if (f.Certificate == "") != (f.Key == "") {
		return errors.New("a certificate and its private key go together: give both")
	}
	return nil
}

// Source is TLS from files. Its methods are safe for concurrent use; Run runs once.
type Source struct {
	files   Files
	log     *slog.Logger
	now     func() time.Time
	current atomic.Pointer[loaded]
}

// loaded is what the files held when they were read last.
type loaded struct {
	texts       [3][]byte
	certificate *tls.Certificate // nil for none
	authorities *x509.CertPool   // nil for none
}

// Open reads the files. It is an error for the certificate to be expired, or not yet valid.
func Open(files Files, log *slog.Logger, now func() time.Time) (*Source, error) {
	if err := files.Check(); err != nil {
		return nil, err
	}
	s := &Source{files: files, log: log, now: now}
	l, err := s.load()
	if err != nil {
		return nil, err
	}
	s.current.Store(l)
	return s, nil
}

// Expires is when the certificate does; zero without one.
func (s *Source) Expires() time.Time {
	if c := s.current.Load().certificate; c != nil {
		return c.Leaf.NotAfter
	}
	return time.Time{}
}

// Server is the configuration of a server. Where there are authorities, clients must show a certificate of theirs. TLS
// is 1.2 at least.
func (s *Source) Server(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			l := s.current.Load()
			if l.certificate == nil {
				return nil, errors.New("certs: no certificate to show")
			}
			c := &tls.Config{
				MinVersion: tls.VersionTLS12, NextProtos: protocols, Certificates: []tls.Certificate{*l.certificate},
			}
			if l.authorities != nil {
				c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, l.authorities
			}
			return c, nil
		},
	}
}

// Client is the configuration of the next connection to a server, without a ServerName.
func (s *Source) Client() *tls.Config {
	l := s.current.Load()
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: l.authorities}
	if l.certificate != nil {
		c.Certificates = []tls.Certificate{*l.certificate}
	}
	return c
}

// Run reads the files again and again until the context ends.
func (s *Source) Run(ctx context.Context) {
	ticker := time.NewTicker(Poll)
	defer ticker.Stop()
	failing := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		failing = s.refresh(failing)
	}
}

// refresh takes what is new, and returns why it could not, once more where that is what it was.
func (s *Source) refresh(failing string) string {
	l, err := s.load()
	if err != nil {
		if err.Error() != failing {
			s.log.Error("a new certificate cannot be used; the one before stays in force", "error", err,
				"expires", s.Expires())
		}
		return err.Error()
	}
	before := s.current.Load()
	for i := range l.texts {
		if !bytes.Equal(l.texts[i], before.texts[i]) {
			s.current.Store(l)
			s.log.Info("a certificate was read anew", "file", s.files.Certificate, "expires", s.Expires())
			break
		}
	}
	return ""
}

func (s *Source) load() (*loaded, error) {
	l := &loaded{}
	for i, path := range []string{s.files.Certificate, s.files.Key, s.files.Authorities} {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
			err = fmt.Errorf("%s is not a file of at most %d bytes", path, maxFile)
		}
		if err == nil {
			l.texts[i], err = os.ReadFile(path)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.files.Certificate != "" {
		pair, err := tls.X509KeyPair(l.texts[0], l.texts[1])
		if err != nil { // the error quotes neither file
			return nil, fmt.Errorf("%s and %s: %w", s.files.Certificate, s.files.Key, err)
		}
		if err := s.inTime(pair.Leaf); err != nil {
			return nil, err
		}
		l.certificate = &pair
	}
	if s.files.Authorities != "" {
		l.authorities = x509.NewCertPool()
		if !l.authorities.AppendCertsFromPEM(l.texts[2]) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", s.files.Authorities)
		}
	}
	return l, nil
}

func (s *Source) inTime(c *x509.Certificate) error {
	now := s.now()
	switch {
	case now.After(c.NotAfter):
		return fmt.Errorf("the certificate in %s expired on %s: renew it", s.files.Certificate,
			c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate in %s is good from %s on only: check this machine's clock",
			s.files.Certificate, c.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}
