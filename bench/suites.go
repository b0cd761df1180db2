package bench

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// suite is a way to load a deployment.
type suite struct {
	name      string
	about     string
	own       Settings // a value for everything
	fixedRate bool     // its rate is given: it cannot be searched
	openLoop  bool     // it has no closed loop
	ownLoad   bool     // neither its rate nor its callers can be chosen
	gateway   bool     // it calls the deployment's gateway
	listens   bool     // it has listeners
	mixed     bool     // it is made of what Mix says
	run       func(ctx context.Context, s *session, c chosen) (report.Suite, error)
}

// suites are all there are.
func suites() []suite {
	return []suite{
		{name: "grab", about: "everyone who grabs wins", run: runGrab, own: own(func(s *Settings) {})},
		{name: "losers", about: "many users grab from drained envelopes", run: runLosers, own: own(func(s *Settings) {
			s.Shares, s.Envelopes = new(5), new(100)
		})},
		{name: "hot", about: "one envelope at a time, and everybody grabs from it", run: runHot,
			own: own(func(s *Settings) { s.Envelopes = new(1) })},
		{name: "send", about: "envelopes sent: the money is held and the pot filled", run: runSend,
			own: own(func(s *Settings) {
				s.Shares, s.P99 = new(10), new(Span(50*time.Millisecond))
			})},
		{name: "settle", about: "from acknowledged grab to committed credit", run: runSettle,
			own: own(func(s *Settings) {})},
		{name: "transfer", about: "money offered to a person, who accepts it", run: runTransfer,
			own: own(func(s *Settings) {
				s.P99 = new(Span(50 * time.Millisecond))
			})},
		{name: "push", about: "listeners are told of grabs", run: runPush, openLoop: true, listens: true,
			own: own(func(s *Settings) {
				s.Rate, s.Listeners, s.P99 = new(Rate(500)), new(200), new(Span(500*time.Millisecond))
			})},
		{name: "covers", about: "claims of a hot cover against grabs, and events to a merchant's server",
			run: runCovers, ownLoad: true, gateway: true, own: own(func(s *Settings) { s.Users = new(4000) })},
		{name: "neighbour", about: "grabs alone, and beside one user who reads at full speed", run: runNeighbour,
			fixedRate: true, openLoop: true, own: own(func(s *Settings) { s.Rate = new(Rate(500)) })},
		{name: "spring", about: "New Year's Eve: sends, six times as many grabs, looks at results, listeners",
			run: runSpring, openLoop: true, listens: true, mixed: true, own: own(func(s *Settings) {
				s.Rate, s.Listeners, s.Shares, s.P99 = new(Rate(200)), new(200), new(5),
					new(Span(50*time.Millisecond))
			})},
	}
}

// own are the settings of a suite: the usual ones, changed.
func own(change func(*Settings)) Settings {
	s := Settings{
		Users: new(2000), Group: new(maxGroup), Envelopes: new(256), Shares: new(100), Listeners: new(0),
		Rate: new(Rate(0)), P99: new(Span(5 * time.Millisecond)), For: new(Span(10 * time.Second)), Arrivals: new(
			arrivalsEven),
		Closed: new(0), Places: new(512), Mix: new(usualMix()),
	}
	change(&s)
	return s
}

// workers is how many a load may have at once.
func (c chosen) workers() int { return max(c.places, c.closed, callers) }

// grabber makes grabs. Each worker has a request of its own, which it uses again and again.
type grabber struct {
	books    *books
	requests []struct {
		envelopeapi.GrabRequest
		_ [64]byte // keeps what workers write apart in the processor's cache
	}
}

func newGrabber(b *books) *grabber {
	g := &grabber{books: b}
	g.requests = make([]struct {
		envelopeapi.GrabRequest
		_ [64]byte
	}, len(b.notes))
	return g
}

// grab lets a user grab from an envelope and notes the answer.
func (g *grabber) grab(worker int, envelope int64, user int) (*envelopeapi.GrabResponse, error) {
	request := &g.requests[worker].GrabRequest
	request.EnvelopeId = envelope
	r, err := g.books.target.raw.Envelopes.Grab(g.books.users.as[user], request)
	if err != nil {
		return nil, err
	}
	g.books.note(worker, envelope, user, r)
	return r, nil
}

// finish checks the books after a suite and completes what is said about it.
func (s *session) finish(ctx context.Context, b *books, failed int64, found *report.Suite) error {
	found.Outcomes = b.counts()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.progress.Step("waiting until every win is a credit, and checking the books")
	books, failures, err := b.check(ctx, failed)
	s.checked = err == nil
	found.Books = books
	found.Failures = append(found.Failures, failures...)
	found.BooksBalanced = err == nil && len(failures) == 0
	if err != nil {
		return errors.Join(errors.New("the books could not be checked"), err)
	}
	return nil
}
