package pottest

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hongbao/hongbao/envelope"
)

// model is a pot in the simplest words.
type model struct {
	e         envelope.Envelope
	filled    bool
	closed    bool
	expired   bool
	untouched bool // filled with nothing taken: a Sent record is due
	refunded  int64
	left      []int          // shares
	has       map[string]int // user → share
	logged    []int          // shares, in the order of winning
}

func (m *model) grab(user string) (share int, o envelope.Outcome, err error) {
	if !m.filled {
		return 0, "", envelope.ErrNoPot
	}
	if share, ok := m.has[user]; ok {
		return share, envelope.AlreadyWon, nil
	}
	if len(m.left) == 0 {
		return 0, envelope.Empty, nil
	}
	if m.closed {
		return 0, envelope.Expired, nil
	}
	share = m.left[0]
	m.left = m.left[1:]
	m.has[user] = share
	m.logged = append(m.logged, share)
	return share, envelope.Won, nil
}

// testModel compares any sequence of operations, by two processes, with the model.
func testModel(t *testing.T, r *rig) {
	other := r.store.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		minor := rapid.SliceOfN(rapid.Int64Range(1, 1<<40), 1, 6).Draw(rt, "shares")
		m := &model{e: Envelope(minor...), has: map[string]int{}}
		user := rapid.Custom(func(rt *rapid.T) string {
			return "user" + strconv.Itoa(rapid.IntRange(0, 7).Draw(rt, "user"))
		})
		pot := func(rt *rapid.T) Pots {
			return []Pots{r, other}[rapid.IntRange(0, 1).Draw(rt, "process")]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"take": func(rt *rapid.T) {
				u := user.Draw(rt, "u")
				share, outcome, want := m.grab(u)
				got, o, err := pot(rt).Take(t.Context(), m.e.ID, u)
				wrong := o != outcome || !errors.Is(err, want)
				if o == envelope.Won || o == envelope.AlreadyWon {
					wrong = wrong || got.User != u || got.Share != share || got.Minor != m.e.Shares[share]
				}
				if wrong {
					rt.Fatalf("%s got %+v, %q, %v; want share %d, %q, %v", u, got, o, err, share, outcome, want)
				}
			},
			"fill": func(rt *rapid.T) { m.fill(t, rt, pot(rt)) },
			"close": func(rt *rapid.T) {
				s, err := pot(rt).Close(t.Context(), m.e.ID)
				if m.filled && !m.expired {
					if !errors.Is(err, envelope.ErrNotDue) {
						rt.Fatalf("closed too early: %+v, %v", s, err)
					}
					return
				}
				m.check(rt, s, err)
			},
			"expire": func(rt *rapid.T) {
				if m.filled {
					r.store.Expire(t, m.e.ID)
					m.expired, m.closed = true, true
				}
			},
			"retire": func(rt *rapid.T) {
				amount := rapid.Int64Range(0, 3).Draw(rt, "refunded")
				retired := []envelope.Retirement{{Envelope: m.e.ID, Refunded: amount}}
				if err := pot(rt).Retire(t.Context(), retired); err != nil {
					rt.Fatal(err)
				}
				if m.filled {
					m.closed = true
					if m.refunded == 0 {
						m.refunded = amount
					}
				}
			},
			"": func(rt *rapid.T) {
				s, err := pot(rt).Look(t.Context(), m.e.ID)
				m.check(rt, s, err)
				missing, err := r.Missing(t.Context(), []int64{m.e.ID})
				if err != nil || (len(missing) == 1) == m.filled {
					rt.Fatalf("Missing = %v, %v", missing, err)
				}
			},
		})
		m.checkLog(rt, ReadAll(t, r, BucketOf(m.e.ID)))
	})
}

func (m *model) fill(t *testing.T, rt *rapid.T, p Pots) {
	n := rapid.IntRange(0, len(m.e.Shares)).Draw(rt, "taken")
	var taken []envelope.Take
	for share := range n {
		user := "early" + strconv.Itoa(share)
		taken = append(taken, envelope.Take{User: user, Share: share, Minor: m.e.Shares[share], At: time.Now()})
	}
	if err := p.Fill(t.Context(), m.e, taken); err != nil {
		rt.Fatal(err)
	}
	if m.filled {
		return
	}
	m.filled, m.untouched = true, n == 0
	for share := range m.e.Shares {
		if share < n {
			m.has[taken[share].User] = share
		} else {
			m.left = append(m.left, share)
		}
	}
}

func (m *model) check(rt *rapid.T, s envelope.PotState, err error) {
	if !m.filled {
		if !errors.Is(err, envelope.ErrNoPot) {
			rt.Fatalf("no pot: %+v, %v", s, err)
		}
		return
	}
	closed := m.closed || len(m.left) == 0
	if err != nil || s.Left != len(m.left) || len(s.Taken) != len(m.has) || s.Closed != closed {
		rt.Fatalf("%+v, %v; the model is %+v", s, err, m)
	}
	for i, take := range s.Taken {
		share, ok := m.has[take.User]
		if !ok || share != take.Share || take.Share != i || take.Minor != m.e.Shares[share] {
			rt.Fatalf("%+v; the model is %+v", s, m)
		}
	}
}

func (m *model) checkLog(rt *rapid.T, log []envelope.Record) {
	var won []int
	var sent bool
	var refunded []int64
	last := false
	for _, r := range log {
		if r.Envelope != m.e.ID {
			continue
		}
		switch r.Kind {
		case envelope.RecordSent:
			sent = true
		case envelope.RecordTaken:
			won = append(won, r.Take.Share)
			last = r.Last
		case envelope.RecordRefunded:
			refunded = append(refunded, r.Refunded)
		}
	}
	drained := m.filled && len(m.left) == 0 && len(won) > 0
	var owed []int64
	if m.refunded > 0 {
		owed = []int64{m.refunded}
	}
	if sent != m.untouched || !slices.Equal(won, m.logged) || last != drained || !slices.Equal(refunded, owed) {
		rt.Fatalf("log %+v; the model is %+v", log, m)
	}
}
