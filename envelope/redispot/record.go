package redispot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// An entry of the log has a line for each thing that happened:
//
//	s <id>                                          sent
//	t <id> <1: the last share> <share>:<minor>:<at (ms)>:<user>  taken
//	r <id> <minor>                                  refunded
//
// parseEntry appends the records of an entry, whose position says nothing more.
func parseEntry(to []envelope.Record, _ pots.Position, value string) ([]envelope.Record, error) {
	for line := range strings.SplitSeq(value, "\n") {
		r, ok := parseLine(line)
		if !ok {
			return nil, fmt.Errorf("line %q", line)
		}
		to = append(to, r)
	}
	return to, nil
}

func parseLine(line string) (r envelope.Record, ok bool) {
	kind, rest, _ := strings.Cut(line, " ")
	word, rest, more := strings.Cut(rest, " ")
	var err error
	if r.Envelope, err = strconv.ParseInt(word, 10, 64); err != nil {
		return r, false
	}
	switch {
	case kind == "s" && !more:
		r.Kind = envelope.RecordSent
		return r, true
	case kind == "r":
		r.Kind = envelope.RecordRefunded
		r.Refunded, err = strconv.ParseInt(rest, 10, 64)
		return r, err == nil
	case kind == "t":
		r.Kind = envelope.RecordTaken
		last, take, _ := strings.Cut(rest, " ")
		r.Last = last == "1"
		value, user, ok := cutTake(take)
		if !ok || user == "" || !r.Last && last != "0" {
			return r, false
		}
		r.Take, err = parseTake(user, value)
		return r, err == nil
	}
	return r, false
}

// cutTake cuts "<share>:<minor>:<at>:<user>" before the user, who may contain colons.
func cutTake(s string) (value, user string, ok bool) {
	end := 0
	for range 3 {
		i := strings.IndexByte(s[end:], ':')
		if i < 0 {
			return "", "", false
		}
		end += i + 1
	}
	return s[:end-1], s[end:], true
}
