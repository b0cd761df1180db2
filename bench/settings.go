package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hongbao/hongbao/bench/load"
)

// Settings are what can be chosen of a suite, on the command line or in a file. What is not given is the suite's own.
type Settings struct {
	Suite     string  `yaml:"suite"`
	Users     *int    `yaml:"users"`     // who send and grab
	Group     *int    `yaml:"group"`     // members of each group, at most 500
	Envelopes *int    `yaml:"envelopes"` // grabbed from at the same time
	Shares    *int    `yaml:"shares"`    // of an envelope
	Listeners *int    `yaml:"listeners"` // WebSocket connections
	Rate      *Rate   `yaml:"rate"`      // requests a second, or max
	P99       *Span   `yaml:"p99"`       // what --rate max has to hold
	For       *Span   `yaml:"for"`       // how long the load is
	Arrivals  *string `yaml:"arrivals"`  // even, or poisson
	Closed    *int    `yaml:"closed"`    // callers of a closed loop, instead of an open one
	Places    *int    `yaml:"places"`    // most requests outstanding
	Mix       *Mix    `yaml:"mix"`       // of spring
}

// Mix is what the suite spring is made of.
type Mix struct {
	GrabsPerSend float64 `yaml:"grabs_per_send"` // grabs for each envelope sent
	ViewsPerSend float64 `yaml:"views_per_send"` // looks at a result for each envelope sent
	Wave         float64 `yaml:"wave"`           // share of everything that comes in the first fifth of the time
}

// usualMix is what is not given.
func usualMix() Mix { return Mix{GrabsPerSend: 6, ViewsPerSend: 1, Wave: .6} }

// Rate is a number of requests a second; 0 stands for the highest that holds the p99.
type Rate float64

// Max says that the highest rate is looked for.
func (r Rate) Max() bool { return r == 0 }

// UnmarshalText reads a number of requests a second, or max.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "max" {
		*r = 0
		return nil
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n >= 0.1 && n <= 10_000_000) {
		return fmt.Errorf("rate %q: give requests a second (0.1 to 10,000,000), or max", text)
	}
	*r = Rate(n)
	return nil
}

func (r Rate) String() string {
	if r.Max() {
		return "max"
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64)
}

// Span is a duration as Go writes it: 10s, 5ms.
type Span time.Duration

// UnmarshalText reads a duration above zero.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a duration above zero: give for example 10s or 5ms", text)
	}
	*s = Span(d)
	return nil
}

func (s Span) String() string { return time.Duration(s).String() }

