package handler

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Bounds of a page of a list of envelopes; those of a statement are wallet's.
const (
	defaultPage = 20
	maxPage     = 100
)

// page reads which part of a list is asked for: so many items, below a number; 0 is from the newest. Refusal:
// invalid_argument.
func page(size *int32, cursor string) (limit int, before int64, err error) {
	return pageOf(size, cursor, defaultPage, maxPage)
}

// pageOf is page with other bounds.
func pageOf(size *int32, cursor string, byDefault, most int) (limit int, before int64, err error) {
	if limit, err = pageSize(size, byDefault, most); err != nil {
		return 0, 0, err
	}
	before, err = decodeCursor(cursor)
	return limit, before, err
}

// cut makes a page of what was asked for one item longer than it, and the cursor of the next one.
func cut[T any](found []T, limit int, number func(T) int64) (page []T, cursor string) {
	if len(found) <= limit {
		return found, ""
	}
	return found[:limit], encodeCursor(number(found[limit-1]))
}

func encodeAll[T, W any](all []T, encode func(T) W) []W {
	encoded := make([]W, len(all))
	for i, one := range all {
		encoded[i] = encode(one)
	}
	return encoded
}

// pageSize reads the limit of a list. Refusal: invalid_argument.
func pageSize(limit *int32, byDefault, most int) (int, error) {
	if limit == nil {
		return byDefault, nil
	}
	if *limit < 1 || int(*limit) > most {
		return 0, refusal.New(refusal.CodeInvalidArgument, "limit %d is out of range: give 1 to %d", *limit, most)
	}
	return int(*limit), nil
}

// A cursor is the number of the last item of a page, opaque to clients.

func encodeCursor(last int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(last)))
}

// decodeCursor returns the number to go on before; 0, the newest, where there is no cursor. Refusal: invalid_argument.
func decodeCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(data) == 8 {
		if n := int64(binary.BigEndian.Uint64(data)); n > 0 {
			return n, nil
		}
	}
	return 0, refusal.New(refusal.CodeInvalidArgument,
		"cursor %q is malformed: give next_cursor of the page before, or none", refusal.Clip(cursor))
}
