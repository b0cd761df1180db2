package redisstock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/pots"
)

// An entry of the log has a line for each thing that happened:
//
//	c <cover> <channel>:<at (ms)>:<digest> <user>  claimed
//	w <cover> <withdrawal>:<pieces>                withdrawn
//	v <cover> <channel>:<count>:<at (ms)>          the channel's page was looked at

// parseEntry appends the records of an entry.
func parseEntry(to []stock.Record, at pots.Position, value string) ([]stock.Record, error) {
	for line := range strings.SplitSeq(value, "\n") {
		r, ok := parseLine(line)
		if !ok {
			return nil, fmt.Errorf("line %q", line)
		}
		r.At = at
		to = append(to, r)
	}
	return to, nil
}

func parseLine(line string) (r stock.Record, ok bool) {
	words := strings.Split(line, " ")
	if len(words) < 3 {
		return r, false
	}
	var err error
	if r.Cover, err = strconv.ParseInt(words[1], 10, 64); err != nil {
		return r, false
	}
	switch {
	case words[0] == "c" && len(words) == 4 && words[3] != "":
		r.Claim, err = parseClaim(r.Cover, words[3], words[2])
	case words[0] == "w" && len(words) == 3:
		n, parseErr := numbers(words[2], 2)
		if err = parseErr; err == nil {
			r.Withdrawal = stock.Withdrawal{ID: n[0], Cover: r.Cover, Pieces: n[1], Done: true}
		}
	case words[0] == "v" && len(words) == 3:
		n, parseErr := numbers(words[2], 3)
		if err = parseErr; err == nil {
			r.Views = stock.Views{Channel: n[0], Count: n[1], At: time.UnixMilli(n[2]).UTC()}
		}
	default:
		return r, false
	}
	return r, err == nil
}

// numbers reads a count of numbers with colons between.
func numbers(text string, count int) ([]int64, error) {
	words := strings.Split(text, ":")
	if len(words) != count {
		return nil, fmt.Errorf("%q has not %d numbers", text, count)
	}
	n := make([]int64, count)
	for i, word := range words {
		var err error
		if n[i], err = strconv.ParseInt(word, 10, 64); err != nil {
			return nil, err
		}
	}
	return n, nil
}
