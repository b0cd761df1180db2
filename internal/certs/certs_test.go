package certs_test

import (
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/certs"
	"github.com/hongbao/hongbao/internal/certs/certstest"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t *testing.T, f certs.Files) *certs.Source {
	t.Helper()
	s, err := certs.Open(f, quiet, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// greet makes a connection between two and returns when the client's side knows that it is accepted.
func greet(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("x"))
		_ = c.Close()
	}()
	client.ServerName = "localhost"
	c, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestBothSidesShowACertificateOfTheAuthority(t *testing.T) {
	ours, theirs := certstest.New(t), certstest.New(t)
	later := time.Now().Add(time.Hour)
	server, client, stranger := open(t, ours.Files(later)), open(t, ours.Files(later)), open(t, theirs.Files(later))
	if err := greet(t, server.Server(), client.Client()); err != nil {
		t.Errorf("of the same authority: %v", err)
	}
	bare := client.Client()
	bare.Certificates = nil
	if err := greet(t, server.Server(), bare); err == nil {
		t.Error("a client without a certificate is served")
	}
	foreign := client.Client()
	foreign.Certificates = stranger.Client().Certificates
	if err := greet(t, server.Server(), foreign); err == nil {
		t.Error("a client with a certificate of another authority is served")
	}
	if err := greet(t, stranger.Server(), client.Client()); err == nil {
		t.Error("a server with a certificate of another authority is believed")
	}
	old := client.Client()
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if err := greet(t, server.Server(), old); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

// A new certificate is shown from the next look on; one that is broken or expired leaves the one before in force.
func TestRenewal(t *testing.T) {
	a := certstest.New(t)
	first, second := time.Now().Add(time.Hour).Truncate(time.Second), time.Now().Add(2*time.Hour).Truncate(time.Second)
	f := a.Files(first)
	s := open(t, f)
	server, client := s.Server(), open(t, a.Files(second)).Client()
	if !s.Expires().Equal(first) {
		t.Fatalf("expires %v", s.Expires())
	}
	a.Renew(f, second)
	if failing := certs.Refresh(s); failing != "" || !s.Expires().Equal(second) {
		t.Errorf("after a renewal: %s, expires %v", failing, s.Expires())
	}
	if err := greet(t, server, client.Clone()); err != nil {
		t.Errorf("after a renewal: %v", err)
	}
	a.Renew(f, time.Now().Add(-time.Hour))
	if failing := certs.Refresh(s); !strings.Contains(failing, "expired on") || !s.Expires().Equal(second) {
		t.Errorf("an expired one: %q, expires %v", failing, s.Expires())
	}
	if err := os.WriteFile(f.Certificate, []byte("half a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	if failing := certs.Refresh(s); failing == "" || !s.Expires().Equal(second) {
		t.Errorf("a broken one: %q, expires %v", failing, s.Expires())
	}
	if err := greet(t, server, client.Clone()); err != nil {
		t.Errorf("after broken ones: %v", err)
	}
}

func TestWhatCannotBeUsedIsRefusedAtTheStart(t *testing.T) {
	a := certstest.New(t)
	good, other := a.Files(time.Now().Add(time.Hour)), a.Files(time.Now().Add(time.Hour))
	for want, f := range map[string]certs.Files{
		"expired on":      a.Files(time.Now().Add(-time.Minute)),
		"go together":     {Certificate: good.Certificate},
		"no such file":    {Certificate: good.Certificate, Key: good.Key + "x"},
		"does not match":  {Certificate: good.Certificate, Key: other.Key},
		"no certificate":  {Authorities: good.Key},
		"is not a file":   {Authorities: t.TempDir()},
		"failed to parse": {Certificate: good.Key, Key: good.Key},
	} {
		_, err := certs.Open(f, quiet, time.Now)
		if want == "failed to parse" {
			want = "" // the library's words
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", f, err, want)
		}
	}
	_, err := certs.Open(good, quiet, func() time.Time { return time.Now().Add(-72 * time.Hour) })
	if err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("before its time: %v", err)
	}
}
