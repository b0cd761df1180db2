// Package signature signs and verifies HTTP messages after the Standard Webhooks specification 1.0.0
// (https://www.standardwebhooks.com): HMAC-SHA256 (v1) or Ed25519 (v1a) over "id.timestamp.body", in three headers. It
// covers neither the method, the path nor the status, so a body must say by itself what it is for.
package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the headers.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how far a timestamp may be from the verifier's clock, in either direction.
const Tolerance = 5 * time.Minute

const (
	secretPrefix  = "whsec_"
	publicPrefix  = "whpk_"
	versionPrefix = "v1,"
	ed25519Prefix = "v1a,"
	minSecret     = 24 // bytes, as the specification has it
	maxSecret     = 64
	maxSecrets    = 8 // of a file, so that a forged message costs a bounded number of hashes
	maxSignatures = 16
	maxIDLength   = 128
)

// What Verify finds wrong. Each is safe to tell the sender.
var (
	ErrMissing = errors.New("signature: the headers webhook-id, webhook-timestamp and webhook-signature are needed")
	ErrStale   = errors.New("signature: webhook-timestamp is more than 5 minutes from now")
	ErrForged  = errors.New("signature: no signature matches")
)

// Headers are the three headers of a signed message.
type Headers struct {
	ID        string // of the message: the same when it is sent again; at most 128 bytes, without a full stop
	Timestamp string // Unix seconds of this attempt, decimal
	Signature string // one or more of "v1,BASE64", separated by spaces
}

// From reads the headers of an HTTP message. A header that is there twice counts as missing.
func From(h http.Header) Headers {
	return Headers{ID: only(h, HeaderID), Timestamp: only(h, HeaderTimestamp), Signature: only(h, HeaderSignature)}
}

func only(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// Set puts the headers on an HTTP message.
func (s Headers) Set(h http.Header) {
	h.Set(HeaderID, s.ID)
	h.Set(HeaderTimestamp, s.Timestamp)
	h.Set(HeaderSignature, s.Signature)
}

// Secrets are the keys shared with the other side. A message is signed with each of them and accepted with any, so that
// a secret can be replaced without a gap: add the new one on both sides, then remove the old one on both sides. They
// print as a number of secrets only.
type Secrets struct {
	keys [][]byte
}

// ParseSecrets reads secrets as whsec_BASE64 (24 to 64 bytes), one a line, up to 8. Empty lines and lines that begin
// with # are skipped. Errors never quote the text.
func ParseSecrets(text []byte) (Secrets, error) {
	var s Secrets
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		encoded, ok := strings.CutPrefix(line, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return Secrets{}, fmt.Errorf(
				"signature: line %d is no secret: give whsec_ and the base64 of %d to %d random bytes",
				number, minSecret, maxSecret)
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 || len(s.keys) > maxSecrets {
		return Secrets{}, fmt.Errorf("signature: there are %d secrets: give 1 to %d", len(s.keys), maxSecrets)
	}
	return s, nil
}

// NewSecret makes a secret, as ParseSecrets reads it.
func NewSecret() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	return EncodeSecret(key[:])
}

// NewID makes an id for a message.
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return "msg_" + hex.EncodeToString(id[:])
}

// String keeps secrets out of whatever is printed; fmt uses it for every verb but the flagged %#v, which has GoString.
func (s Secrets) String() string { return fmt.Sprintf("%d secrets", len(s.keys)) }

// GoString is String, for %#v.
func (s Secrets) GoString() string { return s.String() }

// Sign signs a body. The id must not be empty.
func (s Secrets) Sign(id string, at time.Time, body []byte) Headers {
	return Sign(id, at, body, s.keys, nil)
}

// Sign signs a body with each of the secrets (v1), and with each of the private keys (v1a). The id must not be empty.
func Sign(id string, at time.Time, body []byte, secrets [][]byte, keys []ed25519.PrivateKey) Headers {
	h := Headers{ID: id, Timestamp: strconv.FormatInt(at.Unix(), 10)}
	signatures := make([]string, 0, len(secrets)+len(keys))
	for _, secret := range secrets {
		signatures = append(signatures, versionPrefix+base64.StdEncoding.EncodeToString(mac(secret, h, body)))
	}
	for _, key := range keys {
		signature := ed25519.Sign(key, Content(h, body))
		signatures = append(signatures, ed25519Prefix+base64.StdEncoding.EncodeToString(signature))
	}
	h.Signature = strings.Join(signatures, " ")
	return h
}

// Content is what the signatures of a message sign: its id, timestamp and body, separated by full stops.
func Content(h Headers, body []byte) []byte {
	return append([]byte(h.ID+"."+h.Timestamp+"."), body...)
}

// EncodeSecret writes a secret as ParseSecrets reads it.
func EncodeSecret(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// EncodePublic writes the public key with which a receiver verifies v1a, as the specification has it.
func EncodePublic(key ed25519.PublicKey) string {
	return publicPrefix + base64.StdEncoding.EncodeToString(key)
}

// Verify checks that one of the secrets has signed the body within Tolerance of now. Errors: ErrMissing, ErrStale,
// ErrForged. Signatures are compared in constant time. Signatures of versions other than v1 are skipped.
func (s Secrets) Verify(h Headers, now time.Time, body []byte) error {
	if h.ID == "" || len(h.ID) > maxIDLength || strings.Contains(h.ID, ".") || h.Timestamp == "" || h.Signature == "" {
		return ErrMissing
	}
	seconds, err := strconv.ParseInt(h.Timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != h.Timestamp {
		return ErrMissing
	}
	at := time.Unix(seconds, 0)
	if at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return ErrStale
	}
	given := strings.SplitN(h.Signature, " ", maxSignatures+1)
	for _, key := range s.keys {
		want := mac(key, h, body)
		for _, signature := range given[:min(len(given), maxSignatures)] {
			encoded, isV1 := strings.CutPrefix(signature, versionPrefix)
			got, err := base64.StdEncoding.DecodeString(encoded)
			if isV1 && err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return ErrForged
}

// mac is HMAC-SHA256 over what the specification signs.
func mac(key []byte, h Headers, body []byte) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(h.ID + "." + h.Timestamp + "."))
	hash.Write(body)
	return hash.Sum(nil)
}
