package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/kitex_gen/chatapi/chatservice"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi/collectionservice"
	"github.com/hongbao/hongbao/kitex_gen/coverapi/coverservice"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi/merchantservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/stockapi/stockservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi/webhookservice"
)

// Client calls one installation as one caller. It is safe for concurrent use.
type Client struct {
	Envelopes   Envelopes
	Transfers   Transfers
	Collections Collections
	Chats       Chats
	Merchants   Merchants
	Webhooks    Webhooks
	Covers      Covers
	Stock       Stock
	Wallet      Wallet
	Groups      Groups
	Operator    Operator

	shared *shared
	tokens *tokenCache
}

// shared is what the clients of all callers have in common.
type shared struct {
	config   config
	services Services
	feed     string // WebSocket URL; empty where there is no gateway
	dialer   *websocket.Dialer
	turn     atomic.Uint64 // spreads calls over the addresses
}

type config struct {
	addresses []string
	gateway   string
	tokens    TokenSource
	timeout   time.Duration
	retry     Retry
	pageSize  int
	tls       func() *tls.Config // nil: without
}

// Option configures a client.
type Option func(*config)

// WithAddress names the RPC addresses (host:port) of the installation. Calls are spread over them, and a call that got
// no answer from one is repeated at the next. At least one is required.
func WithAddress(addresses ...string) Option {
	return func(c *config) { c.addresses = append(c.addresses, addresses...) }
}

// WithTLS makes calls over TLS. get is asked for each new connection, so that certificates can be replaced; where its
// configuration has no ServerName, the host of the address is verified.
func WithTLS(get func() *tls.Config) Option { return func(c *config) { c.tls = get } }

// WithGateway names the installation's gateway, as in https://pay.example.org: Listen needs it.
func WithGateway(address string) Option { return func(c *config) { c.gateway = address } }

// WithToken makes every call with one token.
func WithToken(token string) Option { return WithTokenSource(StaticToken(token)) }

// WithTokenSource makes each call with a token of the source. Without one, use Client.As.
func WithTokenSource(source TokenSource) Option { return func(c *config) { c.tokens = source } }

// WithTimeout bounds each attempt of a call; DefaultTimeout unless given.
func WithTimeout(timeout time.Duration) Option { return func(c *config) { c.timeout = timeout } }

// WithRetry says how calls without an answer are repeated; DefaultRetry unless given.
func WithRetry(r Retry) Option { return func(c *config) { c.retry = r } }

// WithPageSize says how many items a list fetches at once, 1 to 100; 100 unless given.
func WithPageSize(items int) Option { return func(c *config) { c.pageSize = items } }

// maxPage is the most that every list of the services gives at once.
const maxPage = 100

// New makes a client. It does not connect before the first call. Its errors are about the options.
func New(options ...Option) (*Client, error) {
	c := config{timeout: DefaultTimeout, retry: DefaultRetry(), pageSize: maxPage}
	for _, option := range options {
		option(&c)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &shared{config: c, dialer: &websocket.Dialer{HandshakeTimeout: handshakeTimeout}}
	if c.tls != nil {
		s.dialer.TLSClientConfig = c.tls()
	}
	if c.gateway != "" {
		feed, err := feedURL(c.gateway)
		if err != nil {
			return nil, err
		}
		s.feed = feed
	}
	if err := s.connect(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return bind(s, c.tokens), nil
}

func (c config) check() error {
	if len(c.addresses) == 0 {
		return errors.New("client: no address given: use WithAddress")
	}
	for _, address := range c.addresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("client: address %q: %w: give host:port", address, err)
		}
	}
	switch {
	case c.timeout <= 0:
		return fmt.Errorf("client: timeout %v: give more than 0", c.timeout)
	case c.pageSize < 1 || c.pageSize > maxPage:
		return fmt.Errorf("client: page size %d: give 1 to %d", c.pageSize, maxPage)
	case c.retry.Attempts < 1 || c.retry.Base < 0 || c.retry.Max < c.retry.Base:
		return fmt.Errorf("client: retry %+v: give at least 1 attempt, and a Base between 0 and Max", c.retry)
	}
	return nil
}

// feedURL is the WebSocket of a gateway.
func feedURL(gateway string) (string, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("client: gateway %q: give http://host:port or https://host", gateway)
	}
	if u.Scheme = "ws" + u.Scheme[len("http"):]; u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("client: gateway %q: leave out the path", gateway)
	}
	u.Path = "/ws"
	return u.String(), nil
}

func (s *shared) connect() error {
	options := KitexOptions(s.config.timeout, s.config.addresses...)
	if s.config.tls != nil {
		options = append(options, TLSOptions(s.config.tls, s.config.addresses...)...)
	}
	var errs [11]error
	s.services.Envelopes, errs[0] = envelopeservice.NewClient(ServiceName, options...)
	s.services.Transfers, errs[1] = transferservice.NewClient(ServiceName, options...)
	s.services.Collections, errs[2] = collectionservice.NewClient(ServiceName, options...)
	s.services.Wallet, errs[3] = walletservice.NewClient(ServiceName, options...)
	s.services.Groups, errs[4] = groupservice.NewClient(ServiceName, options...)
	s.services.Merchants, errs[5] = merchantservice.NewClient(ServiceName, options...)
	s.services.Webhooks, errs[6] = webhookservice.NewClient(ServiceName, options...)
	s.services.Covers, errs[7] = coverservice.NewClient(ServiceName, options...)
	s.services.Stock, errs[8] = stockservice.NewClient(ServiceName, options...)
	s.services.Operator, errs[9] = operatorservice.NewClient(ServiceName, options...)
	s.services.Chats, errs[10] = chatservice.NewClient(ServiceName, options...)
	return errors.Join(errs[:]...)
}

// bind makes a client of one caller.
func bind(s *shared, source TokenSource) *Client {
	c := &Client{shared: s, tokens: newTokenCache(source)}
	c.Envelopes, c.Transfers, c.Collections = Envelopes{c}, Transfers{c}, Collections{c}
	c.Wallet, c.Groups, c.Operator, c.Merchants = Wallet{c}, Groups{c}, Operator{c}, Merchants{c}
	c.Webhooks, c.Covers, c.Stock, c.Chats = Webhooks{c}, Covers{c}, Stock{c}, Chats{c}
	return c
}

// As returns a client of another caller that shares this one's connections; close only one of them.
func (c *Client) As(source TokenSource) *Client { return bind(c.shared, source) }

// Services are the generated Kitex clients on the same connections, for callers who want nothing between themselves and
// the wire, such as a load generator: no retries, errors as Kitex gives them (RefusalOf reads them), the token from
// ContextWithToken.
func (c *Client) Services() Services { return c.shared.services }

// Close closes the connections. Calls under way fail.
func (c *Client) Close() error { return c.shared.close() }

func (s *shared) close() error {
	var errs []error
	v := s.services
	for _, service := range []any{
		v.Envelopes, v.Transfers, v.Collections, v.Merchants, v.Webhooks, v.Covers, v.Stock, v.Wallet, v.Groups,
		v.Operator,
	} {
		if closer, ok := service.(io.Closer); ok {
			errs = append(errs, closer.Close())
		}
	}
	return errors.Join(errs...)
}
