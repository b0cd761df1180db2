package httpfunding

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet"
)

// Bounds of a question to the bank.
const (
	askTimeout     = 3 * time.Second // with all attempts, as wallet.Funding asks for
	askAttempts    = 3
	askBackoff     = 100 * time.Millisecond // before the second attempt, and three times as long before the third
	connectTimeout = time.Second
	maxConnections = 64
	idleTimeout    = 30 * time.Second
)

// Config is what a Provider needs. Everything is required.
type Config struct {
	URL        string // of the bank: https, or http on a loopback address
	Secrets    signature.Secrets
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// Provider is a wallet.Funding. It is safe for concurrent use.
type Provider struct {
	url     string
	secrets signature.Secrets
	client  *http.Client
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
}

var _ wallet.Funding = (*Provider)(nil)

// New makes a Provider. It fails where the URL is not one that money may be entrusted to.
func New(c Config) (*Provider, error) {
	if err := checkURL(c.URL); err != nil {
		return nil, err
	}
	p := &Provider{url: c.URL, secrets: c.Secrets, log: c.Log, now: c.Now, metrics: newMetrics()}
	if err := c.Registerer.Register(p.metrics.seconds); err != nil {
		return nil, fmt.Errorf("funding metrics: %w", err)
	}
	p.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout: connectTimeout, MaxConnsPerHost: maxConnections, MaxIdleConnsPerHost: maxConnections,
			IdleConnTimeout: idleTimeout, DisableCompression: true, MaxResponseHeaderBytes: maxMessage,
			ForceAttemptHTTP2: true,
		},
	}
	return p, nil
}

// checkURL accepts https, and http where nobody is in between. Errors do not quote the URL, which may hold a password.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return errors.New("the funding URL is malformed: give one as https://bank.example/funding")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the funding URL has a user, a query or a fragment: requests are signed, leave them out")
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback) {
		return errors.New("the funding URL is not https: http is for a bank on a loopback address only")
	}
	return nil
}

// Create implements wallet.Funding.
func (p *Provider) Create(ctx context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	state, err := p.ask(ctx, typeCreate, o)
	if err == nil && state == wallet.FundingUnknown {
		return "", errors.New("httpfunding: the bank does not know an order that it was given")
	}
	return state, err
}

// Query implements wallet.Funding.
func (p *Provider) Query(ctx context.Context, o wallet.FundingOrder) (wallet.FundingState, error) {
	state, err := p.ask(ctx, typeQuery, o)
	if state == wallet.FundingUnknown {
		p.log.WarnContext(ctx, "the bank does not know an order, which is created again",
			"funding", o.ID, "kind", o.Kind, "created_at", o.CreatedAt)
	}
	return state, err
}

// ask puts a question about an order to the bank, and checks the answer.
func (p *Provider) ask(
	ctx context.Context, question string, o wallet.FundingOrder,
) (state wallet.FundingState, err error) {
	began := time.Now()
	defer func() { p.metrics.observe(question, outcomeOf(state, err), began) }()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := json.Marshal(message{Type: question, Order: orderOf(o)})
	if err != nil {
		return "", err
	}
	answer, err := p.attempts(ctx, body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", question, err)
	}
	return p.stateIn(ctx, answer, o)
}

// stateIn is what a signed answer says about an order.
func (p *Provider) stateIn(ctx context.Context, answer message, o wallet.FundingOrder) (wallet.FundingState, error) {
	report := answer.Order.report()
	switch {
	case answer.Type == typeUnknown && report.ID == o.ID:
		return wallet.FundingUnknown, nil
	case answer.Type != typeOrder:
		return "", fmt.Errorf("httpfunding: the bank answered %q (%q)", clip(answer.Type), clip(answer.Error))
	}
	if err := report.Check(o); err != nil {
		p.log.ErrorContext(ctx, "the bank answered about another order: nothing moves", "funding", o.ID, "error", err)
		return "", err
	}
	if report.State != wallet.FundingPending && !report.State.Final() {
		return "", fmt.Errorf("httpfunding: the bank answered the state %q", clip(string(report.State)))
	}
	return report.State, nil
}

// errTransient marks what another attempt may mend.
var errTransient = errors.New("httpfunding: the bank gave no answer")

// attempts sends a request until there is a signed answer, askAttempts times at most.
func (p *Provider) attempts(ctx context.Context, body []byte) (message, error) {
	var failures []error
	for attempt, backoff := 0, askBackoff; ; attempt, backoff = attempt+1, 3*backoff {
		answer, err := p.send(ctx, body)
		if err == nil {
			return answer, nil
		}
		failures = append(failures, err)
		if attempt+1 == askAttempts || !errors.Is(err, errTransient) || ctx.Err() != nil {
			return message{}, errors.Join(failures...)
		}
		wait := time.NewTimer(backoff)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return message{}, errors.Join(failures...)
		}
	}
}

// send is one attempt.
func (p *Provider) send(ctx context.Context, body []byte) (message, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return message{}, err
	}
	id := signature.NewID()
	request.Header.Set("Content-Type", "application/json")
	p.secrets.Sign(id, p.now(), body).Set(request.Header)
	response, err := p.client.Do(request)
	if err != nil {
		return message{}, fmt.Errorf("%w: %w", errTransient, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxMessage+1))
	if err != nil {
		return message{}, fmt.Errorf("%w: %w", errTransient, err)
	}
	if len(text) > maxMessage {
		return message{}, fmt.Errorf("httpfunding: the bank's answer has more than %d bytes", maxMessage)
	}
	return p.read(response, id, text)
}

// read checks who an answer is from and what it answers.
func (p *Provider) read(response *http.Response, id string, text []byte) (message, error) {
	headers := signature.From(response.Header)
	err := p.secrets.Verify(headers, p.now(), text)
	switch {
	case err != nil && (response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests):
		return message{}, fmt.Errorf("%w: status %d", errTransient, response.StatusCode) // of a proxy, most often
	case err != nil:
		return message{}, fmt.Errorf("the bank's answer, status %d: %w", response.StatusCode, err)
	case headers.ID != id:
		return message{}, fmt.Errorf("the bank's answer is that to another request: %w", signature.ErrForged)
	}
	return parse(text)
}

// clip bounds what the bank sent before it is quoted.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
