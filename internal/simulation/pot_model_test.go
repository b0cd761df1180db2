package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// modelTimeout bounds the search for an order of all grabs. It takes milliseconds.
const modelTimeout = time.Minute

// Outcomes of grabs; an outcome that nobody was told is unknown.
const (
	outcomeWon     = "won"
	outcomeAgain   = "already_won"
	outcomeEmpty   = "empty"
	outcomeExpired = "expired"
	outcomeUnknown = ""
)

type grabInput struct{ envelope, user string }

type grabOutput struct {
	outcome string
	amount  int64
}

// potState is one pot as its users may see it. It never changes.
type potState struct {
	wins    map[string]int64 // user → amount; unknownAmount where it was told to nobody
	expired bool
}

const unknownAmount = -1

func (s potState) with(user string, amount int64) potState {
	wins := maps.Clone(s.wins)
	if wins == nil {
		wins = map[string]int64{}
	}
	wins[user] = amount
	return potState{wins, s.expired}
}

// key is the same for states that are the same.
func (s potState) key() string {
	var b strings.Builder
	for _, user := range slices.Sorted(maps.Keys(s.wins)) {
		fmt.Fprintf(&b, "%s %d,", user, s.wins[user])
	}
	return fmt.Sprint(s.expired, b.String())
}

// step is the pot after a grab with that answer; ok is false where it contradicts the pot. A grab without an answer
// takes a share if it can: one that took none comes after all others in the order, as it may happen at any time. One
// whose connection broke inside the system is repeated there, so the first answer that its user sees may be that they
// have a share already.
func (s potState) step(user string, out grabOutput) (after potState, ok bool) {
	had, has := s.wins[user]
	left := crashShares - len(s.wins)
	mayTake := !has && left > 0 && !s.expired
	switch out.outcome {
	case outcomeUnknown:
		if mayTake {
			return s.with(user, unknownAmount), true
		}
		return s, true
	case outcomeWon, outcomeAgain:
		switch {
		case mayTake:
			return s.with(user, out.amount), true
		case has && out.outcome == outcomeAgain && (had == out.amount || had == unknownAmount):
			return s.with(user, out.amount), true
		}
	case outcomeEmpty:
		return s, !has && left == 0
	case outcomeExpired:
		return potState{s.wins, true}, !has && left > 0
	}
	return s, false
}

// pots is the model of all pots, each for itself.
func pots() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byEnvelope := map[string][]porcupine.Operation{}
			for _, op := range history {
				id := op.Input.(grabInput).envelope
				byEnvelope[id] = append(byEnvelope[id], op)
			}
			return slices.Collect(maps.Values(byEnvelope))
		},
		Init: func() any { return potState{} },
		Step: func(state, input, output any) (bool, any) {
			after, ok := state.(potState).step(input.(grabInput).user, output.(grabOutput))
			return ok, after
		},
		Equal: func(a, b any) bool { return a.(potState).key() == b.(potState).key() },
	}
}

// history is what users asked, when, and what they were told.
type history struct {
	began time.Time
	mu    sync.Mutex
	all   []porcupine.Operation
}

// grab notes a grab that was asked at a time and is answered now; with outcomeUnknown it may happen at any time from
// then on.
func (h *history) grab(user int, in grabInput, asked time.Time, out grabOutput) {
	op := porcupine.Operation{ClientId: user, Input: in, Output: out, Call: asked.Sub(h.began).Nanoseconds(),
		Return: time.Since(h.began).Nanoseconds()}
	if out.outcome == outcomeUnknown {
		op.Return = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, op)
}

