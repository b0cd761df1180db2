package redispot

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/envelope"
)

// A log entry has one field, v, with a line for each envelope that something happened to:
//
//	s <id> <group>                                                    sent
//	t <id> <group> <at (ms)> <1: the last share> <share>:<minor>:<user> …  taken, in order
//	r <id> <group> <minor>                                            refunded
const entryField = "v"

// parseEntry appends the records of an entry.
func parseEntry(to []envelope.Record, value string) ([]envelope.Record, error) {
	var err error
	for line := range strings.SplitSeq(value, "\n") {
		if to, err = parseLine(to, line); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func parseLine(to []envelope.Record, line string) ([]envelope.Record, error) {
	bad := fmt.Errorf("line %q", line)
	words := strings.Split(line, " ")
	if len(words) < 3 || words[2] == "" {
		return nil, bad
	}
	id, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return nil, bad
	}
	r := envelope.Record{Envelope: id, Group: words[2]}
	switch kind, rest := words[0], words[3:]; {
	case kind == "s" && len(rest) == 0:
		r.Kind = envelope.RecordSent
		return append(to, r), nil
	case kind == "r" && len(rest) == 1:
		r.Kind = envelope.RecordRefunded
		if r.Refunded, err = strconv.ParseInt(rest[0], 10, 64); err != nil {
			return nil, bad
		}
		return append(to, r), nil
	case kind == "t" && len(rest) >= 3 && (rest[1] == "0" || rest[1] == "1"):
		r.Kind = envelope.RecordTaken
		ms, err := strconv.ParseInt(rest[0], 10, 64)
		if err != nil {
			return nil, bad
		}
		at, takes := time.UnixMilli(ms).UTC(), rest[2:]
		for i, take := range takes {
			if r.Take, err = parseLogged(take, at); err != nil {
				return nil, bad
			}
			r.Last = rest[1] == "1" && i == len(takes)-1
			to = append(to, r)
		}
		return to, nil
	}
	return nil, bad
}

// parseLogged reads "<share>:<minor>:<user>"; a user may contain colons.
func parseLogged(s string, at time.Time) (envelope.Take, error) {
	share, rest, _ := strings.Cut(s, ":")
	minor, user, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(share)
	if err != nil {
		return envelope.Take{}, err
	}
	m, err := strconv.ParseInt(minor, 10, 64)
	if err != nil {
		return envelope.Take{}, err
	}
	if user == "" {
		return envelope.Take{}, fmt.Errorf("no user")
	}
	return envelope.Take{User: user, Share: n, Minor: m, At: at}, nil
}
