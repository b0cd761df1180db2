package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claims are what a token says. Those that are read here have exactly these names; others are passed over.
type claims struct {
	jwt.RegisteredClaims
	Scope    []Scope          `json:"scope"`
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	Context  string           `json:"acr,omitempty"`
	Merchant *sessionClaims   `json:"merchant,omitempty"` // of tokens that the installation signs itself
}

// latestDate bounds the dates in a token: the end of the year 9999, in seconds.
const latestDate = 253402300799

// UnmarshalJSON is stricter than encoding/json, which takes names in any case, the last of two that are the same,
// null for anything, and strings for numbers: what the signer and the verifier read differently can be used against
// both.
func (c *claims) UnmarshalJSON(data []byte) error {
	members, err := membersOf(data)
	if err != nil {
		return err
	}
	for name, read := range map[string]func(json.RawMessage) error{
		"iss":       func(raw json.RawMessage) error { return readString(raw, &c.Issuer) },
		"sub":       func(raw json.RawMessage) error { return readString(raw, &c.Subject) },
		"jti":       func(raw json.RawMessage) error { return readString(raw, &c.ID) },
		"aud":       func(raw json.RawMessage) error { return readAudience(raw, &c.Audience) },
		"exp":       func(raw json.RawMessage) error { return readDate(raw, &c.ExpiresAt) },
		"nbf":       func(raw json.RawMessage) error { return readDate(raw, &c.NotBefore) },
		"iat":       func(raw json.RawMessage) error { return readDate(raw, &c.IssuedAt) },
		"scope":     func(raw json.RawMessage) error { return readStrings(raw, &c.Scope) },
		"auth_time": func(raw json.RawMessage) error { return readDate(raw, &c.AuthTime) },
		"acr":       func(raw json.RawMessage) error { return readString(raw, &c.Context) },
		"merchant":  func(raw json.RawMessage) error { return readSession(raw, &c.Merchant) },
	} {
		raw, given := members[name]
		if !given {
			continue
		}
		if err := read(raw); err != nil {
			return fmt.Errorf("claim %s: %w", name, err)
		}
	}
	return nil
}

// checkHeader refuses the header of a token that has a name twice.
func checkHeader(token string) error {
	segment, _, _ := strings.Cut(token, ".")
	header, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return err
	}
	_, err = membersOf(header)
	return err
}

// membersOf takes a JSON object apart. It is an error for a name to be there twice.
func membersOf(object []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.Join(errors.New("not a JSON object"), err)
	}
	members := make(map[string]json.RawMessage)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string) // in an object the decoder takes nothing but a string for a name
		if _, twice := members[name]; twice {
			return nil, errors.New("a name appears twice")
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		members[name] = raw
	}
	return members, nil
}

// readString reads a JSON string.
func readString[T ~string](raw json.RawMessage, into *T) error {
	if raw[0] != '"' {
		return errors.New("not a string")
	}
	return json.Unmarshal(raw, into)
}

// readStrings reads a JSON list of strings.
func readStrings[T ~string](raw json.RawMessage, into *[]T) error {
	if raw[0] != '[' {
		return errors.New("not a list")
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return err
	}
	*into = make([]T, len(elements))
	for i, e := range elements {
		if err := readString(e, &(*into)[i]); err != nil {
			return err
		}
	}
	return nil
}

// readAudience reads a string or a list of strings (RFC 7519, section 4.1.3).
func readAudience(raw json.RawMessage, into *jwt.ClaimStrings) error {
	if raw[0] == '[' {
		return readStrings(raw, (*[]string)(into))
	}
	*into = make(jwt.ClaimStrings, 1)
	return readString(raw, &(*into)[0])
}

// readDate reads a NumericDate: seconds since 1970 as a JSON number, of which fractions are cut off.
func readDate(raw json.RawMessage, into **jwt.NumericDate) error {
	seconds, err := strconv.ParseFloat(string(raw), 64) // a JSON string has quotes, and null is no number
	if err != nil || seconds < 0 || seconds > latestDate {
		return errors.New("not a number of seconds since 1970")
	}
	*into = jwt.NewNumericDate(time.Unix(int64(seconds), 0))
	return nil
}
