package client

import (
	"iter"
	"time"
)

// at is a time of the wire, in Unix milliseconds; 0 is no time.
func at(milliseconds int64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds)
}

// optional is a field of the wire that is left out where the value is zero.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// converted applies a conversion to an answer, if there is one.
func converted[W, T any](convert func(W) T, answer W, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return convert(answer), nil
}

// page is a page of a list on the wire.
type page interface{ GetNextCursor() string }

// list iterates over all pages of a list: get fetches the page at a cursor, nil for the first. A page is fetched when
// the one before it has been consumed. The iteration ends after the first error.
func list[P page, W, T any](
	c *Client, get func(cursor *string, size *int32) (P, error), items func(P) []W, convert func(W) T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		size := int32(c.shared.config.pageSize)
		for cursor := (*string)(nil); ; {
			p, err := get(cursor, &size)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items(p) {
				if !yield(convert(item), nil) {
					return
				}
			}
			next := p.GetNextCursor()
			if next == "" {
				return
			}
			cursor = &next
		}
	}
}
