// Package httpsender makes one attempt to deliver a webhook: a POST, signed after the Standard Webhooks specification,
// to an address that is checked after the name was looked up.
package httpsender

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/webhook"
)

// Timeout bounds an attempt, from looking up the name to the last byte that is read.
const Timeout = 15 * time.Second

const (
	userAgent      = "Hongbao-Webhooks/1"
	maxHeaderBytes = 16 << 10
	idleTimeout    = 30 * time.Second
	maxIdle        = 256
	maxIdlePerHost = 8
)

// errPrivate says that a name led to an address that is not one of the internet.
var errPrivate = errors.New("the address is private, or reserved")

// Config says how attempts are made. The zero value is the safe one.
type Config struct {
	// AllowPrivate lets attempts reach addresses that are not public: those of the operator's own network.
	AllowPrivate bool
	Timeout      time.Duration // 0 for Timeout
	Resolver     *net.Resolver // nil for the system's
	TLS          *tls.Config   // nil for the system's roots
	Now          func() time.Time
}

// Sender is a webhook.Sender. It is safe for concurrent use.
type Sender struct {
	transport *http.Transport
	timeout   time.Duration
	now       func() time.Time
}

var _ webhook.Sender = (*Sender)(nil)

// New makes a sender.
func New(cfg Config) *Sender {
	dialer := &net.Dialer{Resolver: cfg.Resolver}
	if !cfg.AllowPrivate {
		// Control sees the address that is dialled. Checking the name before would not suffice: it may lead to another
		// address the next time.
		dialer.Control = refusePrivate
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = Timeout
	}
	return &Sender{timeout: cfg.Timeout, now: cfg.Now, transport: &http.Transport{
		DialContext:            dialer.DialContext, // and no proxy, which would do the dialling unchecked
		TLSClientConfig:        cfg.TLS,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true, // what is kept of an answer is what came
	}}
}

// Close closes the connections that are not in use.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

func refusePrivate(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !webhook.PublicAddress(at.Addr()) {
		return errPrivate
	}
	return nil
}

// Send implements webhook.Sender. It follows no redirect.
func (s *Sender) Send(ctx context.Context, m webhook.Message) webhook.Answer {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	began := time.Now()
	var secrets [][]byte
	var keys []ed25519.PrivateKey
	for _, k := range m.Keys {
		secrets = append(secrets, k.Secret)
		if k.Private != nil {
			keys = append(keys, k.Private)
		}
	}
	headers := signature.Sign(strconv.FormatInt(m.Event, 10), s.now(), m.Payload, secrets, keys)
	answer := s.post(ctx, m, headers)
	answer.Took = time.Since(began)
	answer.Timestamp, answer.Signature = headers.Timestamp, headers.Signature
	return answer
}

func (s *Sender) post(ctx context.Context, m webhook.Message, headers signature.Headers) webhook.Answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Payload))
	if err != nil {
		return webhook.Answer{Failure: "the address is malformed"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	headers.Set(request.Header)
	response, err := s.transport.RoundTrip(request) // a Client would follow redirects and keep cookies
	if err != nil {
		return webhook.Answer{Failure: s.failure(err)}
	}
	defer response.Body.Close()
	a := webhook.Answer{Status: response.StatusCode, RetryAfter: retryAfter(response.Header.Get("Retry-After"))}
	if a.Body, err = io.ReadAll(io.LimitReader(response.Body, webhook.MaxAnswer)); err != nil {
		// A status whose body never ends has not arrived whole: a receiver that hangs has not taken the event.
		return webhook.Answer{Failure: s.failure(err)}
	}
	return a
}

// retryAfter reads the seconds of the header; a date, or anything else, counts as none.
func retryAfter(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 20)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// failure says in our own words why there was no answer. An error's own text may quote what the receiver sent.
func (s *Sender) failure(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.Is(err, errPrivate):
		return errPrivate.Error()
	case errors.As(err, &certificate):
		return "the certificate is not trusted for this name"
	case errors.As(err, &record):
		return "the receiver does not speak TLS"
	case errors.As(err, &name) && !name.IsTimeout:
		return "the name cannot be looked up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("no answer within %v s", s.timeout.Seconds())
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer"
	}
	return "the request failed"
}