// ReadSettings reads a settings file. An unknown name is an error, to catch typos.
func ReadSettings(path string) (s Settings, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	s.Mix = new(usualMix()) // of which a file may give one number alone
	if err := decoder.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Over returns s with what it lacks taken from the settings below it.
func (s Settings) Over(below Settings) Settings {
	if s.Suite == "" {
		s.Suite = below.Suite
	}
	over(&s.Users, below.Users)
	over(&s.Group, below.Group)
	over(&s.Envelopes, below.Envelopes)
	over(&s.Shares, below.Shares)
	over(&s.Listeners, below.Listeners)
	over(&s.Rate, below.Rate)
	over(&s.P99, below.P99)
	over(&s.For, below.For)
	over(&s.Arrivals, below.Arrivals)
	over(&s.Closed, below.Closed)
	over(&s.Places, below.Places)
	over(&s.Mix, below.Mix)
	return s
}

func over[T any](value **T, below *T) {
	if *value == nil {
		*value = below
	}
}

// chosen are settings with a value for everything.
type chosen struct {
	users, group, envelopes, shares, listeners, closed, places int

	rate     Rate
	p99      time.Duration
	span     time.Duration
	arrivals string
	mix      Mix

	probe  time.Duration // of each rate that --rate max tries
	probes int
}

// Bounds of settings.
const (
	maxUsers     = 200_000
	maxEnvelopes = 200_000
	maxListeners = 20_000
	maxSpan      = 24 * time.Hour
	fewestUsers  = 10
	arrivalsEven = "even"
	arrivalsPois = "poisson"
)

// choose completes the settings with those of the suite, makes them quick if told, and checks them.
func (s Settings) choose(own Settings, quick bool, mostShares int) (c chosen, err error) {
	given := s.Shares != nil
	s = s.Over(own)
	c = chosen{
		users: max(*s.Users, 0), group: max(*s.Group,
			1), envelopes: *s.Envelopes, shares: *s.Shares, listeners: *s.Listeners, closed: *s.Closed,
		places: *s.Places,
		rate:   *s.Rate, p99: time.Duration(*s.P99), span: time.Duration(
			*s.For), arrivals: *s.Arrivals, mix: *s.Mix, probes: load.DefaultProbes,
	}
	if quick {
		c.users, c.listeners = min(c.users, 1000), min(c.listeners, 100)
		c.span, c.probes = min(c.span, 2*time.Second), 4
	}
	c.group = min(c.group, c.users)
	c.users -= c.users % c.group // whole groups: everybody has as many others
	if !given {
		c.shares = min(c.shares, c.group, mostShares)
	}
	c.probe = max(c.span/5, 300*time.Millisecond)
	for _, x := range []struct {
		name               string
		value, least, most int
	}{
		{"users", c.users, fewestUsers, maxUsers},
		{"group", c.group, 2, maxGroup},
		{"envelopes", c.envelopes, 1, maxEnvelopes},
		{"shares", c.shares, 1, min(mostShares, c.group, c.users)},
		{"listeners", c.listeners, 0, maxListeners},
		{"closed", c.closed, 0, load.MaxPlaces},
		{"places", c.places, 1, load.MaxPlaces},
	} {
		if x.value < x.least || x.value > x.most {
			err = errors.Join(err, fmt.Errorf("%s %d is out of range: %d to %d are possible", x.name, x.value, x.least,
				x.most))
		}
	}
	if c.span > maxSpan {
		err = errors.Join(err, fmt.Errorf("for %v is too long: at most %v", c.span, maxSpan))
	}
	if c.arrivals != arrivalsEven && c.arrivals != arrivalsPois {
		err = errors.Join(err, fmt.Errorf("arrivals %q: give even or poisson", c.arrivals))
	}
	if m := c.mix; m.GrabsPerSend < 0 || m.ViewsPerSend < 0 || m.Wave < 0 || m.Wave > 1 {
		err = errors.Join(err,
			errors.New("mix: numbers for each send are not negative, and the wave is a share from 0 to 1"))
	}
	return c, err
}

// shown are the settings of a suite for the report: those that its figures depend on.
func (c chosen) shown(one suite) map[string]string {
	all := map[string]string{
		"users": strconv.Itoa(c.users), "group": strconv.Itoa(c.group), "envelopes": strconv.Itoa(
			c.envelopes), "shares": strconv.Itoa(c.shares),
		"for": c.span.String(), "arrivals": c.arrivals,
	}
	if !one.ownLoad {
		all["rate"], all["places"] = c.rate.String(), strconv.Itoa(c.places)
		if c.rate.Max() {
			all["p99"] = c.p99.String()
		}
	}
	if c.closed > 0 {
		all["closed"] = strconv.Itoa(c.closed)
	}
	if one.listens {
		all["listeners"] = strconv.Itoa(c.listeners)
	}
	if one.mixed {
		all["mix"] = fmt.Sprintf("%v grabs and %v views for each send, wave %v", c.mix.GrabsPerSend,
			c.mix.ViewsPerSend, c.mix.Wave)
	}
	return all
}

// schedule is when requests are due at a rate.
func (c chosen) schedule(rate float64, span time.Duration) *load.Schedule {
	return c.arrive(load.Segment{For: span, Rate: rate})
}

// seed of random arrivals, fixed so that two runs are alike.
const seed = 20260128

func (c chosen) arrive(segments ...load.Segment) *load.Schedule {
	if c.arrivals == arrivalsPois {
		return load.Poisson(seed, segments...)
	}
	return load.Even(segments...)
}

// Suites are the names of all suites, in the order in which `all` runs them.
func Suites() []string {
	var names []string
	for _, s := range suites() {
		names = append(names, s.name)
	}
	return names
}

// All stands for every suite.
const All = "all"

// suitesOf are the suites that a name stands for.
func suitesOf(name string) ([]suite, error) {
	if name == All {
		return suites(), nil
	}
	i := slices.IndexFunc(suites(), func(s suite) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no suite %q: give one of %s, or %s", name, strings.Join(Suites(), ", "), All)
	}
	return suites()[i : i+1], nil
}
