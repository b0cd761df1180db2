package gateway

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudwego/kitex/client/callopt"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	statementPath   = "/v1/wallet/statement.csv"
	statementMethod = "statement.csv" // in logs and metrics
)

// entries is what a statement needs of the WalletService's client.
type entries interface {
	Entries(ctx context.Context, r *walletapi.EntriesRequest, options ...callopt.Option) (*walletapi.EntriesResponse,
		error)
}

// statement serves a user's statement as a CSV file (RFC 4180, UTF-8, newest first), of any length: it holds one page
// of it at a time, and asks for the next when the client has taken the last. A file that breaks off, because the ledger
// went away in the middle, ends without the end of its chunked encoding, which every HTTP client reports.
type statement struct {
	gateway  *Gateway
	wallet   entries
	verifier *auth.Verifier
}

// mountStatement gives the statement its address.
func (g *Gateway) mountStatement(config Config) error {
	c, err := walletservice.NewClient(hongbao.ServiceName, config.RPC...)
	if err != nil {
		return fmt.Errorf("client for statements: %w", err)
	}
	if closer, ok := c.(io.Closer); ok {
		g.clients = append(g.clients, closer)
	}
	g.mux.Handle(statementPath, &statement{gateway: g, wallet: c, verifier: config.Verifier})
	return nil
}

// period is the question: whole days of UTC in a currency.
type period struct {
	currency ledger.Currency
	from, to string // dates, as in the query; empty for no bound
	start    *int64 // Unix milliseconds
	end      *int64 // likewise, of the day after
}

// ServeHTTP implements http.Handler.
func (s *statement) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		s.gateway.fail(w, r, statementMethod, began, refusal.New(problem.CodeMethodNotAllowed,
			"%s is not possible here: use GET", refusal.Clip(r.Method)))
		return
	}
	token, _, err := s.verifier.VerifyRequest(r)
	var p period
	if err == nil {
		p, err = parsePeriod(r.URL)
	}
	var first *walletapi.EntriesResponse
	if err == nil {
		first, err = s.page(hongbao.ContextWithToken(r.Context(), token), p, "")
	}
	if err != nil {
		s.gateway.fail(w, r, statementMethod, began, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="`+p.filename()+`"`)
	h.Set("Cache-Control", "no-store")
	if err := s.write(hongbao.ContextWithToken(r.Context(), token), w, p, first); err != nil {
		p, cause := problem.FromError(err)
		if r.Context().Err() == nil { // otherwise the client has gone
			problem.Log(r.Context(), s.gateway.log, "statement broken off", p, cause,
				slog.String("method", statementMethod))
		}
		s.gateway.seconds.WithLabelValues(statementMethod, p.Code).Observe(time.Since(began).Seconds())
		panic(http.ErrAbortHandler) // the status has been sent: what is left is to break off
	}
	s.gateway.seconds.WithLabelValues(statementMethod, problem.OK).Observe(time.Since(began).Seconds())
}

func (s *statement) page(ctx context.Context, p period, cursor string) (*walletapi.EntriesResponse, error) {
	limit := int32(wallet.MaxEntries)
	r := &walletapi.EntriesRequest{Currency: string(p.currency), Limit: &limit, From: p.start, To: p.end}
	if cursor != "" {
		r.Cursor = &cursor
	}
	return s.wallet.Entries(ctx, r)
}

// write writes the file page by page. Each page has the time that an answer has.
func (s *statement) write(ctx context.Context, w http.ResponseWriter, p period, page *walletapi.EntriesResponse) error {
	connection := http.NewResponseController(w)
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write([]string{"time", "seq", "kind", "subject", "reference", "counterparty", "note", "amount",
		"balance", "currency"}); err != nil {
		return err
	}
	for {
		if err := connection.SetWriteDeadline(time.Now().Add(answerTimeout)); err != nil {
			return fmt.Errorf("write deadline: %w", err)
		}
		for _, e := range page.Entries {
			if err := out.Write(p.record(e)); err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return err
		}
		if page.NextCursor == "" {
			return nil
		}
		var err error
		if page, err = s.page(ctx, p, page.NextCursor); err != nil {
			return err
		}
	}
}

// record is a line of the file. Amounts are decimal numbers of the currency; a reference has a #, for spreadsheets
// round numbers of 19 digits.
func (p period) record(e *walletapi.Entry) []string {
	return []string{
		time.UnixMilli(e.At).UTC().Format("2006-01-02T15:04:05.000Z"), strconv.FormatInt(e.Seq, 10), e.Kind, e.Subject,
		"#" + strconv.FormatInt(e.Reference, 10), plain(e.Counterparty), plain(e.Note), p.currency.Format(
			e.Amount), p.currency.Format(e.Balance),
		string(p.currency),
	}
}

// plain keeps a spreadsheet from taking text that somebody chose for a formula, with the apostrophe that makes it text
// there: what begins with one of = + - @, their full-width forms, a tab or an end of line (OWASP, CSV injection).
func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@＝＋－＠\t\r\n", []rune(text)[0]) {
		return "'" + text
	}
	return text
}

func (p period) filename() string {
	name := "statement-" + string(p.currency)
	for _, date := range []string{p.from, p.to} {
		if date != "" {
			name += "-" + date
		}
	}
	return name + ".csv"
}

// parsePeriod reads currency, and from and to, both days included. Refusals: invalid_argument, unknown_currency.
func parsePeriod(u *url.URL) (p period, err error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return p, invalid("the query is malformed: give name=value pairs, percent-encoded, separated by &")
	}
	for name, values := range query {
		if !slices.Contains([]string{"currency", "from", "to"}, name) {
			return p, invalid("query parameter %q is unknown: give currency, from, to", refusal.Clip(name))
		}
		if len(values) > 1 {
			return p, invalid("query parameter %q appears twice", name)
		}
	}
	if p.currency, err = ledger.ParseCurrency(query.Get("currency")); err != nil {
		return p, err
	}
	p.from, p.to = query.Get("from"), query.Get("to")
	if p.start, err = midnight("from", p.from, 0); err != nil {
		return p, err
	}
	if p.end, err = midnight("to", p.to, 1); err != nil {
		return p, err
	}
	if p.start != nil && p.end != nil && *p.start >= *p.end {
		return p, invalid("from %s is after to %s: give the first and the last day", p.from, p.to)
	}
	return p, nil
}

// midnight is when a day begins in UTC, or one some days later; nil where there is no date.
func midnight(name, date string, later int) (*int64, error) {
	if date == "" {
		return nil, nil
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil, invalid("%s %q is malformed: give a date as 2026-02-17", name, refusal.Clip(date))
	}
	ms := day.AddDate(0, 0, later).UnixMilli()
	return &ms, nil
}
