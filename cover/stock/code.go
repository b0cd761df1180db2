package stock

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// secretBytes are the random part of a code: 80 bits.
const secretBytes = 10

// Code is what a piece is claimed with: the channel, and a secret that nobody can guess.
type Code struct {
	Channel int64
	secret  [secretBytes]byte
}

// NewCode draws a code of a channel.
func NewCode(channel int64) Code {
	c := Code{Channel: channel}
	_, _ = rand.Read(c.secret[:]) // never fails
	return c
}

// crockford has no letters that are taken for digits or for one another.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// groupLength is how many characters of a code stand between two hyphens.
const groupLength = 5

func (c Code) bytes() []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(c.Channel)), c.secret[:]...)
}

// String is the code as people read and type it: 29 characters of Crockford's base 32, in groups of five.
func (c Code) String() string {
	if c.Channel == 0 {
		return ""
	}
	text := crockford.EncodeToString(c.bytes())
	var grouped strings.Builder
	for i, r := range text {
		if i > 0 && i%groupLength == 0 {
			grouped.WriteByte('-')
		}
		grouped.WriteRune(r)
	}
	return grouped.String()
}

// ParseCode reads a code, in capitals or not, with or without hyphens and spaces, and with O for 0 and I or L for 1.
// ok is false for what no code can be.
func ParseCode(text string) (c Code, ok bool) {
	const most = 64 // bytes, generous with spaces
	if len(text) > most {
		return c, false
	}
	plain := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	raw, err := crockford.DecodeString(plain)
	if err != nil || len(raw) != 8+secretBytes || crockford.EncodeToString(raw) != plain {
		return c, false
	}
	c.Channel = int64(binary.BigEndian.Uint64(raw))
	copy(c.secret[:], raw[8:])
	return c, c.Channel > 0
}

// Digest is what is kept of a code: who reads the store cannot claim with it. It has 20 characters.
func (c Code) Digest() string { return digest(c.bytes()) }

// paymentDigest is what is kept of a payment of a channel: it stands where a code's digest does, as both are good for
// one piece.
func paymentDigest(channel int64, payment string) string {
	return digest(binary.BigEndian.AppendUint64(nil, uint64(channel)), []byte(payment))
}

func digest(parts ...[]byte) string {
	const kept = 15 // bytes: 120 bits
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return base64.RawURLEncoding.EncodeToString(sum[:kept])
}

// Secret is the random part, for the store that has to show a link again.
func (c Code) Secret() []byte { return c.secret[:] }

// WithSecret is the code of a channel whose secret was kept; zero where none was.
func WithSecret(channel int64, secret []byte) Code {
	if len(secret) != secretBytes {
		return Code{}
	}
	return Code{channel, [secretBytes]byte(secret)}
}
