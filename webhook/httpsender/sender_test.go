package httpsender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/hongbao/hongbao/webhook"
)

func sender(t *testing.T, cfg Config) *Sender {
	cfg.Now = time.Now
	s := New(cfg)
	t.Cleanup(s.Close)
	return s
}

func message(url string) webhook.Message {
	return webhook.Message{
		Event: 17, URL: url, Payload: []byte(`{"id":"17"}`), Keys: []webhook.Key{{Secret: []byte("123456789012345678901234")}},
	}
}

// counted is a server that counts what reaches it.
func counted(t *testing.T, serve http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	reached := new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	return server, reached
}

func ok(http.ResponseWriter, *http.Request) {}

func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	server, reached := counted(t, ok)
	s := sender(t, Config{})
	for _, url := range []string{
		server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), strings.Replace(server.URL, "127.0.0.1",
			"[::1]", 1),
		strings.Replace(server.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1), strings.Replace(server.URL, "127.0.0.1",
			"0.0.0.0", 1),
		"http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[fd00:ec2::254]/",
		"http://[fe80::1%25lo]/",
		"http://100.100.100.200/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
	} {
		if a := s.Send(t.Context(), message(url)); a.Failure != errPrivate.Error() || a.Status != 0 {
			t.Errorf("%s: %+v", url, a)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests arrived", reached.Load())
	}
	if a := sender(t, Config{AllowPrivate: true}).Send(t.Context(), message(server.URL)); a.Status != 200 {
		t.Errorf("allowed: %+v", a)
	}
}

func TestPublicAddresses(t *testing.T) {
	for address, public := range map[string]bool{
		"1.1.1.1": true, "2606:4700:4700::1111": true, "::ffff:1.1.1.1": true, "172.32.0.1": true, "100.128.0.1": true,
		"0.0.0.0": false, "10.1.2.3": false, "127.0.0.53": false, "169.254.169.254": false, "172.16.0.1": false,
		"192.168.1.1": false, "100.64.0.1": false, "192.0.0.192": false, "198.18.0.1": false, "224.0.0.1": false,
		"255.255.255.255": false, "240.0.0.1": false, "::": false, "::1": false, "::ffff:10.0.0.1": false,
		"::127.0.0.1": false,
		"fe80::1":     false, "fec0::1": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"64:ff9b::a00:1": false,
		"2001::1":        false, "2001:db8::1": false, "2002:a00:1::": false,
	} {
		if webhook.PublicAddress(netip.MustParseAddr(address)) != public {
			t.Errorf("%s: public is not %v", address, public)
		}
	}
}

// dns is a name server that answers every question for an IPv4 address with the next of some addresses.
func dns(t *testing.T, addresses ...string) (*net.Resolver, *atomic.Int64) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	asked := new(atomic.Int64)
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				a := addresses[min(int(asked.Add(1)), len(addresses))-1]
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}, asked
}

// A name that leads to a public address when it is checked and to a private one when it is called is refused then: what
// is checked is the address that is dialled.
func TestANameThatChangesItsAddress(t *testing.T) {
	server, reached := counted(t, ok)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	resolver, asked := dns(t, "93.184.215.14", "127.0.0.1")
	const name = "rebinding.example.com"
	checked, err := resolver.LookupNetIP(t.Context(), "ip4", name)
	if err != nil || len(checked) != 1 || !webhook.PublicAddress(checked[0]) {
		t.Fatalf("the check: %v, %v", checked, err)
	}
	a := sender(t, Config{Resolver: resolver}).Send(t.Context(), message("http://"+name+":"+port+"/"))
	if a.Failure != errPrivate.Error() || reached.Load() != 0 || asked.Load() < 2 {
		t.Errorf("the call: %+v, reached %d, asked %d", a, reached.Load(), asked.Load())
	}
	// The same name does lead there.
	a = sender(
		t, Config{Resolver: resolver, AllowPrivate: true},
	).Send(t.Context(), message("http://"+name+":"+port+"/"))
	if a.Status != 200 || reached.Load() != 1 {
		t.Errorf("allowed: %+v", a)
	}
}

func TestWhatGoesWrong(t *testing.T) {
	held := make(chan struct{})
	defer close(held) // before the servers are closed, which wait for it
	target, reached := counted(t, ok)
	const noAnswer = "no answer within 0.2 s"
	s := sender(t, Config{AllowPrivate: true})
	impatient := sender(t, Config{AllowPrivate: true, Timeout: 200 * time.Millisecond}) // for those that do not answer
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	if a := s.Send(t.Context(), message(closed.URL)); a.Failure != "the connection was refused" {
		t.Errorf("nobody there: %+v", a)
	}
	for what, c := range map[string]struct {
		serve   http.HandlerFunc
		status  int
		failure string
	}{
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, http.StatusPermanentRedirect)
		}, 308, ""},
		"no answer": {func(http.ResponseWriter, *http.Request) { <-held }, 0, noAnswer},
		"an answer without an end": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-held
		}, 0, noAnswer},
		"a broken answer": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}, 0, "the connection was closed before the answer"},
		"endless headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", maxHeaderBytes+4096))
		}, 0, "the request failed"},
	} {
		server, _ := counted(t, c.serve)
		to := s
		if c.failure == noAnswer {
			to = impatient
		}
		if a := to.Send(t.Context(), message(server.URL)); a.Status != c.status || a.Failure != c.failure {
			t.Errorf("%s: %+v", what, a)
		}
	}
	if reached.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server, _ := counted(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(strings.Repeat("\x1b[31m\n", 1<<20)))
	})
	a := sender(t, Config{AllowPrivate: true}).Send(t.Context(), message(server.URL))
	if len(a.Body) != webhook.MaxAnswer || a.RetryAfter != 2*time.Minute || a.Outcome() != webhook.OutcomeThrottled {
		t.Errorf("%d bytes, %+v", len(a.Body), a.RetryAfter)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(server.Close)
	a := sender(t, Config{AllowPrivate: true}).Send(t.Context(), message(server.URL))
	if a.Failure != "the certificate is not trusted for this name" {
		t.Errorf("a stranger's: %+v", a)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	a = sender(t, Config{AllowPrivate: true, TLS: &tls.Config{RootCAs: roots}}).Send(t.Context(), message(server.URL))
	if a.Status != 200 {
		t.Errorf("one of ours: %+v", a)
	}
	plain, _ := counted(t, ok)
	a = sender(
		t, Config{AllowPrivate: true},
	).Send(t.Context(), message(strings.Replace(plain.URL, "http:", "https:", 1)))
	if a.Failure != "the receiver does not speak TLS" && a.Failure != "the request failed" {
		t.Errorf("no TLS: %+v", a)
	}
}
