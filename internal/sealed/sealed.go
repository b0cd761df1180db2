// Package sealed encrypts small secrets for a store that others can read, under keys that have names so that they can
// be replaced.
//
// The cipher is AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits: a key is good for 2^32 secrets. What a
// secret belongs to is authenticated with it, so a secret that was copied to another place does not open there.
package sealed

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// Bounds.
const (
	KeyBytes = 32
	maxKeys  = 32
	// Overhead is how many bytes longer a sealed secret is.
	Overhead = 12 + 16
	// MaxKeyName is how many characters the name of a key has at most.
	MaxKeyName = 32
)

var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// ErrForged says that a secret was not sealed with the key that it names, or not for what it is opened for.
var ErrForged = errors.New("sealed: the secret was changed, or belongs to something else")

// NoKeyError says that a secret is sealed with a key that is not among ours.
type NoKeyError struct{ Key string }

// Error implements error.
func (e *NoKeyError) Error() string { return fmt.Sprintf("sealed: there is no key %q", e.Key) }

// Keys seal with the first and open with any of them. They print without their contents. They are safe for concurrent
// use.
type Keys struct {
	first string
	aeads map[string]cipher.AEAD
}

// String keeps the keys out of whatever is printed.
func (*Keys) String() string { return "sealed.Keys" }

// GoString is String, for %#v.
func (k *Keys) GoString() string { return k.String() }

// Parse reads keys, one on a line: its name and the base64 of its 32 bytes, with a space between. The first one seals.
// Empty lines and lines that begin with # are passed over.
func Parse(text []byte) (*Keys, error) {
	k := &Keys{aeads: map[string]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 2 || !names.MatchString(fields[0]) {
			return nil, fmt.Errorf("line %d: give the name of a key (1 to %d of A-Z a-z 0-9 . _ -), a space, and its "+
				"base64", n, MaxKeyName)
		}
		key, err := base64.StdEncoding.Strict().DecodeString(fields[1])
		if err != nil || len(key) != KeyBytes {
			return nil, fmt.Errorf("line %d: the key %s is not the base64 of %d bytes", n, fields[0], KeyBytes)
		}
		if _, twice := k.aeads[fields[0]]; twice || len(k.aeads) == maxKeys {
			return nil, fmt.Errorf("line %d: the key %s is there twice, or there are more than %d", n, fields[0],
				maxKeys)
		}
		if k.aeads[fields[0]], err = newAEAD(key); err != nil {
			return nil, err
		}
		if k.first == "" {
			k.first = fields[0]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if k.first == "" {
		return nil, errors.New("there is no key")
	}
	return k, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Load reads keys from a file. An error names the file.
func Load(path string) (*Keys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// Make writes a file with one new key, which only the user of this process may read. No two of them have one name.
// Error: fs.ErrExist.
func Make(path string, now time.Time) error {
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // never fails
	name := now.UTC().Format("2006-01-02-") + strings.ToLower(rand.Text()[:8])
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", name, base64.StdEncoding.EncodeToString(key))
	return errors.Join(err, f.Sync(), f.Close())
}

// First is the name of the key that seals.
func (k *Keys) First() string { return k.first }

// Has says whether there is a key of a name.
func (k *Keys) Has(name string) bool { return k.aeads[name] != nil }

// Seal encrypts a secret with the first key for what it belongs to.
func (k *Keys) Seal(secret []byte, of string) []byte {
	aead := k.aeads[k.first]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, secret, []byte(of))
}

// Open decrypts what Seal returned. Errors: *NoKeyError, ErrForged.
func (k *Keys) Open(name string, sealed []byte, of string) ([]byte, error) {
	if k == nil || k.aeads[name] == nil {
		return nil, &NoKeyError{name}
	}
	aead := k.aeads[name]
	if len(sealed) < Overhead {
		return nil, ErrForged
	}
	nonce, rest := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
	secret, err := aead.Open(nil, nonce, rest, []byte(of))
	if err != nil {
		return nil, ErrForged
	}
	return secret, nil
}
