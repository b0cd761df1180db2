package refusal

import (
	"strings"
	"unicode/utf8"
)

const maxID = 64 // characters

// CheckID accepts a user or group id of the chat application: 1 to 64 characters of A–Z a–z 0–9 . _ : @ - but not .
// or .. alone: ids stand in the paths of addresses, where clients and proxies resolve those two (RFC 3986, section
// 5.2.4).
func CheckID(what, id string) error {
	if !wellFormed(id, ".-_:@") {
		return New(CodeInvalidArgument,
			"%s %q is malformed: give 1 to %d characters of A-Z a-z 0-9 . _ : @ - other than . and ..",
			what, Clip(id), maxID)
	}
	return nil
}

// CheckRequestID accepts 1 to 64 characters of A–Z a–z 0–9 . _ : - but not . or .. alone.
func CheckRequestID(id string) error {
	if !wellFormed(id, ".-_:") {
		return New(CodeInvalidArgument,
			"request_id %q is malformed: give 1 to %d characters of A-Z a-z 0-9 . _ : - other than . and ..",
			Clip(id), maxID)
	}
	return nil
}

func wellFormed(id, punctuation string) bool {
	if id == "" || id == "." || id == ".." || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte(punctuation, c) < 0 {
			return false
		}
	}
	return true
}

// Clip shortens what a caller sent before it is quoted back.
func Clip(s string) string {
	const most = 32 // bytes
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// MaxReason bounds what operators say about what they do, in characters.
const MaxReason = 200

// CheckReason accepts why an operator does something; see CheckText. Refusal: invalid_argument.
func CheckReason(reason string) error {
	if n := utf8.RuneCountInString(reason); n == 0 || n > MaxReason {
		return New(CodeInvalidArgument, "give a reason of 1 to %d characters", MaxReason)
	}
	return CheckText("reason", reason)
}

// CheckNote accepts text of at most a number of characters; see CheckText. Refusals: invalid_argument, note_too_long.
func CheckNote(note string, most int) error {
	if err := CheckText("note", note); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(note); n > most {
		return New(CodeNoteTooLong, "note has %d characters: give at most %d", n, most)
	}
	return nil
}