// essence are as few grabs of one envelope that have an order if and only if all of them have one, because the search
// doubles with each that overlaps others:
//
//   - Who is told of a share again is told nothing new: the share was taken by the time of the earliest answer.
//   - A grab without an answer took nothing where its user is later told so, or wins; of those who were told nothing,
//     the first may have taken a share.
//   - A pot that is empty, or over, stays so: the earliest answer counts.
func essence(history []porcupine.Operation) (few []porcupine.Operation) {
	byUser := map[string][]porcupine.Operation{}
	first := map[string]porcupine.Operation{} // of those who were told that it is empty, or over
	for _, op := range history {
		user := op.Input.(grabInput).user
		byUser[user] = append(byUser[user], op)
	}
	for _, ops := range byUser {
		slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		var took, lost *porcupine.Operation
		told := false
		for i := range ops {
			op := &ops[i]
			switch out := op.Output.(grabOutput); {
			case out.outcome == outcomeUnknown:
				if lost == nil {
					lost = op
				}
			case out.outcome == outcomeEmpty, out.outcome == outcomeExpired:
				told = true
				if took != nil {
					few = append(few, *op) // there is no order, and the search says so
				} else if was, ok := first[out.outcome]; !ok || op.Return < was.Return {
					first[out.outcome] = *op
				}
			case took == nil:
				took = op
				if out.outcome == outcomeAgain && lost != nil && !told {
					took.Call = lost.Call
				}
			case out.outcome == outcomeAgain && out.amount == took.Output.(grabOutput).amount:
				took.Return = min(took.Return, op.Return)
			default:
				few = append(few, *op)
			}
		}
		if took != nil {
			few = append(few, *took)
		} else if lost != nil && !told {
			few = append(few, *lost)
		}
	}
	return slices.AppendSeq(few, maps.Values(first))
}

// check says whether some order of all grabs, in which none is before it was asked or after it was answered, gives
// exactly these answers.
func (h *history) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	model := pots()
	byEnvelope := model.Partition(h.all)
	unknown := 0
	for _, ops := range byEnvelope {
		for _, op := range ops {
			if op.Output.(grabOutput).outcome == outcomeUnknown {
				unknown++
			}
		}
		if result := porcupine.CheckOperationsTimeout(model, essence(ops), modelTimeout); result != porcupine.Ok {
			slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
			t.Errorf("no order explains the grabs of an envelope (%s):", result)
			for _, op := range ops {
				t.Logf("%v to %v: %v: %v", time.Duration(op.Call), time.Duration(op.Return), op.Input, op.Output)
			}
		}
	}
	t.Logf("%d grabs of %d envelopes, %d of them without an answer, were looked at", len(h.all), len(byEnvelope),
		unknown)
}

// The model takes what a pot does, and finds what it never does.
func TestTheModelOfAPot(t *testing.T) {
	type ops = []porcupine.Operation
	at := func(call, end int64, user, outcome string, amount int64) porcupine.Operation {
		return porcupine.Operation{Input: grabInput{"e", user}, Output: grabOutput{outcome, amount}, Call: call,
			Return: end}
	}
	drained := func(more ...porcupine.Operation) (all []porcupine.Operation) {
		for n := range crashShares {
			all = append(all, at(int64(n), int64(n)+1, fmt.Sprint("u", n), outcomeWon, 5))
		}
		return append(all, more...)
	}
	lost := at(0, math.MaxInt64, "a", outcomeUnknown, 0)
	for what, c := range map[string]struct {
		history ops
		ok      bool
	}{
		"won and again":             {ops{at(0, 1, "a", "won", 5), at(2, 3, "a", "already_won", 5)}, true},
		"won twice":                 {ops{at(0, 1, "a", "won", 5), at(2, 3, "a", "won", 5)}, false},
		"again with another amount": {ops{at(0, 1, "a", "won", 5), at(2, 3, "a", "already_won", 6)}, false},
		"a loser of a full pot":     {ops{at(0, 1, "a", "empty", 0)}, false},
		"a loser of an empty pot":   {drained(at(9, 10, "a", "empty", 0)), true},
		"a seventh winner":          {drained(at(9, 10, "a", "won", 5)), false},
		"a winner who forgot it":    {ops{at(0, 1, "a", "won", 5), at(2, 3, "a", "expired", 0)}, false},
		"won after the end":         {ops{at(0, 1, "a", "expired", 0), at(2, 3, "b", "won", 5)}, false},
		"won while it ended":        {ops{at(0, 9, "a", "expired", 0), at(2, 3, "b", "won", 5)}, true},
		"a lost answer":             {ops{lost, at(2, 3, "a", "already_won", 7)}, true},
		"a lost share":              {drained(lost, at(9, 10, "b", "empty", 0)), true},
		"a lost share too many":     {drained(lost, at(9, 10, "a", "already_won", 5)), false},
	} {
		for _, history := range []ops{c.history, essence(c.history)} {
			if got := porcupine.CheckOperations(pots(), history); got != c.ok {
				t.Errorf("%s: %d grabs in an order: %t, want %t", what, len(history), got, c.ok)
			}
		}
	}
}
